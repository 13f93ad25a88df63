/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What was used comes back one by one, each after a whole share of a second: no part of it is lost, however
 * often somebody asks. */

#include <p2p/loop.h>
#include <p2p/macro.h>

#include "io/rate.h"

bool p2p_rate_has(p2p_rate *r, uint64_t now, uint32_t burst, uint32_t rate) {
        uint64_t back = (now - r->since) * rate / USEC_PER_SEC;

        if (back > 0) {
                r->used -= (uint32_t) P2P_MIN(back, r->used);
                r->since += back * USEC_PER_SEC / rate;
        }
        return r->used < burst;
}

bool p2p_rate_take(p2p_rate *r, uint64_t now, uint32_t burst, uint32_t rate) {
        if (!p2p_rate_has(r, now, burst, rate))
                return false;
        r->used++;
        return true;
}
