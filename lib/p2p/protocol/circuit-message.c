/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A peer inside a message must be a peer id: what is not is malformed (400), before any policy is asked. */

#include <errno.h>
#include <string.h>

#include "protocol/circuit-message.h"
#include "protocol/circuit.pb-c.h"
#include "wire/message.h"

const char *p2p_hop_status_name(unsigned status) {
        switch (status) {
        case P2P_HOP_OK: return "OK";
        case P2P_HOP_RESERVATION_REFUSED: return "RESERVATION_REFUSED";
        case P2P_HOP_RESOURCE_LIMIT_EXCEEDED: return "RESOURCE_LIMIT_EXCEEDED";
        case P2P_HOP_PERMISSION_DENIED: return "PERMISSION_DENIED";
        case P2P_HOP_CONNECTION_FAILED: return "CONNECTION_FAILED";
        case P2P_HOP_NO_RESERVATION: return "NO_RESERVATION";
        case P2P_HOP_MALFORMED_MESSAGE: return "MALFORMED_MESSAGE";
        case P2P_HOP_UNEXPECTED_MESSAGE: return "UNEXPECTED_MESSAGE";
        default: return "UNUSED";
        }
}

static int parse_peer(const P2p__CircuitPeer *in, bool *ret_has, p2p_peer_id *ret) {
        *ret_has = in;
        return in ? p2p_peer_id_decode(P2P_VIEW(in->id.data, in->id.len), ret) : 0;
}

static p2p_circuit_limit parse_limit(const P2p__Limit *in) {
        return in ? (p2p_circuit_limit){ .duration_s = in->duration, .data = in->data }
                  : (p2p_circuit_limit){};
}

/* The voucher is found again in the bytes that were parsed, so that it outlives the decoded message. */
static p2p_view locate(p2p_view in, const ProtobufCBinaryData *voucher) {
        const uint8_t *at;

        if (voucher->len == 0)
                return (p2p_view){};
        at = memmem(in.data, in.n, voucher->data, voucher->len);
        return at ? P2P_VIEW(at, voucher->len) : (p2p_view){};
}

static void parse_reservation(const P2p__Reservation *in, p2p_view bytes, p2p_hop_message *m) {
        m->has_reservation = in;
        if (!in)
                return;
        m->expires = in->expire;
        if (in->has_voucher)
                m->voucher = locate(bytes, &in->voucher);
        for (size_t i = 0; i < in->n_addrs && m->n_addrs < P2P_CIRCUIT_ADDRS_MAX; i++)
                if (p2p_addr_decode(P2P_VIEW(in->addrs[i].data, in->addrs[i].len), &m->addrs[m->n_addrs]) >=
                    0)
                        m->n_addrs++;
}

int p2p_hop_message_parse(p2p_view in, p2p_hop_message *ret) {
        p2p_hop_message m = {};
        P2p__HopMessage *pb;
        int r;

        r = p2p_message_decode(&p2p__hop_message__descriptor, in, P2P_CIRCUIT_MESSAGE_MAX, &pb);
        if (r < 0)
                return r;
        if (pb->type < 0 || pb->type >= _P2P_HOP_TYPE_MAX)
                r = -EBADMSG;
        if (r >= 0)
                r = parse_peer(pb->peer, &m.has_peer, &m.peer);
        if (r >= 0) {
                m.type = (p2p_hop_type) pb->type;
                m.status = (unsigned) pb->status;
                m.limit = parse_limit(pb->limit);
                parse_reservation(pb->reservation, in, &m);
                *ret = m;
        }
        p2p_message_free(pb);
        return r;
}

void p2p_hop_message_done(p2p_hop_message *m) {
        while (m->n_addrs > 0)
                p2p_addr_free(m->addrs[--m->n_addrs]);
}

int p2p_stop_message_parse(p2p_view in, p2p_stop_message *ret) {
        p2p_stop_message m = {};
        P2p__StopMessage *pb;
        int r;

        r = p2p_message_decode(&p2p__stop_message__descriptor, in, P2P_CIRCUIT_MESSAGE_MAX, &pb);
        if (r < 0)
                return r;
        if (pb->type < 0 || pb->type >= _P2P_STOP_TYPE_MAX)
                r = -EBADMSG;
        if (r >= 0)
                r = parse_peer(pb->peer, &m.has_peer, &m.peer);
        if (r >= 0) {
                m.type = (p2p_stop_type) pb->type;
                m.status = (unsigned) pb->status;
                m.limit = parse_limit(pb->limit);
                *ret = m;
        }
        p2p_message_free(pb);
        return r;
}
