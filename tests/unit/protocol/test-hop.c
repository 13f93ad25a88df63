/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hop service, asked by hand: every status code of wire reference 11.3, and every limit. Circuits are raw bytes here. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/envelope.h"
#include "protocol/circuit-message.h"
#include "tests/support/hex.h"
#include "tests/support/talk.h"

#define CLIENTS_MAX 4u

typedef struct world {
        p2p_loop *loop;
        node relay, clients[CLIENTS_MAX];
        unsigned n_clients;
        p2p_hop_limits limits;
        p2p_stream *stops[8]; /* came to a client, spoken by hand */
        unsigned n_stops;
        bool denied; /* the policy's answer */
        bool drop;   /* whoever we are told about */
        unsigned n_reserved, n_refreshed, n_released, n_expired, n_opened, n_closed;
        unsigned refused;
        p2p_circuit_report report;
} world;

static bool on_allow(const p2p_peer_id *src _unused_, const p2p_peer_id *dst _unused_, void *userdata) {
        return !((world *) userdata)->denied;
}

static void on_reserved(const p2p_peer_id *peer, const p2p_addr *remote, bool refresh, void *userdata) {
        world *w = userdata;

        assert_non_null(remote);
        if (w->drop)
                p2p_hop_drop_peer(w->relay.hop, peer);
        w->n_reserved += !refresh;
        w->n_refreshed += refresh;
}

static void on_refused(const p2p_peer_id *peer, const p2p_peer_id *dst _unused_, unsigned status, void *userdata) {
        world *w = userdata;

        w->refused = status;
        if (w->drop)
                p2p_hop_drop_peer(w->relay.hop, peer);
}

static void on_released(const p2p_peer_id *peer _unused_, bool expired, void *userdata) {
        world *w = userdata;

        w->n_released++;
        w->n_expired += expired;
}

static void on_circuit(const p2p_peer_id *src _unused_, const p2p_peer_id *dst _unused_, void *userdata) {
        ((world *) userdata)->n_opened++;
}

static void on_circuit_closed(const p2p_circuit_report *report, void *userdata) {
        world *w = userdata;

        w->report = *report;
        w->n_closed++;
}

static const p2p_hop_events events = {
        .allow = on_allow,
        .reserved = on_reserved,
        .refused = on_refused,
        .released = on_released,
        .circuit_opened = on_circuit,
        .circuit_closed = on_circuit_closed,
};

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        w->limits = (p2p_hop_limits){
                .reservations = 8, .reservations_per_ip = 8, .circuits_per_peer = 8, .circuits = 8,
                .reservation_ttl_usec = 3600 * USEC_PER_SEC, .buffer = 2048,
        };
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        while (w->n_stops > 0)
                p2p_stream_free(w->stops[--w->n_stops]);
        for (unsigned i = 0; i < w->n_clients; i++)
                node_stop(&w->clients[i]);
        node_stop(&w->relay);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static void start(world *w, unsigned n_clients) {
        p2p_host_limits limits = P2P_HOST_LIMITS_DEFAULT;

        limits.streams = 256;
        node_start(&w->relay, w->loop, 9, &(node_options){ .hop = &w->limits, .hop_events = &events, .hop_userdata = w,
                                                           .limits = &limits });
        for (; w->n_clients < n_clients; w->n_clients++) {
                node_start(&w->clients[w->n_clients], w->loop, (uint8_t) (1 + w->n_clients), &(node_options){ .silent = true });
                node_introduce(&w->relay, &w->clients[w->n_clients]);
        }
}

static void on_stop(p2p_stream *stream, void *userdata) {
        world *w = userdata;

        assert_true(w->n_stops < ELEMENTSOF(w->stops));
        w->stops[w->n_stops++] = stream;
}

static bool has_stop(void *userdata) {
        return ((world *) userdata)->n_stops > 0;
}

static bool is_closed(void *userdata) {
        return ((world *) userdata)->n_closed > 0;
}

/* From now on stop streams to this client end up with us. */
static void take_stops(world *w, unsigned client) {
        p2p_circuit_free(w->clients[client].circuit);
        w->clients[client].circuit = NULL;
        assert_int_equal(p2p_host_handle(w->clients[client].host, P2P_STOP_PROTOCOL, on_stop, w), 0);
}

/* Status of the answer to these bytes; 0: none came. */
static unsigned ask(world *w, talk *t, unsigned client, p2p_view request) {
        p2p_hop_message m;
        p2p_view answer;

        talk_open(t, &w->clients[client], node_id(&w->relay), P2P_HOP_PROTOCOL);
        assert_int_equal(t->error, 0);
        talk_say(t, request);
        answer = talk_hear_message(t);
        if (t->error < 0 || p2p_hop_message_parse(answer, &m) < 0)
                return 0;
        p2p_hop_message_done(&m);
        assert_int_equal(m.type, P2P_HOP_STATUS);
        return m.status;
}

/* Refusals end with FIN, not with a reset. */
static unsigned ask_once(world *w, unsigned client, p2p_view request) {
        unsigned status;
        talk t;

        status = ask(w, &t, client, request);
        assert_int_equal(talk_hear_end(&t), 0);
        assert_int_equal(t.error, 0);
        talk_close(&t);
        return status;
}

static unsigned reserve(world *w, unsigned client) {
        return ask_once(w, client, HEX("020800"));
}

static p2p_view connect_to(const p2p_peer_id *peer) {
        static uint8_t bytes[64];

        bytes[0] = (uint8_t) (6 + peer->n);
        memcpy(bytes + 1, "\x08\x01\x12", 3);
        bytes[4] = (uint8_t) (2 + peer->n);
        bytes[5] = 0x0a;
        bytes[6] = peer->n;
        memcpy(bytes + 7, peer->data, peer->n);
        return P2P_VIEW(bytes, 7u + peer->n);
}

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

static void sixty_four_requests_of_a_peer_are_taken(void **state) {
        static talk t[65];
        world *w = *state;

        start(w, 1);
        for (unsigned i = 0; i < 65; i++) {
                (i < 64 ? talk_open : talk_open_lazily)(&t[i], &w->clients[0], node_id(&w->relay), P2P_HOP_PROTOCOL);
                talk_say(&t[i], HEX("02")); /* the rest never comes */
        }
        (void) talk_hear(&t[64], 1);
        assert_int_equal(t[64].error, -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(p2p_stream_channel(t[64].stream)), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        talk_say(&t[63], HEX("0800"));
        assert_true(talk_hear_message(&t[63]).n > 0);
        for (unsigned i = 0; i < 65; i++)
                talk_close(&t[i]);
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
                T(a_running_circuit_counts_for_both_ends),
                T(sixty_four_requests_of_a_peer_are_taken),
                T(a_request_that_is_never_finished_ends),
                T(bytes_and_ends_cross_in_both_directions),
                T(the_data_limit_is_exact),
                T(the_time_limit_resets_both),
                T(a_reset_crosses),
                T(a_dropped_peer_loses_its_circuits),
                T(a_dropped_peer_gets_no_circuit_that_was_asked_for),
                T(a_peer_may_be_dropped_by_whoever_is_told),
                T(a_slow_reader_holds_its_writer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
