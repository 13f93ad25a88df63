/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * HKDF of Noise with two outputs: a temporary key out of the chaining key and the input, then a chain of
 * HMACs counted 1, 2. Nothing is written before everything was read, so an output may overwrite an input
 * [Noise rev 34, section 4.3; RFC 5869].
 */

#include <sodium.h>

#include "crypto/hkdf.h"

_Static_assert(P2P_HKDF_SIZE == crypto_auth_hmacsha256_BYTES, "size of an output");

static void hmac(const uint8_t key[static P2P_HKDF_SIZE], p2p_view a, p2p_view b,
                 uint8_t out[static P2P_HKDF_SIZE]) {
        crypto_auth_hmacsha256_state state;

        (void) crypto_auth_hmacsha256_init(&state, key, P2P_HKDF_SIZE);
        if (a.n > 0)
                (void) crypto_auth_hmacsha256_update(&state, a.data, a.n);
        if (b.n > 0)
                (void) crypto_auth_hmacsha256_update(&state, b.data, b.n);
        (void) crypto_auth_hmacsha256_final(&state, out);
        sodium_memzero(&state, sizeof(state));
}

void p2p_hkdf2(const uint8_t chaining_key[static P2P_HKDF_SIZE], p2p_view ikm,
               uint8_t out1[static P2P_HKDF_SIZE], uint8_t out2[static P2P_HKDF_SIZE]) {
        static const uint8_t one = 1, two = 2;
        uint8_t temporary[P2P_HKDF_SIZE];

        hmac(chaining_key, ikm, (p2p_view){}, temporary);
        hmac(temporary, P2P_VIEW(&one, 1), (p2p_view){}, out1);
        hmac(temporary, P2P_VIEW(out1, P2P_HKDF_SIZE), P2P_VIEW(&two, 1), out2);
        sodium_memzero(temporary, sizeof(temporary));
}
