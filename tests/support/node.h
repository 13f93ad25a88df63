/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A whole node for tests: host, identify, ping, circuits, on loopback, with a seed of its own. Several share one loop. */

#include <p2p/circuit.h>
#include <p2p/identify.h>
#include <p2p/ping.h>

typedef struct node node;
struct node {
        p2p_identity *identity;
        p2p_host *host;
        p2p_identify *identify;
        p2p_ping *ping;
        p2p_circuit *circuit;
        p2p_hop *hop;
        bool refuse_all; /* the gater's answer */
        unsigned n_opened, n_closed, n_identified, n_refused;
        int close_error;
        uint32_t close_code;
        int refuse_error;                          /* of the last inbound that came to nothing */
        void (*opened)(p2p_conn *conn, void *userdata); /* set after the start; may be NULL */
        void *userdata;
};

typedef struct node_options {
        const p2p_host_limits *limits; /* NULL: the defaults */
        const p2p_hop_limits *hop;     /* not NULL: a relay */
        const p2p_hop_events *hop_events;
        void *hop_userdata;
        bool silent; /* no listener */
} node_options;

/* seed: the byte of which the key's seed consists. Aborts on failure: a test without its node is no test. */
void node_start(node *n, p2p_loop *loop, uint8_t seed, const node_options *options);
void node_stop(node *n);
const p2p_peer_id *node_id(const node *n);
/* b learns where a listens. */
void node_introduce(node *a, node *b);

/* Turns the loop until *done, at most five seconds of real time. Returns *done. */
bool loop_until(p2p_loop *loop, bool (*done)(void *userdata), void *userdata);
