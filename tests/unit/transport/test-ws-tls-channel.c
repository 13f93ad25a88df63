/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The TLS of the Web over a memory pair, as a channel (wire reference 15). */

#include "tests/support/pattern.h"
#include "tests/unit/transport/ws-tls-pair.h"

static uint8_t buf[300000];

static void bytes_pass_at_every_split(void **state) {
        static const size_t reads[] = { 1, 100, 4096, 262144 };

        (void) state;
        for (size_t i = 0; i < PATTERN_PATHS * ELEMENTSOF(reads) * 2; i++) {
                size_t total = pattern_paths[i / 2 / ELEMENTSOF(reads)].total,
                       read_max = reads[i / 2 % ELEMENTSOF(reads)];
                p2p_channel *from, *to;
                ssize_t k = 0;
                pair f;

                if (read_max == 1)
                        total = P2P_MIN(total, (size_t) 30000);
                pair_begin(&f, &pattern_paths[i / 2 / ELEMENTSOF(reads)].options, i % 3 ? "good" : "rsa",
                           "relay.test");
                from = i % 2 ? f.client : f.server;
                to = i % 2 ? f.server : f.client;
                pattern_flow_run(&(pattern_flow){ f.loop, from, to, total, read_max, NULL, NULL });
                assert_int_equal(p2p_channel_shutdown(from), 0);
                assert_int_equal(p2p_channel_write(from, "x", 1), -EPIPE);
                for (unsigned turn = 0; turn < 100 && (k = p2p_channel_read(to, buf, read_max)) == -EAGAIN;
                     turn++)
                        (void) p2p_loop_settle(f.loop);
                assert_int_equal(k, 0);
                assert_int_equal(p2p_channel_read(to, buf, read_max), 0);
                assert_int_equal(p2p_channel_write(to, "back", 4), 4); /* TLS 1.3 has a half-close */
                (void) p2p_loop_settle(f.loop);
                assert_int_equal(p2p_channel_read(from, buf, P2P_MAX(read_max, (size_t) 4)), 4);
                pair_done(&f);
        }
}

static void a_cut_is_no_end(void **state) {
        (void) state;
        for (unsigned when = 0; when < 2; when++) {
                duel d;

                duel_begin(&d, NULL, "NORMAL", NULL);
                if (when > 0) {
                        assert_int_equal(duel_shake(&d), 1);
                        assert_int_equal(plain_tls_write(&d.far, "last", 4), 4);
                }
                (void) p2p_channel_shutdown(d.far.channel);
                (void) p2p_loop_settle(d.loop);
                if (when > 0)
                        assert_int_equal(p2p_channel_read(d.us, buf, 100), 4);
                assert_int_equal(p2p_channel_read(d.us, buf, 100), -ECONNRESET);
                assert_true(p2p_channel_write(d.us, buf, 100) < 0);
                duel_done(&d);
        }
}

static void strangers_are_told_off(void **state) {
        static const struct {
                const char *said;
                size_t n;
        } cases[] = {
                { "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27 },
                { "\x13/multistream/1.0.0\n", 20 },
                { "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10 }, /* a ClientHello of one byte */
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_web_tls *tls = credentials("good", true);
                p2p_channel *us, *raw, *below;
                p2p_loop *loop;
                ssize_t k;

                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, NULL, &below, &raw), 0);
                assert_int_equal(p2p_ws_tls_channel_new_server(loop, below, tls, &us), 0);
                assert_int_equal(p2p_channel_write(raw, cases[i].said, cases[i].n), cases[i].n);
                (void) p2p_loop_settle(loop);
                k = p2p_channel_read(us, buf, 100);
                assert_true(k == -EPROTO || k == -EBADMSG || k == -EPROTONOSUPPORT);
                assert_int_equal(p2p_channel_write(us, buf, 100), k);
                p2p_channel_free(us); /* without a shutdown: the alert is heard all the same */
                assert_int_equal(p2p_channel_read(raw, buf, 100), 7);
                assert_int_equal(buf[0], 21);
                assert_int_equal(p2p_channel_read(raw, buf, 100), 0);
                p2p_channel_free(raw);
                p2p_loop_free(loop);
                p2p_web_tls_free(tls);
        }
}

static void a_handshake_has_64_kilobytes(void **state) {
        static const uint8_t head[] = {
                0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x01, 0xf0, 0x00
        }; /* of a hello of 124 KiB, which GnuTLS would wait for */
        p2p_web_tls *tls = credentials("good", true);
        p2p_channel *us, *raw, *below;
        p2p_loop *loop;
        ssize_t k = -EAGAIN;
        size_t n = 0;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        assert_int_equal(p2p_memory_pair(loop, NULL, &below, &raw), 0);
        assert_int_equal(p2p_ws_tls_channel_new_server(loop, below, tls, &us), 0);
        memset(buf, 'x', sizeof(buf));
        for (size_t record = 0; n < 120000 && k == -EAGAIN; record++) {
                memcpy(buf, head, record == 0 ? sizeof(head) : 5);
                assert_int_equal(p2p_channel_write(raw, buf, 16384 + 5), 16384 + 5);
                n += 16384 + 5;
                (void) p2p_loop_settle(loop);
                k = p2p_channel_read(us, buf, 100);
        }
        assert_int_equal(k, -EMSGSIZE);
        assert_true(n <= 65536 + 16384 + 5);
        p2p_channel_free(us);
        p2p_channel_free(raw);
        p2p_loop_free(loop);
        p2p_web_tls_free(tls);
}

/* The channel below says how much is asked of it. */
static ssize_t (*readv_below)(p2p_channel *c, const struct iovec *iov, int n);
static size_t most_asked;

static ssize_t spy_readv(p2p_channel *c, const struct iovec *iov, int n) {
        assert_int_equal(n, 1);
        most_asked = P2P_MAX(most_asked, iov[0].iov_len);
        return readv_below(c, iov, n);
}

static void reading_ahead_has_a_limit(void **state) {
        p2p_channel_ops spied;
        duel d;

        (void) state;
        duel_begin(&d, NULL, "NORMAL", NULL);
        spied = *d.below->ops;
        readv_below = spied.readv;
        spied.readv = spy_readv;
        d.below->ops = &spied;
        assert_int_equal(duel_shake(&d), 1);
        assert_true(most_asked <= 4096);
        for (unsigned i = 0; i < 50; i++) {
                while (plain_tls_write(&d.far, buf, 16384) > 0)
                        ;
                (void) p2p_loop_settle(d.loop);
                while (p2p_channel_read(d.us, buf, sizeof(buf)) > 0)
                        ;
        }
        assert_int_equal(most_asked, 65536);
        assert_int_equal(p2p_channel_read(d.us, buf, 0),
                         0); /* nothing was asked for, nothing is said to be there */
        duel_done(&d);
}

static void what_waits_has_a_limit(void **state) {
        static const p2p_memory_options options = { .capacity = 300 };
        pair f;

        (void) state;
        pair_begin(&f, &options, "good", "relay.test");
        for (unsigned i = 0; i < 100; i++)
                (void) p2p_loop_settle(f.loop);
        memset(buf, 0, sizeof(buf));
        assert_int_equal(p2p_channel_write(f.client, buf, sizeof(buf)), 65536);
        assert_int_equal(p2p_channel_write(f.client, buf, sizeof(buf)), -EAGAIN);
        pair_done(&f);
}

/* Whoever says nothing for ever, a record at a time, is not listened to for ever. */
static void records_without_data_end_somewhere(void **state) {
        (void) state;
        for (unsigned n = 64; n <= 66; n += 2) {
                gnutls_datum_t key;
                duel d;

                duel_begin(&d, "relay.test", "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL);
                assert_int_equal(gnutls_session_ticket_key_generate(&key), 0);
                assert_int_equal(gnutls_session_ticket_enable_server(d.far.session, &key), 0);
                assert_int_equal(duel_shake(&d), 1);
                (void) p2p_channel_read(d.us, buf, 100); /* those that the handshake sent */
                for (unsigned i = 0; i < n; i++)
                        assert_int_equal(gnutls_session_ticket_send(d.far.session, 1, 0), 0);
                assert_int_equal(plain_tls_write(&d.far, "x", 1), 1);
                (void) p2p_loop_settle(d.loop);
                assert_int_equal(p2p_channel_read(d.us, buf, 100), n <= 64 ? 1 : -EPROTO);
                gnutls_free(key.data);
                duel_done(&d);
        }
}

static void a_freed_channel_delivers_what_was_taken(void **state) {
        static const p2p_memory_options options = { .capacity = 300 };
        size_t n = 0;
        pair f;
        ssize_t k;

        (void) state;
        pair_begin(&f, &options, "good", "relay.test");
        for (unsigned i = 0; i < 100; i++)
                (void) p2p_loop_settle(f.loop);
        assert_int_equal(p2p_channel_write(f.client, buf, 50000), 50000);
        assert_int_equal(p2p_channel_shutdown(f.client), 0);
        p2p_channel_free(TAKE_PTR(f.client));
        while ((k = p2p_channel_read(f.server, buf, sizeof(buf))) > 0 || k == -EAGAIN) {
                n += k > 0 ? (size_t) k : 0;
                assert_true(p2p_loop_settle(f.loop) >= 0);
        }
        assert_int_equal(k, 0);
        assert_int_equal(n, 50000);
        pair_done(&f);

        pair_begin(&f, &options, "good", "relay.test"); /* nobody reads: not for ever */
        for (unsigned i = 0; i < 100; i++)
                (void) p2p_loop_settle(f.loop);
        assert_int_equal(p2p_channel_write(f.client, buf, 50000), 50000);
        assert_int_equal(p2p_channel_shutdown(f.client), 0);
        p2p_channel_free(TAKE_PTR(f.client));
        assert_int_equal(p2p_loop_advance(f.loop, 10 * USEC_PER_SEC), 0);
        assert_int_equal(p2p_channel_read(f.server, buf, sizeof(buf)), -ECONNRESET);
        pair_done(&f);
}

static void a_reset_is_one_below(void **state) {
        pair f;

        (void) state;
        for (unsigned i = 0; i < 4; i++) {
                pair_begin(&f, NULL, "good", "relay.test");
                if (i < 2)
                        (void) p2p_loop_settle(f.loop); /* the others: in the handshake */
                if (i % 2) {
                        p2p_channel_reset(f.client, 7);
                        assert_int_equal(p2p_channel_read(f.client, buf, 10), -ECONNRESET);
                        assert_int_equal(p2p_channel_write(f.client, buf, 10), -ECONNRESET);
                } else
                        p2p_channel_free(TAKE_PTR(f.client));
                (void) p2p_loop_settle(f.loop);
                assert_int_equal(p2p_channel_read(f.server, buf, 10), -ECONNRESET);
                pair_done(&f);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_pass_at_every_split),
                cmocka_unit_test(a_cut_is_no_end),
                cmocka_unit_test(strangers_are_told_off),
                cmocka_unit_test(a_handshake_has_64_kilobytes),
                cmocka_unit_test(reading_ahead_has_a_limit),
                cmocka_unit_test(what_waits_has_a_limit),
                cmocka_unit_test(records_without_data_end_somewhere),
                cmocka_unit_test(a_freed_channel_delivers_what_was_taken),
                cmocka_unit_test(a_reset_is_one_below),
        };

        return cmocka_run_group_tests(tests, make_files, remove_files);
}
