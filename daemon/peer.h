/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Peer: somebody with at least one connection to us. Made and unmade by the host's events. */

#include "daemon/manager.h"

struct Peer {
        Manager *manager; /* borrowed */
        p2p_peer_id id;
        char text[P2P_PEER_ID_TEXT_MAX];
        unsigned n_conns;
        uint64_t paths_at; /* when relays_add_paths() was here last; 0: never */
        p2p_list peers;
        bool dirty; /* the observer's */
};

/* The events of the host that make and unmake peers; the manager hands them on. */
int peer_conn_opened(Manager *manager, p2p_conn *conn);
void peer_conn_closed(p2p_conn *conn);
void peer_changed(Peer *peer);

Peer *peer_find(const Manager *manager, const p2p_peer_id *id);
Peer *peer_find_text(const Manager *manager, const char *text); /* only the canonical text */
void peer_free_all(Manager *manager);

/* The connection that a new stream would take; NULL while the last one is going away. */
p2p_conn *peer_conn(const Peer *peer);
const char *peer_path_type(const p2p_conn *conn);  /* DIRECT, RELAYED */
const char *peer_transport(const p2p_conn *conn);  /* tcp, quic, websocket, unknown: of the outermost hop */
const char *peer_stack(const p2p_conn *conn);      /* quic-v1, tcp, wss, ws, unknown: the same, by name */
const char *peer_ip_version(const p2p_conn *conn); /* ipv4, ipv6, unknown */
/* A node or relay of peer-up, ours or the original, by its agent. */
bool peer_is_peerup(const p2p_conn *conn);
