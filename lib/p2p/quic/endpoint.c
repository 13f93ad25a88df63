/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A UDP socket that many connections share, inbound and outbound ones: what a hole puncher needs, and what
 * makes the address that others observe that of the listener [wire reference 7]. Datagrams find their
 * connection by id alone. No error of the socket ends anything here, but a dial that nobody has answered:
 * what ICMP says of its address may be forged, and the worst is then that another address of the peer has
 * its turn. A turn reads so much that everybody else gets theirs.
 */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "quic/quic-internal.h"

void quic_endpoint_send(quic_endpoint *e, const quic_address *local, const quic_address *remote,
                        p2p_view datagram) {
        quic_batch b = { .local = *local, .remote = *remote, .segment = datagram.n, .bytes = datagram };
        bool no_gso = true;

        (void) quic_udp_send(&e->udp, &b, &no_gso);
}

/* ---- in */

static void on_datagram(quic_endpoint *e, const quic_arrival *a, p2p_view datagram) {
        quic_cid_owner *owner;
        ngtcp2_version_cid vc;
        p2p_view dcid;
        int r;

        if (datagram.n == 0)
                return;
        r = ngtcp2_pkt_decode_version_cid(&vc, datagram.data, datagram.n, QUIC_CID_SIZE);
        if (r == NGTCP2_ERR_VERSION_NEGOTIATION ||
            (r == 0 && vc.version != 0 && vc.version != NGTCP2_PROTO_VER_V1)) {
                /* of drafts that it knows the library takes less */
                if (datagram.n >= NGTCP2_MAX_UDP_PAYLOAD_SIZE)
                        quic_answer_version(e, a, &vc);
                return;
        }
        if (r != 0)
                return;
        dcid = P2P_VIEW(vc.dcid, vc.dcidlen);
        owner = quic_cid_table_find(&e->table, dcid);
        if (owner && owner->is_tomb)
                quic_tomb_receive(e, owner, a);
        else if (owner) {
                quic_conn *c = container_of(owner, quic_conn, cids);

                if (quic_conn_is_guest(c)) {
                        quic_stranger_wait(e, a, datagram, dcid);
                        return;
                }
                r = quic_conn_receive(c, a, datagram);
                if (r != 0)
                        quic_conn_on_error(c, r);
        } else if (vc.version == NGTCP2_PROTO_VER_V1 && datagram.data[0] & 0x80)
                quic_answer_initial(e, a, datagram);
        else if (!(datagram.data[0] & 0x80))
                quic_answer_unknown(e, a, datagram, dcid);
}

static void on_arrival(quic_endpoint *e, const quic_arrival *a) {
        for (size_t at = 0; at < a->bytes.n; at += a->segment)
                on_datagram(e, a, P2P_VIEW(a->bytes.data + at, P2P_MIN(a->segment, a->bytes.n - at)));
}

/* Times QUIC_UDP_REFUSALS_MAX, a turn: what is left takes room from datagrams. */
#define REFUSALS_READ_MAX 4

static void on_refusal(quic_endpoint *e, const quic_refusal *refusal) {
        quic_conn *c;

        P2P_LIST_FOREACH(c, &e->unanswered, quic_conn, unanswered)
                if (quic_address_equal(&c->remote, &refusal->remote))
                        quic_conn_end(c, refusal->error, 0);
}

static void read_refusals(quic_endpoint *e) {
        quic_refusal refusals[QUIC_UDP_REFUSALS_MAX];
        unsigned n = quic_udp_receive_refusals(&e->udp, refusals);

        for (unsigned i = 0; i < n; i++)
                on_refusal(e, &refusals[i]);
}

static void on_room(quic_endpoint *e) {
        quic_conn *c;

        P2P_LIST_FOREACH(c, &e->blocked, quic_conn, blocked)
                quic_conn_on_room(c);
        e->wants_room = !p2p_list_is_empty(&e->blocked);
        (void) p2p_watch_set(e->watch, P2P_READABLE | (e->wants_room ? P2P_WRITABLE : 0));
}

static void on_event(unsigned events, void *userdata) {
        quic_endpoint *e = userdata;
        uint8_t *scratch = p2p_loop_scratch(e->transport->loop, 0);
        quic_arrival arrivals[QUIC_UDP_MESSAGES];
        size_t total = 0;
        unsigned n;

        if (events & P2P_WRITABLE)
                on_room(e);
        if (!(events & P2P_READABLE))
                return;
        do {
                n = quic_udp_receive(&e->udp, scratch, arrivals);
                for (unsigned i = 0; i < n; i++) {
                        on_arrival(e, &arrivals[i]);
                        total += arrivals[i].bytes.n;
                }
        } while (n == QUIC_UDP_MESSAGES && total < P2P_QUIC_TURN_MAX);
        /* after the datagrams: one that answered is not refused */
        for (unsigned i = 0; i < REFUSALS_READ_MAX && e->udp.has_errors; i++)
                read_refusals(e);
}

void quic_endpoint_want_room(quic_endpoint *e, quic_conn *c) {
        if (p2p_list_is_empty(&c->blocked))
                p2p_list_append(&e->blocked, &c->blocked);
        if (e->wants_room)
                return;
        e->wants_room = true;
        (void) p2p_watch_set(e->watch, P2P_READABLE | P2P_WRITABLE);
}

/* ---- life */

static void on_bury(void *userdata) {
        quic_endpoint *e = userdata;

        quic_tombs_bury(e, p2p_loop_now(e->transport->loop));
}

static void on_leave(void *userdata) {
        quic_endpoint *e = userdata;

        if (!e->listener && !e->is_kept && p2p_list_is_empty(&e->conns) &&
            p2p_list_is_empty(&e->failed))
                quic_endpoint_free(e);
}

int quic_endpoint_new(quic_transport *t, int fd, quic_endpoint **ret) {
        _cleanup_(quic_endpoint_freep) quic_endpoint *e = NULL;
        int r;

        e = malloc(sizeof(*e));
        if (!e)
                return -ENOMEM;
        *e = (quic_endpoint) { .transport = t, .udp.fd = -1 };
        p2p_list_init(&e->endpoints);
        p2p_list_init(&e->conns);
        p2p_list_init(&e->failed);
        p2p_list_init(&e->blocked);
        p2p_list_init(&e->tombs);
        p2p_list_init(&e->unanswered);
        p2p_timer_init(&e->bury, t->loop, on_bury, e);
        p2p_task_init(&e->leave, t->loop, on_leave, e);
        quic_strangers_init(e);
        quic_answers_init(e);

        r = quic_cid_table_init(&e->table);
        if (r < 0)
                return r;
        r = quic_udp_init(&e->udp, fd);
        if (r < 0)
                return r;
        e->udp.fd = -1;
        r = p2p_watch_new(t->loop, fd, P2P_READABLE, on_event, e, &e->watch);
        if (r < 0)
                return r;
        e->udp.fd = fd; /* taken last: on failure the caller still owns it */
        p2p_list_append(&t->endpoints, &e->endpoints);
        *ret = TAKE_PTR(e);
        return 0;
}

/* Their holders keep an ended session; what has none yet says so from the loop, as any dial. */
quic_endpoint *quic_endpoint_free(quic_endpoint *e) {
        p2p_list *node;

        if (!e)
                return NULL;
        while ((node = p2p_list_first(&e->conns)))
                quic_conn_fail(P2P_LIST_ENTRY(node, quic_conn, conns), -ECONNRESET,
                               &(quic_shim_close){ QUIC_CLOSE_APPLICATION, P2P_CONN_NO_ERROR });
        while ((node = p2p_list_first(&e->failed)))
                quic_conn_free(P2P_LIST_ENTRY(node, quic_conn, conns));
        quic_strangers_done(e);
        quic_answers_done(e);
        quic_tombs_bury(e, UINT64_MAX);
        p2p_timer_stop(&e->bury);
        p2p_task_cancel(&e->leave);
        p2p_watch_free(e->watch);
        p2p_list_unlink(&e->endpoints);
        quic_cid_table_done(&e->table);
        free(e->twins);
        if (e->udp.fd >= 0)
                close(e->udp.fd);
        free(e);
        return NULL;
}
