/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whose certificate ends a dial, or is not let in, and what that is called: the same as with TLS over a
 * channel, whoever of GnuTLS and us found it (wire reference 6). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/cert.h"
#include "tests/support/forge.h"
#include "tests/support/quic-pair.h"

#define SECOND USEC_PER_SEC

/* What it shows from now on; `stolen`: without its key. */
static void show(quic_end *end, const forge *f, bool stolen) {
        gnutls_certificate_credentials_t credentials;
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t crt;
        const p2p_cert *cert;

        assert_int_equal(p2p_cert_of(end->identity, &cert), 0);
        assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
        gnutls_certificate_set_flags(credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
        forge_certificate(f, end->identity, &crt, &key);
        if (stolen) {
                gnutls_x509_privkey_deinit(key);
                assert_int_equal(gnutls_x509_privkey_init(&key), 0);
                assert_int_equal(gnutls_x509_privkey_generate(
                                         key, GNUTLS_PK_ECDSA,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                                 0);
        }
        assert_true(gnutls_certificate_set_x509_key(credentials, &crt, 1, key) >= 0);
        gnutls_x509_crt_deinit(crt);
        gnutls_x509_privkey_deinit(key);
        gnutls_certificate_free_credentials(cert->credentials);
        ((p2p_cert *) cert)->credentials = credentials;
}

/* What became of it: for who dialled, or for who listened, where a client showed it. */
static int dial_of(const forge *f, bool stolen, bool of_client) {
        quic_pair p;
        int error;

        quic_pair_init(&p);
        show(of_client ? &p.a : &p.b, f, stolen);
        quic_pair_dial(&p);
        quic_pair_run(&p, SECOND);
        assert_true(p.a.done);
        assert_int_equal(p.b.n_failed, !p.b.session);
        assert_int_equal(p.b.failed_peer.n, 0);
        error = of_client ? p.b.failed_error : p.a.error;
        quic_pair_done(&p);
        return error;
}

static void forged_certificates_are_refused(void **state) {
        (void) state;
        for (size_t i = 0; i < 2 * forge_n_refused; i++) {
                const forge *f = &forge_refused[i / 2];
                int error;

                /* A session of GnuTLS's cannot be made to send these. */
                if (f->version_1 || f->extensions > 2 || f->bits == 1024 || strstr(f->name, "may not sign"))
                        continue;
                error = dial_of(f, false, i % 2);
                if (error != f->expect)
                        fail_msg("%s: %d", f->name, error);
        }
}

static void a_certificate_is_nothing_without_its_key(void **state) {
        static const forge fair = { .name = "fair" };

        (void) state;
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(dial_of(&fair, false, i), 0);
                assert_int_equal(dial_of(&fair, true, i), -EKEYREJECTED);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(forged_certificates_are_refused),
                cmocka_unit_test(a_certificate_is_nothing_without_its_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
