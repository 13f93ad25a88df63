/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Pacing [RFC 9002, section 7.7]: a bucket of tokens, one a byte, that fills at the rate which congestion
 * control names. It holds what flows in within four milliseconds, and never less than a batch: a process
 * that was late by so much catches up (on a busy machine everybody is late), and on a short path the window
 * alone limits.
 */

#include <p2p/macro.h>

#include "quic/quic-internal.h"

#define BURST_MIN 65536.0  /* a batch of the socket's */
#define BURST_USEC 4000.0
#define STEP_USEC 1000.0   /* a sleep is worth so many bytes, or a batch */

static double burst_of(const quic_pacer *p) {
        return P2P_MAX(BURST_MIN, p->rate * BURST_USEC);
}

void quic_pacer_update(quic_pacer *p, uint64_t now, double rate) {
        double tokens;

        p->rate = rate;
        tokens = (double) p->tokens + rate * (double) (now - p->since);
        if (p->since == 0 || rate <= 0 || tokens > burst_of(p))
                tokens = burst_of(p);
        p->tokens = (int64_t) tokens;
        p->since = now;
}

uint64_t quic_pacer_wait(const quic_pacer *p) {
        double want = P2P_MIN(BURST_MIN, p->rate * STEP_USEC) - (double) p->tokens;

        return p->rate > 0 && want > 0 ? (uint64_t) (want / p->rate) + 1 : 0;
}
