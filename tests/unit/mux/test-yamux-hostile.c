/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a far side may not do, and how often it may do the rest (wire reference 8 "Hostile", 20, 23). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/error.h>

#include "mux/yamux-internal.h"
#include "tests/support/yamux-peer.h"

static yamux_peer *peer_new(unsigned streams_max) {
        const p2p_yamux_options options = { .streams_max = streams_max };
        yamux_peer *p = yamux_peer_new(&options, NULL);

        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 0);
        return p;
}

static int error_of(yamux_peer *p) {
        return p->session->ops->error(p->session, NULL);
}

static void broken_frames_end_the_session_with_a_go_away(void **state) {
        static const struct { const char *why; uint8_t header[P2P_YAMUX_HEADER_SIZE]; } cases[] = {
                { "version 1",             { 1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0 } },
                { "type 4",                { 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0 } },
                { "an id of ours",         { 0, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0 } },
                { "syn on the session",    { 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 } },
                { "data on the session",   { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
                { "ping on a stream",      { 0, 2, 0, 1, 0, 0, 0, 5, 0, 0, 0, 0 } },
                { "an id that is taken",   { 0, 1, 0, 1, 0, 0, 0, 5, 0, 0, 0, 0 } },
                { "taken, on data",        { 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 0 } },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                yamux_peer *p = peer_new(10);
                p2p_channel *c = yamux_peer_open(p, 5);

                yamux_peer_send_bytes(p, cases[i].header, P2P_YAMUX_HEADER_SIZE);
                p2p_loop_settle(p->loop);
                yamux_peer_expect_end(p, P2P_CONN_PROTOCOL_ERROR, -EPROTO);
                assert_int_equal(p2p_channel_read(c, p->shown, 1), -ECONNRESET);
                p2p_channel_free(c);
                yamux_peer_free(p);
        }
}

static void a_client_refuses_odd_ids(void **state) {
        static const p2p_yamux_options options = { .client = true, .streams_max = 10 };
        yamux_peer *p = yamux_peer_new(&options, NULL);

        (void) state;
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 2, 0);
        assert_int_equal(error_of(p), 0);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 3, 0);
        yamux_peer_expect_end(p, P2P_CONN_PROTOCOL_ERROR, -EPROTO);
        yamux_peer_free(p);
}

static void frames_for_unknown_streams_are_ignored(void **state) {
        yamux_peer *p = peer_new(10);

        (void) state;
        yamux_peer_send(p, YAMUX_DATA, 0, 77, 500000); /* more than any window of a stream that exists */
        yamux_peer_send(p, YAMUX_DATA, YAMUX_FIN, 77, 3);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 77, 0);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 78, 9);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 2, 9);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, 0xfff0, 77, 9);
        yamux_peer_expect_none(p);
        assert_int_equal(error_of(p), 0);
        assert_int_equal(p->session->ops->n_streams(p->session), 0);
        yamux_peer_free(p);
}

static void streams_beyond_the_limit_are_refused_without_an_ack(void **state) {
        yamux_peer *p = peer_new(16);
        p2p_channel *c;

        (void) state;
        for (unsigned i = 0; i < 16; i++)
                yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 2 * i + 1, 0);
        for (unsigned i = 0; i < 16; i++)
                yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 2 * i + 1, 0);
        yamux_peer_send(p, YAMUX_DATA, YAMUX_SYN, 33, 100);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 33, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        yamux_peer_expect_none(p);
        assert_int_equal(p2p_yamux_buffered(p->session), 0);
        assert_int_equal(error_of(p), 0);

        /* a place comes free with a stream that both sides are done with */
        assert_int_equal(p->session->ops->accept(p->session, &c), 1);
        p2p_channel_free(c);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, 0);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 35, 0);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 35, 0);

        p->session->ops->set_stream_limit(p->session, 17);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 37, 0);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 37, 0);
        yamux_peer_free(p);
}

/* Frames of one kind, in one go; the loop runs only afterwards unless the channel fills. */
static void flood(yamux_peer *p, unsigned n, p2p_yamux_header h, uint32_t id_step) {
        uint8_t *bytes = malloc(n * P2P_YAMUX_HEADER_SIZE);

        for (unsigned i = 0; i < n; i++) {
                p2p_yamux_header_encode(&h, bytes + i * P2P_YAMUX_HEADER_SIZE);
                h.stream_id += id_step;
        }
        yamux_peer_send_bytes(p, bytes, n * P2P_YAMUX_HEADER_SIZE);
        p2p_loop_settle(p->loop);
        free(bytes);
}

static unsigned count_frames(yamux_peer *p, unsigned type, unsigned flags) {
        p2p_yamux_header h;
        unsigned n = 0;

        while (yamux_peer_next(p, &h))
                n += h.type == type && h.flags == flags;
        return n;
}

static void refusals_nobody_reads_are_bounded(void **state) {
        static const p2p_memory_options tight = { .capacity = 12 };
        static const p2p_yamux_options options = { .streams_max = 0 };

        (void) state;
        for (unsigned over = 0; over < 2; over++) {
                yamux_peer *p = yamux_peer_new(&options, &tight); /* full with the unread ping */

                flood(p, 1024 + over, (p2p_yamux_header) { YAMUX_WINDOW_UPDATE, YAMUX_SYN, 1, 0 }, 2);
                assert_int_equal(error_of(p), over ? -EMSGSIZE : 0);
                if (!over)
                        assert_int_equal(count_frames(p, YAMUX_WINDOW_UPDATE, YAMUX_RST), 1024);
                yamux_peer_free(p);
        }
}

static void pings_are_answered_in_a_burst_then_ten_a_second(void **state) {
        yamux_peer *p = peer_new(1);

        (void) state;
        flood(p, 40, (p2p_yamux_header) { YAMUX_PING, YAMUX_SYN, 0, 3 }, 0);
        assert_int_equal(count_frames(p, YAMUX_PING, YAMUX_ACK), 32);
        p2p_loop_advance(p->loop, USEC_PER_SEC);
        flood(p, 40, (p2p_yamux_header) { YAMUX_PING, YAMUX_SYN, 0, 3 }, 0);
        assert_int_equal(count_frames(p, YAMUX_PING, YAMUX_ACK), 10);
        assert_int_equal(error_of(p), 0);
        for (unsigned i = 0; i < 25; i++) { /* one each 100 ms: every one is answered */
                p2p_loop_advance(p->loop, 100 * USEC_PER_MSEC);
                yamux_peer_send(p, YAMUX_PING, YAMUX_SYN, 0, i);
                yamux_peer_expect(p, YAMUX_PING, YAMUX_ACK, 0, i);
        }
        yamux_peer_free(p);
}

static void frames_that_say_nothing_are_bounded(void **state) {
        static const p2p_yamux_header kinds[] = {
                { YAMUX_DATA, 0, 1, 0 },          { YAMUX_DATA, 0, 99, 0 }, { YAMUX_WINDOW_UPDATE, 0, 1, 0 },
                { YAMUX_PING, YAMUX_ACK, 0, 99 }, { YAMUX_PING, 0, 0, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                yamux_peer *p = peer_new(1);
                p2p_channel *c = yamux_peer_open(p, 1);

                flood(p, 1000, kinds[i], 0);
                assert_int_equal(error_of(p), 0);
                p2p_loop_advance(p->loop, USEC_PER_SEC);
                flood(p, 100, kinds[i], 0);
                assert_int_equal(error_of(p), 0);
                flood(p, 1, kinds[i], 0);
                yamux_peer_expect_end(p, P2P_CONN_PROTOCOL_ERROR, -EMSGSIZE);
                p2p_channel_free(c);
                yamux_peer_free(p);
        }
}

static void cycle(yamux_peer *p, unsigned n, uint32_t first_id) {
        for (unsigned i = 0; i < n; i++) {
                flood(p, 1, (p2p_yamux_header) { YAMUX_WINDOW_UPDATE, YAMUX_SYN, first_id + 2 * i, 0 }, 0);
                flood(p, 1, (p2p_yamux_header) { YAMUX_WINDOW_UPDATE, YAMUX_RST, first_id + 2 * i, 0 }, 0);
        }
}

static void streams_opened_and_reset_at_once_are_bounded(void **state) {
        yamux_peer *p = peer_new(1000);

        (void) state;
        cycle(p, 100, 1);
        assert_int_equal(error_of(p), 0);
        p2p_loop_advance(p->loop, USEC_PER_SEC);
        cycle(p, 100, 1001);
        assert_int_equal(error_of(p), 0);
        p2p_loop_advance(p->loop, USEC_PER_SEC / 2);
        cycle(p, 50, 3001);
        assert_int_equal(error_of(p), 0);
        cycle(p, 1, 5001);
        yamux_peer_expect_end(p, P2P_CONN_PROTOCOL_ERROR, -EMSGSIZE);
        yamux_peer_free(p);

        /* an application that goes away with all its old streams is no attack */
        p = peer_new(1000);
        flood(p, 500, (p2p_yamux_header) { YAMUX_WINDOW_UPDATE, YAMUX_SYN, 1, 0 }, 2);
        p2p_loop_advance(p->loop, USEC_PER_SEC);
        flood(p, 500, (p2p_yamux_header) { YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, 0 }, 2);
        assert_int_equal(error_of(p), 0);
        assert_int_equal(p->session->ops->n_streams(p->session), 0);
        yamux_peer_free(p);
}

static void closed_windows_cannot_make_us_hold_much(void **state) {
        enum { N = 1000 };
        static uint8_t data[128 * 1024];
        yamux_peer *p = peer_new(N);
        p2p_channel *c[N];
        size_t held = 0;

        (void) state;
        for (unsigned i = 0; i < N; i++) {
                c[i] = yamux_peer_open(p, 2 * i + 1);
                /* its window, which it reads and never opens again */
                for (size_t n = 0; n < P2P_YAMUX_WINDOW_INITIAL;) {
                        size_t left = P2P_YAMUX_WINDOW_INITIAL - n;
                        ssize_t k = p2p_channel_write(c[i], data, P2P_MIN(sizeof(data), left));

                        assert_true(k > 0);
                        n += (size_t) k;
                        p2p_loop_settle(p->loop);
                        while (yamux_peer_next(p, &(p2p_yamux_header) {}))
                                ;
                }
                for (ssize_t k; (k = p2p_channel_write(c[i], data, sizeof(data))) > 0;)
                        held += (size_t) k;
        }
        /* 128 KiB each up to 8 MiB, then 4 KiB each */
        assert_in_range(held, 8192 * 1024, (8192 + 128 + N * 4) * 1024);
        for (unsigned i = 0; i < N; i++)
                p2p_channel_free(c[i]);
        yamux_peer_free(p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(broken_frames_end_the_session_with_a_go_away),
                cmocka_unit_test(a_client_refuses_odd_ids),
                cmocka_unit_test(frames_for_unknown_streams_are_ignored),
                cmocka_unit_test(streams_beyond_the_limit_are_refused_without_an_ack),
                cmocka_unit_test(refusals_nobody_reads_are_bounded),
                cmocka_unit_test(pings_are_answered_in_a_burst_then_ten_a_second),
                cmocka_unit_test(frames_that_say_nothing_are_bounded),
                cmocka_unit_test(streams_opened_and_reset_at_once_are_bounded),
                cmocka_unit_test(closed_windows_cannot_make_us_hold_much),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
