/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Circuits of raw bytes: what crosses, what ends them, and both limits to the byte and the second. */

#include "tests/unit/protocol/hop-world.h"

/* A circuit of raw bytes from client 0 to client 1, which reserved. */
static void join(world *w, talk *src, talk *dst) {
        p2p_stop_message stop;
        p2p_view v;

        take_stops(w, 1);
        assert_int_equal(reserve(w, 1), P2P_HOP_OK);
        talk_open(src, &w->clients[0], node_id(&w->relay), P2P_HOP_PROTOCOL);
        talk_say(src, connect_to(node_id(&w->clients[1])));
        assert_true(loop_until(w->loop, has_stop, w));
        talk_take(dst, w->loop, w->stops[--w->n_stops]);
        v = talk_hear_message(dst);
        assert_int_equal(p2p_stop_message_parse(v, &stop), 0);
        assert_int_equal(stop.type, P2P_STOP_CONNECT);
        assert_true(p2p_peer_id_equal(&stop.peer, node_id(&w->clients[0])));
        assert_int_equal(stop.limit.data, w->limits.data);
        assert_int_equal(stop.limit.duration_s, w->limits.duration_usec / USEC_PER_SEC);
        talk_say(dst, HEX("04 08012064"));
        v = talk_hear_message(src);
        assert_int_equal(v.n, w->limits.data || w->limits.duration_usec ? v.n : 4);
        assert_memory_equal(v.data, "\x08\x02", 2);
        assert_int_equal(p2p_hop_n_circuits(w->relay.hop), 1);
}

static void a_running_circuit_counts_for_both_ends(void **state) {
        p2p_circuit_report report;
        world *w = *state;
        talk src, dst;

        w->limits.circuits_per_peer = 1;
        start(w, 3);
        join(w, &src, &dst);
        assert_true(p2p_hop_circuit_at(w->relay.hop, 0, &report));
        assert_true(p2p_peer_id_equal(&report.src, node_id(&w->clients[0])));
        assert_true(p2p_peer_id_equal(&report.dst, node_id(&w->clients[1])));
        assert_int_equal(ask_once(w, 2, connect_to(node_id(&w->clients[1]))), P2P_HOP_RESOURCE_LIMIT_EXCEEDED);
        assert_int_equal(reserve(w, 2), P2P_HOP_OK);
        assert_int_equal(ask_once(w, 0, connect_to(node_id(&w->clients[2]))), P2P_HOP_RESOURCE_LIMIT_EXCEEDED);
        talk_close(&src);
        talk_close(&dst);
        assert_true(loop_until(w->loop, is_closed, w));
        assert_int_equal(w->report.error, -ECONNRESET);
        assert_int_equal(p2p_hop_n_circuits(w->relay.hop), 0);
}

static void bytes_and_ends_cross_in_both_directions(void **state) {
        world *w = *state;
        talk src, dst;

        start(w, 2);
        join(w, &src, &dst);
        assert_int_equal(w->n_opened, 1);
        talk_say(&src, P2P_VIEW("to dst", 6));
        assert_int_equal(talk_hear(&dst, 6), 6);
        assert_memory_equal(dst.heard, "to dst", 6);
        assert_int_equal(p2p_channel_shutdown(p2p_stream_channel(src.stream)), 0);
        assert_int_equal(talk_hear_end(&dst), 0);
        assert_int_equal(dst.error, 0); /* the end crossed, and only that direction's */
        talk_say(&dst, P2P_VIEW("back", 4));
        assert_int_equal(talk_hear(&src, 4), 4);
        assert_int_equal(p2p_channel_shutdown(p2p_stream_channel(dst.stream)), 0);
        assert_int_equal(talk_hear_end(&src), 0);
        assert_int_equal(src.error, 0);
        assert_true(loop_until(w->loop, is_closed, w));
        assert_int_equal(w->report.error, 0);
        assert_int_equal(w->report.bytes_to_dst, 6);
        assert_int_equal(w->report.bytes_to_src, 4);
        assert_int_equal(w->report.status, P2P_HOP_OK);
        talk_close(&src);
        talk_close(&dst);
}

static void the_data_limit_is_exact(void **state) {
        static uint8_t bytes[100001];
        world *w = *state;
        talk src, dst;

        w->limits.data = 100000;
        start(w, 2);
        join(w, &src, &dst);
        talk_say(&src, P2P_VIEW(bytes, 100001));
        assert_int_equal(talk_hear_end(&dst), 100000);
        assert_int_equal(dst.error, 0); /* an end towards the destination, no reset */
        talk_say(&dst, P2P_VIEW("x", 1)); /* the other direction has a limit of its own */
        assert_int_equal(talk_hear(&src, 1), 1);
        assert_int_equal(p2p_channel_shutdown(p2p_stream_channel(dst.stream)), 0);
        assert_true(loop_until(w->loop, is_closed, w));
        assert_int_equal(w->report.error, -EDQUOT);
        assert_int_equal(w->report.bytes_to_dst, 100000);
        talk_close(&src);
        talk_close(&dst);
}

static void the_time_limit_resets_both(void **state) {
        world *w = *state;
        talk src, dst;

        w->limits.duration_usec = 10 * USEC_PER_SEC;
        start(w, 2);
        join(w, &src, &dst);
        p2p_loop_advance(w->loop, 9 * USEC_PER_SEC);
        assert_int_equal(p2p_hop_n_circuits(w->relay.hop), 1);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        assert_int_equal(p2p_hop_n_circuits(w->relay.hop), 0);
        assert_int_equal(w->report.error, -ETIME);
        (void) talk_hear_end(&src);
        (void) talk_hear_end(&dst);
        assert_int_equal(src.error, -ECONNRESET);
        assert_int_equal(dst.error, -ECONNRESET);
        talk_close(&src);
        talk_close(&dst);
}

static void a_reset_crosses(void **state) {
        world *w = *state;
        talk src, dst;

        start(w, 2);
        join(w, &src, &dst);
        p2p_channel_reset(p2p_stream_channel(src.stream), P2P_STREAM_NO_ERROR);
        (void) talk_hear_end(&dst);
        assert_int_equal(dst.error, -ECONNRESET);
        assert_true(loop_until(w->loop, is_closed, w));
        talk_close(&src);
        talk_close(&dst);
}

static void a_dropped_peer_loses_its_circuits(void **state) {
        world *w = *state;
        talk src, dst;

        start(w, 2);
        join(w, &src, &dst);
        p2p_hop_drop_peer(w->relay.hop, node_id(&w->clients[1]));
        assert_int_equal(p2p_hop_n_circuits(w->relay.hop), 0);
        assert_int_equal(p2p_hop_n_reservations(w->relay.hop), 0);
        assert_int_equal(w->report.error, -ECANCELED);
        (void) talk_hear_end(&src);
        assert_int_equal(src.error, -ECONNRESET);
        talk_close(&src);
        talk_close(&dst);
}

static void a_dropped_peer_gets_no_circuit_that_was_asked_for(void **state) {
        world *w = *state;
        talk src, dst;

        start(w, 2);
        take_stops(w, 1);
        assert_int_equal(reserve(w, 1), P2P_HOP_OK);
        talk_open(&src, &w->clients[0], node_id(&w->relay), P2P_HOP_PROTOCOL);
        talk_say(&src, connect_to(node_id(&w->clients[1])));
        assert_true(loop_until(w->loop, has_stop, w));
        talk_take(&dst, w->loop, w->stops[--w->n_stops]);
        p2p_hop_drop_peer(w->relay.hop, node_id(&w->clients[0]));
        talk_say(&dst, HEX("04 08012064"));
        (void) talk_hear_end(&src);
        assert_int_equal(src.error, -ECONNRESET);
        assert_int_equal(w->n_opened, 0);
        talk_close(&src);
        talk_close(&dst);
}

/* What a slow reader does not take stays with the writer: the relay keeps at most a window and a chunk. */
static void a_slow_reader_holds_its_writer(void **state) {
        static uint8_t block[65536];
        world *w = *state;
        size_t sent = 0;
        talk src, dst;

        start(w, 2);
        join(w, &src, &dst);
        for (unsigned idle = 0; idle < 50;) {
                ssize_t n = p2p_channel_write(p2p_stream_channel(src.stream), block, sizeof(block));

                if (n > 0)
                        sent += (size_t) n;
                idle = n > 0 ? 0 : idle + 1;
                (void) p2p_loop_turn(w->loop, 2 * USEC_PER_MSEC);
                assert_true(sent < 4u << 20);
        }
        assert_int_equal(talk_hear(&dst, sent), sent); /* and nothing of it was lost */
        talk_close(&src);
        talk_close(&dst);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(a_running_circuit_counts_for_both_ends),
                T(bytes_and_ends_cross_in_both_directions),
                T(the_data_limit_is_exact),
                T(the_time_limit_resets_both),
                T(a_reset_crosses),
                T(a_dropped_peer_loses_its_circuits),
                T(a_dropped_peer_gets_no_circuit_that_was_asked_for),
                T(a_slow_reader_holds_its_writer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
