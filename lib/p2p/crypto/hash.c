/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SHA-256 by libsodium. Its state hides behind words of the same size, so that no user of the header sees
 * libsodium. */

#include <sodium.h>

#include "crypto/hash.h"

_Static_assert(sizeof(p2p_sha256) >= sizeof(crypto_hash_sha256_state), "room for the state");
_Static_assert(_Alignof(p2p_sha256) >= _Alignof(crypto_hash_sha256_state), "alignment of the state");
_Static_assert(P2P_SHA256_SIZE == crypto_hash_sha256_BYTES, "size of a digest");

static crypto_hash_sha256_state *state_of(p2p_sha256 *hash) {
        return (crypto_hash_sha256_state *) (void *) hash->opaque;
}

void p2p_sha256_init(p2p_sha256 *hash) {
        (void) crypto_hash_sha256_init(state_of(hash));
}

void p2p_sha256_update(p2p_sha256 *hash, p2p_view bytes) {
        if (bytes.n > 0)
                (void) crypto_hash_sha256_update(state_of(hash), bytes.data, bytes.n);
}

void p2p_sha256_done(p2p_sha256 *hash, uint8_t out[static P2P_SHA256_SIZE]) {
        (void) crypto_hash_sha256_final(state_of(hash), out);
        sodium_memzero(hash, sizeof(*hash));
}

void p2p_sha256_of(p2p_view bytes, uint8_t out[static P2P_SHA256_SIZE]) {
        p2p_sha256 hash;

        p2p_sha256_init(&hash);
        p2p_sha256_update(&hash, bytes);
        p2p_sha256_done(&hash, out);
}
