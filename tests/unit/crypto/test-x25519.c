/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* X25519: RFC 7748 section 5.2, the keys of wire reference 19.3, and points of small order. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/macro.h>

#include "crypto/x25519.h"
#include "tests/support/hex.h"

static void rfc_7748_section_5_2(void **state) {
        p2p_view scalar = HEX("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
        p2p_view point = HEX("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
        uint8_t shared[P2P_X25519_SIZE];

        (void) state;
        assert_int_equal(p2p_x25519(scalar.data, point.data, shared), 0);
        assert_true(p2p_view_equal(P2P_VIEW(shared, sizeof(shared)),
                                   HEX("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")));
}

/* Static keys of the Noise transcript: raw scalars, clamped inside. */
static void public_keys_of_the_reference(void **state) {
        static const struct {
                uint8_t byte;
                const char *public_key;
        } cases[] = {
                { 0x21, "7d34a4815fa6b982535e60af3bd9b49556816080f1641ff81d2b7c8ae8268a44" },
                { 0x22, "0faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20" },
                { 0x31, "04f5f29162c31a8defa18e6e742224ee806fc1718a278be859ba5620402b8f3a" },
        };
        uint8_t secret[P2P_X25519_SIZE], public_key[P2P_X25519_SIZE];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                memset(secret, cases[i].byte, sizeof(secret));
                p2p_x25519_public(secret, public_key);
                assert_true(
                        p2p_view_equal(P2P_VIEW(public_key, sizeof(public_key)), HEX(cases[i].public_key)));
        }
}

static void two_sides_agree(void **state) {
        uint8_t a[P2P_X25519_SIZE], b[P2P_X25519_SIZE], pa[P2P_X25519_SIZE], pb[P2P_X25519_SIZE];
        uint8_t ab[P2P_X25519_SIZE], ba[P2P_X25519_SIZE];

        (void) state;
        memset(a, 0x21, sizeof(a));
        memset(b, 0x22, sizeof(b));
        p2p_x25519_public(a, pa);
        p2p_x25519_public(b, pb);
        assert_int_equal(p2p_x25519(a, pb, ab), 0);
        assert_int_equal(p2p_x25519(b, pa, ba), 0);
        assert_memory_equal(ab, ba, sizeof(ab));
}

static void points_of_small_order_are_refused(void **state) {
        static const char *const points[] = {
                "0000000000000000000000000000000000000000000000000000000000000000",
                "0100000000000000000000000000000000000000000000000000000000000000",
                "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        };
        uint8_t secret[P2P_X25519_SIZE], shared[P2P_X25519_SIZE];

        (void) state;
        memset(secret, 0x21, sizeof(secret));
        for (size_t i = 0; i < ELEMENTSOF(points); i++)
                if (p2p_x25519(secret, HEX(points[i]).data, shared) != -EBADMSG)
                        fail_msg("%s", points[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rfc_7748_section_5_2),
                cmocka_unit_test(public_keys_of_the_reference),
                cmocka_unit_test(two_sides_agree),
                cmocka_unit_test(points_of_small_order_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
