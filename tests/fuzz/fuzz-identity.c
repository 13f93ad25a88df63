/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Key files: what loads is written in one form, which loads as the same identity. */

#include <p2p/identity.h>

#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t buf[P2P_PRIVATE_KEY_MAX], signature[P2P_SIGNATURE_SIZE];
        p2p_identity *id = NULL, *again = NULL;
        p2p_key_type type;

        if (p2p_identity_decode(P2P_VIEW(data, size), &id, &type) < 0) {
                CHECK(!id && p2p_key_type_name(type));
                return 0;
        }
        CHECK(p2p_identity_decode(p2p_identity_encode(id, buf), &again, NULL) == 0);
        CHECK(p2p_peer_id_equal(p2p_identity_peer_id(id), p2p_identity_peer_id(again)));
        p2p_identity_sign(id, P2P_VIEW(data, size), signature);
        CHECK(p2p_public_key_verify(p2p_identity_public_key(again), P2P_VIEW(data, size),
                                    P2P_VIEW(signature, sizeof(signature))) == 0);
        p2p_identity_free(id);
        p2p_identity_free(again);
        return 0;
}
