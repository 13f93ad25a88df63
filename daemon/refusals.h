/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who closed a connection because it does not let us in, and when: the answer to "why did that break". */

#include <p2p/macro.h>
#include <p2p/peer.h>

#define REFUSALS_MAX                                                                                        \
        64u /* the oldest is forgotten; arbitrary, more than the peers that anybody dials in a second */

typedef struct Refusals {
        struct {
                p2p_peer_id peer;
                uint64_t at;
        } entries[REFUSALS_MAX];
        unsigned next;
} Refusals;

void refusals_note(Refusals *refusals, const p2p_peer_id *peer, uint64_t now);
/* At or after `since`. */
bool refusals_since(const Refusals *refusals, const p2p_peer_id *peer, uint64_t since);
