/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts of p2p-peer, our program in the interop matrix; its flags, actions and lines are those of tests/interop/PEERS.md. */

#include <p2p/circuit.h>
#include <p2p/identify.h>
#include <p2p/ping.h>

#define PEER_LIST_MAX 16u /* of every flag that may be repeated */
#define FLOW_CHUNK (32u << 10)

typedef struct peer_options {
        bool relay, echo, raise_limits, has_seed;
        uint8_t seed[32];
        const char *listen[PEER_LIST_MAX], *relays[PEER_LIST_MAX];
        unsigned n_listen, n_relays, n_allow;
        p2p_peer_id allow[PEER_LIST_MAX];
        uint64_t bytes, data_limit, duration_s, ttl_s, timeout_s;
        const char *dial;
        const char *security; /* the only one to offer, or NULL */
        char **actions; /* NULL-terminated */
        p2p_web_tls_options web;
} peer_options;

typedef struct peer {
        peer_options options;
        p2p_loop *loop;
        p2p_identity *identity;
        p2p_web_tls *web;
        p2p_host *host;
        p2p_identify *identify;
        p2p_ping *ping;
        p2p_circuit *circuit;
        p2p_hop *hop;
        p2p_reservation *reservations[PEER_LIST_MAX];
        unsigned n_reservations;
        p2p_list flows; /* streams of others that we serve */
        bool stopped;   /* by a signal */
        uint64_t deadline; /* of all that --dial does */

        p2p_peer_id target; /* of --dial */
        char *identified;   /* the last IDENTIFY of the target */
} peer;

/* ---- peer-options.c: prints FAIL usage itself. */
int peer_options_parse(int argc, char **argv, peer_options *ret);

/* ---- peer-report.c: the lines */
void peer_line(const char *format, ...) _printf_(1, 2);
extern const p2p_host_events peer_events; /* userdata: the peer */
void peer_on_identified(p2p_conn *conn, const p2p_identified *what, void *userdata);
void peer_on_reservation(p2p_reservation *reservation, void *userdata);
void peer_announce(peer *p);

/* ---- peer-flow.c: one stream and what is done with it, a step at each wake */
typedef struct pattern {
        uint64_t state;
} pattern;
pattern pattern_of(unsigned stream);

typedef struct flow flow;
struct flow {
        peer *peer;
        p2p_open *open;
        p2p_stream *stream;
        int (*run)(flow *f); /* 1: over; 0: a wake follows or it posted itself; < 0: broken */
        bool owned;          /* frees itself when it is over: nobody waits for it */
        p2p_task step;
        p2p_list flows;
        pattern out, in;
        uint64_t to_send, n_read;
        size_t moved; /* in this turn */
        uint8_t *buffer;
        size_t at, n; /* of the buffer: not yet written */
        uint8_t small[32];
        size_t n_small;
        unsigned phase;
        bool ended; /* our side was closed */
        int result; /* 0 while it runs, 1, or the error */
        uint32_t code;
};

/* Serves an inbound stream; it frees itself. */
void flow_serve(peer *p, p2p_stream *stream, int (*run)(flow *f));
/* Opens a stream to the target; for the caller to wait for and to free. */
int flow_open(peer *p, const char *protocol, int (*run)(flow *f), flow **ret);
flow *flow_free(flow *f);
P2P_CLEANUP(flow, flow_free);
p2p_channel *flow_channel(flow *f);
/* True where this turn's share is used up; the flow is posted again. */
bool flow_is_greedy(flow *f, size_t n);

/* Steps, each 1 when done, 0 when not yet, < 0. */
int flow_send_pattern(flow *f);              /* to_send bytes of `out`, then our end */
int flow_check_pattern(flow *f, uint64_t n); /* n bytes of `in`, then the far side's end */
int flow_count(flow *f);                     /* to the far side's end, into n_read */
int flow_copy(flow *f);                      /* back what comes, to the end of both */
int flow_write(flow *f, const void *data, size_t n); /* all of it, once: resets nothing, may be called again */
int flow_read(flow *f, size_t n);            /* into `small` */

/* ---- peer-serve.c */
int peer_serve(peer *p);

/* ---- peer-actions.c: in order, each to its end; prints FAIL itself */
int peer_dial(peer *p);
/* Turns the loop until *done is; -ETIMEDOUT at the deadline, -ECANCELED after a signal. */
int peer_wait(peer *p, bool (*done)(void *userdata), void *userdata);
