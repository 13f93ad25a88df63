/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of a session (wire reference 8, 20): pings, keepalive, round trip, GoAway, end, backlog. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/error.h>

#include "tests/support/yamux-peer.h"

static int error_of(p2p_session *s) {
        return s->ops->error(s, NULL);
}

static void it_pings_at_once_and_measures_the_round_trip(void **state) {
        yamux_peer *p = yamux_peer_new(NULL, NULL);

        (void) state;
        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 0);
        assert_int_equal(p->session->ops->rtt(p->session), 0);
        p2p_loop_advance(p->loop, 40 * USEC_PER_MSEC);
        yamux_peer_send(p, YAMUX_PING, YAMUX_ACK, 0, 7); /* not its value */
        assert_int_equal(p->session->ops->rtt(p->session), 0);
        yamux_peer_send(p, YAMUX_PING, YAMUX_ACK, 0, 0);
        assert_int_equal(p->session->ops->rtt(p->session), 40 * USEC_PER_MSEC);

        /* again every 30 s, counting up, averaged as go does */
        p2p_loop_advance(p->loop, 29 * USEC_PER_SEC + 959 * USEC_PER_MSEC);
        yamux_peer_expect_none(p);
        p2p_loop_advance(p->loop, USEC_PER_MSEC);
        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 1);
        p2p_loop_advance(p->loop, 80 * USEC_PER_MSEC);
        yamux_peer_send(p, YAMUX_PING, YAMUX_ACK, 0, 1);
        assert_int_equal(p->session->ops->rtt(p->session), 60 * USEC_PER_MSEC);
        yamux_peer_free(p);
}

static void it_answers_pings_with_their_value(void **state) {
        yamux_peer *p = yamux_peer_new(NULL, NULL);

        (void) state;
        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 0);
        yamux_peer_send(p, YAMUX_PING, YAMUX_SYN, 0, 0xcafe0001);
        yamux_peer_expect(p, YAMUX_PING, YAMUX_ACK, 0, 0xcafe0001);
        yamux_peer_send(p, YAMUX_PING, 0, 0, 5);         /* no flags: ignored */
        yamux_peer_send(p, YAMUX_PING, YAMUX_ACK, 0, 9); /* nobody asked: ignored */
        yamux_peer_expect_none(p);
        assert_int_equal(error_of(p->session), 0);
        yamux_peer_free(p);
}

static void a_mute_peer_lives_forty_seconds(void **state) {
        yamux_peer *p = yamux_peer_new(NULL, NULL);

        (void) state;
        p2p_loop_advance(p->loop, 40 * USEC_PER_SEC - 1);
        assert_int_equal(error_of(p->session), 0);
        p2p_loop_advance(p->loop, 1);
        assert_int_equal(error_of(p->session), -ETIMEDOUT);
        assert_true(p->n_wakes > 0);
        yamux_peer_free(p);
}

static void any_frame_after_the_ping_keeps_it_alive(void **state) {
        yamux_peer *p = yamux_peer_new(NULL, NULL);

        (void) state;
        p2p_loop_advance(p->loop, 35 * USEC_PER_SEC);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, 0, 99, 1); /* of no stream: alive all the same */
        p2p_loop_advance(p->loop, 40 * USEC_PER_SEC - 1);
        assert_int_equal(error_of(p->session), 0);
        p2p_loop_advance(p->loop, 1);
        assert_int_equal(error_of(p->session), -ETIMEDOUT);
        yamux_peer_free(p);
}

static void keepalive_follows_the_option(void **state) {
        static const p2p_yamux_options options = { .streams_max = 1, .keepalive_usec = 5 * USEC_PER_SEC };
        yamux_peer *p = yamux_peer_new(&options, NULL);

        (void) state;
        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 0);
        yamux_peer_send(p, YAMUX_PING, YAMUX_ACK, 0, 0);
        p2p_loop_advance(p->loop, 5 * USEC_PER_SEC);
        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 1);
        p2p_loop_advance(p->loop, 9 * USEC_PER_SEC);
        yamux_peer_send(p, YAMUX_PING, YAMUX_ACK, 0, 1);
        p2p_loop_advance(p->loop, 5 * USEC_PER_SEC - 1);
        yamux_peer_expect_none(p);
        p2p_loop_advance(p->loop, 1);
        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 2);
        p2p_loop_advance(p->loop, 10 * USEC_PER_SEC);
        assert_int_equal(error_of(p->session), -ETIMEDOUT);
        yamux_peer_free(p);
}

static void any_go_away_ends_the_session(void **state) {
        static const uint32_t codes[] = { 0, 1, 0x1007 };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
                yamux_peer *p = yamux_peer_new(NULL, NULL);
                p2p_channel *c = yamux_peer_next(p, &(p2p_yamux_header) {}) ? yamux_peer_open(p, 1) : NULL;
                uint32_t code = 77;
                char data[16];

                yamux_peer_send(p, YAMUX_DATA, 0, 1, 3);
                yamux_peer_send(p, YAMUX_GO_AWAY, 0, 0, codes[i]);
                assert_int_equal(p->session->ops->error(p->session, &code), -ECONNRESET);
                assert_int_equal(code, codes[i]);
                assert_int_equal(p->session->ops->n_streams(p->session), 0);
                /* what had come may be read, then the error */
                assert_int_equal(p2p_channel_read(c, data, sizeof(data)), 3);
                assert_int_equal(p2p_channel_read(c, data, sizeof(data)), -ECONNRESET);
                assert_int_equal(p2p_channel_write(c, "x", 1), -ECONNRESET);
                assert_int_equal(p2p_channel_shutdown(c), -ECONNRESET);
                p2p_channel_reset(c, 1);
                p2p_channel_free(c);
                assert_int_equal(p->session->ops->open(p->session, &c), -ECONNRESET);
                yamux_peer_free(p);
        }
}

static void close_says_go_away_and_hangs_up(void **state) {
        yamux_peer *p = yamux_peer_new(NULL, NULL);
        uint8_t byte;

        (void) state;
        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 0);
        p->session->ops->close(p->session, P2P_CONN_GATED);
        p->session->ops->close(p->session, 0); /* the first word counts */
        assert_int_equal(error_of(p->session), -ECONNRESET);
        p->session = p2p_session_free(p->session); /* at once: it goes on in the background */
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_GO_AWAY, 0, 0, 0x1007);
        assert_int_equal(p2p_channel_read(p->channel, &byte, 1), 0);
        yamux_peer_free(p);
}

static void close_waits_two_seconds_for_a_peer_that_does_not_read(void **state) {
        static const p2p_memory_options tight = { .capacity = 12 };
        yamux_peer *p = yamux_peer_new(NULL, &tight); /* the ping fills it */
        bool more;

        (void) state;
        p->session->ops->close(p->session, 0);
        p->session = p2p_session_free(p->session);
        p2p_loop_advance(p->loop, 2 * USEC_PER_SEC - 1);
        more = yamux_peer_next(p, &(p2p_yamux_header) {}); /* room now, and it is still there */
        assert_true(more);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_GO_AWAY, 0, 0, 0);
        yamux_peer_free(p);

        p = yamux_peer_new(NULL, &tight);
        p->session->ops->close(p->session, 0);
        p->session = p2p_session_free(p->session);
        p2p_loop_advance(p->loop, 2 * USEC_PER_SEC);
        assert_true(yamux_peer_next(p, &(p2p_yamux_header) {}));
        assert_int_equal(p2p_channel_read(p->channel, p->shown, 1), 0);
        yamux_peer_free(p);
}

static void the_loop_frees_a_session_that_still_closes(void **state) {
        static const p2p_memory_options tight = { .capacity = 12 };
        yamux_peer *p = yamux_peer_new(NULL, &tight);

        (void) state;
        p->session->ops->close(p->session, 0);
        p->session = p2p_session_free(p->session);
        p2p_task_cancel(&p->wake);
        p2p_loop_free(p->loop); /* with nothing left behind */
        assert_int_equal(p2p_channel_read(p->channel, p->shown, 1), -ECONNRESET);
        p2p_channel_free(p->channel);
        free(p);
}

static void freed_without_close_it_breaks_the_channel(void **state) {
        yamux_peer *p = yamux_peer_new(NULL, NULL);

        (void) state;
        p->session = p2p_session_free(p->session);
        assert_int_equal(p2p_channel_read(p->channel, p->shown, 1), -ECONNRESET);
        yamux_peer_free(p);
}

static void the_end_of_the_channel_is_the_end_of_the_session(void **state) {
        yamux_pair *p = yamux_pair_new(NULL, NULL);
        p2p_channel *a, *b;

        (void) state;
        yamux_pair_open(p, &a, &b);
        p2p_session_free(p->client);
        p->client = NULL;
        p2p_loop_settle(p->loop);
        assert_int_equal(error_of(p->server), -ECONNRESET);
        assert_int_equal(p2p_channel_read(a, &(char) { 0 }, 1), -ECONNRESET);
        assert_int_equal(p2p_channel_read(b, &(char) { 0 }, 1), -ECONNRESET);
        p2p_channel_free(a);
        p2p_channel_free(b);
        yamux_pair_free(p);

        yamux_peer *q = yamux_peer_new(NULL, NULL);

        p2p_channel_shutdown(q->channel);
        p2p_loop_settle(q->loop);
        assert_int_equal(error_of(q->session), -ECONNRESET);
        yamux_peer_free(q);
}

static void a_go_away_wins_over_the_write_that_failed(void **state) {
        yamux_peer *p = yamux_peer_new(NULL, NULL);
        uint8_t frame[P2P_YAMUX_HEADER_SIZE];
        p2p_channel *c;
        uint32_t code = 0;

        (void) state;
        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 0);
        c = yamux_peer_open(p, 1);
        p2p_channel_write(c, "x", 1);
        p2p_yamux_header_encode(&(p2p_yamux_header) { YAMUX_GO_AWAY, 0, 0, 0x1007 }, frame);
        p2p_channel_write(p->channel, frame, sizeof(frame));
        p2p_channel_shutdown(p->channel);
        p->channel = p2p_channel_free(p->channel);
        p2p_loop_settle(p->loop);
        assert_int_equal(p->session->ops->error(p->session, &code), -ECONNRESET);
        assert_int_equal(code, 0x1007);
        p2p_channel_free(c);
        yamux_peer_free(p);
}

static void open_stops_at_the_backlog_and_goes_on_with_the_acks(void **state) {
        static const p2p_yamux_options options = { .client = true, .streams_max = 1 };
        yamux_peer *p = yamux_peer_new(&options, NULL);
        p2p_channel *c[P2P_YAMUX_BACKLOG + 1], *more;

        (void) state;
        for (unsigned i = 0; i < P2P_YAMUX_BACKLOG; i++)
                assert_int_equal(p->session->ops->open(p->session, &c[i]), 0);
        assert_int_equal(p->session->ops->open(p->session, &more), -EAGAIN);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 0);
        for (unsigned i = 0; i < P2P_YAMUX_BACKLOG; i++)
                yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 2 * i + 1, 0);
        assert_int_equal(p->n_wakes, 0);

        /* data and FIN do not replace the ACK; it gives one place back, and its duplicate none */
        yamux_peer_send(p, YAMUX_DATA, YAMUX_FIN, 1, 4);
        assert_int_equal(p->session->ops->open(p->session, &more), -EAGAIN);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 1, 70);
        assert_int_equal(p->n_wakes, 1);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 1, 0);
        assert_int_equal(p->session->ops->open(p->session, &c[P2P_YAMUX_BACKLOG]), 0);
        assert_int_equal(p->session->ops->open(p->session, &more), -EAGAIN);

        /* a reset from there, and one from here */
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 3, 0x1002);
        assert_int_equal(p->n_wakes, 2);
        assert_int_equal(p2p_channel_reset_code(c[1]), 0x1002);
        p2p_channel_free(c[1]);
        assert_int_equal(p->session->ops->open(p->session, &c[1]), 0);
        p2p_channel_reset(c[2], 5);
        p2p_loop_settle(p->loop);
        p2p_channel_free(c[2]);
        assert_int_equal(p->session->ops->open(p->session, &c[2]), 0);
        for (unsigned i = 0; i <= P2P_YAMUX_BACKLOG; i++)
                p2p_channel_free(c[i]);
        yamux_peer_free(p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_pings_at_once_and_measures_the_round_trip),
                cmocka_unit_test(it_answers_pings_with_their_value),
                cmocka_unit_test(a_mute_peer_lives_forty_seconds),
                cmocka_unit_test(any_frame_after_the_ping_keeps_it_alive),
                cmocka_unit_test(keepalive_follows_the_option),
                cmocka_unit_test(any_go_away_ends_the_session),
                cmocka_unit_test(close_says_go_away_and_hangs_up),
                cmocka_unit_test(close_waits_two_seconds_for_a_peer_that_does_not_read),
                cmocka_unit_test(the_loop_frees_a_session_that_still_closes),
                cmocka_unit_test(freed_without_close_it_breaks_the_channel),
                cmocka_unit_test(the_end_of_the_channel_is_the_end_of_the_session),
                cmocka_unit_test(a_go_away_wins_over_the_write_that_failed),
                cmocka_unit_test(open_stops_at_the_backlog_and_goes_on_with_the_acks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
