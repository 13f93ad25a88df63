/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stream: a muxed pipe with an agreed protocol and a proven peer at its other end. It may outlive its connection. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/host-internal.h"

int stream_new(p2p_conn *conn, p2p_channel *channel, const char *protocol, p2p_stream **ret) {
        size_t n = strlen(protocol) + 1;
        p2p_stream *s;

        s = malloc(sizeof(*s) + n);
        if (!s)
                return -ENOMEM;
        *s = (p2p_stream){ .channel = channel, .conn = conn, .peer = conn->peer };
        memcpy(s->protocol, protocol, n);
        p2p_list_init(&s->streams);
        p2p_list_append(&conn->streams, &s->streams);
        *ret = s;
        return 0;
}

p2p_stream *p2p_stream_free(p2p_stream *s) {
        if (!s)
                return NULL;
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
