/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ring of the last refusals. A peer that gates us lets the handshake finish, ends the connection with
 * GoAway 0x1007 and takes our streams with it: what those see is a break, and this is where the reason is
 * found.
 */

#include "daemon/refusals.h"

void refusals_note(Refusals *refusals, const p2p_peer_id *peer, uint64_t now) {
        unsigned i = refusals->next++ % REFUSALS_MAX;

        refusals->entries[i].peer = *peer;
        refusals->entries[i].at = now;
}

bool refusals_since(const Refusals *refusals, const p2p_peer_id *peer, uint64_t since) {
        for (unsigned i = 0; i < REFUSALS_MAX; i++)
                if (refusals->entries[i].peer.n > 0 && refusals->entries[i].at >= since &&
                    p2p_peer_id_equal(&refusals->entries[i].peer, peer))
                        return true;
        return false;
}
