/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Outgoing: one local connection to a service of a peer, from the opening of its stream to the record of its
 * end. */

#include "daemon/proxy.h"
#include "service/names.h"

struct Outgoing {
        Manager *manager; /* borrowed */
        Proxy *proxy;     /* borrowed; NULL: none, or closed meanwhile */
        uint64_t number;
        p2p_peer_id peer;
        char *peer_text; /* as the user called it */
        char service[SERVICE_NAME_MAX + 1];
        uint64_t since;
        bool opened, alive, relayed;
        char *caller; /* the observer's word for whom to tell of the end; NULL: nobody asked */
        struct Opening *opening;
        struct Tunnel *tunnel;
        p2p_stream *stream;
        int error;           /* of the end, until it is told */
        uint32_t code;
        p2p_timer verdict;
        p2p_list outgoing, of_proxy;
};

/* Its number, or < 0. Takes the fd on success: a connected stream socket. proxy may be NULL. -ENOBUFS:
 * TUNNELS_MAX; -EINVAL: the service. What comes of it is a record in the journal, in the proxy, and told to
 * the observer if there is a caller. An unreachable peer is tried for 30 s; a failure is a reset of the
 * socket. */
int64_t outgoing_new(Manager *manager, Proxy *proxy, int fd, const p2p_peer_id *peer, const char *peer_text,
                     const char *service, const char *caller);
/* The same with a stream that is open already; takes it too. */
int outgoing_new_open(Manager *manager, p2p_stream *stream, int fd, const char *peer_text,
                      const char *service, const char *caller);
Outgoing *outgoing_free(Outgoing *outgoing); /* resets what still runs, without a record */
P2P_CLEANUP(Outgoing, outgoing_free);
void outgoing_forget_proxy(Proxy *proxy);
void outgoing_abort(Outgoing *outgoing, const char *reason); /* with a record */
void outgoing_free_all(Manager *manager);

uint64_t outgoing_bytes_in(const Outgoing *outgoing); /* from the peer */
uint64_t outgoing_bytes_out(const Outgoing *outgoing);

/* A stream to a service, with the ways to the peer that our relays give: what Outgoing and OpenStream begin
 * with. */
int outgoing_open_stream(Manager *manager, const p2p_peer_id *peer, const char *service, bool confirm,
                         void (*done)(p2p_stream *stream, int error, uint32_t code, void *userdata),
                         void *userdata, struct Opening **ret);
