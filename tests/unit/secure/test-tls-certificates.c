/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whose certificate ends the TLS handshake, and whose does not (wire reference 6). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/tls-duel.h"

#define ALERT_CERTIFICATE_REQUIRED 116

static void forged_certificates_end_the_handshake(void **state) {
        (void) state;
        for (size_t i = 0; i < 2 * forge_n_refused; i++) {
                const forge *f = &forge_refused[i / 2];
                bool is_client = i % 2;
                tls_duel d;

                /* A session of GnuTLS's cannot be made to send these. */
                if (f->version_1 || f->extensions > 2 || f->bits == 1024 || strstr(f->name, "may not sign"))
                        continue;
                tls_duel_start(&d,
                               (plain_tls_options){ .is_client = is_client,
                                                    .identity = tls_duel_identity(),
                                                    .certificate = f },
                               NULL);
                tls_duel_run(&d);
                if (d.us.n_done != 1 || d.us.error != f->expect)
                        fail_msg("%s: %d", f->name, d.us.error);
                if (is_client) { /* TLS 1.3: a client is done before it is judged */
                        char byte;

                        assert_int_equal(d.far.handshake, 1);
                        assert_int_equal(plain_tls_read(&d.far, &byte, 1), GNUTLS_E_FATAL_ALERT_RECEIVED);
                }
                assert_int_equal(d.far.alert, GNUTLS_A_BAD_CERTIFICATE);
                tls_duel_done(&d);
        }
}

static void unusual_certificates_pass(void **state) {
        static const p2p_memory_options small = { .capacity = 50 };

        (void) state;
        for (size_t i = 0; i < 2 * forge_n_accepted; i++) {
                const forge *f = &forge_accepted[i / 2];
                tls_duel d;

                tls_duel_start(&d,
                               (plain_tls_options){ .is_client = i % 2,
                                                    .identity = tls_duel_identity(),
                                                    .certificate = f },
                               i & 1 ? NULL : &small);
                tls_duel_run(&d);
                if (d.us.n_done != 1 || d.us.error != 0 || d.far.handshake != 1)
                        fail_msg("%s: %d", f->name, d.us.error);
                tls_duel_done(&d);
        }
}

static void one_certificate_is_sent_no_more_and_no_less(void **state) {
        char byte;
        tls_duel d;

        (void) state;
        tls_duel_start(&d, (plain_tls_options){ .is_client = true }, NULL);
        tls_duel_run(&d);
        assert_int_equal(d.us.error, -EKEYREJECTED);
        assert_int_equal(plain_tls_read(&d.far, &byte, 1), GNUTLS_E_FATAL_ALERT_RECEIVED);
        assert_int_equal(d.far.alert, ALERT_CERTIFICATE_REQUIRED);
        tls_duel_done(&d);

        tls_duel_start(
                &d, (plain_tls_options){ .is_client = true, .identity = tls_duel_identity(), .n_chain = 2 },
                NULL);
        tls_duel_run(&d);
        assert_int_equal(d.us.error, -EKEYREJECTED);
        tls_duel_done(&d);

        tls_duel_start(&d, (plain_tls_options){ .identity = tls_duel_identity(), .n_chain = 2 }, NULL);
        tls_duel_run(&d);
        assert_int_equal(d.us.error, -EKEYREJECTED);
        tls_duel_done(&d);
}

/* GnuTLS would verify with it, for as long as that takes, before anybody is asked for a judgement. Noise
 * that a fair key is said to have made is what it comes to see otherwise: -EKEYREJECTED. */
static void a_costly_key_is_refused_before_it_is_used(void **state) {
        static const struct {
                unsigned bits, exponent_size;
                int expect;
        } cases[] = {
                { 2048, 3, -EKEYREJECTED },     { 8192, 4, -EKEYREJECTED },
                { 2048, 5, -EPROTONOSUPPORT },  { 8192, 1024, -EPROTONOSUPPORT },
                { 16384, 3, -EPROTONOSUPPORT }, { 32768, 4096, -EMSGSIZE },
        };

        (void) state;
        for (size_t i = 0; i < 2 * ELEMENTSOF(cases); i++) {
                tls_duel d;

                tls_duel_start(&d,
                               (plain_tls_options){ .is_client = i % 2,
                                                    .identity = tls_duel_identity(),
                                                    .unheld_bits = cases[i / 2].bits,
                                                    .unheld_exponent = cases[i / 2].exponent_size },
                               NULL);
                tls_duel_run(&d);
                if (d.us.n_done != 1 || d.us.error != cases[i / 2].expect)
                        fail_msg("%u bits: %d, %d", cases[i / 2].bits, d.us.error, d.far.handshake);
                tls_duel_done(&d);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(forged_certificates_end_the_handshake),
                cmocka_unit_test(unusual_certificates_pass),
                cmocka_unit_test(a_costly_key_is_refused_before_it_is_used),
                cmocka_unit_test(one_certificate_is_sent_no_more_and_no_less),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
