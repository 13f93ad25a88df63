/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hop messages: what is understood is within its limits, its voucher inside the input. */

#include "crypto/envelope.h"
#include "protocol/circuit-message.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        p2p_hop_message m;
        p2p_voucher v;

        if (p2p_hop_message_parse(P2P_VIEW(data, n), &m) < 0)
                return 0;
        CHECK(n <= P2P_CIRCUIT_MESSAGE_MAX && m.type < _P2P_HOP_TYPE_MAX && m.n_addrs <= P2P_CIRCUIT_ADDRS_MAX);
        CHECK(!m.has_peer || (m.peer.n > 0 && m.peer.n <= P2P_PEER_ID_MAX));
        CHECK(p2p_hop_status_name(m.status)[0]);
        if (m.voucher.n > 0) {
                CHECK(m.voucher.data >= data && m.voucher.data + m.voucher.n <= data + n);
                (void) p2p_voucher_open(m.voucher, &v);
        }
        p2p_hop_message_done(&m);
        return 0;
}
