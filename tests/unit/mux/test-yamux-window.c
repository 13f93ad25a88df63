/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Windows, their growth, and the budgets that bound it (wire reference 8, "Auto-tune"). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <p2p/error.h>

#include "tests/support/yamux-peer.h"

#define KIB 1024u
#define MIB (1024u * 1024u)
#define RTT (40 * USEC_PER_MSEC)

static uint8_t scratch[64 * MIB];

static yamux_peer *peer_new(const p2p_yamux_options *options, bool with_rtt) {
        yamux_peer *p = yamux_peer_new(options, NULL);

        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 0);
        p2p_loop_advance(p->loop, RTT);
        if (with_rtt)
                yamux_peer_send(p, YAMUX_PING, YAMUX_ACK, 0, 0);
        return p;
}

static void read_exactly(p2p_channel *c, size_t n) {
        for (size_t have = 0; have < n;) {
                ssize_t k = p2p_channel_read(c, scratch, n - have);

                assert_true(k > 0);
                have += (size_t) k;
        }
}

static void the_window_counts_payload_to_the_byte(void **state) {
        yamux_peer *p = peer_new(NULL, false);
        p2p_channel *c = yamux_peer_open(p, 1);

        (void) state;
        for (unsigned i = 0; i < 4; i++)
                yamux_peer_send(p, YAMUX_DATA, 0, 1, 64 * KIB);
        assert_int_equal(p2p_yamux_buffered(p->session), 262144);
        assert_int_equal(p->session->ops->error(p->session, NULL), 0);
        yamux_peer_send(p, YAMUX_DATA, YAMUX_ACK, 1, 0);
        assert_int_equal(p->session->ops->error(p->session, NULL), 0);
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 1);
        yamux_peer_expect_end(p, P2P_CONN_PROTOCOL_ERROR, -EMSGSIZE);
        p2p_channel_free(c);
        yamux_peer_free(p);
}

static void a_header_beyond_the_window_is_refused_before_its_payload(void **state) {
        static const uint32_t lengths[] = { 262145, 524288, 16 * MIB, 64 * MIB, 64 * MIB + 1, UINT32_MAX };
        uint8_t header[P2P_YAMUX_HEADER_SIZE];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                yamux_peer *p = peer_new(NULL, false);
                p2p_channel *c = yamux_peer_open(p, 1);

                p2p_yamux_header_encode(&(p2p_yamux_header) { YAMUX_DATA, 0, 1, lengths[i] }, header);
                yamux_peer_send_bytes(p, header, sizeof(header));
                p2p_loop_settle(p->loop);
                yamux_peer_expect_end(p, P2P_CONN_PROTOCOL_ERROR, -EMSGSIZE);
                p2p_channel_free(c);
                yamux_peer_free(p);
        }
}

static void one_frame_may_fill_the_window(void **state) {
        yamux_peer *p = peer_new(NULL, false);
        p2p_channel *c = yamux_peer_open(p, 1);

        (void) state;
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 262144);
        read_exactly(c, 131071);
        p2p_loop_settle(p->loop);
        yamux_peer_expect_none(p);
        read_exactly(c, 1); /* half of it is consumed */
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, 0, 1, 131072);
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 131072);
        assert_int_equal(p2p_yamux_buffered(p->session), 262144);
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 1);
        yamux_peer_expect_end(p, P2P_CONN_PROTOCOL_ERROR, -EMSGSIZE);
        p2p_channel_free(c);
        yamux_peer_free(p);
}

static void payload_under_way_is_not_granted_twice(void **state) {
        yamux_peer *p = peer_new(NULL, false);
        p2p_channel *c = yamux_peer_open(p, 1);
        uint8_t header[P2P_YAMUX_HEADER_SIZE];

        (void) state;
        p2p_yamux_header_encode(&(p2p_yamux_header) { YAMUX_DATA, 0, 1, 262144 }, header);
        yamux_peer_send_bytes(p, header, sizeof(header));
        yamux_peer_send_bytes(p, scratch, 131072);
        p2p_loop_settle(p->loop);
        read_exactly(c, 131072);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, 0, 1, 131072);
        yamux_peer_send_bytes(p, scratch, 131072);
        p2p_loop_settle(p->loop);
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 131073);
        yamux_peer_expect_end(p, P2P_CONN_PROTOCOL_ERROR, -EMSGSIZE);
        p2p_channel_free(c);
        yamux_peer_free(p);
}

/* The far side uses up its window, each time `usec` after the last update. Returns the window reached. */
static uint32_t fill_and_read(yamux_peer *p, p2p_channel *c, unsigned rounds, uint64_t usec) {
        uint32_t window = P2P_YAMUX_WINDOW_INITIAL, credit = window;
        p2p_yamux_header h;

        for (unsigned i = 0; i < rounds; i++) {
                for (uint32_t left = credit; left > 0; left -= P2P_MIN(left, 4 * MIB))
                        yamux_peer_send(p, YAMUX_DATA, 0, 1, P2P_MIN(left, 4 * MIB));
                p2p_loop_advance(p->loop, usec);
                read_exactly(c, credit);
                p2p_loop_settle(p->loop);
                while (yamux_peer_next(p, &h)) {
                        if (h.type == YAMUX_PING)
                                continue;
                        assert_int_equal(h.type, YAMUX_WINDOW_UPDATE);
                        credit = h.length;
                }
                window = P2P_MAX(window, credit);
        }
        return window;
}

/* A window lasts four round trips: here 160 ms. */
static void windows_grow_to_what_is_read_in_four_round_trips(void **state) {
        static const struct {
                const char *why;
                bool rtt;
                uint64_t usec;
                unsigned rounds;
                bool ours;
                uint32_t expect;
        } cases[] = {
                { "no round trip known",     false, RTT,                 4,  false, 256 * KIB },
                { "large enough",            true,  160 * USEC_PER_MSEC, 4,  false, 256 * KIB },
                { "a quarter short",         true,  128 * USEC_PER_MSEC, 1,  false, 320 * KIB },
                { "at most fourfold a time", true,  RTT,                 1,  false, 1 * MIB   },
                { "and once more",           true,  RTT,                 2,  false, 4 * MIB   },
                { "an epoch is a trip long", true,  RTT - 1,             1,  false, 256 * KIB },
                { "as far as go's",          true,  RTT,                 12, false, 16 * MIB  },
                { "further between ours",    true,  RTT,                 12, true,  64 * MIB  },
        };
        /* no budget stops them */
        static const p2p_yamux_options roomy = { .streams_max = 10, .buffer_max = 1024 * MIB };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                yamux_peer *p = peer_new(&roomy, cases[i].rtt);
                p2p_channel *c = yamux_peer_open(p, 1);
                uint32_t window;

                if (cases[i].ours)
                        p->session->ops->allow_large_windows(p->session);
                window = fill_and_read(p, c, cases[i].rounds, cases[i].usec);
                if (window != cases[i].expect)
                        fail_msg("%s: %u", cases[i].why, window);
                p2p_channel_free(c);
                yamux_peer_free(p);
        }
}

/* Bulk delays the pongs behind it: a window that grew with them would be the delay. */
static void the_least_round_trip_counts(void **state) {
        static const struct {
                uint64_t second, usec;
                uint32_t expect;
        } cases[] = {
                { 10 * RTT, 160 * USEC_PER_MSEC, 256 * KIB }, /* slower than the first one: nothing new */
                { RTT / 2,  80 * USEC_PER_MSEC,  256 * KIB }, /* the first one was slow */
                { RTT / 2,  64 * USEC_PER_MSEC,  320 * KIB },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                yamux_peer *p = peer_new(NULL, true);
                p2p_channel *c;

                p2p_loop_advance(p->loop, 30 * USEC_PER_SEC - RTT);
                yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 1);
                p2p_loop_advance(p->loop, cases[i].second);
                yamux_peer_send(p, YAMUX_PING, YAMUX_ACK, 0, 1);
                c = yamux_peer_open(p, 1);
                assert_int_equal(fill_and_read(p, c, 1, cases[i].usec), cases[i].expect);
                p2p_channel_free(c);
                yamux_peer_free(p);
        }
}

/* The only sample may have met a busy machine. Nothing grows before there is another, which is asked for. */
static void an_old_round_trip_is_measured_again(void **state) {
        yamux_peer *p = peer_new(NULL, true);
        p2p_channel *c;

        (void) state;
        p2p_loop_advance(p->loop, 1120 * USEC_PER_MSEC); /* 1 s and four trips after the round below */
        c = yamux_peer_open(p, 1);
        assert_int_equal(fill_and_read(p, c, 1, RTT), 256 * KIB);
        p2p_loop_advance(p->loop, RTT);
        yamux_peer_send(p, YAMUX_PING, YAMUX_ACK, 0, 1); /* taken only if it was asked for */
        assert_int_equal(fill_and_read(p, c, 1, RTT), 512 * KIB);
        p2p_channel_free(c);
        yamux_peer_free(p);
}

/* 256 KiB each millisecond over 100 us, a second long. Returns the most that may be sent at once. */
static uint32_t flow(const p2p_yamux_options *options, unsigned epoch_ms) {
        yamux_peer *p = yamux_peer_new(options, NULL);
        uint32_t credit = 256 * KIB, most = credit;
        p2p_yamux_header h;
        p2p_channel *c;

        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 0);
        p2p_loop_advance(p->loop, 100);
        yamux_peer_send(p, YAMUX_PING, YAMUX_ACK, 0, 0);
        c = yamux_peer_open(p, 1);
        for (unsigned ms = 1; ms <= 1000; ms++) {
                p2p_loop_advance(p->loop, USEC_PER_MSEC);
                yamux_peer_send(p, YAMUX_DATA, 0, 1, 256 * KIB);
                read_exactly(c, 256 * KIB);
                credit -= 256 * KIB;
                p2p_loop_settle(p->loop);
                while (yamux_peer_next(p, &h))
                        credit += h.type == YAMUX_WINDOW_UPDATE ? h.length : 0;
                most = P2P_MAX(most, credit);
                if (ms < epoch_ms) /* a burst is no rate */
                        assert_int_equal(most, 256 * KIB);
                if (ms == epoch_ms) /* here an epoch is many round trips */
                        assert_int_equal(most, 512 * KIB);
        }
        p2p_channel_free(c);
        yamux_peer_free(p);
        return most;
}

static void on_a_lan_a_window_lasts_two_milliseconds(void **state) {
        (void) state;
        assert_int_equal(flow(NULL, 8), 256 * KIB * 22 / 10);
}

static void through_a_relay_it_lasts_six(void **state) {
        static const p2p_yamux_options options = { .pause_usec = P2P_YAMUX_PAUSE_CIRCUIT, .streams_max = 9 };

        (void) state;
        assert_int_equal(flow(&options, 24), 256 * KIB * 62 / 10);
}

static void windows_stop_growing_at_the_budgets(void **state) {
        p2p_budget budget = { .max = 5 * MIB };
        p2p_yamux_options options = { .streams_max = 10, .buffer_max = 2 * MIB };
        p2p_channel *c;
        yamux_peer *p, *q;

        (void) state;
        p = peer_new(&options, true); /* its own */
        c = yamux_peer_open(p, 1);
        assert_int_equal(fill_and_read(p, c, 12, RTT), 2 * MIB);
        p2p_channel_free(c);
        yamux_peer_free(p);

        options = (p2p_yamux_options) { .streams_max = 10, .budget = &budget };
        p = peer_new(&options, true); /* the shared one */
        c = yamux_peer_open(p, 1);
        assert_int_equal(fill_and_read(p, c, 12, RTT), 5 * MIB);
        assert_int_equal(budget.windows, 5 * MIB - 256 * KIB);
        q = peer_new(&options, true);
        {
                p2p_channel *d = yamux_peer_open(q, 1);

                assert_int_equal(fill_and_read(q, d, 12, RTT), 256 * KIB); /* nothing is left */
                p2p_channel_free(d);
        }
        p2p_loop_settle(q->loop);
        assert_int_equal(budget.windows, 5 * MIB - 256 * KIB);
        yamux_peer_free(q);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, 0);
        assert_int_equal(budget.windows, 0);
        p2p_channel_free(c);
        yamux_peer_free(p);
        assert_int_equal(budget.used, 0);
}

/* 256 untouched windows are 64 MiB: the byte behind them costs a stream. */
static void a_session_holds_64_MiB_unless_told(void **state) {
        static const p2p_yamux_options options = { .streams_max = 300 };
        static p2p_channel *c[257];
        yamux_peer *p = peer_new(&options, false);

        (void) state;
        for (unsigned i = 0; i < ELEMENTSOF(c); i++) {
                c[i] = yamux_peer_open(p, 2 * i + 1);
                for (unsigned k = 0; k < 4 && i < 256; k++)
                        yamux_peer_send(p, YAMUX_DATA, 0, 2 * i + 1, 64 * KIB);
        }
        assert_int_equal(p2p_yamux_buffered(p->session), 64 * MIB);
        assert_int_equal(p->session->ops->n_streams(p->session), 257);
        yamux_peer_send(p, YAMUX_DATA, 0, 513, 1);
        assert_int_equal(p2p_yamux_buffered(p->session), 64 * MIB - 256 * KIB + 1);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                p2p_channel_free(c[i]);
        yamux_peer_free(p);
}

static void beyond_the_buffer_the_fullest_stream_is_reset(void **state) {
        static const p2p_yamux_options options = { .streams_max = 10, .buffer_max = 300 * KIB };
        yamux_peer *p = peer_new(&options, false);
        p2p_channel *c[3];

        (void) state;
        for (unsigned i = 0; i < 3; i++)
                c[i] = yamux_peer_open(p, 2 * i + 1);
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 50 * KIB);
        yamux_peer_send(p, YAMUX_DATA, 0, 3, 200 * KIB);
        yamux_peer_send(p, YAMUX_DATA, 0, 5, 50 * KIB);
        yamux_peer_expect_none(p);
        assert_int_equal(p2p_yamux_buffered(p->session), 300 * KIB);
        yamux_peer_send(p, YAMUX_DATA, 0, 5, 1);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 3, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        yamux_peer_expect_none(p);
        assert_int_equal(p2p_yamux_buffered(p->session), 100 * KIB + 1);
        assert_int_equal(p2p_channel_read(c[1], scratch, 1), -ECONNRESET);
        assert_int_equal(p->session->ops->error(p->session, NULL), 0);
        for (unsigned i = 0; i < 3; i++)
                p2p_channel_free(c[i]);
        yamux_peer_free(p);
}

static void beyond_the_shared_budget_the_fullest_of_all_is_reset(void **state) {
        p2p_budget budget = { .max = 300 * KIB };
        const p2p_yamux_options options = { .streams_max = 10, .budget = &budget };
        yamux_peer *p = peer_new(&options, false), *q = peer_new(&options, false);
        p2p_channel *a = yamux_peer_open(p, 1), *b = yamux_peer_open(q, 1);

        (void) state;
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 200 * KIB);
        yamux_peer_send(q, YAMUX_DATA, 0, 1, 100 * KIB);
        assert_int_equal(budget.used, 300 * KIB);
        yamux_peer_send(q, YAMUX_DATA, 0, 1, 1);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        assert_int_equal(p2p_channel_read(a, scratch, 1), -ECONNRESET);
        assert_int_equal(budget.used, 100 * KIB + 1);
        yamux_peer_expect_none(q);

        /* what somebody else took cannot be reset, and is no reason to loop */
        budget.used += MIB;
        yamux_peer_send(q, YAMUX_DATA, 0, 1, 1);
        yamux_peer_expect(q, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        assert_int_equal(budget.used, MIB);
        p2p_channel_free(a);
        p2p_channel_free(b);
        yamux_peer_free(p);
        yamux_peer_free(q);
}

/* Writes all that it takes; returns the payload bytes that came out at the other side. */
static size_t push(yamux_peer *p, p2p_channel *c, size_t n) {
        size_t written = 0, seen = 0;
        p2p_yamux_header h;
        ssize_t k;

        for (;;) {
                k = written < n ? p2p_channel_write(c, scratch, n - written) : -EAGAIN;
                if (k > 0)
                        written += (size_t) k;
                p2p_loop_settle(p->loop);
                if (!yamux_peer_next(p, &h)) {
                        if (k < 0)
                                return seen;
                        continue;
                }
                if (h.type == YAMUX_DATA)
                        seen += h.length;
        }
}

static void we_stay_within_their_window(void **state) {
        yamux_peer *p = peer_new(NULL, false);
        p2p_channel *c = yamux_peer_open(p, 1), *d;

        (void) state;
        assert_int_equal(push(p, c, MIB), 262144);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, 0, 1, 1000);
        assert_int_equal(push(p, c, 0), 1000);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 1, 70); /* credit that comes with a flag */
        assert_int_equal(push(p, c, 0), 70);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, 0, 1, UINT32_MAX); /* sums beyond 2^32 do no harm */
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, 0, 1, UINT32_MAX);
        assert_int_equal(push(p, c, 3 * MIB), 3 * MIB + 131072 - 1070); /* and what had waited */
        assert_int_equal(p->session->ops->error(p->session, NULL), 0);

        /* credit in the SYN */
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 3, 5);
        assert_int_equal(p->session->ops->accept(p->session, &d), 1);
        assert_int_equal(push(p, d, MIB), 262144 + 5);
        p2p_channel_free(c);
        p2p_channel_free(d);
        yamux_peer_free(p);
}

static void a_reader_that_sleeps_blocks_nobody_else(void **state) {
        yamux_pair *p = yamux_pair_new(NULL, NULL);
        p2p_channel *a, *b, *c, *d;
        size_t total = 0;

        (void) state;
        yamux_pair_open(p, &a, &b);
        yamux_pair_open(p, &c, &d);
        while (p2p_channel_write(a, scratch, MIB) > 0)
                p2p_loop_settle(p->loop);
        assert_int_equal(p2p_yamux_buffered(p->server), 262144);
        while (total < 4 * MIB) {
                ssize_t n;

                (void) p2p_channel_write(c, scratch, MIB);
                p2p_loop_settle(p->loop);
                n = p2p_channel_read(d, scratch, MIB);
                assert_true(n > 0);
                total += (size_t) n;
        }
        assert_int_equal(p2p_channel_read(b, scratch, MIB), 262144);
        p2p_loop_settle(p->loop);
        assert_int_equal(p2p_channel_read(b, scratch, MIB), 131072); /* what had waited at the sender */
        p2p_channel_free(a);
        p2p_channel_free(b);
        p2p_channel_free(c);
        p2p_channel_free(d);
        yamux_pair_free(p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_window_counts_payload_to_the_byte),
                cmocka_unit_test(a_header_beyond_the_window_is_refused_before_its_payload),
                cmocka_unit_test(one_frame_may_fill_the_window),
                cmocka_unit_test(payload_under_way_is_not_granted_twice),
                cmocka_unit_test(windows_grow_to_what_is_read_in_four_round_trips),
                cmocka_unit_test(the_least_round_trip_counts),
                cmocka_unit_test(an_old_round_trip_is_measured_again),
                cmocka_unit_test(on_a_lan_a_window_lasts_two_milliseconds),
                cmocka_unit_test(through_a_relay_it_lasts_six),
                cmocka_unit_test(windows_stop_growing_at_the_budgets),
                cmocka_unit_test(beyond_the_buffer_the_fullest_stream_is_reset),
                cmocka_unit_test(a_session_holds_64_MiB_unless_told),
                cmocka_unit_test(beyond_the_shared_budget_the_fullest_of_all_is_reset),
                cmocka_unit_test(we_stay_within_their_window),
                cmocka_unit_test(a_reader_that_sleeps_blocks_nobody_else),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
