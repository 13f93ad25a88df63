/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Two rigs for the muxer, each with a manual loop of its own. A peer: one session, and in the test's hands
 * the other end of its channel, to which frames are written by hand. A pair: two sessions that talk.
 */

#include <p2p/session.h>

#include "mux/yamux-frame.h"
#include "mux/yamux.h"
#include "tests/support/memory.h"

#define PEER_SHOWN 64u

typedef struct yamux_peer {
        p2p_loop *loop;
        p2p_channel *channel; /* the far side's end */
        p2p_session *session;
        p2p_task wake;
        unsigned n_wakes;     /* of the session */
        uint8_t shown[PEER_SHOWN]; /* the payload that came with the last frame read, its first bytes */
} yamux_peer;

/* The session is the server unless options say so. options may be NULL: 1000 streams, defaults. */
yamux_peer *yamux_peer_new(const p2p_yamux_options *options, const p2p_memory_options *memory);
/* Frees what is left of it. */
void yamux_peer_free(yamux_peer *p);
/* Writes a frame and settles. The payload of a Data frame is `length` bytes 'x' unless data is given. */
void yamux_peer_send(yamux_peer *p, unsigned type, unsigned flags, uint32_t id, uint32_t length);
void yamux_peer_send_bytes(yamux_peer *p, const void *data, size_t n);
/* The next frame that the session wrote; false if there is none. */
bool yamux_peer_next(yamux_peer *p, p2p_yamux_header *ret);
/* Fails unless the next frame is this one. */
void yamux_peer_expect(yamux_peer *p, unsigned type, unsigned flags, uint32_t id, uint32_t length);
void yamux_peer_expect_none(yamux_peer *p);
/* Fails unless the session said GoAway with this code, closed its channel, and reports this error. */
void yamux_peer_expect_end(yamux_peer *p, uint32_t code, int error);
/* Opens stream `id` from the far side, takes the ACK off the wire, accepts it. */
p2p_channel *yamux_peer_open(yamux_peer *p, uint32_t id);

typedef struct yamux_pair {
        p2p_loop *loop;
        p2p_session *client, *server;
        p2p_task client_wake, server_wake;
        unsigned n_client_wakes, n_server_wakes;
} yamux_pair;

yamux_pair *yamux_pair_new(const p2p_yamux_options *options, const p2p_memory_options *memory);
void yamux_pair_free(yamux_pair *p);
/* Opens at the client, accepts at the server. */
void yamux_pair_open(yamux_pair *p, p2p_channel **ret_client, p2p_channel **ret_server);
