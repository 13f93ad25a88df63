/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A known stream of bytes through two joined channels, in odd pieces: for tests of whatever carries
 * bytes. */

#include <p2p/channel.h>
#include <p2p/loop.h>

#include "tests/support/memory.h"

typedef struct pattern_flow {
        p2p_loop *loop; /* manual */
        p2p_channel *from, *to;
        size_t total, read_max;
        void (*meanwhile)(uint32_t noise, void *userdata); /* before each write; may be NULL */
        void *userdata;
} pattern_flow;

/* Writes vectors with a hole in them and of all sizes, with `more` and without, and reads read_max bytes
 * at a time, until all of it has passed. Traps on another byte, on an error, and when nothing moves any
 * more. */
void pattern_flow_run(const pattern_flow *flow);

/* Memory pairs that split at every byte, at odd places, at the size of a record or of a frame, or not at
 * all; and how much to send through each. */
#define PATTERN_PATHS 7u
extern const struct pattern_path {
        p2p_memory_options options;
        size_t total;
} pattern_paths[PATTERN_PATHS];
