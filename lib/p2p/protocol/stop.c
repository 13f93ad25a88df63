/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Circuit client, the reached side: a relay brings somebody. Accepted only from relays where we hold, or are
 * taking, a reservation; go-libp2p takes them from any connected peer (wire reference 11.2). After STATUS OK
 * the stream becomes the raw channel of an inbound connection, and its peer proves itself like any other.
 */

#include <errno.h>
#include <stdlib.h>

#include "protocol/circuit-internal.h"

#define STOP_TIMEOUT_USEC (10 * USEC_PER_SEC) /* go-libp2p */
#define STOPS_MAX 128u                        /* in flight, go-libp2p */

typedef struct stop {
        p2p_circuit *circuit;
        p2p_exchange *exchange;
        p2p_stop_message request;
        p2p_peer_id relay;
        unsigned status;
        p2p_list stops;
} stop;

static stop *stop_free(stop *s) {
        p2p_list_unlink(&s->stops);
        p2p_exchange_free(s->exchange);
        free(s);
        return NULL;
}

static void accept_circuit(stop *s, p2p_stream *stream) {
        p2p_conn *conn = p2p_stream_conn(stream);
        p2p_raw raw = {
                .via = &s->relay,
                .limited = s->request.limit.data > 0 || s->request.limit.duration_s > 0,
        };

        if (!conn || p2p_addr_make_circuit(p2p_conn_remote(conn), &s->relay, &raw.remote) < 0) {
                p2p_stream_free(stream);
                return;
        }
        raw.channel = p2p_stream_take_channel(stream);
        (void) p2p_host_accept(s->circuit->host, &p2p_circuit_transport, &raw);
}

static void on_answered(p2p_stream *stream, p2p_view message _unused_, int error, void *userdata) {
        stop *s = userdata;

        s->exchange = NULL;
        if (error >= 0 && s->status == P2P_HOP_OK)
                accept_circuit(s, stream);
        else if (stream) {
                (void) p2p_channel_shutdown(p2p_stream_channel(stream));
                p2p_stream_free(stream);
        }
        stop_free(s);
}

static unsigned judge(stop *s, p2p_view bytes) {
        if (p2p_stop_message_parse(bytes, &s->request) < 0)
                return P2P_HOP_MALFORMED_MESSAGE;
        if (s->request.type != P2P_STOP_CONNECT)
                return P2P_HOP_UNEXPECTED_MESSAGE;
        if (!s->request.has_peer)
                return P2P_HOP_MALFORMED_MESSAGE;
        return p2p_circuit_knows_relay(s->circuit, &s->relay) ? P2P_HOP_OK : P2P_HOP_PERMISSION_DENIED;
}

static void on_request(p2p_stream *stream, p2p_view bytes, int error, void *userdata) {
        P2p__StopMessage answer = P2P__STOP_MESSAGE__INIT;
        stop *s = userdata;

        s->exchange = NULL;
        if (error < 0) {
                stop_free(s);
                return;
        }
        s->status = judge(s, bytes);
        answer.has_type = true;
        answer.type = P2P_STOP_STATUS;
        answer.has_status = true;
        answer.status = (int32_t) s->status;
        if (p2p_exchange_new(p2p_host_loop(s->circuit->host), stream, &answer.base, 0, STOP_TIMEOUT_USEC,
                             on_answered, s, &s->exchange) < 0)
                stop_free(s);
}

static void on_stream(p2p_stream *stream, void *userdata) {
        p2p_circuit *circuit = userdata;
        unsigned n = 0;
        stop *s;

        P2P_LIST_FOREACH(s, &circuit->stops, stop, stops)
                n++;
        s = n < STOPS_MAX ? calloc(1, sizeof(*s)) : NULL;
        if (!s) {
                p2p_channel_reset(p2p_stream_channel(stream), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
                p2p_stream_free(stream);
                return;
        }
        s->circuit = circuit;
        s->relay = *p2p_stream_peer(stream);
        p2p_list_init(&s->stops);
        p2p_list_append(&circuit->stops, &s->stops);
        if (p2p_exchange_new(p2p_host_loop(circuit->host), stream, NULL, P2P_CIRCUIT_MESSAGE_MAX,
                             STOP_TIMEOUT_USEC, on_request, s, &s->exchange) < 0)
                stop_free(s);
}

int p2p_stop_register(p2p_circuit *circuit) {
        return p2p_host_handle(circuit->host, P2P_STOP_PROTOCOL, on_stream, circuit);
}

void p2p_stop_unregister(p2p_circuit *circuit) {
        stop *s;

        p2p_host_unhandle(circuit->host, P2P_STOP_PROTOCOL);
        P2P_LIST_FOREACH(s, &circuit->stops, stop, stops)
                stop_free(s);
}
