/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Proxy: a listening socket that somebody handed over; each connection to it becomes an Outgoing
 * (architecture.md 2). */

#include "daemon/manager.h"
#include "daemon/socket.h"
#include "service/names.h"

#define PROXY_IDLE_USEC (30 * USEC_PER_SEC)
#define PROXY_ID_MAX 32u
#define PROXY_PEER_MAX P2P_PEER_ID_TEXT_MAX

struct Proxy {
        Manager *manager; /* borrowed */
        char id[PROXY_ID_MAX];
        char peer[PROXY_PEER_MAX]; /* as given: resolved at each connection, so that a reload counts */
        char service[SERVICE_NAME_MAX + 1];
        char listen[SOCKET_NAME_MAX];
        int fd;
        bool paused;
        p2p_watch *watch;
        p2p_task again;
        p2p_timer idle, resume;
        p2p_list outgoing;
        unsigned n_outgoing;
        uint64_t bytes_in, bytes_out; /* of the ended ones */
        char *last_error;             /* NULL: none */
        uint64_t last_error_at;       /* realtime */
        p2p_list proxies;
        bool dirty;  /* the observer's */
        void *owner; /* the observer's */
};

/* Takes the fd on success. -EINVAL: the service's name; -ENXIO: what is neither a name nor an id; -ENOTSOCK:
 * no listening stream socket; -ENOBUFS: PROXIES_MAX. A name that nobody has now is fine: each connection is
 * then refused with the reason. */
int proxy_new(Manager *manager, const char *peer, const char *service, int fd, Proxy **ret);
/* Closes our hold on the listener. Open connections go on. */
Proxy *proxy_free(Proxy *proxy);
P2P_CLEANUP(Proxy, proxy_free);
void proxy_abort_all(Proxy *proxy, const char *reason); /* its connections */

Proxy *proxy_find(const Manager *manager, const char *id);
unsigned proxy_connections(const Proxy *proxy);
void proxy_bytes(const Proxy *proxy, uint64_t *ret_in, uint64_t *ret_out);

/* One of its connections ended; failure NULL: well. */
void proxy_note_end(Proxy *proxy, Outgoing *outgoing, const char *failure);
