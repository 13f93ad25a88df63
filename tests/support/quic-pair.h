/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Two QUIC transports on one loop with a manual clock, and a wire between them that may lose, repeat and
 * delay datagrams. Real sockets on the loopback: the wire is a third party that both ends take for the
 * other.
 */

#include <p2p/addr.h>
#include <p2p/transport.h>

#define QUIC_WIRE_QUEUE 4096u

typedef struct quic_wire {
        int fd_near, fd_far;            /* towards the dialler, towards the listener */
        p2p_watch *near, *far;
        struct sockaddr_in dialler, listener;
        unsigned lose, repeat, reorder; /* one in so many datagrams; 0: none */
        uint64_t delay;                 /* of each, usec */
        uint64_t n;                     /* datagrams seen */
        uint32_t random;
        bool cut;                       /* lets nothing through */
        bool (*passes)(const uint8_t *data, size_t n, bool to_far); /* NULL: everything does */
        struct quic_held {
                uint64_t due;
                bool to_far;
                unsigned n;
                uint8_t *data;
        } held[QUIC_WIRE_QUEUE];
        unsigned n_held;
        p2p_timer timer;
} quic_wire;

/* One end: a transport, the session that it has, and the streams of it. */
typedef struct quic_end {
        p2p_loop *loop;
        p2p_identity *identity;
        void *transport;
        void *listener, *dial;
        p2p_session *session;
        p2p_peer_id peer;
        p2p_addr *remote;
        p2p_task wake;
        unsigned n_woken;
        unsigned n_failed; /* handshakes that its listener was told of */
        int failed_error;  /* and of the last of these */
        p2p_peer_id failed_peer;
        int error; /* of the dial */
        bool done;
} quic_end;

typedef struct quic_pair {
        p2p_loop *loop;
        quic_wire wire;
        quic_end a, b; /* a dials b */
        p2p_addr *addr; /* what a dials: the wire's */
} quic_pair;

extern p2p_transport_options quic_pair_options; /* streams and conn_buffer of transports made next */

void quic_end_init(quic_end *end, p2p_loop *loop, uint8_t seed);
void quic_end_done(quic_end *end);
void quic_end_listen(quic_end *end, const char *addr);
/* Starts it; `end->done` and `.error` tell. */
void quic_end_dial(quic_end *end, const p2p_peer_id *peer, const p2p_addr *addr);

void quic_pair_init(quic_pair *pair); /* listening, with a wire; nothing dialled */
void quic_pair_dial(quic_pair *pair); /* starts it */
void quic_pair_connect(quic_pair *pair);
void quic_pair_done(quic_pair *pair);
/* Both sides until nothing happens any more, then some time on. */
void quic_pair_run(quic_pair *pair, uint64_t usec);

void quic_wire_rebind(quic_wire *w);

/* A stream from one end to the other that was made visible by `byte`, which was read. */
void quic_pair_stream(quic_end *from, quic_end *to, p2p_loop *loop, p2p_channel **ret_near,
                      p2p_channel **ret_far);
