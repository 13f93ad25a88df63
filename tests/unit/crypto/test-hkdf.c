/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * HKDF as Noise defines it. With no info and two outputs it is RFC 5869 with L = 64: test case 3
 * (zero-length salt is a salt of 32 zeros) gives its first 42 bytes.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "crypto/hkdf.h"
#include "tests/support/hex.h"

#define IKM "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
#define OKM "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"

static void rfc_5869_case_3(void **state) {
        static const uint8_t salt[P2P_HKDF_SIZE];
        uint8_t out[2 * P2P_HKDF_SIZE];

        (void) state;
        p2p_hkdf2(salt, HEX(IKM), out, out + P2P_HKDF_SIZE);
        assert_true(p2p_view_equal(P2P_VIEW(out, 42), HEX(OKM)));
}

static void outputs_may_overwrite_inputs(void **state) {
        uint8_t key[P2P_HKDF_SIZE] = {}, ikm[P2P_HKDF_SIZE];
        p2p_view in = HEX(IKM), okm = HEX(OKM);

        (void) state;
        memcpy(ikm, in.data, in.n);
        p2p_hkdf2(key, P2P_VIEW(ikm, in.n), key, ikm);
        assert_memory_equal(key, okm.data, 32);
        assert_memory_equal(ikm, okm.data + 32, 10);
}

static void no_input_is_an_empty_one(void **state) {
        uint8_t key[P2P_HKDF_SIZE] = { 1 }, a[2 * P2P_HKDF_SIZE], b[2 * P2P_HKDF_SIZE], byte = 0;

        (void) state;
        p2p_hkdf2(key, (p2p_view){}, a, a + P2P_HKDF_SIZE);
        p2p_hkdf2(key, P2P_VIEW(&byte, 0), b, b + P2P_HKDF_SIZE);
        assert_memory_equal(a, b, sizeof(a));
        p2p_hkdf2(key, P2P_VIEW(&byte, 1), b, b + P2P_HKDF_SIZE);
        assert_memory_not_equal(a, b, sizeof(a));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rfc_5869_case_3),
                cmocka_unit_test(outputs_may_overwrite_inputs),
                cmocka_unit_test(no_input_is_an_empty_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
