/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * GnuTLS never waits on us. What it sends is appended to `pending`, which is then offered below as a whole:
 * many records, one system call. What it reads comes out of `ahead`, so that it does not ask the socket for
 * five bytes. Only pulling can find nothing, and then `is_dry` says so, for GnuTLS also says "again" for
 * reasons of its own. While the pipe is held, what lies ahead is all there is.
 */

#include "transport/ws-tls-pipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/ws-tls-channel.h"

static void buffer_done(p2p_ws_tls_buffer *b) {
        free(b->data);
        *b = (p2p_ws_tls_buffer){};
}

static int buffer_reserve(p2p_ws_tls_buffer *b, size_t n) {
        size_t size = P2P_MAX(b->start + b->n + n, (size_t) 4096);
        uint8_t *data;

        if (size <= b->size)
                return 0;
        size = P2P_MAX(size, b->size * 2);
        data = realloc(b->data, size);
        if (!data)
                return -ENOMEM;
        b->data = data;
        b->size = size;
        return 0;
}

ssize_t p2p_ws_tls_pipe_fill(p2p_ws_tls_pipe *p) {
        size_t size = p->is_open ? P2P_WS_TLS_AHEAD_MAX : 4096;
        ssize_t k;
        int r;

        if (p->ahead.n > 0)
                return (ssize_t) p->ahead.n;
        if (p->is_ended || p->is_held)
                return p->is_ended ? 0 : -EAGAIN;
        p->ahead.start = 0;
        r = buffer_reserve(&p->ahead, size);
        if (r < 0)
                return r;
        k = p2p_channel_read(p->below, p->ahead.data, size);
        if (k <= 0) {
                buffer_done(&p->ahead);
                p->is_ended = k == 0;
                return k;
        }
        p->ahead.n = (size_t) k;
        if (!p->is_open && (p->n_handshake += (size_t) k) > P2P_WS_TLS_HANDSHAKE_MAX)
                return -EMSGSIZE;
        return k;
}

static ssize_t on_pull(gnutls_transport_ptr_t userdata, void *data, size_t n) {
        p2p_ws_tls_pipe *p = userdata;
        ssize_t k;

        k = p2p_ws_tls_pipe_fill(p);
        if (k == 0)
                return 0;
        if (k < 0) {
                p->is_dry = k == -EAGAIN;
                if (k != -EAGAIN)
                        p->error = (int) k;
                gnutls_transport_set_errno(p->session, k == -EAGAIN ? EAGAIN : EIO);
                return -1;
        }
        n = P2P_MIN(n, p->ahead.n);
        memcpy(data, p->ahead.data + p->ahead.start, n);
        p->ahead.start += n;
        p->ahead.n -= n;
        return (ssize_t) n;
}

static ssize_t on_push(gnutls_transport_ptr_t userdata, const void *data, size_t n) {
        p2p_ws_tls_pipe *p = userdata;
        int r = -ENOBUFS;

        if (n <= P2P_WS_TLS_PENDING_MAX - p->pending.n)
                r = buffer_reserve(&p->pending, n);
        if (r < 0) {
                p->error = r;
                gnutls_transport_set_errno(p->session, EIO);
                return -1;
        }
        memcpy(p->pending.data + p->pending.start + p->pending.n, data, n);
        p->pending.n += n;
        return (ssize_t) n;
}

static int on_pull_timeout(gnutls_transport_ptr_t userdata _unused_, unsigned milliseconds _unused_) {
        return 1; /* nothing ever waits */
}

void p2p_ws_tls_pipe_attach(p2p_ws_tls_pipe *p, gnutls_session_t session) {
        p->session = session;
        gnutls_transport_set_ptr(session, p);
        gnutls_transport_set_pull_function(session, on_pull);
        gnutls_transport_set_push_function(session, on_push);
        gnutls_transport_set_pull_timeout_function(session, on_pull_timeout);
}

int p2p_ws_tls_pipe_flush(p2p_ws_tls_pipe *p) {
        while (p->pending.n > 0) {
                ssize_t k = p2p_channel_write(p->below, p->pending.data + p->pending.start, p->pending.n);

                if (k < 0)
                        return (int) k;
                p->pending.start += (size_t) k;
                p->pending.n -= (size_t) k;
        }
        buffer_done(&p->pending);
        return 0;
}

void p2p_ws_tls_pipe_drop(p2p_ws_tls_pipe *p) {
        buffer_done(&p->ahead);
        buffer_done(&p->pending);
}
