/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A network of which the test is the far side: every dial of a host waits until the test fails it or
 * answers it with a session. */

#include <p2p/host.h>

typedef struct fake_dial {
        struct fake_net *net;
        p2p_addr *addr;
        p2p_peer_id peer;
        p2p_raw_fn done;
        void *userdata;
        p2p_list dials;
} fake_dial;

#define FAKE_STREAMS_MAX 300u

typedef struct fake_session {
        p2p_session session;
        struct fake_net *net;
        p2p_peer_id peer;
        uint64_t heard, rtt, quiet;
        int error;       /* of open(); 0: it works */
        bool closed;
        unsigned n_open; /* streams that were opened ... */
        p2p_channel *far[FAKE_STREAMS_MAX]; /* ... and their other ends; the session frees them */
        p2p_list sessions;
} fake_session;

typedef struct fake_net {
        p2p_loop *loop;
        p2p_list dials, sessions; /* in flight; alive */
        unsigned n_started, n_in_flight, n_cancelled;
} fake_net;

/* Takes the place of every transport that the host has. The host must be gone before the net is. */
void fake_net_init(fake_net *net, p2p_loop *loop, p2p_host *host);
/* The dial of this address that is in flight, or NULL; text NULL: the eldest. */
fake_dial *fake_find(fake_net *net, const char *text);
void fake_fail(fake_dial *dial, int error);
/* As transport `tcp` would: a channel to be upgraded, of which the test holds the other end. */
p2p_channel *fake_connect(fake_dial *dial);
/* As transport `quic-v1` would. The session is the host's. */
fake_session *fake_answer(fake_dial *dial);
/* As a listener of `quic-v1` would: the peer connects to us. */
fake_session *fake_come(fake_net *net, p2p_host *host, const p2p_peer_id *peer);
