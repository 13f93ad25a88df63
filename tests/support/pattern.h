/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A known stream of bytes through two joined channels, in odd pieces: for tests of whatever carries bytes. */

#include <p2p/channel.h>
#include <p2p/loop.h>

typedef struct pattern_flow {
        p2p_loop *loop; /* manual */
        p2p_channel *from, *to;
        size_t total, read_max;
        void (*meanwhile)(uint32_t noise, void *userdata); /* before each write; may be NULL */
        void *userdata;
} pattern_flow;

/* Writes vectors with a hole in them and of all sizes, with `more` and without, and reads read_max bytes at a
 * time, until all of it has passed. Traps on another byte, on an error, and when nothing moves any more. */
void pattern_flow_run(const pattern_flow *flow);
