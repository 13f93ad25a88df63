/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The TLS handshake over a channel: both roles of ours, and GnuTLS alone as the far side (wire reference 6).
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "secure/tls-session.h"
#include "tests/support/memory.h"
#include "tests/support/tls-duel.h"

#define ALERT_PROTOCOL_VERSION        70
#define ALERT_NO_APPLICATION_PROTOCOL 120

static const p2p_memory_options splits[] = {
        { .write_max = 1, .read_max = 1 },
        { .write_max = 700, .read_max = 300 },
        { .capacity = 50 },
        {},
};

static const char *const yamux[] = { "/yamux/1.0.0", NULL };
static const char *const two[] = { "/x", "/yamux/1.0.0", NULL };
static const char *const other[] = { "/x", NULL };

static void two_of_ours_prove_each_other(void **state) {
        static const struct {
                const char *const *initiator, *const *responder;
                const char *muxer;
        } cases[] = {
                { yamux, yamux, "/yamux/1.0.0" }, { two, yamux, "/yamux/1.0.0" }, { two, two, "/x" },
                { yamux, other, NULL },           { yamux, NULL, NULL },          { NULL, yamux, NULL },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases) * ELEMENTSOF(splits); i++) {
                const char *muxer = cases[i / ELEMENTSOF(splits)].muxer;
                _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
                p2p_channel *a, *b;
                char out[8];
                tls_side us, them;

                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, &splits[i % ELEMENTSOF(splits)], &a, &b), 0);
                tls_side_start(&them, loop, b, false, cases[i / ELEMENTSOF(splits)].responder, NULL);
                tls_side_start(&us, loop, a, true, cases[i / ELEMENTSOF(splits)].initiator,
                               p2p_identity_peer_id(them.identity));
                (void) p2p_loop_settle(loop);

                assert_int_equal(us.n_done, 1);
                assert_int_equal(them.n_done, 1);
                assert_int_equal(us.error, 0);
                assert_int_equal(them.error, 0);
                assert_true(p2p_peer_id_equal(&us.result.peer, p2p_identity_peer_id(them.identity)));
                assert_true(p2p_peer_id_equal(&them.result.peer, p2p_identity_peer_id(us.identity)));
                assert_int_equal(us.result.muxer == NULL, muxer == NULL);
                assert_int_equal(them.result.muxer == NULL, muxer == NULL);
                if (muxer) {
                        assert_string_equal(us.result.muxer, muxer);
                        assert_string_equal(them.result.muxer, muxer);
                }

                assert_int_equal(p2p_channel_write(us.result.channel, "hi", 2), 2);
                (void) p2p_channel_shutdown(us.result.channel);
                for (unsigned turn = 0;
                     turn < 50 && p2p_channel_read(them.result.channel, out, 1) == -EAGAIN; turn++)
                        (void) p2p_loop_settle(loop);
                assert_int_equal(out[0], 'h');
                assert_int_equal(p2p_channel_read(them.result.channel, out, sizeof(out)), 1);
                assert_int_equal(out[0], 'i');
                tls_side_done(&us);
                tls_side_done(&them);
        }
}

static void the_wrong_peer_is_refused_in_both_roles(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *wanted = NULL;
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        p2p_channel *a, *b;
        char byte;
        tls_side us, them;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        assert_int_equal(p2p_identity_generate(&wanted), 0);
        assert_int_equal(p2p_memory_pair(loop, NULL, &a, &b), 0);
        tls_side_start(&them, loop, b, false, yamux, NULL);
        tls_side_start(&us, loop, a, true, yamux, p2p_identity_peer_id(wanted));
        (void) p2p_loop_settle(loop);
        assert_int_equal(us.n_done, 1);
        assert_int_equal(us.error, -EKEYREJECTED);
        assert_null(us.result.channel);
        assert_int_equal(them.n_done, 1);
        assert_int_equal(them.error, -EKEYREJECTED); /* an alert says so */
        tls_side_done(&us);
        tls_side_done(&them);

        /* A responder may expect somebody as well: a punched connection. The client hears of it behind its
         * handshake. */
        assert_int_equal(p2p_memory_pair(loop, NULL, &a, &b), 0);
        tls_side_start(&them, loop, b, false, yamux, p2p_identity_peer_id(wanted));
        tls_side_start(&us, loop, a, true, yamux, NULL);
        (void) p2p_loop_settle(loop);
        assert_int_equal(them.error, -EKEYREJECTED);
        assert_int_equal(us.error, 0);
        assert_int_equal(p2p_channel_read(us.result.channel, &byte, 1), -EKEYREJECTED);
        assert_int_equal(p2p_channel_write(us.result.channel, &byte, 1), -EKEYREJECTED);
        tls_side_done(&us);
        tls_side_done(&them);
}

static void names_are_chosen_as_go_chooses(void **state) {
        static const char *const both[] = { "/yamux/1.0.0", "libp2p", NULL };
        static const char *const reversed[] = { "libp2p", "/yamux/1.0.0", NULL };
        static const char *const stranger[] = { "/mplex/6.7.0", "libp2p", NULL };
        static const char *const only[] = { "libp2p", NULL }, *const foreign[] = { "h3", "http/1.1", NULL };
        static const struct {
                const char *const *names;
                const char *selected;
                bool refused;
        } cases[] = {
                { both, "/yamux/1.0.0", false }, { reversed, "/yamux/1.0.0", false },
                { stranger, "libp2p", false },   { only, "libp2p", false },
                { NULL, NULL, false },           { foreign, NULL, true },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                gnutls_datum_t name = {};
                tls_duel d;

                tls_duel_start(&d,
                               (plain_tls_options){ .is_client = true,
                                                    .names = cases[i].names,
                                                    .identity = tls_duel_identity() },
                               NULL);
                tls_duel_run(&d);
                if (cases[i].refused) {
                        assert_int_equal(d.us.error, -EPROTONOSUPPORT);
                        assert_int_equal(d.far.alert, ALERT_NO_APPLICATION_PROTOCOL);
                        tls_duel_done(&d);
                        continue;
                }
                assert_int_equal(d.us.error, 0);
                assert_int_equal(d.far.handshake, 1);
                (void) gnutls_alpn_get_selected_protocol(d.far.session, &name);
                assert_true(p2p_view_equal(P2P_VIEW(name.data, name.size),
                                           cases[i].selected ? P2P_VIEW_STR(cases[i].selected)
                                                             : P2P_VIEW(NULL, 0)));
                assert_int_equal(d.us.result.muxer != NULL, i < 2);
                tls_duel_done(&d);
        }
}

static void a_server_may_select_nothing(void **state) {
        tls_duel d;

        (void) state;
        tls_duel_start(&d, (plain_tls_options){ .identity = tls_duel_identity() }, NULL);
        tls_duel_run(&d);
        assert_int_equal(d.us.error, 0);
        assert_null(d.us.result.muxer);
        assert_true(p2p_peer_id_equal(&d.us.result.peer, p2p_identity_peer_id(d.identity)));
        tls_duel_done(&d);
}

static void older_versions_are_refused(void **state) {
        tls_duel d;

        (void) state;
        tls_duel_start(&d,
                       (plain_tls_options){ .is_client = true,
                                            .identity = tls_duel_identity(),
                                            .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2" },
                       NULL);
        tls_duel_run(&d);
        assert_int_equal(d.us.error, -EPROTONOSUPPORT);
        assert_int_equal(d.far.alert, ALERT_PROTOCOL_VERSION);
        tls_duel_done(&d);

        tls_duel_start(&d,
                       (plain_tls_options){ .identity = tls_duel_identity(),
                                            .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2" },
                       NULL);
        tls_duel_run(&d);
        assert_int_equal(d.us.error, -EPROTONOSUPPORT);
        tls_duel_done(&d);
}

/* Groups that ask for a second hello, in both roles; every cipher; a client that only has one of them. */
static void suites_and_groups_are_agreed_on(void **state) {
        static const char *const priorities[] = {
                "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP384R1",
                "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP521R1:+GROUP-SECP256R1",
                "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM",
                "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:%DISABLE_TLS13_COMPAT_MODE",
                "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305",
        };

        (void) state;
        for (size_t i = 0; i < 2 * ELEMENTSOF(priorities); i++) {
                char out[16] = {};
                tls_duel d;

                tls_duel_start(&d,
                               (plain_tls_options){ .is_client = i % 2,
                                                    .identity = tls_duel_identity(),
                                                    .priority = priorities[i / 2],
                                                    .flags = GNUTLS_KEY_SHARE_TOP },
                               NULL);
                tls_duel_run(&d);
                assert_int_equal(d.us.error, 0);
                assert_int_equal(d.far.handshake, 1);
                assert_int_equal(p2p_channel_write(d.us.result.channel, "there", 5), 5);
                assert_int_equal(plain_tls_write(&d.far, "back", 4), 4);
                (void) p2p_loop_settle(d.loop);
                assert_int_equal(plain_tls_read(&d.far, out, sizeof(out)), 5);
                assert_string_equal(out, "there");
                assert_int_equal(p2p_channel_read(d.us.result.channel, out, sizeof(out)), 4);
                assert_memory_equal(out, "back", 4);
                tls_duel_done(&d);
        }
}

static void raw_write(p2p_channel *c, p2p_loop *loop, const uint8_t *data, size_t n) {
        for (size_t done = 0; done < n;) {
                ssize_t k = p2p_channel_write(c, data + done, n - done);

                if (k == -EAGAIN)
                        (void) p2p_loop_settle(loop);
                else if (k < 0)
                        return;
                else
                        done += (size_t) k;
        }
}

/* Bytes that are no TLS, and those that could go on for ever. */
static void nonsense_is_refused(void **state) {
        static const uint8_t http[] = "GET / HTTP/1.1\r\nHost: there\r\n\r\n";
        uint8_t record[5 + 16384] = { 22, 3, 1, 0x40, 0x00, 1, 0x00, 0xff, 0xff };
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        p2p_channel *near, *far;
        tls_side us;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        for (unsigned i = 0; i < 4; i++) {
                assert_int_equal(p2p_memory_pair(loop, NULL, &near, &far), 0);
                tls_side_start(&us, loop, near, i & 1, yamux, NULL);
                if (i < 2)
                        raw_write(far, loop, http, sizeof(http) - 1);
                for (unsigned k = 0; i >= 2 && k < 6; k++) {
                        raw_write(far, loop, record, sizeof(record));
                        (void) p2p_loop_settle(loop);
                }
                (void) p2p_loop_settle(loop);
                assert_int_equal(us.n_done, 1);
                assert_true(us.error < 0 && us.error != -ECONNRESET);
                if (i == 2) /* a server: 64 KiB, and the hello would need a little more */
                        assert_int_equal(us.error, -EMSGSIZE);
                p2p_channel_free(far);
                tls_side_done(&us);
        }
}

static void a_far_side_that_leaves_is_a_reset(void **state) {
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        p2p_channel *near, *far;
        tls_side us;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        for (unsigned i = 0; i < 4; i++) {
                assert_int_equal(p2p_memory_pair(loop, NULL, &near, &far), 0);
                tls_side_start(&us, loop, near, i & 1, yamux, NULL);
                (void) p2p_loop_settle(loop);
                if (i & 2)
                        (void) p2p_channel_shutdown(far);
                p2p_channel_free(far);
                (void) p2p_loop_settle(loop);
                assert_int_equal(us.error, -ECONNRESET);
                tls_side_done(&us);
        }
}

/* Freed at every turn of its life it leaves nothing behind, and never calls back. */
static void a_handshake_may_be_freed_at_any_time(void **state) {
        static const p2p_memory_options tight = { .capacity = 50 };

        (void) state;
        assert_null(p2p_tls.free(NULL));
        assert_null(p2p_tls_session_free(NULL));
        for (unsigned i = 0; i < 12 + 200; i++) {
                unsigned turns = i < 12 ? i : i - 12;
                _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
                p2p_channel *a, *b;
                tls_side us, them;

                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, i < 12 ? NULL : &tight, &a, &b), 0);
                tls_side_start(&them, loop, b, false, yamux, NULL);
                tls_side_start(&us, loop, a, true, yamux, NULL);
                for (unsigned k = 0; k < turns; k++)
                        (void) p2p_loop_turn(loop, 0);
                tls_side_done(&us);
                us = (tls_side){};
                (void) p2p_loop_settle(loop);
                assert_int_equal(us.n_done, 0);
                tls_side_done(&them);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(two_of_ours_prove_each_other),
                cmocka_unit_test(the_wrong_peer_is_refused_in_both_roles),
                cmocka_unit_test(names_are_chosen_as_go_chooses),
                cmocka_unit_test(a_server_may_select_nothing),
                cmocka_unit_test(older_versions_are_refused),
                cmocka_unit_test(suites_and_groups_are_agreed_on),
                cmocka_unit_test(nonsense_is_refused),
                cmocka_unit_test(a_far_side_that_leaves_is_a_reset),
                cmocka_unit_test(a_handshake_may_be_freed_at_any_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
