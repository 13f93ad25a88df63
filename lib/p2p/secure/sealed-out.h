/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The writing half of a sealed channel. */

#include <p2p/channel.h>

#include "secure/sealed-format.h"

typedef struct p2p_sealed_out {
        const p2p_seal_format *format;
        void *state;      /* borrowed */
        uint8_t *pending; /* sealed, and not yet taken below: at most P2P_SCRATCH_SIZE bytes and an end */
        uint32_t pending_start, pending_n;
        int error; /* broken for good */
} p2p_sealed_out;

/* As p2p_channel_writev(): takes nothing while something is pending. */
ssize_t p2p_sealed_out_writev(p2p_sealed_out *out, p2p_loop *loop, p2p_channel *below,
                              const struct iovec *iov, int n, bool more);
/* 0: nothing is pending; -EAGAIN: the wake of the channel below follows; else broken for good. */
int p2p_sealed_out_flush(p2p_sealed_out *out, p2p_channel *below);
/* Puts what says that nothing follows behind what is pending, once. */
int p2p_sealed_out_end(p2p_sealed_out *out);
void p2p_sealed_out_done(p2p_sealed_out *out);
