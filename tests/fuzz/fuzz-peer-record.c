/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Peer records: any bytes as an envelope, any bytes as a payload; what opens is sealed again and opens as
 * the same. */

#include "tests/fuzz/seal-check.h"

static void check_record(p2p_view in) {
        p2p_peer_record record, again;
        uint8_t *sealed;
        size_t n;

        if (p2p_peer_record_open(in, &record) < 0)
                return;
        if (p2p_peer_id_equal(&record.peer, p2p_identity_peer_id(fuzz_identity()))) {
                CHECK(p2p_peer_record_seal(fuzz_identity(), record.seq, record.addrs, record.n_addrs,
                                           &sealed, &n) == 0);
                CHECK(p2p_peer_record_open(P2P_VIEW(sealed, n), &again) == 0);
                CHECK(again.seq == record.seq && again.n_addrs == record.n_addrs);
                for (size_t i = 0; i < record.n_addrs; i++)
                        CHECK(p2p_addr_equal(record.addrs[i], again.addrs[i]));
                p2p_peer_record_done(&again);
                free(sealed);
        }
        p2p_peer_record_done(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const uint8_t type[] = { 0x03, 0x01 };
        uint8_t *sealed;
        size_t n;

        check_record(P2P_VIEW(data, size));
        sealed = fuzz_seal(P2P_PEER_RECORD_DOMAIN, P2P_VIEW(type, 2), P2P_VIEW(data, size), &n);
        if (sealed)
                check_record(P2P_VIEW(sealed, n));
        free(sealed);
        return 0;
}
