/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Stream: a muxed pipe with an agreed protocol and a proven peer at its other end. It may outlive its
 * connection.
 *
 * What a peer opened to us is counted over all its connections, or more of those would give it more streams.
 * A stream whose channel became something else (a circuit) counts no longer: that has a limit of its own.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/host-internal.h"

int stream_new(p2p_conn *conn, p2p_channel *channel, const char *protocol, bool counted, p2p_stream **ret) {
        size_t n = strlen(protocol) + 1;
        p2p_stream *s;

        s = malloc(sizeof(*s) + n);
        if (!s)
                return -ENOMEM;
        *s = (p2p_stream){ .channel = channel, .conn = conn, .peer = conn->peer, .counted = counted };
        memcpy(s->protocol, protocol, n);
        p2p_list_init(&s->streams);
        p2p_list_append(&conn->streams, &s->streams);
        *ret = s;
        return 0;
}

peer_share *peer_share_join(p2p_host *host, const p2p_peer_id *peer) {
        peer_share *share = NULL;
        p2p_conn *c;

        P2P_LIST_FOREACH(c, &host->conns, p2p_conn, conns)
                if (p2p_peer_id_equal(&c->peer, peer))
                        share = c->share;
        if (!share)
                share = calloc(1, sizeof(*share));
        if (share)
                share->n_conns++;
        return share;
}

void peer_share_leave(peer_share *share) {
        if (share && --share->n_conns == 0)
                free(share);
}

p2p_stream *p2p_stream_free(p2p_stream *s) {
        if (!s)
                return NULL;
        if (s->counted && s->conn)
                s->conn->share->n_streams--;
        p2p_list_unlink(&s->streams);
        p2p_channel_free(s->channel);
        free(s);
        return NULL;
}

p2p_channel *p2p_stream_take_channel(p2p_stream *s) {
        p2p_channel *channel = TAKE_PTR(s->channel);

        p2p_stream_free(s);
        return channel;
}

p2p_channel *p2p_stream_channel(p2p_stream *s) { return s->channel; }
p2p_conn *p2p_stream_conn(p2p_stream *s) { return s->conn; }
const p2p_peer_id *p2p_stream_peer(const p2p_stream *s) { return &s->peer; }
const char *p2p_stream_protocol(const p2p_stream *s) { return s->protocol; }
