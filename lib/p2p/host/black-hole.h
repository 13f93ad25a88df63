/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Black hole: whether a kind of address (UDP, IPv6) works at all from where we are. Zero-initialized:
 * nothing is known. */

#include <stdbool.h>
#include <stdint.h>

#define BLACK_HOLE_WINDOW 16u /* so many failures in a row, and one dial in so many still tries */

typedef struct black_hole {
        unsigned n_failed; /* in a row */
        unsigned n_asked;  /* while it seems to be one */
} black_hole;

/* Asked once by each dial that would use it. True: try the rest before. */
bool black_hole_seems(black_hole *b);
void black_hole_record(black_hole *b, bool reached);
/* The network changed: all is forgotten. */
void black_hole_reset(black_hole *b);
