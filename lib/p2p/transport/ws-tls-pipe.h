/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The bytes between a GnuTLS session and the channel below it. */

#include <gnutls/gnutls.h>

#include <p2p/channel.h>

typedef struct p2p_ws_tls_buffer {
        uint8_t *data;
        size_t start, n, size;
} p2p_ws_tls_buffer;

typedef struct p2p_ws_tls_pipe {
        p2p_channel *below; /* borrowed */
        gnutls_session_t session; /* borrowed */
        p2p_ws_tls_buffer ahead;   /* read, and not pulled yet */
        p2p_ws_tls_buffer pending; /* pushed, and not yet taken below */
        size_t n_handshake;        /* bytes read of it */
        int error;                 /* the channel's, or ours, where GnuTLS cannot know; for good */
        bool is_open;              /* the handshake is over */
        bool is_held;              /* a worker has the session: the channel is not touched */
        bool is_ended, is_dry;     /* dry: the last pull found nothing */
} p2p_ws_tls_pipe;

/* From now on the session moves its bytes through it. */
void p2p_ws_tls_pipe_attach(p2p_ws_tls_pipe *pipe, gnutls_session_t session);
/* > 0: that much lies ahead, read from below if need be; else as a read. */
ssize_t p2p_ws_tls_pipe_fill(p2p_ws_tls_pipe *pipe);
/* 0: nothing is pending; -EAGAIN: the wake of the channel below follows; else broken. */
int p2p_ws_tls_pipe_flush(p2p_ws_tls_pipe *pipe);
/* What lies ahead or is pending is forgotten. */
void p2p_ws_tls_pipe_drop(p2p_ws_tls_pipe *pipe);
