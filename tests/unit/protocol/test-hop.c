/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hop service, asked by hand: every status code of wire reference 11.3, and every limit on requests and reservations. */

#include "crypto/envelope.h"
#include "tests/unit/protocol/hop-world.h"

static void an_answer_names_us_and_is_vouched_for(void **state) {
        p2p_hop_message m;
        world *w = *state;
        p2p_voucher v;
        talk t;

        w->limits.data = 131072;
        w->limits.duration_usec = 120 * USEC_PER_SEC;
        start(w, 1);
        talk_open(&t, &w->clients[0], node_id(&w->relay), P2P_HOP_PROTOCOL);
        talk_say(&t, HEX("020800"));
        assert_int_equal(p2p_hop_message_parse(talk_hear_message(&t), &m), 0);
        assert_int_equal(m.status, P2P_HOP_OK);
        assert_int_equal(m.limit.data, 131072);
        assert_int_equal(m.limit.duration_s, 120);
        assert_int_equal(p2p_voucher_open(m.voucher, &v), 0);
        assert_true(p2p_peer_id_equal(&v.relay, node_id(&w->relay)));
        assert_true(p2p_peer_id_equal(&v.peer, node_id(&w->clients[0])));
        assert_int_equal(v.expires, m.expires);
        p2p_hop_message_done(&m);
        talk_close(&t);
}

static void malformed_requests_are_told_so(void **state) {
        static const struct { const char *why, *hex; } cases[] = {
                { "type STATUS",       "02 0802"             },
                { "unknown type",      "02 0805"             },
                { "CONNECT, no peer",  "02 0801"             },
                { "CONNECT, bad peer", "09 0801 1205 0a03010203" },
                { "garbage",           "04 ffffffff"         },
        };
        uint8_t bytes[64];
        world *w = *state;

        start(w, 1);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (ask_once(w, 0, hex_view(cases[i].hex, bytes, sizeof(bytes))) != P2P_HOP_MALFORMED_MESSAGE)
                        fail_msg("%s", cases[i].why);
        assert_int_equal(w->refused, P2P_HOP_MALFORMED_MESSAGE);
        assert_int_equal(p2p_hop_n_reservations(w->relay.hop), 0);
}

static void an_empty_message_reserves(void **state) {
        world *w = *state;

        start(w, 1);
        assert_int_equal(ask_once(w, 0, HEX("00")), P2P_HOP_OK);
        assert_int_equal(p2p_hop_n_reservations(w->relay.hop), 1);
}

static void the_policy_is_asked(void **state) {
        world *w = *state;

        start(w, 2);
        assert_int_equal(reserve(w, 1), P2P_HOP_OK);
        w->denied = true;
        assert_int_equal(reserve(w, 0), P2P_HOP_PERMISSION_DENIED);
        assert_int_equal(ask_once(w, 0, connect_to(node_id(&w->clients[1]))), P2P_HOP_PERMISSION_DENIED);
        assert_int_equal(w->refused, P2P_HOP_PERMISSION_DENIED);
}

static void nobody_without_reservation_is_reached(void **state) {
        world *w = *state;

        start(w, 2);
        w->limits.circuits = 0;
        assert_int_equal(ask_once(w, 0, connect_to(node_id(&w->clients[1]))), P2P_HOP_NO_RESERVATION);
}

static void reservations_are_limited(void **state) {
        world *w = *state;

        w->limits.reservations = 2;
        start(w, 4);
        assert_int_equal(reserve(w, 0), P2P_HOP_OK);
        assert_int_equal(reserve(w, 1), P2P_HOP_OK);
        assert_int_equal(reserve(w, 2), P2P_HOP_RESERVATION_REFUSED);
        assert_int_equal(reserve(w, 1), P2P_HOP_OK); /* a refresh takes no place */
        assert_int_equal(w->n_refreshed, 1);
        p2p_hop_drop_peer(w->relay.hop, node_id(&w->clients[0]));
        assert_int_equal(w->n_released, 1);
        assert_int_equal(reserve(w, 2), P2P_HOP_OK);
        assert_int_equal(p2p_hop_n_reservations(w->relay.hop), 2);
}

static void reservations_of_one_address_are_limited(void **state) {
        world *w = *state;

        w->limits.reservations_per_ip = 3;
        start(w, 4);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(reserve(w, i), P2P_HOP_OK);
        assert_int_equal(reserve(w, 3), P2P_HOP_RESERVATION_REFUSED);
        assert_int_equal(reserve(w, 2), P2P_HOP_OK);
}

static void a_reservation_expires_unless_refreshed(void **state) {
        p2p_hop_reservation_info info;
        world *w = *state;
        uint64_t first;

        w->limits.reservation_ttl_usec = 60 * USEC_PER_SEC;
        start(w, 1);
        assert_int_equal(reserve(w, 0), P2P_HOP_OK);
        assert_true(p2p_hop_reservation_at(w->relay.hop, 0, &info));
        first = info.expires;
        assert_true(p2p_peer_id_equal(&info.peer, node_id(&w->clients[0])));
        p2p_loop_advance(w->loop, 40 * USEC_PER_SEC);
        assert_int_equal(reserve(w, 0), P2P_HOP_OK);
        p2p_loop_advance(w->loop, 59 * USEC_PER_SEC);
        assert_int_equal(p2p_hop_n_reservations(w->relay.hop), 1);
        assert_true(p2p_hop_reservation_at(w->relay.hop, 0, &info));
        assert_true(info.expires >= first);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        assert_int_equal(p2p_hop_n_reservations(w->relay.hop), 0);
        assert_int_equal(w->n_expired, 1);
        assert_false(p2p_hop_reservation_at(w->relay.hop, 0, &info));
}

static bool is_released(void *userdata) {
        return ((world *) userdata)->n_released > 0;
}

static void a_reservation_ends_with_its_connection(void **state) {
        world *w = *state;

        start(w, 1);
        assert_int_equal(reserve(w, 0), P2P_HOP_OK);
        p2p_host_close_peer(w->clients[0].host, node_id(&w->relay), P2P_CONN_SHUTDOWN);
        assert_true(loop_until(w->loop, is_released, w));
        assert_int_equal(w->n_expired, 0);
}

static void a_stop_that_fails_is_a_failed_connection(void **state) {
        static const char *const answers[] = { "05 080120ca01", "02 0800", "03 ffffff", "00" };
        uint8_t bytes[16];
        world *w = *state;
        talk src, dst;

        start(w, 2);
        take_stops(w, 1);
        assert_int_equal(reserve(w, 1), P2P_HOP_OK);
        for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
                talk_open(&src, &w->clients[0], node_id(&w->relay), P2P_HOP_PROTOCOL);
                talk_say(&src, connect_to(node_id(&w->clients[1])));
                assert_true(loop_until(w->loop, has_stop, w));
                talk_take(&dst, w->loop, w->stops[--w->n_stops]);
                talk_say(&dst, hex_view(answers[i], bytes, sizeof(bytes)));
                assert_true(p2p_view_equal(talk_hear_message(&src), HEX("0802 28cb01")));
                talk_close(&src);
                talk_close(&dst);
        }
        p2p_host_unhandle(w->clients[1].host, P2P_STOP_PROTOCOL); /* and one that is not spoken at all */
        assert_int_equal(ask_once(w, 0, connect_to(node_id(&w->clients[1]))), P2P_HOP_CONNECTION_FAILED);
        assert_int_equal(w->refused, P2P_HOP_CONNECTION_FAILED);
        assert_int_equal(p2p_hop_n_circuits(w->relay.hop), 0);
}

static bool third_stop(void *userdata) {
        return ((world *) userdata)->n_stops >= 3;
}

/* Circuits are counted from their request on, or a burst would pass under the limit. */
static void circuits_of_a_peer_are_limited(void **state) {
        world *w = *state;
        talk t[3];

        w->limits.circuits_per_peer = 3;
        start(w, 3);
        take_stops(w, 1);
        assert_int_equal(reserve(w, 1), P2P_HOP_OK);
        for (unsigned i = 0; i < 3; i++) {
                talk_open(&t[i], &w->clients[0], node_id(&w->relay), P2P_HOP_PROTOCOL);
                talk_say(&t[i], connect_to(node_id(&w->clients[1])));
        }
        assert_true(loop_until(w->loop, third_stop, w));
        assert_int_equal(ask_once(w, 0, connect_to(node_id(&w->clients[1]))), P2P_HOP_RESOURCE_LIMIT_EXCEEDED);
        assert_int_equal(ask_once(w, 2, connect_to(node_id(&w->clients[1]))), P2P_HOP_RESOURCE_LIMIT_EXCEEDED);
        for (unsigned i = 0; i < 3; i++)
                talk_close(&t[i]);
}

typedef struct asked {
        p2p_stream *stream;
        uint32_t code;
        bool done;
} asked;

static void on_asked(p2p_stream *stream, int error _unused_, uint32_t code, void *userdata) {
        *(asked *) userdata = (asked){ stream, code, true };
}

static void sixty_four_requests_of_a_peer_are_taken(void **state) {
        static const p2p_open_options options = { .confirm = true };
        asked requests[65] = {};
        world *w = *state;
        p2p_open *open;
        static talk t;

        start(w, 1);
        for (unsigned i = 0; i < ELEMENTSOF(requests); i++)
                assert_int_equal(p2p_open_new(w->clients[0].host, node_id(&w->relay), P2P_HOP_PROTOCOL, &options, on_asked,
                                              &requests[i], &open), 0);
        for (unsigned i = 0; i < 20; i++) { /* in a crowd an opening waits a little for second thoughts */
                for (unsigned k = 0; k < 20; k++)
                        (void) p2p_loop_turn(w->loop, USEC_PER_MSEC);
                p2p_loop_advance(w->loop, 100 * USEC_PER_MSEC);
        }
        for (unsigned i = 0; i < ELEMENTSOF(requests); i++) {
                assert_true(requests[i].done);
                assert_int_equal(!requests[i].stream, i == 64);
        }
        assert_int_equal(requests[64].code, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        talk_take(&t, w->loop, requests[63].stream);
        talk_say(&t, HEX("020800"));
        assert_true(talk_hear_message(&t).n > 0);
        for (unsigned i = 0; i < 64; i++)
                p2p_stream_free(requests[i].stream);
}

static void a_request_that_is_never_finished_ends(void **state) {
        world *w = *state;
        talk t;

        start(w, 1);
        talk_open(&t, &w->clients[0], node_id(&w->relay), P2P_HOP_PROTOCOL);
        talk_say(&t, HEX("02"));
        p2p_loop_settle(w->loop);
        p2p_loop_advance(w->loop, 61 * USEC_PER_SEC);
        (void) talk_hear(&t, 1);
        assert_int_equal(t.error, -ECONNRESET);
        talk_close(&t);
}

static void a_peer_may_be_dropped_by_whoever_is_told(void **state) {
        world *w = *state;
        talk t;

        w->drop = true;
        start(w, 1);
        (void) ask(w, &t, 0, HEX("020800"));
        talk_close(&t);
        (void) ask(w, &t, 0, HEX("020802"));
        talk_close(&t);
        assert_int_equal(w->n_reserved, 1);
        assert_int_equal(w->refused, P2P_HOP_MALFORMED_MESSAGE);
        assert_int_equal(p2p_hop_n_reservations(w->relay.hop), 0);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(an_answer_names_us_and_is_vouched_for),
                T(malformed_requests_are_told_so),
                T(an_empty_message_reserves),
                T(the_policy_is_asked),
                T(nobody_without_reservation_is_reached),
                T(reservations_are_limited),
                T(reservations_of_one_address_are_limited),
                T(a_reservation_expires_unless_refreshed),
                T(a_reservation_ends_with_its_connection),
                T(a_stop_that_fails_is_a_failed_connection),
                T(circuits_of_a_peer_are_limited),
                T(sixty_four_requests_of_a_peer_are_taken),
                T(a_request_that_is_never_finished_ends),
                T(a_peer_may_be_dropped_by_whoever_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
