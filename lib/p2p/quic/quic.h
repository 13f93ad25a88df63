/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * QUIC v1 as a transport of the host (wire reference 7) [libp2p/specs/quic, RFC 9000]: its limits, and what
 * tests look at.
 */

#include <p2p/transport.h>

#define P2P_QUIC_SECURITY "/tls/1.0.0"
#define P2P_QUIC_MUXER "/quic-v1"

#define P2P_QUIC_IDLE_USEC (30 * USEC_PER_SEC)      /* silence that ends a connection, as go-libp2p */
#define P2P_QUIC_KEEPALIVE_USEC (15 * USEC_PER_SEC) /* or half of what was agreed on: 5 s with rust-libp2p */
#define P2P_QUIC_HANDSHAKE_USEC (10 * USEC_PER_SEC)
#define P2P_QUIC_LINGER_USEC (60 * USEC_PER_SEC)    /* that a closed stream waits for the far side's end */

#define P2P_QUIC_STREAM_WINDOW (512u * 1024u)       /* at first, as go-libp2p; both grow with the path */
#define P2P_QUIC_CONN_WINDOW (768u * 1024u)
#define P2P_QUIC_WINDOW_MAX (16u << 20)             /* of a stream, towards others */
#define P2P_QUIC_WINDOW_MAX_OURS (64u << 20)        /* of two of ours; both below half of conn_buffer */
#define P2P_QUIC_WINDOWS_MAX (128u << 20)           /* beyond the first ones, of all connections of a host */
#define P2P_QUIC_UNI_STREAMS 3u                     /* of a far side's, for life: each is told to stop */
#define P2P_QUIC_STREAMS_MAX 65536u                 /* the highest limit that set_stream_limit() takes */
#define P2P_QUIC_MOVES_MAX 8u                       /* the far side's changes of address, followed at once */
#define P2P_QUIC_MOVES_RATE 1u                      /* and a second: in between only the last one is heard */

/* A far side that has us do more than this ends its connection. */
#define P2P_QUIC_CYCLES_MAX 100u                    /* streams that it opens and resets within a second */
#define P2P_QUIC_CYCLES_RATE 100u                   /* and a second */
#define P2P_QUIC_IDS_MAX 256u                       /* ids of ours that it asks for at once */
#define P2P_QUIC_IDS_RATE 128u                      /* and a second; quic-go: one in 10,000 packets */

#define P2P_QUIC_UNSENT_MAX (256u * 1024u)          /* bytes of a stream that were not sent yet */
#define P2P_QUIC_UNSENT_SMALL (4u * 1024u)          /* the same once the connection holds ... */
#define P2P_QUIC_UNSENT_TOTAL (8u << 20)            /* ... this, which a far side can have us do */

#define P2P_QUIC_HALF_OPEN_RETRY 32u                /* above it a client must prove its address first */
#define P2P_QUIC_HALF_OPEN_MAX 256u                 /* handshakes of clients: one more replaces one */
#define P2P_QUIC_HALF_OPEN_PREFIX 64u               /* of one IPv4 /24 or IPv6 /56: the same */
#define P2P_QUIC_ACCEPTS_MAX 4u                     /* strangers' datagrams that wait: above it too */
#define P2P_QUIC_WAITING_MAX (512u * 1024u)         /* bytes that wait: those of handshakes are slow work */
#define P2P_QUIC_WAITING_PREFIX (128u * 1024u)      /* of which of one IPv4 /24 or IPv6 /56 */
#define P2P_QUIC_WAITING_LEAST 1200u                /* what each counts for at least */
#define P2P_QUIC_JOBS_MAX 4u                        /* of these at the worker, of a socket: all else waits */
#define P2P_QUIC_ANSWERS_WAITING 128u               /* to who has no connection: more are never made */
#define P2P_QUIC_ANSWERS_PREFIX 64u                 /* of which of one IPv4 /24 or IPv6 /56 */
#define P2P_QUIC_ANSWERS_STEP 4u                    /* made at once: one takes 17 usec with its way out */
#define P2P_QUIC_RETRY_USEC (10 * USEC_PER_SEC)     /* life of a token */
#define P2P_QUIC_TWINS_MAX 256u                     /* Retries remembered: other halves start nothing */
#define P2P_QUIC_TWIN_USEC (3 * USEC_PER_SEC)
#define P2P_QUIC_ANSWERS_MAX 32u                    /* resets, versions and refusals in a burst */
#define P2P_QUIC_ANSWERS_RATE 64u                   /* and a second */
#define P2P_QUIC_TOMBS_MAX 1024u                    /* closed connections that still answer with their end */
#define P2P_QUIC_TOMB_USEC (3 * USEC_PER_SEC)
#define P2P_QUIC_TURN_MAX (256u * 1024u)            /* bytes read a turn */

/* For tests: connections in their handshake as servers, closed ones that are remembered, Retries sent. */
unsigned p2p_quic_n_half_open(const void *transport);
unsigned p2p_quic_n_tombs(const void *transport);
uint64_t p2p_quic_n_retries(const void *transport);
/* Bytes unread of a session. */
size_t p2p_quic_buffered(const p2p_session *session);
