/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The TLS handshake over a channel: both roles of ours, and GnuTLS alone as the far side (wire reference 6). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/cert.h"
#include "secure/secure.h"
#include "tests/support/memory.h"
#include "tests/support/plain-tls.h"

#define ALERT_PROTOCOL_VERSION 70
#define ALERT_CERTIFICATE_REQUIRED 116
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

typedef struct side {
        p2p_identity *identity;
        p2p_secure *secure;
        p2p_secure_result result;
        unsigned n_done;
        int error;
} side;

static void on_done(p2p_secure_result *result, int error, void *userdata) {
        side *s = userdata;

        s->secure = NULL;
        s->n_done++;
        s->error = error;
        if (result)
                s->result = *result;
}

static void side_start(side *s, p2p_loop *loop, p2p_channel *c, bool initiator, const char *const *muxers,
                       const p2p_peer_id *expected) {
        p2p_secure_options options = { .expected = expected, .muxers = muxers, .initiator = initiator };

        *s = (side){};
        assert_int_equal(p2p_identity_generate(&s->identity), 0);
        options.identity = s->identity;
        assert_int_equal(p2p_tls.start(loop, c, &options, on_done, s, &s->secure), 0);
        assert_int_equal(s->n_done, 0);
}

static void side_done(side *s) {
        p2p_tls.free(s->secure);
        p2p_channel_free(s->result.channel);
        p2p_identity_free(s->identity);
}

static void two_of_ours_prove_each_other(void **state) {
        static const struct { const char *const *initiator, *const *responder; const char *muxer; } cases[] = {
                { yamux, yamux, "/yamux/1.0.0" },
                { two,   yamux, "/yamux/1.0.0" },
                { two,   two,   "/x"           },
                { yamux, other, NULL           },
                { yamux, NULL,  NULL           },
                { NULL,  yamux, NULL           },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases) * ELEMENTSOF(splits); i++) {
                const char *muxer = cases[i / ELEMENTSOF(splits)].muxer;
                _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
                p2p_channel *a, *b;
                char out[8];
                side us, them;

                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, &splits[i % ELEMENTSOF(splits)], &a, &b), 0);
                side_start(&them, loop, b, false, cases[i / ELEMENTSOF(splits)].responder, NULL);
                side_start(&us, loop, a, true, cases[i / ELEMENTSOF(splits)].initiator,
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
                for (unsigned turn = 0; turn < 50 && p2p_channel_read(them.result.channel, out, 1) == -EAGAIN;
                     turn++)
                        (void) p2p_loop_settle(loop);
                assert_int_equal(out[0], 'h');
                assert_int_equal(p2p_channel_read(them.result.channel, out, sizeof(out)), 1);
                assert_int_equal(out[0], 'i');
                side_done(&us);
                side_done(&them);
        }
}

static void the_wrong_peer_is_refused_in_both_roles(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *wanted = NULL;
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        p2p_channel *a, *b;
        char byte;
        side us, them;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        assert_int_equal(p2p_identity_generate(&wanted), 0);
        assert_int_equal(p2p_memory_pair(loop, NULL, &a, &b), 0);
        side_start(&them, loop, b, false, yamux, NULL);
        side_start(&us, loop, a, true, yamux, p2p_identity_peer_id(wanted));
        (void) p2p_loop_settle(loop);
        assert_int_equal(us.n_done, 1);
        assert_int_equal(us.error, -EKEYREJECTED);
        assert_null(us.result.channel);
        assert_int_equal(them.n_done, 1);
        assert_int_equal(them.error, -EKEYREJECTED); /* an alert says so */
        side_done(&us);
        side_done(&them);

        /* A responder may expect somebody as well: a punched connection. The client hears of it behind its handshake. */
        assert_int_equal(p2p_memory_pair(loop, NULL, &a, &b), 0);
        side_start(&them, loop, b, false, yamux, p2p_identity_peer_id(wanted));
        side_start(&us, loop, a, true, yamux, NULL);
        (void) p2p_loop_settle(loop);
        assert_int_equal(them.error, -EKEYREJECTED);
        assert_int_equal(us.error, 0);
        assert_int_equal(p2p_channel_read(us.result.channel, &byte, 1), -EKEYREJECTED);
        assert_int_equal(p2p_channel_write(us.result.channel, &byte, 1), -EKEYREJECTED);
        side_done(&us);
        side_done(&them);
}

/* Us, and GnuTLS alone. */
typedef struct duel {
        p2p_loop *loop;
        p2p_identity *identity; /* the far side's */
        plain_tls far;
        side us;
} duel;

static void duel_start(duel *d, plain_tls_options options, const p2p_memory_options *memory) {
        p2p_channel *near, *far;

        *d = (duel){};
        assert_int_equal(p2p_loop_new_manual(&d->loop), 0);
        assert_int_equal(p2p_identity_generate(&d->identity), 0);
        assert_int_equal(p2p_memory_pair(d->loop, memory, &near, &far), 0);
        if (options.identity)
                options.identity = d->identity;
        plain_tls_init(&d->far, far, &options);
        side_start(&d->us, d->loop, near, !options.is_client, yamux, NULL);
}

/* Until both are done, or nothing moves. */
static void duel_run(duel *d) {
        for (unsigned turn = 0; turn < 20000; turn++) {
                (void) plain_tls_handshake(&d->far);
                (void) p2p_loop_settle(d->loop);
                if (d->far.handshake != 0 && d->us.n_done > 0)
                        return;
        }
}

static void duel_done(duel *d) {
        side_done(&d->us);
        plain_tls_done(&d->far);
        p2p_identity_free(d->identity);
        p2p_loop_free(d->loop);
}

/* Stands for the far side's identity, which duel_start() makes. */
static const p2p_identity *some(void) {
        static char anything;

        return (const p2p_identity *) (void *) &anything;
}

static void names_are_chosen_as_go_chooses(void **state) {
        static const char *const both[] = { "/yamux/1.0.0", "libp2p", NULL };
        static const char *const reversed[] = { "libp2p", "/yamux/1.0.0", NULL };
        static const char *const stranger[] = { "/mplex/6.7.0", "libp2p", NULL };
        static const char *const only[] = { "libp2p", NULL }, *const foreign[] = { "h3", "http/1.1", NULL };
        static const struct { const char *const *names; const char *selected; bool refused; } cases[] = {
                { both, "/yamux/1.0.0", false }, { reversed, "/yamux/1.0.0", false }, { stranger, "libp2p", false },
                { only, "libp2p", false },       { NULL, NULL, false },               { foreign, NULL, true },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                gnutls_datum_t name = {};
                duel d;

                duel_start(&d, (plain_tls_options){ .is_client = true, .names = cases[i].names, .identity = some() },
                           NULL);
                duel_run(&d);
                if (cases[i].refused) {
                        assert_int_equal(d.us.error, -EPROTONOSUPPORT);
                        assert_int_equal(d.far.alert, ALERT_NO_APPLICATION_PROTOCOL);
                        duel_done(&d);
                        continue;
                }
                assert_int_equal(d.us.error, 0);
                assert_int_equal(d.far.handshake, 1);
                (void) gnutls_alpn_get_selected_protocol(d.far.session, &name);
                assert_true(p2p_view_equal(P2P_VIEW(name.data, name.size),
                                           cases[i].selected ? P2P_VIEW_STR(cases[i].selected) : P2P_VIEW(NULL, 0)));
                assert_int_equal(d.us.result.muxer != NULL, i < 2);
                duel_done(&d);
        }
}

static void a_server_may_select_nothing(void **state) {
        duel d;

        (void) state;
        duel_start(&d, (plain_tls_options){ .identity = some() }, NULL);
        duel_run(&d);
        assert_int_equal(d.us.error, 0);
        assert_null(d.us.result.muxer);
        assert_true(p2p_peer_id_equal(&d.us.result.peer, p2p_identity_peer_id(d.identity)));
        duel_done(&d);
}

static void forged_certificates_end_the_handshake(void **state) {
        (void) state;
        for (size_t i = 0; i < 2 * forge_n_refused; i++) {
                const forge *f = &forge_refused[i / 2];
                bool is_client = i % 2;
                duel d;

                /* A session of GnuTLS's cannot be made to send these. */
                if (f->version_1 || f->extensions > 2 || f->bits == 1024 || strstr(f->name, "may not sign"))
                        continue;
                duel_start(&d, (plain_tls_options){ .is_client = is_client, .identity = some(), .certificate = f }, NULL);
                duel_run(&d);
                if (d.us.n_done != 1 || d.us.error != f->expect)
                        fail_msg("%s: %d", f->name, d.us.error);
                if (is_client) { /* TLS 1.3: a client is done before it is judged */
                        char byte;

                        assert_int_equal(d.far.handshake, 1);
                        assert_int_equal(plain_tls_read(&d.far, &byte, 1), GNUTLS_E_FATAL_ALERT_RECEIVED);
                }
                assert_int_equal(d.far.alert, GNUTLS_A_BAD_CERTIFICATE);
                duel_done(&d);
        }
}

static void unusual_certificates_pass(void **state) {
        (void) state;
        for (size_t i = 0; i < 2 * forge_n_accepted; i++) {
                const forge *f = &forge_accepted[i / 2];
                duel d;

                duel_start(&d, (plain_tls_options){ .is_client = i % 2, .identity = some(), .certificate = f },
                           &splits[2 + (i & 1)]);
                duel_run(&d);
                if (d.us.n_done != 1 || d.us.error != 0 || d.far.handshake != 1)
                        fail_msg("%s: %d", f->name, d.us.error);
                duel_done(&d);
        }
}

static void one_certificate_is_sent_no_more_and_no_less(void **state) {
        char byte;
        duel d;

        (void) state;
        duel_start(&d, (plain_tls_options){ .is_client = true }, NULL);
        duel_run(&d);
        assert_int_equal(d.us.error, -EKEYREJECTED);
        assert_int_equal(plain_tls_read(&d.far, &byte, 1), GNUTLS_E_FATAL_ALERT_RECEIVED);
        assert_int_equal(d.far.alert, ALERT_CERTIFICATE_REQUIRED);
        duel_done(&d);

        duel_start(&d, (plain_tls_options){ .is_client = true, .identity = some(), .n_chain = 2 }, NULL);
        duel_run(&d);
        assert_int_equal(d.us.error, -EKEYREJECTED);
        duel_done(&d);

        duel_start(&d, (plain_tls_options){ .identity = some(), .n_chain = 2 }, NULL);
        duel_run(&d);
        assert_int_equal(d.us.error, -EKEYREJECTED);
        duel_done(&d);
}

static void older_versions_are_refused(void **state) {
        duel d;

        (void) state;
        duel_start(&d, (plain_tls_options){ .is_client = true, .identity = some(), .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2" },
                   NULL);
        duel_run(&d);
        assert_int_equal(d.us.error, -EPROTONOSUPPORT);
        assert_int_equal(d.far.alert, ALERT_PROTOCOL_VERSION);
        duel_done(&d);

        duel_start(&d, (plain_tls_options){ .identity = some(), .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2" }, NULL);
        duel_run(&d);
        assert_int_equal(d.us.error, -EPROTONOSUPPORT);
        duel_done(&d);
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
                duel d;

                duel_start(&d, (plain_tls_options){ .is_client = i % 2,
                                                    .identity = some(),
                                                    .priority = priorities[i / 2],
                                                    .flags = GNUTLS_KEY_SHARE_TOP },
                           NULL);
                duel_run(&d);
                assert_int_equal(d.us.error, 0);
                assert_int_equal(d.far.handshake, 1);
                assert_int_equal(p2p_channel_write(d.us.result.channel, "there", 5), 5);
                assert_int_equal(plain_tls_write(&d.far, "back", 4), 4);
                (void) p2p_loop_settle(d.loop);
                assert_int_equal(plain_tls_read(&d.far, out, sizeof(out)), 5);
                assert_string_equal(out, "there");
                assert_int_equal(p2p_channel_read(d.us.result.channel, out, sizeof(out)), 4);
                assert_memory_equal(out, "back", 4);
                duel_done(&d);
        }
}

/* What the client says right behind its last handshake message belongs to the sealed channel. */
static void glued_bytes_are_the_channels(void **state) {
        char out[16];
        duel d;

        (void) state;
        duel_start(&d, (plain_tls_options){ .is_client = true, .identity = some() }, NULL);
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
        duel_done(&d);
}

static void move(duel *d, const char *there, const char *back) {
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

/* Our records against GnuTLS's, for a whole life: new keys of theirs, and of ours where they ask, padding, both ends. */
static void gnutls_reads_and_writes_what_we_do(void **state) {
        static const char *const priorities[] = { NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM",
                                                  "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305" };
        char byte;

        (void) state;
        for (size_t i = 0; i < 2 * ELEMENTSOF(priorities); i++) {
                duel d;

                duel_start(&d, (plain_tls_options){ .is_client = i % 2, .identity = some(), .priority = priorities[i / 2] },
                           NULL);
                duel_run(&d);
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
                assert_int_equal(plain_tls_read(&d.far, &byte, 1), 0); /* no GNUTLS_E_PREMATURE_TERMINATION */
                assert_int_equal(gnutls_bye(d.far.session, GNUTLS_SHUT_WR), 0);
                for (unsigned k = 0; k < 5; k++)
                        assert_int_equal(p2p_channel_read(d.us.result.channel, &byte, 1), 1);
                assert_int_equal(p2p_channel_read(d.us.result.channel, &byte, 1), 0);
                duel_done(&d);
        }
}

/* A server that hands out tickets though we asked for none. */
static void tickets_are_skipped(void **state) {
        gnutls_datum_t key;
        duel d;

        (void) state;
        assert_int_equal(gnutls_session_ticket_key_generate(&key), 0);
        duel_start(&d, (plain_tls_options){ .identity = some(), .flags = GNUTLS_NO_AUTO_SEND_TICKET }, NULL);
        assert_int_equal(gnutls_session_ticket_enable_server(d.far.session, &key), 0);
        duel_run(&d);
        assert_int_equal(gnutls_session_ticket_send(d.far.session, 2, 0), 0);
        move(&d, "there", "back");
        gnutls_free(key.data);
        duel_done(&d);
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
        side us;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        for (unsigned i = 0; i < 4; i++) {
                assert_int_equal(p2p_memory_pair(loop, NULL, &near, &far), 0);
                side_start(&us, loop, near, i & 1, yamux, NULL);
                if (i < 2)
                        raw_write(far, loop, http, sizeof(http) - 1);
                for (unsigned k = 0; i >= 2 && k < 6; k++) {
                        raw_write(far, loop, record, sizeof(record));
                        (void) p2p_loop_settle(loop);
                }
                (void) p2p_loop_settle(loop);
                assert_int_equal(us.n_done, 1);
                assert_true(us.error < 0 && us.error != -ECONNRESET);
                p2p_channel_free(far);
                side_done(&us);
        }
}

static void a_far_side_that_leaves_is_a_reset(void **state) {
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        p2p_channel *near, *far;
        side us;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        for (unsigned i = 0; i < 4; i++) {
                assert_int_equal(p2p_memory_pair(loop, NULL, &near, &far), 0);
                side_start(&us, loop, near, i & 1, yamux, NULL);
                (void) p2p_loop_settle(loop);
                if (i & 2)
                        (void) p2p_channel_shutdown(far);
                p2p_channel_free(far);
                (void) p2p_loop_settle(loop);
                assert_int_equal(us.error, -ECONNRESET);
                side_done(&us);
        }
}

/* Freed at every turn of its life it leaves nothing behind, and never calls back. */
static void a_handshake_may_be_freed_at_any_time(void **state) {
        (void) state;
        for (unsigned turns = 0; turns < 12; turns++) {
                _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
                p2p_channel *a, *b;
                side us, them;

                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, NULL, &a, &b), 0);
                side_start(&them, loop, b, false, yamux, NULL);
                side_start(&us, loop, a, true, yamux, NULL);
                for (unsigned i = 0; i < turns; i++)
                        (void) p2p_loop_turn(loop, 0);
                side_done(&us);
                us = (side){};
                (void) p2p_loop_settle(loop);
                assert_int_equal(us.n_done, 0);
                side_done(&them);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(two_of_ours_prove_each_other),
                cmocka_unit_test(the_wrong_peer_is_refused_in_both_roles),
                cmocka_unit_test(names_are_chosen_as_go_chooses),
                cmocka_unit_test(a_server_may_select_nothing),
                cmocka_unit_test(forged_certificates_end_the_handshake),
                cmocka_unit_test(unusual_certificates_pass),
                cmocka_unit_test(one_certificate_is_sent_no_more_and_no_less),
                cmocka_unit_test(older_versions_are_refused),
                cmocka_unit_test(suites_and_groups_are_agreed_on),
                cmocka_unit_test(glued_bytes_are_the_channels),
                cmocka_unit_test(gnutls_reads_and_writes_what_we_do),
                cmocka_unit_test(tickets_are_skipped),
                cmocka_unit_test(nonsense_is_refused),
                cmocka_unit_test(a_far_side_that_leaves_is_a_reset),
                cmocka_unit_test(a_handshake_may_be_freed_at_any_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
