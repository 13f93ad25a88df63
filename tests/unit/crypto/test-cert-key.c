/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which keys of certificates are calculated with at all: a stranger chooses them, and what they cost. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <p2p/macro.h>

#include "crypto/cert-key.h"

/* An RSA key that nobody holds, of as many bits, whose exponent is so many bytes long. */
static int import_rsa(unsigned bits, unsigned exponent_size) {
        uint8_t modulus[2 * P2P_RSA_BITS_MAX / 8], exponent[2 * P2P_RSA_BITS_MAX / 8];
        gnutls_datum_t n = { modulus, bits / 8 }, e = { exponent, exponent_size }, spki;
        gnutls_pubkey_t key, imported;
        int r;

        memset(modulus, 0xc5, sizeof(modulus));
        memset(exponent, 0x45, sizeof(exponent));
        assert_int_equal(gnutls_pubkey_init(&key), 0);
        assert_int_equal(gnutls_pubkey_import_rsa_raw(key, &n, &e), 0);
        assert_int_equal(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki), 0);
        r = p2p_spki_import(P2P_VIEW(spki.data, spki.size), &imported);
        if (r == 0)
                gnutls_pubkey_deinit(imported);
        gnutls_free(spki.data);
        gnutls_pubkey_deinit(key);
        return r;
}

static void rsa_keys_are_of_a_fair_size(void **state) {
        static const struct {
                unsigned bits, exponent_size;
                int expect;
        } cases[] = {
                { 2040, 3, -EPROTONOSUPPORT },
                { P2P_RSA_BITS_MIN, 1, 0 },
                { P2P_RSA_BITS_MIN, 3, 0 },
                { 8192, 4, 0 },
                { 8200, 3, -EPROTONOSUPPORT },
                { 2048, 5, -EPROTONOSUPPORT },
                { 2048, 256, -EPROTONOSUPPORT },
                { 8192, 1024, -EPROTONOSUPPORT },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int r = import_rsa(cases[i].bits, cases[i].exponent_size);

                if (r != cases[i].expect)
                        fail_msg("%u bits, %u bytes: %d", cases[i].bits, cases[i].exponent_size, r);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rsa_keys_are_of_a_fair_size),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
