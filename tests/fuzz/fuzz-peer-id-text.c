/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Peer ids in text: whatever parses has one canonical text, which parses to the same id; so do its bytes. */

#include <p2p/peer.h>

#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char text[P2P_PEER_ID_TEXT_MAX];
        p2p_peer_id id, again;
        char *in;

        if (p2p_peer_id_decode(P2P_VIEW(data, size), &id) == 0) {
                CHECK(p2p_peer_id_parse(p2p_peer_id_format(&id, text), &again) == 0);
                CHECK(p2p_peer_id_equal(&id, &again));
        }

        in = strndup((const char *) data, size);
        if (!in)
                return 0;
        if (p2p_peer_id_parse(in, &id) == 0) {
                CHECK(p2p_peer_id_parse(p2p_peer_id_format(&id, text), &again) == 0);
                CHECK(p2p_peer_id_equal(&id, &again) && p2p_peer_id_compare(&id, &again) == 0);
                CHECK(p2p_peer_id_decode(p2p_peer_id_view(&id), &again) == 0);
        }
        free(in);
        return 0;
}
