/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The channel behind a TLS handshake: our records against GnuTLS's. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/tls-duel.h"

/* What the client says right behind its last handshake message belongs to the sealed channel. */
static void glued_bytes_are_the_channels(void **state) {
        char out[16];
        tls_duel d;

        (void) state;
        tls_duel_start(&d, (plain_tls_options){ .is_client = true, .identity = tls_duel_identity() }, NULL);
        for (unsigned turn = 0; turn < 100 && d.far.handshake == 0; turn++) {
                (void) p2p_loop_settle(d.loop);
                (void) plain_tls_handshake(&d.far);
        }
        assert_int_equal(d.far.handshake, 1);
        assert_int_equal(d.us.n_done, 0);
        assert_int_equal(plain_tls_write(&d.far, "glued", 5), 5);
        (void) p2p_loop_settle(d.loop);
        assert_int_equal(d.us.error, 0);
        assert_int_equal(p2p_channel_read(d.us.result.channel, out, sizeof(out)), 5);
        assert_memory_equal(out, "glued", 5);
        tls_duel_done(&d);
}

static void move(tls_duel *d, const char *there, const char *back) {
        char out[64] = {};
        ssize_t k;

        assert_int_equal(p2p_channel_write(d->us.result.channel, there, strlen(there)), strlen(there));
        assert_int_equal(plain_tls_write(&d->far, back, strlen(back)), strlen(back));
        (void) p2p_loop_settle(d->loop);
        k = plain_tls_read(&d->far, out, sizeof(out));
        if (k == GNUTLS_E_AGAIN) /* what it read was a new key of ours */
                k = plain_tls_read(&d->far, out, sizeof(out));
        assert_int_equal(k, strlen(there));
        assert_string_equal(out, there);
        memset(out, 0, sizeof(out));
        assert_int_equal(p2p_channel_read(d->us.result.channel, out, sizeof(out)), strlen(back));
        assert_string_equal(out, back);
}

/* Our records against GnuTLS's, for a whole life: new keys of theirs, and of ours where they ask, padding,
 * both ends. */
static void gnutls_reads_and_writes_what_we_do(void **state) {
        static const char *const priorities[] = {
                NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM",
                "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305"
        };
        char byte;

        (void) state;
        for (size_t i = 0; i < 2 * ELEMENTSOF(priorities); i++) {
                tls_duel d;

                tls_duel_start(&d,
                               (plain_tls_options){ .is_client = i % 2,
                                                    .identity = tls_duel_identity(),
                                                    .priority = priorities[i / 2] },
                               NULL);
                tls_duel_run(&d);
                assert_int_equal(d.us.error, 0);
                move(&d, "one", "two");
                assert_int_equal(gnutls_session_key_update(d.far.session, 0), 0);
                move(&d, "three", "four");
                assert_int_equal(gnutls_session_key_update(d.far.session, GNUTLS_KU_PEER), 0);
                move(&d, "five", "six"); /* still under our old key: we had not heard yet */
                move(&d, "seven", "eight");
                assert_int_equal(gnutls_record_send2(d.far.session, "padded", 6, 1000, 0), 6);
                assert_int_equal(p2p_channel_read(d.us.result.channel, &byte, 1), 1);
                assert_int_equal(byte, 'p');

                assert_int_equal(p2p_channel_shutdown(d.us.result.channel), 0);
                (void) p2p_loop_settle(d.loop);
                assert_int_equal(plain_tls_read(&d.far, &byte, 1),
                                 0); /* no GNUTLS_E_PREMATURE_TERMINATION */
                assert_int_equal(gnutls_bye(d.far.session, GNUTLS_SHUT_WR), 0);
                for (unsigned k = 0; k < 5; k++)
                        assert_int_equal(p2p_channel_read(d.us.result.channel, &byte, 1), 1);
                assert_int_equal(p2p_channel_read(d.us.result.channel, &byte, 1), 0);
                tls_duel_done(&d);
        }
}

/* A server that hands out tickets though we asked for none. */
static void tickets_are_skipped(void **state) {
        gnutls_datum_t key;
        tls_duel d;

        (void) state;
        assert_int_equal(gnutls_session_ticket_key_generate(&key), 0);
        tls_duel_start(
                &d,
                (plain_tls_options){ .identity = tls_duel_identity(), .flags = GNUTLS_NO_AUTO_SEND_TICKET },
                NULL);
        assert_int_equal(gnutls_session_ticket_enable_server(d.far.session, &key), 0);
        tls_duel_run(&d);
        assert_int_equal(gnutls_session_ticket_send(d.far.session, 2, 0), 0);
        move(&d, "there", "back");
        gnutls_free(key.data);
        tls_duel_done(&d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(glued_bytes_are_the_channels),
                cmocka_unit_test(gnutls_reads_and_writes_what_we_do),
                cmocka_unit_test(tickets_are_skipped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
