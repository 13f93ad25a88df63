/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The hop service: policy around reservations and circuits, answers exactly as go-libp2p's (wire reference
 * 11.3).
 *
 * A request is one inbound hop stream: its message is read, judged in the order of go-libp2p's checks, and
 * answered. A CONNECT that passes opens a stop stream to the destination over a connection that exists,
 * never a dial; the two streams then become a circuit.
 */

#include <errno.h>
#include <stdlib.h>

#include "crypto/envelope.h"
#include "protocol/hop-internal.h"

typedef struct request {
        p2p_hop *hop;
        p2p_exchange *exchange;
        p2p_open *open;
        p2p_stream *src, *dst; /* src: the hop stream while no exchange has it */
        p2p_peer_id peer, target;
        bool connecting; /* passed, and will be a circuit if its stop handshake succeeds: counts as one */
        p2p_list requests;
} request;

static const p2p_hop_events no_events;

static request *request_free(request *q) {
        p2p_list_unlink(&q->requests);
        p2p_exchange_free(q->exchange);
        p2p_open_free(q->open);
        p2p_stream_free(q->src);
        p2p_stream_free(q->dst);
        free(q);
        return NULL;
}

/* A refusal is a FIN behind its status, not a reset. */
static void on_refused(p2p_stream *stream, p2p_view message _unused_, int error _unused_, void *userdata) {
        request *q = userdata;

        q->exchange = NULL;
        if (stream) {
                (void) p2p_channel_shutdown(p2p_stream_channel(stream));
                p2p_stream_free(stream);
        }
        request_free(q);
}

static int answer(request *q, P2p__HopMessage *m, unsigned status, p2p_exchange_fn done) {
        m->has_type = true;
        m->type = P2P_HOP_STATUS;
        m->has_status = true;
        m->status = (int32_t) status;
        return p2p_exchange_new(p2p_host_loop(q->hop->host), TAKE_PTR(q->src), &m->base, 0, HOP_TIMEOUT_USEC,
                                done, q, &q->exchange);
}

static void refuse(request *q, unsigned status) {
        P2p__HopMessage m = P2P__HOP_MESSAGE__INIT;
        p2p_hop *hop = q->hop;
        p2p_peer_id peer = q->peer, target = q->target;

        q->connecting = false;
        if (answer(q, &m, status, on_refused) < 0)
                request_free(q);
        /* Last: whoever is told may drop the peer, and this request with it. */
        if (hop->events->refused)
                hop->events->refused(&peer, target.n > 0 ? &target : NULL, status, hop->userdata);
}

static P2p__Limit *fill_limit(const p2p_hop_limits *limits, P2p__Limit *l) {
        if (limits->duration_usec == 0 && limits->data == 0)
                return NULL;
        p2p__limit__init(l);
        l->has_duration = true;
        l->duration = (uint32_t) P2P_MIN(limits->duration_usec / USEC_PER_SEC, (uint64_t) UINT32_MAX);
        l->has_data = true;
        l->data = limits->data;
        return l;
}

/* ---- RESERVE ---- */

/* Where the client is reached: our addresses with /p2p/us, public ones where there are any. *ret owns the
 * array and each. */
static size_t reservation_addrs(p2p_hop *hop, p2p_addr **ret) {
        p2p_addr **own;
        size_t n_own, n = 0;
        bool any_public = false;

        if (p2p_host_own_addrs(hop->host, &own, &n_own) < 0)
                return 0;
        for (size_t i = 0; i < n_own; i++)
                any_public |= p2p_addr_is_public(own[i]);
        for (size_t i = 0; i < n_own; i++) {
                if (n < P2P_CIRCUIT_ADDRS_MAX && !p2p_addr_is_circuit(own[i]) &&
                    !p2p_addr_is_loopback(own[i]) && (!any_public || p2p_addr_is_public(own[i])) &&
                    p2p_addr_with_peer(own[i], p2p_host_peer_id(hop->host), &ret[n]) >= 0)
                        n++;
                p2p_addr_free(own[i]);
        }
        free(own);
        return n;
}

static int answer_reserved(request *q, const hop_reservation *reservation) {
        P2p__HopMessage m = P2P__HOP_MESSAGE__INIT;
        P2p__Reservation r = P2P__RESERVATION__INIT;
        ProtobufCBinaryData addrs[P2P_CIRCUIT_ADDRS_MAX];
        p2p_addr *own[P2P_CIRCUIT_ADDRS_MAX];
        uint8_t *voucher = NULL;
        size_t n_voucher;
        P2p__Limit limit;
        int e;

        r.expire = reservation->expires;
        r.n_addrs = reservation_addrs(q->hop, own);
        for (size_t i = 0; i < r.n_addrs; i++) {
                p2p_view v = p2p_addr_view(own[i]);

                addrs[i] = (ProtobufCBinaryData){ .data = (uint8_t *) v.data, .len = v.n };
        }
        r.addrs = addrs;
        if (p2p_voucher_seal(p2p_host_identity(q->hop->host), &q->peer, reservation->expires, &voucher,
                             &n_voucher) >= 0) {
                r.has_voucher = true;
                r.voucher = (ProtobufCBinaryData){ .data = voucher, .len = n_voucher };
        }
        m.reservation = &r;
        m.limit = fill_limit(&q->hop->limits, &limit);
        e = answer(q, &m, P2P_HOP_OK, on_refused);
        for (size_t i = 0; i < r.n_addrs; i++)
                p2p_addr_free(own[i]);
        free(voucher);
        return e;
}

static void reserve(request *q, p2p_conn *conn) {
        hop_reservation *reservation;
        p2p_hop *hop = q->hop;
        unsigned status;
        bool refresh;

        if (p2p_conn_is_circuit(conn) ||
            (hop->events->allow && !hop->events->allow(&q->peer, NULL, hop->userdata)))
                return refuse(q, P2P_HOP_PERMISSION_DENIED);
        status = hop_reserve(hop, conn, &refresh, &reservation);
        if (status != P2P_HOP_OK)
                return refuse(q, status);
        if (answer_reserved(q, reservation) < 0)
                request_free(q);
        if (hop->events->reserved)
                hop->events->reserved(p2p_conn_peer(conn), p2p_conn_remote(conn), refresh, hop->userdata);
}

/* ---- CONNECT ---- */
static void on_joined(p2p_stream *stream, p2p_view message _unused_, int error, void *userdata) {
        request *q = userdata;
        p2p_peer_id peer = q->peer, target = q->target;
        p2p_channel *to_dst = NULL;
        p2p_hop *hop = q->hop;

        q->exchange = NULL;
        if (error >= 0)
                to_dst = p2p_stream_take_channel(TAKE_PTR(q->dst));
        request_free(q);
        /* Last: whoever is told of the circuit may drop its peers. */
        if (to_dst)
                hop_circuit_start(hop, &peer, &target, p2p_stream_take_channel(stream), to_dst);
}

static void on_stop_answer(p2p_stream *stream, p2p_view bytes, int error, void *userdata) {
        P2p__HopMessage m = P2P__HOP_MESSAGE__INIT;
        P2p__Limit limit;
        p2p_stop_message stop;
        request *q = userdata;

        q->exchange = NULL;
        q->dst = stream;
        if (error < 0 || p2p_stop_message_parse(bytes, &stop) < 0 || stop.type != P2P_STOP_STATUS ||
            stop.status != P2P_HOP_OK)
                return refuse(q, P2P_HOP_CONNECTION_FAILED);
        m.limit = fill_limit(&q->hop->limits, &limit);
        if (answer(q, &m, P2P_HOP_OK, on_joined) < 0)
                request_free(q);
}

static void on_stop_stream(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        P2p__StopMessage m = P2P__STOP_MESSAGE__INIT;
        P2p__CircuitPeer peer = P2P__CIRCUIT_PEER__INIT;
        P2p__Limit limit;
        request *q = userdata;

        q->open = NULL;
        if (error < 0)
                return refuse(q, P2P_HOP_CONNECTION_FAILED);
        peer.id = (ProtobufCBinaryData){ .data = q->peer.data, .len = q->peer.n };
        m.has_type = true;
        m.type = P2P_STOP_CONNECT;
        m.peer = &peer;
        m.limit = fill_limit(&q->hop->limits, &limit);
        if (p2p_exchange_new(p2p_host_loop(q->hop->host), stream, &m.base, P2P_CIRCUIT_MESSAGE_MAX,
                             HOP_TIMEOUT_USEC, on_stop_answer, q, &q->exchange) < 0)
                refuse(q, P2P_HOP_CONNECTION_FAILED);
}

/* Circuits of this peer, or all (NULL): those that run and those that are being made, or a burst would pass
 * under the limit. */
static unsigned count_circuits(p2p_hop *hop, const p2p_peer_id *peer) {
        unsigned n = peer ? hop_count_circuits(hop, peer) : hop->n_circuits;
        request *q;

        P2P_LIST_FOREACH(q, &hop->requests, request, requests)
                n += q->connecting &&
                     (!peer || p2p_peer_id_equal(&q->peer, peer) || p2p_peer_id_equal(&q->target, peer));
        return n;
}

/* The checks in go-libp2p's order. */
static unsigned judge_connect(request *q, p2p_conn *conn) {
        p2p_hop *hop = q->hop;

        if (p2p_conn_is_circuit(conn) ||
            (hop->events->allow && !hop->events->allow(&q->peer, &q->target, hop->userdata)))
                return P2P_HOP_PERMISSION_DENIED;
        if (!hop_find_reservation(hop, &q->target))
                return P2P_HOP_NO_RESERVATION;
        if (count_circuits(hop, NULL) >= hop->limits.circuits ||
            count_circuits(hop, &q->peer) >= hop->limits.circuits_per_peer ||
            count_circuits(hop, &q->target) >= hop->limits.circuits_per_peer)
                return P2P_HOP_RESOURCE_LIMIT_EXCEEDED;
        return P2P_HOP_OK;
}

static p2p_conn *direct_conn(p2p_hop *hop, const p2p_peer_id *peer) {
        p2p_conn *conn = p2p_host_find_conn(hop->host, peer);

        return conn && !p2p_conn_is_circuit(conn) ? conn : NULL;
}

static void connect_to(request *q, p2p_conn *conn) {
        p2p_open_options options = { .timeout_usec = STOP_OPEN_TIMEOUT_USEC };
        unsigned status = judge_connect(q, conn);
        p2p_conn *dst;

        if (status != P2P_HOP_OK)
                return refuse(q, status);
        q->connecting = true;
        dst = direct_conn(q->hop, &q->target);
        if (!dst || p2p_open_on_conn(dst, P2P_STOP_PROTOCOL, &options, on_stop_stream, q, &q->open) < 0)
                refuse(q, P2P_HOP_CONNECTION_FAILED);
}

/* ---- requests ---- */
static void on_request(p2p_stream *stream, p2p_view bytes, int error, void *userdata) {
        request *q = userdata;
        p2p_hop_message m;
        p2p_conn *conn;
        p2p_hop_type type;

        q->exchange = NULL;
        q->src = stream;
        conn = stream ? p2p_stream_conn(stream) : NULL;
        if (error < 0 || !conn) {
                request_free(q);
                return;
        }
        if (p2p_hop_message_parse(bytes, &m) < 0)
                return refuse(q, P2P_HOP_MALFORMED_MESSAGE);
        type = m.type;
        if (m.has_peer)
                q->target = m.peer;
        p2p_hop_message_done(&m);

        if (type == P2P_HOP_RESERVE) {
                q->target.n = 0;
                reserve(q, conn);
        } else if (type == P2P_HOP_CONNECT && m.has_peer)
                connect_to(q, conn);
        else
                refuse(q, P2P_HOP_MALFORMED_MESSAGE);
}

static bool too_many(p2p_hop *hop, const p2p_peer_id *peer) {
        unsigned n = 0, n_peer = 0;
        request *q;

        P2P_LIST_FOREACH(q, &hop->requests, request, requests) {
                n++;
                n_peer += p2p_peer_id_equal(&q->peer, peer);
        }
        return n >= HOP_REQUESTS_MAX || n_peer >= HOP_REQUESTS_PER_PEER_MAX;
}

static void on_stream(p2p_stream *stream, void *userdata) {
        p2p_hop *hop = userdata;
        request *q = NULL;

        if (!too_many(hop, p2p_stream_peer(stream)))
                q = calloc(1, sizeof(*q));
        if (!q) {
                p2p_channel_reset(p2p_stream_channel(stream), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
                p2p_stream_free(stream);
                return;
        }
        q->hop = hop;
        q->peer = *p2p_stream_peer(stream);
        p2p_list_init(&q->requests);
        p2p_list_append(&hop->requests, &q->requests);
        if (p2p_exchange_new(p2p_host_loop(hop->host), stream, NULL, P2P_CIRCUIT_MESSAGE_MAX,
                             HOP_TIMEOUT_USEC, on_request, q, &q->exchange) < 0)
                request_free(q);
}

/* ---- the service ---- */

static void on_conn_closed(p2p_conn *conn, void *userdata) {
        hop_reservation_on_conn_closed(userdata, conn);
}

void p2p_hop_drop_peer(p2p_hop *hop, const p2p_peer_id *peer) {
        p2p_peer_id gone = *peer; /* it may be a request's own */
        hop_reservation *r;
        request *q;

        P2P_LIST_FOREACH(q, &hop->requests, request, requests)
                if (p2p_peer_id_equal(&q->peer, &gone) || p2p_peer_id_equal(&q->target, &gone))
                        request_free(q);
        r = hop_find_reservation(hop, &gone);
        if (r) {
                hop_release(hop, r, false);
                hop_schedule_expiry(hop);
        }
        hop_circuits_end(hop, &gone);
}

unsigned p2p_hop_n_reservations(const p2p_hop *hop) { return hop->n_reservations; }
unsigned p2p_hop_n_circuits(const p2p_hop *hop) { return hop->n_circuits; }

int p2p_hop_new(p2p_host *host, const p2p_hop_limits *limits, const p2p_hop_events *events, void *userdata,
                p2p_hop **ret) {
        p2p_hop *hop;
        int r;

        hop = calloc(1, sizeof(*hop));
        if (!hop)
                return -ENOMEM;
        hop->host = host;
        hop->limits = *limits;
        hop->events = events ? events : &no_events;
        hop->userdata = userdata;
        p2p_list_init(&hop->reservations);
        p2p_list_init(&hop->requests);
        p2p_list_init(&hop->circuits);
        p2p_timer_init(&hop->expiry, p2p_host_loop(host), hop_on_expiry, hop);
        r = p2p_host_handle(host, P2P_HOP_PROTOCOL, on_stream, hop);
        if (r < 0) {
                free(hop);
                return r;
        }
        hop->hook = (p2p_hook){ .conn_closed = on_conn_closed, .userdata = hop };
        p2p_host_add_hook(host, &hop->hook);
        *ret = hop;
        return 0;
}

p2p_hop *p2p_hop_free(p2p_hop *hop) {
        hop_reservation *r;
        request *q;

        if (!hop)
                return NULL;
        hop->events = &no_events; /* nobody is told about the end of everything */
        p2p_host_unhandle(hop->host, P2P_HOP_PROTOCOL);
        p2p_hook_remove(&hop->hook);
        p2p_timer_stop(&hop->expiry);
        P2P_LIST_FOREACH(q, &hop->requests, request, requests)
                request_free(q);
        hop_circuits_end(hop, NULL);
        P2P_LIST_FOREACH(r, &hop->reservations, hop_reservation, reservations)
                hop_release(hop, r, false);
        free(hop);
        return NULL;
}
