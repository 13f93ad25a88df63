/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Totals of a run of pings. */

#include <jansson.h>
#include <stdint.h>

#define PING_LOST           UINT64_MAX
#define PING_STATS_TEXT_MAX 192u

typedef struct PingStats {
        uint64_t sent, answered;
        uint64_t least, most, sum; /* usec, of those answered */
} PingStats;

/* A round trip in usec, or PING_LOST. */
void ping_stats_add(PingStats *stats, uint64_t rtt);
unsigned
ping_stats_loss(const PingStats *stats); /* per cent; 100 only if none was answered, 0 only if all were */
/* "3 sent, 3 answered, 0% lost", and a line with the times if there are any. Returns `text`. */
const char *ping_stats_format(const PingStats *stats, char text[static PING_STATS_TEXT_MAX]);
json_t *ping_stats_json(const PingStats *stats); /* NULL: no memory */
