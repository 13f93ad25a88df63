/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stop messages: what is understood is within its limits. */

#include "protocol/circuit-message.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        p2p_stop_message m;

        if (p2p_stop_message_parse(P2P_VIEW(data, n), &m) < 0)
                return 0;
        CHECK(n <= P2P_CIRCUIT_MESSAGE_MAX && m.type < _P2P_STOP_TYPE_MAX);
        CHECK(!m.has_peer || (m.peer.n > 0 && m.peer.n <= P2P_PEER_ID_MAX));
        return 0;
}
