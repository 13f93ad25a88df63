/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Circuit client, the dialling side: /p2p-circuit addresses as a transport (wire reference 11.2).
 *
 * A hop CONNECT on a stream to the relay; after STATUS OK that very stream is the raw channel of a new
 * connection. The answer is read to the byte, so what the far side glued behind it belongs to the new
 * connection.
 */

#include <errno.h>
#include <stdlib.h>

#include "protocol/circuit-internal.h"

#define RELAY_OPEN_TIMEOUT_USEC (15 * USEC_PER_SEC)
#define RELAY_ADDR_TTL_USEC (60 * USEC_PER_MINUTE)

typedef struct circuit_dial {
        p2p_circuit *circuit;
        p2p_peer_id relay, peer;
        p2p_addr *addr;
        p2p_open *open;
        p2p_exchange *exchange;
        p2p_raw_fn done;
        void *userdata;
        p2p_list dials;
} circuit_dial;

static circuit_dial *dial_free(circuit_dial *d) {
        if (!d)
                return NULL;
        p2p_list_unlink(&d->dials);
        p2p_open_free(d->open);
        p2p_exchange_free(d->exchange);
        p2p_addr_free(d->addr);
        free(d);
        return NULL;
}

static void finish(circuit_dial *d, p2p_raw *raw, int error) {
        p2p_peer_id relay = d->relay;
        p2p_raw_fn done = d->done;
        void *userdata = d->userdata;

        if (raw)
                raw->via = &relay;
        dial_free(d);
        done(raw, error, userdata);
}

/* The hop statuses in our vocabulary: what would be refused again is not "unreachable". */
static int status_error(unsigned status) {
        switch (status) {
        case P2P_HOP_OK: return 0;
        case P2P_HOP_PERMISSION_DENIED: return -EACCES;
        case P2P_HOP_RESOURCE_LIMIT_EXCEEDED: return -ENOBUFS;
        case P2P_HOP_NO_RESERVATION:
        case P2P_HOP_CONNECTION_FAILED: return -EHOSTUNREACH;
        default: return -EPROTO;
        }
}

static void on_answer(p2p_stream *stream, p2p_view bytes, int error, void *userdata) {
        circuit_dial *d = userdata;
        p2p_hop_message m = {};
        p2p_raw raw = {};

        d->exchange = NULL;
        if (error < 0)
                return finish(d, NULL, error);
        error = p2p_hop_message_parse(bytes, &m);
        if (error >= 0)
                error = m.type == P2P_HOP_STATUS ? status_error(m.status) : -EPROTO;
        p2p_hop_message_done(&m);
        if (error < 0) {
                p2p_stream_free(stream);
                return finish(d, NULL, error);
        }
        raw.channel = p2p_stream_take_channel(stream);
        raw.limited = m.limit.data > 0 || m.limit.duration_s > 0;
        finish(d, &raw, 0);
}

static void on_hop_stream(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        P2p__HopMessage m = P2P__HOP_MESSAGE__INIT;
        P2p__CircuitPeer peer = P2P__CIRCUIT_PEER__INIT;
        circuit_dial *d = userdata;
        int r;

        d->open = NULL;
        if (error < 0) /* -EKEYREJECTED would be of the peer, and this was of the relay */
                return finish(d, NULL, error == -EKEYREJECTED ? -EACCES : error);
        peer.id = (ProtobufCBinaryData){ .data = d->peer.data, .len = d->peer.n };
        m.has_type = true;
        m.type = P2P_HOP_CONNECT;
        m.peer = &peer;
        r = p2p_exchange_new(p2p_host_loop(d->circuit->host), stream, &m.base, P2P_CIRCUIT_MESSAGE_MAX,
                             ANSWER_TIMEOUT_USEC, on_answer, d, &d->exchange);
        if (r < 0)
                finish(d, NULL, r);
}

static bool matches(const p2p_addr *addr) {
        _cleanup_(p2p_addr_freep) p2p_addr *relay_addr = NULL;
        p2p_peer_id relay;

        return p2p_addr_split_circuit(addr, &relay_addr, &relay) >= 0 &&
               (!relay_addr || !p2p_addr_is_circuit(relay_addr)); /* no circuits over circuits: relays refuse them */
}

static int dial(void *transport, const p2p_peer_id *peer, const p2p_addr *addr, p2p_raw_fn done,
                void *userdata, void **ret) {
        _cleanup_(p2p_addr_freep) p2p_addr *relay_addr = NULL;
        p2p_open_options options = { .timeout_usec = RELAY_OPEN_TIMEOUT_USEC, .direct = true };
        p2p_circuit *circuit = transport;
        circuit_dial *d;
        int r;

        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (circuit_dial){ .circuit = circuit, .peer = *peer, .done = done, .userdata = userdata };
        p2p_list_init(&d->dials);
        r = p2p_addr_split_circuit(addr, &relay_addr, &d->relay);
        if (r >= 0 && relay_addr)
                (void) p2p_host_add_addr(circuit->host, &d->relay, relay_addr, RELAY_ADDR_TTL_USEC);
        if (r >= 0)
                r = p2p_open_new(circuit->host, &d->relay, P2P_HOP_PROTOCOL, &options, on_hop_stream, d,
                                 &d->open);
        if (r < 0) {
                dial_free(d);
                return r;
        }
        p2p_list_append(&circuit->dials, &d->dials);
        *ret = d;
        return 0;
}

static void free_dial(void *d) {
        dial_free(d);
}

const p2p_transport p2p_circuit_transport = {
        .name = "circuit",
        .matches = matches,
        .dial = dial,
        .free_dial = free_dial,
};

static void on_conn_closed(p2p_conn *conn, void *userdata) {
        p2p_circuit *circuit = userdata;
        p2p_reservation *r;

        P2P_LIST_FOREACH(r, &circuit->reservations, p2p_reservation, reservations)
                p2p_reservation_on_conn_closed(r, conn);
}

static void on_network_changed(void *userdata) {
        p2p_circuit *circuit = userdata;
        p2p_reservation *r;

        P2P_LIST_FOREACH(r, &circuit->reservations, p2p_reservation, reservations)
                p2p_reservation_on_network_changed(r);
}

int p2p_circuit_new(p2p_host *host, p2p_circuit **ret) {
        _cleanup_(p2p_circuit_freep) p2p_circuit *circuit = NULL;
        int r;

        circuit = calloc(1, sizeof(*circuit));
        if (!circuit)
                return -ENOMEM;
        circuit->host = host;
        p2p_list_init(&circuit->reservations);
        p2p_list_init(&circuit->dials);
        p2p_list_init(&circuit->stops);
        circuit->hook = (p2p_hook){
                .conn_closed = on_conn_closed,
                .network_changed = on_network_changed,
                .userdata = circuit,
        };
        p2p_host_add_hook(host, &circuit->hook);
        r = p2p_host_add_transport(host, &p2p_circuit_transport, circuit);
        if (r >= 0)
                r = p2p_stop_register(circuit);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(circuit);
        return 0;
}

p2p_circuit *p2p_circuit_free(p2p_circuit *circuit) {
        if (!circuit)
                return NULL;
        p2p_stop_unregister(circuit);
        p2p_hook_remove(&circuit->hook);
        p2p_host_remove_transport(circuit->host, &p2p_circuit_transport);
        free(circuit);
        return NULL;
}
