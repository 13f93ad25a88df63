/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A relay and its clients, who speak hop and stop by hand. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

static inline bool on_allow(const p2p_peer_id *src _unused_, const p2p_peer_id *dst _unused_, void *userdata) {
        return !((world *) userdata)->denied;
}

static inline void on_reserved(const p2p_peer_id *peer, const p2p_addr *remote, bool refresh, void *userdata) {
        world *w = userdata;

        assert_non_null(remote);
        if (w->drop)
                p2p_hop_drop_peer(w->relay.hop, peer);
        w->n_reserved += !refresh;
        w->n_refreshed += refresh;
}

static inline void on_refused(const p2p_peer_id *peer, const p2p_peer_id *dst _unused_, unsigned status, void *userdata) {
        world *w = userdata;

        w->refused = status;
        if (w->drop)
                p2p_hop_drop_peer(w->relay.hop, peer);
}

static inline void on_released(const p2p_peer_id *peer _unused_, bool expired, void *userdata) {
        world *w = userdata;

        w->n_released++;
        w->n_expired += expired;
}

static inline void on_circuit(const p2p_peer_id *src _unused_, const p2p_peer_id *dst _unused_, void *userdata) {
        ((world *) userdata)->n_opened++;
}

static inline void on_circuit_closed(const p2p_circuit_report *report, void *userdata) {
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

static inline int setup(void **state) {
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

static inline int teardown(void **state) {
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

static inline void start(world *w, unsigned n_clients) {
        p2p_host_limits limits = P2P_HOST_LIMITS_DEFAULT;

        limits.streams = 256;
        node_start(&w->relay, w->loop, 9, &(node_options){ .hop = &w->limits, .hop_events = &events, .hop_userdata = w,
                                                           .limits = &limits });
        for (; w->n_clients < n_clients; w->n_clients++) {
                node_start(&w->clients[w->n_clients], w->loop, (uint8_t) (1 + w->n_clients), &(node_options){ .silent = true });
                node_introduce(&w->relay, &w->clients[w->n_clients]);
        }
}

static inline void on_stop(p2p_stream *stream, void *userdata) {
        world *w = userdata;

        assert_true(w->n_stops < ELEMENTSOF(w->stops));
        w->stops[w->n_stops++] = stream;
}

static inline bool has_stop(void *userdata) {
        return ((world *) userdata)->n_stops > 0;
}

static inline bool is_closed(void *userdata) {
        return ((world *) userdata)->n_closed > 0;
}

/* From now on stop streams to this client end up with us. */
static inline void take_stops(world *w, unsigned client) {
        p2p_circuit_free(w->clients[client].circuit);
        w->clients[client].circuit = NULL;
        assert_int_equal(p2p_host_handle(w->clients[client].host, P2P_STOP_PROTOCOL, on_stop, w), 0);
}

/* Status of the answer to these bytes; 0: none came. */
static inline unsigned ask(world *w, talk *t, unsigned client, p2p_view request) {
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
static inline unsigned ask_once(world *w, unsigned client, p2p_view request) {
        unsigned status;
        talk t;

        status = ask(w, &t, client, request);
        assert_int_equal(talk_hear_end(&t), 0);
        assert_int_equal(t.error, 0);
        talk_close(&t);
        return status;
}

static inline unsigned reserve(world *w, unsigned client) {
        return ask_once(w, client, HEX("020800"));
}

static inline p2p_view connect_to(const p2p_peer_id *peer) {
        static uint8_t bytes[64];

        bytes[0] = (uint8_t) (6 + peer->n);
        memcpy(bytes + 1, "\x08\x01\x12", 3);
        bytes[4] = (uint8_t) (2 + peer->n);
        bytes[5] = 0x0a;
        bytes[6] = peer->n;
        memcpy(bytes + 7, peer->data, peer->n);
        return P2P_VIEW(bytes, 7u + peer->n);
}
