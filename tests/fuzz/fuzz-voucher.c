/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Vouchers: any bytes as an envelope, any bytes as a payload; what opens is sealed again as the same bytes.
 */

#include "tests/fuzz/seal-check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const uint8_t type[] = { 0x03, 0x02 };
        uint8_t *sealed, *again;
        p2p_voucher voucher;
        size_t n, n_again;

        (void) p2p_voucher_open(P2P_VIEW(data, size), &voucher);
        sealed = fuzz_seal(P2P_VOUCHER_DOMAIN, P2P_VIEW(type, 2), P2P_VIEW(data, size), &n);
        if (!sealed)
                return 0;
        if (p2p_voucher_open(P2P_VIEW(sealed, n), &voucher) == 0) {
                CHECK(p2p_peer_id_equal(&voucher.relay, p2p_identity_peer_id(fuzz_identity())));
                CHECK(p2p_voucher_seal(fuzz_identity(), &voucher.peer, voucher.expires, &again, &n_again) ==
                      0);
                CHECK(n_again <= n); /* unknown fields may have stood behind */
                free(again);
        }
        free(sealed);
        return 0;
}
