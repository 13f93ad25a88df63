/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A firewall that drops all UDP, or a router without IPv6, answers nothing: each dial would wait for the
 * head start of what never works. After BLACK_HOLE_WINDOW dials in a row that reached nobody the kind waits
 * for all others; every BLACK_HOLE_WINDOW-th dial tries it as before, and the first success, or another
 * network, ends it [go-libp2p: fewer than 5 of 100; a node with a few friends would not live to see the
 * hundredth].
 */

#include "host/black-hole.h"

bool black_hole_seems(black_hole *b) {
        if (b->n_failed < BLACK_HOLE_WINDOW)
                return false;
        return ++b->n_asked % BLACK_HOLE_WINDOW != 0;
}

void black_hole_record(black_hole *b, bool reached) {
        if (reached)
                black_hole_reset(b);
        else if (b->n_failed < BLACK_HOLE_WINDOW)
                b->n_failed++;
}

void black_hole_reset(black_hole *b) {
        *b = (black_hole){};
}
