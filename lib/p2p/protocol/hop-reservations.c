/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who can be reached through us, until when. One reservation a peer; limits in total and per source address.
 * A refresh replaces, and is never refused for what it itself holds (wire reference 11.3).
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/hop-internal.h"

hop_reservation *hop_find_reservation(p2p_hop *hop, const p2p_peer_id *peer) {
        hop_reservation *r;

        P2P_LIST_FOREACH(r, &hop->reservations, hop_reservation, reservations)
                if (p2p_peer_id_equal(&r->peer, peer))
                        return r;
        return NULL;
}

static void source_of(const p2p_conn *conn, uint8_t ip[static 16]) {
        p2p_addr_component c;

        memset(ip, 0, 16);
        if (!p2p_conn_remote(conn) || !p2p_addr_component_at(p2p_conn_remote(conn), 0, &c))
                return;
        if (c.code == P2P_ADDR_IP4) {
                ip[10] = ip[11] = 0xff;
                memcpy(ip + 12, c.value.data, 4);
        } else if (c.code == P2P_ADDR_IP6)
                memcpy(ip, c.value.data, 7); /* /56 */
}

static unsigned count_source(p2p_hop *hop, const uint8_t ip[static 16]) {
        hop_reservation *r;
        unsigned n = 0;

        P2P_LIST_FOREACH(r, &hop->reservations, hop_reservation, reservations)
                n += memcmp(r->ip, ip, 16) == 0;
        return n;
}

static void set_conn(hop_reservation *r, p2p_conn *conn) {
        if (r->conn == conn)
                return;
        if (r->conn)
                p2p_conn_unpin(r->conn);
        r->conn = conn;
        if (conn)
                p2p_conn_pin(conn);
}

unsigned hop_reserve(p2p_hop *hop, p2p_conn *conn, bool *ret_refresh, hop_reservation **ret) {
        hop_reservation *r = hop_find_reservation(hop, p2p_conn_peer(conn));
        uint8_t ip[16];

        *ret_refresh = r;
        source_of(conn, ip);
        if (!r) {
                if (hop->n_reservations >= hop->limits.reservations ||
                    count_source(hop, ip) >= hop->limits.reservations_per_ip)
                        return P2P_HOP_RESERVATION_REFUSED;
                r = calloc(1, sizeof(*r));
                if (!r)
                        return P2P_HOP_RESERVATION_REFUSED;
                r->peer = *p2p_conn_peer(conn);
                p2p_list_init(&r->reservations);
                p2p_list_append(&hop->reservations, &r->reservations);
                hop->n_reservations++;
        }
        set_conn(r, conn);
        memcpy(r->ip, ip, sizeof(ip));
        r->due = p2p_loop_now(p2p_host_loop(hop->host)) + hop->limits.reservation_ttl_usec;
        r->expires = (uint64_t) time(NULL) + hop->limits.reservation_ttl_usec / USEC_PER_SEC;
        hop_schedule_expiry(hop);
        *ret = r;
        return P2P_HOP_OK;
}

void hop_release(p2p_hop *hop, hop_reservation *r, bool expired) {
        p2p_peer_id peer = r->peer;

        set_conn(r, NULL);
        p2p_list_unlink(&r->reservations);
        hop->n_reservations--;
        free(r);
        if (hop->events->released)
                hop->events->released(&peer, expired, hop->userdata);
}

void hop_reservation_on_conn_closed(p2p_hop *hop, p2p_conn *conn) {
        hop_reservation *r = hop_find_reservation(hop, p2p_conn_peer(conn));
        p2p_conn *other;

        if (!r || r->conn != conn)
                return;
        r->conn = NULL; /* nothing to unpin */
        other = p2p_host_find_conn(hop->host, &r->peer);
        if (other && !p2p_conn_is_circuit(other)) {
                set_conn(r, other);
                return;
        }
        hop_release(hop, r, false);
        hop_schedule_expiry(hop);
}

void hop_schedule_expiry(p2p_hop *hop) {
        uint64_t now = p2p_loop_now(p2p_host_loop(hop->host)), first = USEC_INFINITY;
        hop_reservation *r;

        P2P_LIST_FOREACH(r, &hop->reservations, hop_reservation, reservations)
                first = P2P_MIN(first, r->due);
        if (first == USEC_INFINITY)
                p2p_timer_stop(&hop->expiry);
        else
                (void) p2p_timer_set(&hop->expiry, first > now ? first - now : 0);
}

static hop_reservation *find_expired(p2p_hop *hop, uint64_t now) {
        hop_reservation *r;

        P2P_LIST_FOREACH(r, &hop->reservations, hop_reservation, reservations)
                if (r->due <= now)
                        return r;
        return NULL;
}

/* Whoever is told may drop other peers: so the search begins anew each time. */
void hop_on_expiry(void *userdata) {
        p2p_hop *hop = userdata;
        uint64_t now = p2p_loop_now(p2p_host_loop(hop->host));
        hop_reservation *r;

        while ((r = find_expired(hop, now)))
                hop_release(hop, r, true);
        hop_schedule_expiry(hop);
}

bool p2p_hop_reservation_at(const p2p_hop *hop, unsigned i, p2p_hop_reservation_info *ret) {
        hop_reservation *r;

        P2P_LIST_FOREACH(r, (p2p_list *) &hop->reservations, hop_reservation, reservations)
                if (i-- == 0) {
                        *ret = (p2p_hop_reservation_info){
                                .peer = r->peer,
                                .expires = r->expires,
                                .n_circuits = hop_count_circuits(hop, &r->peer),
                        };
                        return true;
                }
        return false;
}
