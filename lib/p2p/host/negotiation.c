/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An inbound stream until its protocol is agreed. It counts among its peer's from the first byte on; once
 * there is a stream, that one counts in its place.
 */

#include <stdlib.h>

#include "host/host-internal.h"
#include "negotiate/multistream.h"

typedef struct negotiation {
        p2p_conn *conn;
        p2p_channel *channel; /* the select's while there is one */
        p2p_select *select;
        p2p_timer deadline;
        bool counted; /* in the peer's share; a stream takes that over */
        p2p_list negotiations;
} negotiation;

static negotiation *negotiation_free(negotiation *n) {
        if (!n)
                return NULL;
        if (n->counted)
                n->conn->share->n_streams--;
        p2p_timer_stop(&n->deadline);
        p2p_select_free(n->select);
        p2p_list_unlink(&n->negotiations);
        free(n);
        return NULL;
}

static bool match_handler(const char *protocol, void *userdata) {
        negotiation *n = userdata;

        return host_find_handler(n->conn->host, protocol);
}

static void on_negotiated(p2p_channel *channel, const char *protocol, int error, void *userdata) {
        negotiation *n = userdata;
        p2p_conn *conn = n->conn;
        handler *h = NULL;
        p2p_stream *stream;

        n->select = NULL; /* it freed itself */
        if (error >= 0)
                h = host_find_handler(conn->host, protocol);
        if (error >= 0 && !h) { /* unregistered meanwhile */
                p2p_channel_reset(channel, P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED);
                p2p_channel_free(channel);
        } else if (h && stream_new(conn, channel, protocol, true, &stream) < 0) {
                p2p_channel_reset(channel, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
                p2p_channel_free(channel);
                h = NULL;
        }
        n->counted = !h;
        negotiation_free(n);
        if (h)
                h->fn(stream, h->userdata);
}

static void on_negotiation_deadline(void *userdata) {
        negotiation *n = userdata;

        p2p_channel_reset(n->channel, P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED);
        negotiation_free(n);
}

void negotiation_start(p2p_conn *conn, p2p_channel *channel) {
        p2p_loop *loop = conn->host->loop;
        negotiation *n = NULL;

        if (conn->share->n_streams < conn->stream_limit)
                n = calloc(1, sizeof(*n));
        if (!n) {
                p2p_channel_reset(channel, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
                p2p_channel_free(channel);
                return;
        }
        n->conn = conn;
        n->channel = channel;
        n->counted = true;
        conn->share->n_streams++;
        p2p_list_init(&n->negotiations);
        p2p_timer_init(&n->deadline, loop, on_negotiation_deadline, n);
        if (p2p_timer_set(&n->deadline, NEGOTIATE_TIMEOUT_USEC) < 0 ||
            p2p_select_new(loop, channel, match_handler, on_negotiated, n, &n->select) < 0) {
                p2p_channel_free(channel);
                negotiation_free(n);
                return;
        }
        p2p_list_append(&conn->negotiations, &n->negotiations);
}

void negotiation_free_all(p2p_conn *conn) {
        negotiation *n;

        P2P_LIST_FOREACH(n, &conn->negotiations, negotiation, negotiations)
                negotiation_free(n);
}
