/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * X25519 by libsodium. A point of small order makes the shared secret zero and thereby known to everybody,
 * so it is refused, as go-libp2p does [RFC 7748, section 6.1; wire reference 5].
 */

#include <errno.h>
#include <sodium.h>

#include "crypto/x25519.h"

_Static_assert(P2P_X25519_SIZE == crypto_scalarmult_BYTES, "size of a point");
_Static_assert(P2P_X25519_SIZE == crypto_scalarmult_SCALARBYTES, "size of a scalar");

void p2p_x25519_public(const uint8_t secret[static P2P_X25519_SIZE],
                       uint8_t public_key[static P2P_X25519_SIZE]) {
        (void) crypto_scalarmult_base(public_key, secret);
}

int p2p_x25519(const uint8_t secret[static P2P_X25519_SIZE],
               const uint8_t public_key[static P2P_X25519_SIZE], uint8_t shared[static P2P_X25519_SIZE]) {
        return crypto_scalarmult(shared, secret, public_key) == 0 ? 0 : -EBADMSG;
}
