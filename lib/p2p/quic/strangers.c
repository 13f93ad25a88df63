/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The datagrams of strangers wait here: first Initials that may become connections, and whatever comes for a
 * server's handshake. Each makes a connection or wakes one, and sends its TLS to the worker (conn-guest.c):
 * so each is one slow task's step, and friends, who share the socket, go first. A few are at the worker at a
 * time; the rest wait here, where what waits is bounded, and so is the share of a network in it; beyond that
 * they are lost, as on any full line. Those of one connection keep their order, and pass it one by one. A
 * datagram of a handshake that is over by its turn goes where it belongs then.
 */

#include <errno.h>
#include <stdlib.h>

#include "quic/quic-internal.h"

struct quic_stranger {
        p2p_list waiting;
        quic_arrival arrival; /* its bytes are below */
        uint8_t n_dcid, dcid[QUIC_CID_MAX];
        uint8_t bytes[];
};

/* What it counts for: looking for room is looking at all that wait, so that many small ones may not. */
static size_t weight(size_t n) {
        return P2P_MAX(n, (size_t) P2P_QUIC_WAITING_LEAST);
}

static void forget(quic_endpoint *e, quic_stranger *s) {
        p2p_list_unlink(&s->waiting);
        e->waiting_bytes -= weight(s->arrival.bytes.n);
        e->n_waiting--;
        free(s);
}

static quic_cid_owner *owner_of(const quic_endpoint *e, const quic_stranger *s) {
        return quic_cid_table_find(&e->table, P2P_VIEW(s->dcid, s->n_dcid));
}

/* The first whose connection may read. NULL: when a job is done there may be one. */
static quic_stranger *next(quic_endpoint *e) {
        quic_stranger *s;

        if (e->n_jobs >= P2P_QUIC_JOBS_MAX)
                return NULL;
        P2P_LIST_FOREACH(s, &e->waiting, quic_stranger, waiting) {
                quic_cid_owner *owner = owner_of(e, s);

                if (!owner || owner->is_tomb ||
                    !quic_guest_is_away(container_of(owner, quic_conn, cids)->guest))
                        return s;
        }
        return NULL;
}

static void serve(void *userdata) {
        quic_endpoint *e = userdata;
        quic_stranger *s = next(e);
        quic_cid_owner *owner;
        int r;

        if (!s)
                return;
        owner = owner_of(e, s);
        if (owner && owner->is_tomb)
                quic_tomb_receive(e, owner, &s->arrival);
        else if (owner) {
                quic_conn *c = container_of(owner, quic_conn, cids);

                r = quic_conn_receive(c, &s->arrival, s->arrival.bytes);
                if (r != 0)
                        quic_conn_on_error(c, r);
        } else if (s->bytes[0] & 0x80)
                quic_admit(e, &s->arrival, s->arrival.bytes);
        forget(e, s);
        if (e->n_waiting > 0)
                p2p_task_post(&e->strangers);
}

void quic_strangers_init(quic_endpoint *e) {
        p2p_list_init(&e->waiting);
        p2p_task_init(&e->strangers, e->transport->loop, serve, e);
        e->strangers.slow = true;
}

void quic_strangers_done(quic_endpoint *e) {
        p2p_list *node;

        while ((node = p2p_list_first(&e->waiting)))
                forget(e, P2P_LIST_ENTRY(node, quic_stranger, waiting));
        p2p_task_cancel(&e->strangers);
}

bool quic_stranger_waits(const quic_endpoint *e, p2p_view dcid) {
        quic_stranger *s;

        P2P_LIST_FOREACH(s, (p2p_list *) &e->waiting, quic_stranger, waiting)
                if (p2p_view_equal(P2P_VIEW(s->dcid, s->n_dcid), dcid))
                        return true;
        return false;
}

static bool has_room(const quic_endpoint *e, const quic_arrival *a, size_t n) {
        size_t of_prefix = weight(n);
        quic_stranger *s;

        P2P_LIST_FOREACH(s, (p2p_list *) &e->waiting, quic_stranger, waiting)
                if (quic_address_same_prefix(&s->arrival.remote, &a->remote))
                        of_prefix += weight(s->arrival.bytes.n);
        return e->waiting_bytes + weight(n) <= P2P_QUIC_WAITING_MAX && of_prefix <= P2P_QUIC_WAITING_PREFIX;
}

void quic_stranger_wait(quic_endpoint *e, const quic_arrival *a, p2p_view datagram, p2p_view dcid) {
        quic_stranger *s;

        if (dcid.n > QUIC_CID_MAX || !has_room(e, a, datagram.n))
                return;
        s = malloc(sizeof(*s) + datagram.n);
        if (!s)
                return;
        *s = (quic_stranger){ .arrival = *a, .n_dcid = (uint8_t) dcid.n };
        memcpy(s->bytes, datagram.data, datagram.n);
        memcpy(s->dcid, dcid.data, dcid.n);
        s->arrival.bytes = P2P_VIEW(s->bytes, datagram.n);
        s->arrival.segment = datagram.n;
        p2p_list_append(&e->waiting, &s->waiting);
        e->waiting_bytes += weight(datagram.n);
        e->n_waiting++;
        p2p_task_post(&e->strangers);
}
