/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Three real nodes over loopback: a relay, one who reserves, one who dials through it. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/node.h"

static const p2p_hop_limits generous = {
        .reservations = 8, .reservations_per_ip = 8, .circuits_per_peer = 4, .circuits = 8,
        .reservation_ttl_usec = 3600 * USEC_PER_SEC, .buffer = 2048,
};

typedef struct world {
        p2p_loop *loop;
        node relay, home, laptop;
        p2p_reservation *reservation;
        p2p_addr *circuit_addr;
        p2p_conn *conn;
        p2p_stream *stream, *inbound;
        bool done;
        int error;
        size_t got, want;
} world;

static bool is_done(void *userdata) {
        return ((world *) userdata)->done;
}

static bool is_active(void *userdata) {
        return p2p_reservation_state_of(((world *) userdata)->reservation) == P2P_RESERVATION_ACTIVE;
}

static bool is_waiting(void *userdata) {
        return p2p_reservation_state_of(((world *) userdata)->reservation) == P2P_RESERVATION_WAITING;
}

static void start_with(world *w, const p2p_hop_limits *limits, const p2p_hop_events *events) {
        assert_int_equal(p2p_loop_new(&w->loop), 0);
        node_start(&w->relay, w->loop, 9, &(node_options){ .hop = limits, .hop_events = events, .hop_userdata = w });
        node_start(&w->home, w->loop, 1, &(node_options){ .silent = true });
        node_start(&w->laptop, w->loop, 2, &(node_options){ .silent = true });
        node_introduce(&w->relay, &w->home);
        node_introduce(&w->relay, &w->laptop);
        assert_int_equal(p2p_addr_make_circuit(p2p_host_listen_addr(w->relay.host, 0), node_id(&w->relay), &w->circuit_addr), 0);
        assert_int_equal(p2p_host_add_addr(w->laptop.host, node_id(&w->home), w->circuit_addr, USEC_INFINITY), 0);
}

static void start(world *w, const p2p_hop_limits *limits) {
        start_with(w, limits, NULL);
}

static void stop(world *w) {
        p2p_stream_free(w->stream);
        p2p_stream_free(w->inbound);
        p2p_reservation_free(w->reservation);
        p2p_addr_free(w->circuit_addr);
        node_stop(&w->laptop);
        node_stop(&w->home);
        node_stop(&w->relay);
        p2p_loop_free(w->loop);
}

static void reserve(world *w) {
        assert_int_equal(p2p_reservation_new(w->home.circuit, node_id(&w->relay), NULL, NULL, &w->reservation), 0);
        assert_true(loop_until(w->loop, is_active, w));
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        world *w = userdata;

        w->conn = conn;
        w->error = error;
        w->done = true;
}

static void dial(world *w) {
        p2p_dial *d;

        w->done = false;
        assert_int_equal(p2p_dial_new(w->laptop.host, node_id(&w->home), 5 * USEC_PER_SEC, on_dialled, w, &d), 0);
        assert_true(loop_until(w->loop, is_done, w));
        w->done = false;
}

static void a_peer_is_reached_through_the_relay(void **state _unused_) {
        world w = {};

        start(&w, &generous);
        reserve(&w);
        assert_int_equal(p2p_hop_n_reservations(w.relay.hop), 1);
        assert_true(p2p_reservation_expires(w.reservation) > 0);
        dial(&w);
        assert_int_equal(w.error, 0);
        assert_true(p2p_conn_is_circuit(w.conn));
        assert_false(p2p_conn_is_limited(w.conn)); /* no limits: an ordinary connection */
        assert_true(p2p_peer_id_equal(p2p_conn_peer(w.conn), node_id(&w.home)));
        assert_int_equal(p2p_hop_n_circuits(w.relay.hop), 1);
        stop(&w);
}

static void without_a_reservation_nobody_is_reached(void **state _unused_) {
        world w = {};

        start(&w, &generous);
        dial(&w);
        assert_int_equal(w.error, -EHOSTUNREACH);
        assert_int_equal(p2p_hop_n_circuits(w.relay.hop), 0);
        stop(&w);
}

static void limits_are_told_and_mark_the_connection(void **state _unused_) {
        p2p_hop_limits limits = generous;
        uint32_t duration;
        uint64_t data;
        world w = {};

        limits.data = 1 << 20;
        limits.duration_usec = 120 * USEC_PER_SEC;
        start(&w, &limits);
        reserve(&w);
        p2p_reservation_limit(w.reservation, &duration, &data);
        assert_int_equal(duration, 120);
        assert_int_equal(data, 1 << 20);
        dial(&w);
        assert_int_equal(w.error, 0);
        assert_true(p2p_conn_is_limited(w.conn));
        stop(&w);
}

static void a_refused_reservation_says_why(void **state _unused_) {
        p2p_hop_limits limits = generous;
        world w = {};

        limits.reservations = 0;
        start(&w, &limits);
        assert_int_equal(p2p_reservation_new(w.home.circuit, node_id(&w.relay), NULL, NULL, &w.reservation), 0);
        assert_true(loop_until(w.loop, is_waiting, &w));
        assert_int_equal(p2p_reservation_status(w.reservation), P2P_HOP_RESERVATION_REFUSED);
        assert_int_equal(p2p_reservation_error(w.reservation), -ENOBUFS);
        stop(&w);
}

static void a_reservation_comes_back_with_its_relay(void **state _unused_) {
        world w = {};

        start(&w, &generous);
        reserve(&w);
        p2p_host_close_peer(w.relay.host, node_id(&w.home), P2P_CONN_SHUTDOWN);
        assert_true(loop_until(w.loop, is_waiting, &w));
        assert_int_equal(p2p_hop_n_reservations(w.relay.hop), 0);
        assert_true(loop_until(w.loop, is_active, &w));
        assert_int_equal(p2p_hop_n_reservations(w.relay.hop), 1);
        stop(&w);
}

static void on_opened(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        world *w = userdata;

        w->stream = stream;
        w->error = error;
        w->done = true;
}

static void on_stream(p2p_stream *stream, void *userdata) {
        ((world *) userdata)->inbound = stream;
}

static bool pump_bulk(void *userdata) {
        static uint8_t block[65536];
        world *w = userdata;
        ssize_t n;

        if (w->want > 0) {
                n = p2p_channel_write(p2p_stream_channel(w->stream), block, P2P_MIN(w->want, sizeof(block)));
                if (n > 0)
                        w->want -= (size_t) n;
        }
        while (w->inbound && (n = p2p_channel_read(p2p_stream_channel(w->inbound), block, sizeof(block))) > 0)
                w->got += (size_t) n;
        return w->want == 0 && w->got == 8u << 20;
}

static void bulk_crosses_the_relay_whole(void **state _unused_) {
        p2p_open_options options = { .timeout_usec = 5 * USEC_PER_SEC };
        world w = { .want = 8u << 20 };
        p2p_open *open;

        start(&w, &generous);
        reserve(&w);
        assert_int_equal(p2p_host_handle(w.home.host, "/bulk/1", on_stream, &w), 0);
        assert_int_equal(p2p_open_new(w.laptop.host, node_id(&w.home), "/bulk/1", &options, on_opened, &w, &open), 0);
        assert_true(loop_until(w.loop, is_done, &w));
        assert_int_equal(w.error, 0);
        assert_true(loop_until(w.loop, pump_bulk, &w));
        stop(&w);
}

static void drop_source(const p2p_peer_id *src, const p2p_peer_id *dst _unused_, void *userdata) {
        p2p_hop_drop_peer(((world *) userdata)->relay.hop, src);
}

static void drop_destination(const p2p_circuit_report *report, void *userdata) {
        p2p_hop_drop_peer(((world *) userdata)->relay.hop, &report->dst);
}

/* Whoever is told may drop a peer, and with it requests and circuits that are being served. */
static void a_peer_may_be_dropped_when_its_circuit_opens(void **state _unused_) {
        static const p2p_hop_events events = { .circuit_opened = drop_source };
        world w = {};

        start_with(&w, &generous, &events);
        reserve(&w);
        dial(&w);
        assert_true(w.error < 0);
        assert_int_equal(p2p_hop_n_circuits(w.relay.hop), 0);
        stop(&w);
}

static void a_peer_may_be_dropped_when_a_circuit_closes(void **state _unused_) {
        static const p2p_hop_events events = { .circuit_closed = drop_destination };
        world w = {};
        node third;

        start_with(&w, &generous, &events);
        reserve(&w);
        dial(&w);
        assert_int_equal(w.error, 0);
        node_start(&third, w.loop, 3, &(node_options){ .silent = true });
        node_introduce(&w.relay, &third);
        assert_int_equal(p2p_host_add_addr(third.host, node_id(&w.home), w.circuit_addr, USEC_INFINITY), 0);
        assert_int_equal(p2p_dial_new(third.host, node_id(&w.home), 5 * USEC_PER_SEC, on_dialled, &w, &(p2p_dial *){ NULL }), 0);
        assert_true(loop_until(w.loop, is_done, &w));
        assert_int_equal(w.error, 0);
        assert_int_equal(p2p_hop_n_circuits(w.relay.hop), 2);
        p2p_hop_drop_peer(w.relay.hop, node_id(&w.home));
        assert_int_equal(p2p_hop_n_circuits(w.relay.hop), 0);
        node_stop(&third);
        stop(&w);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_peer_is_reached_through_the_relay),
                cmocka_unit_test(without_a_reservation_nobody_is_reached),
                cmocka_unit_test(limits_are_told_and_mark_the_connection),
                cmocka_unit_test(a_refused_reservation_says_why),
                cmocka_unit_test(a_reservation_comes_back_with_its_relay),
                cmocka_unit_test(bulk_crosses_the_relay_whole),
                cmocka_unit_test(a_peer_may_be_dropped_when_its_circuit_opens),
                cmocka_unit_test(a_peer_may_be_dropped_when_a_circuit_closes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
