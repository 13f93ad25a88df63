/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A QUIC connection as a session: what the host does with it once the peer is proven. */

#include <errno.h>

#include "quic/quic-internal.h"

static quic_conn *conn_of(const p2p_session *s) {
        return container_of((p2p_session *) s, quic_conn, session);
}

static int session_open(p2p_session *session, p2p_channel **ret) {
        quic_conn *c = conn_of(session);
        quic_stream *s;
        int64_t id;
        int r;

        if (c->state == QUIC_ENDED)
                return c->error;
        if (ngtcp2_conn_get_streams_bidi_left(c->lib) == 0) {
                c->want_open = true;
                return -EAGAIN;
        }
        r = quic_stream_new(c, -1, STREAM_OURS, &s);
        if (r < 0)
                return r;
        if (ngtcp2_conn_open_bidi_stream(c->lib, &id, s) != 0) {
                s->state |= STREAM_RELEASED;
                quic_stream_on_closed(s);
                return -ENOMEM;
        }
        s->id = id;
        *ret = &s->channel;
        return 0;
}

static int session_accept(p2p_session *session, p2p_channel **ret) {
        p2p_list *node = p2p_list_first(&conn_of(session)->incoming);
        quic_stream *s;

        if (!node)
                return 0;
        s = P2P_LIST_ENTRY(node, quic_stream, queue);
        p2p_list_unlink(node);
        s->state &= ~STREAM_INCOMING;
        *ret = &s->channel;
        return 1;
}

static int session_error(const p2p_session *session, uint32_t *ret_code) {
        const quic_conn *c = conn_of(session);

        if (ret_code)
                *ret_code = c->received_code;
        return c->state == QUIC_ENDED ? c->error : 0;
}

static void session_close(p2p_session *session, uint32_t code) {
        quic_conn_fail(conn_of(session), -ECONNRESET, &(quic_shim_close) { QUIC_CLOSE_APPLICATION, code });
}

static uint64_t session_rtt(const p2p_session *session) {
        return quic_conn_rtt(conn_of(session));
}

static uint64_t session_heard(const p2p_session *session) {
        return conn_of(session)->heard;
}

static void session_set_stream_limit(p2p_session *session, unsigned n) {
        quic_conn *c = conn_of(session);

        c->limit = P2P_MIN(n, P2P_QUIC_STREAMS_MAX);
        quic_conn_top_up(c);
}

static unsigned session_n_streams(const p2p_session *session) {
        return conn_of(session)->n_streams;
}

static void session_allow_large_windows(p2p_session *session) {
        quic_conn *c = conn_of(session);

        if (c->state != QUIC_ENDED) /* then it may have outlived its transport */
                c->window_max = P2P_MIN(P2P_QUIC_WINDOW_MAX_OURS, c->transport->conn_buffer / 2);
}

static p2p_session *session_free(p2p_session *session) {
        quic_conn_free(conn_of(session));
        return NULL;
}

const p2p_session_ops quic_session_ops = {
        .open = session_open,
        .accept = session_accept,
        .error = session_error,
        .close = session_close,
        .rtt = session_rtt,
        .heard = session_heard,
        .set_stream_limit = session_set_stream_limit,
        .n_streams = session_n_streams,
        .allow_large_windows = session_allow_large_windows,
        .free = session_free,
};

size_t p2p_quic_buffered(const p2p_session *session) {
        return conn_of(session)->buffered;
}
