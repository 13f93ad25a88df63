/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The reading half of a sealed channel. */

#include <p2p/channel.h>

#include "secure/sealed-format.h"

typedef struct p2p_sealed_in {
        const p2p_seal_format *format;
        void *state;     /* borrowed */
        uint8_t *record; /* one whose end has not come, in record_size bytes; NULL until known */
        uint32_t record_size;
        uint32_t n; /* bytes of it that have come; where record is NULL they are in head */
        uint8_t head[P2P_SEAL_HEAD_MAX];
        bool is_ended; /* the far side said so */
        uint8_t *left; /* opened, for a reader with too small a buffer */
        uint32_t left_start, left_n;
        int error; /* broken for good */
} p2p_sealed_in;

/* As p2p_channel_readv(). A first buffer of record_max or more is read into and opened in place, many
 * records a call; smaller ones are served from a copy. At most P2P_SCRATCH_SIZE bytes are read a call:
 * *ret_again says that it stopped there with nothing to give, and -EAGAIN is then not the channel's below.
 */
ssize_t p2p_sealed_in_readv(p2p_sealed_in *in, p2p_channel *below, const struct iovec *iov, int n,
                            bool *ret_again);
void p2p_sealed_in_done(p2p_sealed_in *in);
