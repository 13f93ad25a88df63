/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The payload of the Noise handshake. The static key is that of the first corpus file, whose signature is
 * good. */

#include <stdlib.h>

#include "secure/noise-payload.h"
#include "tests/support/hex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Ours are good, and agree. */
static void check_ours(const uint8_t *far_static, const char *const *muxers) {
        p2p_identity *id;
        const char *muxer;
        p2p_peer_id peer;
        uint8_t *out;
        size_t n;

        if (p2p_identity_generate(&id) < 0 || p2p_noise_payload_encode(id, far_static, muxers, &out, &n) < 0)
                return;
        if (p2p_noise_payload_open(P2P_VIEW(out, n), far_static, muxers, true, &peer, &muxer) < 0 ||
            muxer != muxers[0] || !p2p_peer_id_equal(&peer, p2p_identity_peer_id(id)))
                abort();
        free(out);
        p2p_identity_free(id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static const char *const muxers[] = { "/a", "/yamux/1.0.0", NULL };
        static uint8_t far_static[32];
        const char *muxer;
        p2p_peer_id peer;

        if (n == 0)
                check_ours(far_static, muxers);
        (void) hex_view("04f5f29162c31a8defa18e6e742224ee806fc1718a278be859ba5620402b8f3a", far_static, 32);
        for (unsigned initiator = 0; initiator < 2; initiator++) {
                if (p2p_noise_payload_open(P2P_VIEW(data, n), far_static, muxers, initiator, &peer, &muxer) < 0)
                        continue;
                if (n > P2P_NOISE_PAYLOAD_MAX || (muxer && muxer != muxers[0] && muxer != muxers[1]))
                        abort();
        }
        return 0;
}
