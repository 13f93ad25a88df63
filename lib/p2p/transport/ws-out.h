/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The writing half of a WebSocket channel. */

#include <p2p/channel.h>

#include "transport/ws-frame.h"

#define P2P_WS_FRAME_MAX (64u * 1024u) /* of payload in one of ours: some peers buffer a whole message */
#define P2P_WS_HELD_MAX 4096u          /* small writes that are gathered into one frame */
#define P2P_WS_VECTORS_MAX 16u         /* of the writer's, in one frame */

typedef struct p2p_ws_out {
        bool masks;        /* a client's */
        uint8_t *pending;  /* the rest of a frame that was not taken below; less than P2P_WS_FRAME_MAX +
                              P2P_WS_HEAD_MAX bytes */
        uint32_t pending_start, pending_n;
        uint8_t *held;     /* P2P_WS_HELD_MAX bytes: taken from the writer, not yet in a frame */
        uint32_t held_n;
        int error;         /* for good */
} p2p_ws_out;

/* As p2p_channel_writev(): takes nothing while something is pending. With `more`, small writes are held:
 * whoever calls must see to it that p2p_ws_out_flush() follows in this turn. */
ssize_t p2p_ws_out_writev(p2p_ws_out *out, p2p_loop *loop, p2p_channel *below, const struct iovec *iov,
                          int n, bool more);
/* A control frame. -EAGAIN: nothing of it is taken, and p2p_ws_out_flush() must come first. */
int p2p_ws_out_control(p2p_ws_out *out, p2p_loop *loop, p2p_channel *below, unsigned opcode,
                       p2p_view payload);
/* 0: nothing is pending or held; -EAGAIN: the wake of the channel below follows; else broken for good. */
int p2p_ws_out_flush(p2p_ws_out *out, p2p_loop *loop, p2p_channel *below);
void p2p_ws_out_done(p2p_ws_out *out);
