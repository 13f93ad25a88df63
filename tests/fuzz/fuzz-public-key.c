/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Public keys: what decodes is written back as the same bytes, and comes back out of its id. */

#include <p2p/identity.h>

#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t buf[P2P_PUBLIC_KEY_MAX];
        p2p_public_key key, again;
        p2p_key_type type;
        p2p_peer_id id;

        if (p2p_public_key_decode(P2P_VIEW(data, size), &key, &type) < 0) {
                CHECK(p2p_key_type_name(type));
                return 0;
        }
        CHECK(type == P2P_KEY_ED25519);
        CHECK(p2p_view_equal(p2p_public_key_encode(&key, buf), P2P_VIEW(data, size)));
        p2p_public_key_peer_id(&key, &id);
        CHECK(p2p_peer_id_public_key(&id, &again) == 0);
        CHECK(memcmp(&key, &again, sizeof(key)) == 0);
        CHECK(p2p_public_key_verify(&key, P2P_VIEW(data, size), P2P_VIEW(data, size)) < 0);
        return 0;
}
