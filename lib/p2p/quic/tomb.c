/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What remains of a closed connection for three seconds [RFC 9000, section 10.2]: its ids, so that late
 * packets are nobody else's, and the CONNECTION_CLOSE, which is said again to a far side that has not heard
 * it: at its 1st, 2nd, 4th, 8th ... packet. All live equally long, so that the list is in order of their
 * end.
 */

#include <stdlib.h>

#include "quic/quic-internal.h"

typedef struct quic_tomb {
        quic_cid_owner cids;
        p2p_list tombs;
        uint64_t until;
        quic_address remote;
        unsigned n_received;
        size_t n;
        uint8_t packet[];
} quic_tomb;

static void bury(quic_endpoint *e, quic_tomb *tomb) {
        quic_cid_table_remove_all(&e->table, &tomb->cids);
        p2p_list_unlink(&tomb->tombs);
        e->n_tombs--;
        free(tomb);
}

void quic_tombs_bury(quic_endpoint *e, uint64_t now) {
        p2p_list *node;

        while ((node = p2p_list_first(&e->tombs))) {
                quic_tomb *tomb = P2P_LIST_ENTRY(node, quic_tomb, tombs);

                if (tomb->until > now) {
                        if (p2p_timer_set(&e->bury, tomb->until - now) < 0)
                                bury(e, tomb);
                        return;
                }
                bury(e, tomb);
        }
}

void quic_tomb_new(quic_conn *c, p2p_view packet) {
        quic_endpoint *e = c->endpoint;
        quic_tomb *tomb;

        if (e->n_tombs >= P2P_QUIC_TOMBS_MAX)
                bury(e, P2P_LIST_ENTRY(p2p_list_first(&e->tombs), quic_tomb, tombs));
        tomb = malloc(sizeof(*tomb) + packet.n);
        if (!tomb)
                return;
        *tomb = (quic_tomb) {
                .cids.is_tomb = true,
                .until = p2p_loop_now(e->transport->loop) + P2P_QUIC_TOMB_USEC,
                .remote = c->remote,
                .n = packet.n,
        };
        if (packet.n > 0)
                memcpy(tomb->packet, packet.data, packet.n);
        p2p_list_init(&tomb->tombs);
        p2p_list_append(&e->tombs, &tomb->tombs);
        e->n_tombs++;
        quic_cid_table_inherit(&c->cids, &tomb->cids);
        if (!p2p_timer_is_set(&e->bury))
                quic_tombs_bury(e, p2p_loop_now(e->transport->loop));
}

void quic_tomb_receive(quic_endpoint *e, quic_cid_owner *owner, const quic_arrival *a) {
        quic_tomb *tomb = container_of(owner, quic_tomb, cids);

        tomb->n_received++;
        if (tomb->n > 0 && (tomb->n_received & (tomb->n_received - 1)) == 0 &&
            quic_address_equal(&tomb->remote, &a->remote))
                quic_endpoint_send(e, &a->local, &a->remote, P2P_VIEW(tomb->packet, tomb->n));
}
