/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Peers follow connections: the first one of a peer makes its Peer, which is the userdata of every
 * connection to it, and the end of the last one frees it. What a Peer shows is asked from the host when it
 * is asked for, so nothing here goes stale (the original's path list did: daemon-api.md 6).
 */

#include "daemon/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void notify(Peer *peer, ObjectEvent event) {
        const Manager *m = peer->manager;

        if (m->observer && m->observer->peer)
                m->observer->peer(peer, event, m->observer_userdata);
}

static Peer *peer_free(Peer *peer) {
        if (!peer)
                return NULL;
        notify(peer, OBJECT_REMOVED);
        p2p_list_unlink(&peer->peers);
        peer->manager->n_peers--;
        manager_changed(peer->manager, MANAGER_CONNECTED_PEERS);
        free(peer);
        return NULL;
}

static int peer_new(Manager *manager, const p2p_peer_id *id, Peer **ret) {
        Peer *peer;

        peer = malloc(sizeof(*peer));
        if (!peer)
                return -ENOMEM;
        *peer = (Peer){ .manager = manager, .id = *id };
        (void) p2p_peer_id_format(id, peer->text);
        p2p_list_init(&peer->peers);
        p2p_list_append(&manager->peers, &peer->peers);
        manager->n_peers++;

        *ret = peer;
        return 0;
}

int peer_conn_opened(Manager *manager, p2p_conn *conn) {
        Peer *peer;
        bool fresh;
        int r;

        peer = peer_find(manager, p2p_conn_peer(conn));
        fresh = !peer;
        if (fresh) {
                r = peer_new(manager, p2p_conn_peer(conn), &peer);
                if (r < 0)
                        return r;
        }
        peer->n_conns++;
        p2p_conn_set_userdata(conn, peer);
        notify(peer, fresh ? OBJECT_ADDED : OBJECT_CHANGED);
        if (fresh)
                manager_changed(manager, MANAGER_CONNECTED_PEERS);
        return 0;
}

void peer_conn_closed(p2p_conn *conn) {
        Peer *peer = p2p_conn_userdata(conn);

        if (!peer)
                return;
        p2p_conn_set_userdata(conn, NULL);
        if (--peer->n_conns == 0)
                peer_free(peer);
        else
                notify(peer, OBJECT_CHANGED);
}

void peer_changed(Peer *peer) {
        if (peer)
                notify(peer, OBJECT_CHANGED);
}

Peer *peer_find(const Manager *manager, const p2p_peer_id *id) {
        Peer *peer;

        P2P_LIST_FOREACH(peer, &manager->peers, Peer, peers)
                if (p2p_peer_id_equal(&peer->id, id))
                        return peer;
        return NULL;
}

Peer *peer_find_text(const Manager *manager, const char *text) {
        Peer *peer;

        P2P_LIST_FOREACH(peer, &manager->peers, Peer, peers)
                if (strcmp(peer->text, text) == 0)
                        return peer;
        return NULL;
}

void peer_free_all(Manager *manager) {
        Peer *peer;

        P2P_LIST_FOREACH(peer, &manager->peers, Peer, peers)
                peer_free(peer);
}

p2p_conn *peer_conn(const Peer *peer) {
        return p2p_host_find_conn(peer->manager->host, &peer->id);
}

const char *peer_path_type(const p2p_conn *conn) {
        return p2p_conn_is_circuit(conn) ? "RELAYED" : "DIRECT";
}

static bool has_component(const p2p_addr *addr, unsigned code) {
        p2p_addr_component c;

        for (unsigned i = 0; p2p_addr_component_at(addr, i, &c); i++)
                if (c.code == code)
                        return true;
        return false;
}

const char *peer_transport(const p2p_conn *conn) {
        const p2p_addr *addr = p2p_conn_remote(conn);

        if (!addr)
                return "unknown";
        if (has_component(addr, P2P_ADDR_QUIC_V1))
                return "quic";
        if (has_component(addr, P2P_ADDR_WS) || has_component(addr, P2P_ADDR_WSS))
                return "websocket";
        return has_component(addr, P2P_ADDR_TCP) ? "tcp" : "unknown";
}

const char *peer_stack(const p2p_conn *conn) {
        _cleanup_(p2p_addr_freep) p2p_addr *relay_addr = NULL;
        const p2p_addr *addr = p2p_conn_remote(conn);
        p2p_peer_id relay;

        if (addr && p2p_addr_split_circuit(addr, &relay_addr, &relay) >= 0) {
                p2p_conn *leg = p2p_host_find_conn(p2p_conn_host(conn), &relay);

                if (!relay_addr)
                        return leg && !p2p_conn_is_circuit(leg) ? peer_stack(leg) : "unknown";
                addr = relay_addr;
        }
        switch (addr ? p2p_addr_stack(addr) : P2P_STACK_OTHER) {
        case P2P_STACK_QUIC: return "quic-v1";
        case P2P_STACK_TCP: return "tcp";
        case P2P_STACK_WSS: return "wss";
        case P2P_STACK_WS: return "ws";
        case P2P_STACK_CIRCUIT:
        case P2P_STACK_OTHER: break;
        }
        return "unknown";
}

const char *peer_ip_version(const p2p_conn *conn) {
        const p2p_addr *addr = p2p_conn_remote(conn);

        if (addr && has_component(addr, P2P_ADDR_IP4))
                return "ipv4";
        return addr && has_component(addr, P2P_ADDR_IP6) ? "ipv6" : "unknown";
}

bool peer_is_peerup(const p2p_conn *conn) {
        const char *agent = p2p_conn_agent(conn);

        return strncmp(agent, "peerup/", 7) == 0 || strncmp(agent, "relay-server/", 13) == 0;
}
