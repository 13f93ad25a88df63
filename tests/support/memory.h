/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Two channels joined in memory: what one writes the other reads. For tests of everything that sits on a channel. */

#include <p2p/channel.h>

typedef struct p2p_memory_options {
        size_t capacity;  /* bytes in flight per direction before a writer sees -EAGAIN; 0: 64 KiB */
        size_t write_max; /* bytes taken by one writev; 0: all that fit. 1 splits at every byte */
        size_t read_max;  /* bytes given by one readv; 0: all that fit */
} p2p_memory_options;

/* options may be NULL. Each end is freed on its own; the other then reads the end, or -ECONNRESET after a reset. */
int p2p_memory_pair(p2p_loop *loop, const p2p_memory_options *options, p2p_channel **ret_a, p2p_channel **ret_b);
