/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The reading half of a WebSocket channel. */

#include <p2p/channel.h>

#include "transport/ws-frame.h"

#define P2P_WS_LEFT_MAX (16u * 1024u) /* read ahead for a reader with a smaller buffer */

typedef struct p2p_ws_in {
        bool from_client;  /* its frames must be masked; a server's must not */
        bool in_message;   /* a fragment has come, and more are due */
        bool is_closed;    /* a Close has come, or the end */
        bool has_ping;     /* to be answered with `ping` */
        uint8_t n_head;    /* bytes of a head that is not whole */
        uint8_t head_part[P2P_WS_HEAD_MAX];
        p2p_ws_head head;  /* of the frame whose payload comes */
        uint64_t rest;     /* bytes of it still to come */
        uint8_t control[P2P_WS_CONTROL_MAX], ping[P2P_WS_CONTROL_MAX];
        uint8_t n_control, n_ping;
        uint16_t close_code; /* what a Close of ours should say: theirs, or why we end; 0: nothing to say yet
                              */
        uint8_t *left;       /* payload for a reader with a small buffer */
        uint32_t left_start, left_n;
        int error; /* for good */
} p2p_ws_in;

/* Takes n bytes as they came below and leaves the payload of the data frames among them in their place.
 * Returns how much that is; an error waits in in->error until that is read. */
size_t p2p_ws_in_decode(p2p_ws_in *in, uint8_t *data, size_t n);
/* The same for bytes that came with the handshake, to be read first. */
int p2p_ws_in_begin(p2p_ws_in *in, p2p_view bytes);
/* As p2p_channel_readv(); at most P2P_SCRATCH_SIZE bytes are read a call: *ret_again says that it stopped
 * there with nothing to give, and -EAGAIN is then not the channel's below. */
ssize_t p2p_ws_in_readv(p2p_ws_in *in, p2p_channel *below, const struct iovec *iov, int n, bool *ret_again);
void p2p_ws_in_done(p2p_ws_in *in);
