/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Envelopes: any bytes as one, and any bytes in one: the latter come out again, whole and only for their
 * purpose. */

#include "tests/fuzz/seal-check.h"

static const uint8_t type[] = { 0x03, 0x01 };

static void open_as_it_is(p2p_view in) {
        p2p_public_key signer;
        uint8_t *payload;
        size_t n;

        if (p2p_envelope_open(in, P2P_PEER_RECORD_DOMAIN, P2P_VIEW(type, 2), &signer, &payload, &n) == 0) {
                CHECK(n < in.n);
                free(payload);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        p2p_view in = P2P_VIEW(data, size);
        p2p_public_key signer;
        uint8_t *sealed, *payload;
        size_t n, n_payload;

        open_as_it_is(in);
        sealed = fuzz_seal(P2P_PEER_RECORD_DOMAIN, P2P_VIEW(type, 2), in, &n);
        if (!sealed)
                return 0;
        CHECK(p2p_envelope_open(P2P_VIEW(sealed, n), P2P_PEER_RECORD_DOMAIN, P2P_VIEW(type, 2), &signer,
                                &payload, &n_payload) == 0);
        CHECK(p2p_view_equal(P2P_VIEW(payload, n_payload), in));
        free(payload);
        CHECK(p2p_envelope_open(P2P_VIEW(sealed, n), P2P_VOUCHER_DOMAIN, P2P_VIEW(type, 2), &signer,
                                &payload, &n_payload) < 0);
        free(sealed);
        return 0;
}
