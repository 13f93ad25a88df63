/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A rate limit: `burst` at once, then `rate` a second. All zero is one that nobody has used. */

#include <stdbool.h>
#include <stdint.h>

typedef struct p2p_rate {
        uint64_t since;
        uint32_t used;
} p2p_rate;

/* One is allowed now, usec. */
bool p2p_rate_has(p2p_rate *r, uint64_t now, uint32_t burst, uint32_t rate);
/* The same, and takes it. */
bool p2p_rate_take(p2p_rate *r, uint64_t now, uint32_t burst, uint32_t rate);
