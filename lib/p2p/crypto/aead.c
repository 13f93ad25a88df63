/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ChaCha20-Poly1305 by libsodium, in place and with the tag apart, so that a record is sealed where it lies
 * and no byte of it is copied. The nonce is the counter in the last eight of twelve bytes, little-endian
 * [Noise rev 34, section 12.3; RFC 8439].
 */

#include <errno.h>
#include <sodium.h>

#include "crypto/aead.h"

_Static_assert(P2P_AEAD_KEY_SIZE == crypto_aead_chacha20poly1305_IETF_KEYBYTES, "size of a key");
_Static_assert(P2P_AEAD_TAG_SIZE == crypto_aead_chacha20poly1305_IETF_ABYTES, "size of a tag");

#define NONCE_SIZE crypto_aead_chacha20poly1305_IETF_NPUBBYTES

static void nonce_of(uint64_t counter, uint8_t nonce[static NONCE_SIZE]) {
        memset(nonce, 0, NONCE_SIZE);
        for (unsigned i = 0; i < 8; i++)
                nonce[4 + i] = (uint8_t) (counter >> (8 * i));
}

void p2p_aead_seal(const uint8_t key[static P2P_AEAD_KEY_SIZE], uint64_t counter, p2p_view ad, uint8_t *data,
                   size_t n, uint8_t tag[static P2P_AEAD_TAG_SIZE]) {
        uint8_t nonce[NONCE_SIZE], none = 0;

        if (n == 0)
                data = &none; /* libsodium wants a pointer even to nothing */
        nonce_of(counter, nonce);
        (void) crypto_aead_chacha20poly1305_ietf_encrypt_detached(data, tag, NULL, data, n, ad.data, ad.n,
                                                                  NULL, nonce, key);
}

int p2p_aead_open(const uint8_t key[static P2P_AEAD_KEY_SIZE], uint64_t counter, p2p_view ad, uint8_t *data,
                  size_t n, const uint8_t tag[static P2P_AEAD_TAG_SIZE]) {
        uint8_t nonce[NONCE_SIZE], none = 0;
        int r;

        if (n == 0)
                data = &none;
        nonce_of(counter, nonce);
        r = crypto_aead_chacha20poly1305_ietf_decrypt_detached(data, NULL, data, n, tag, ad.data, ad.n,
                                                               nonce, key);
        return r == 0 ? 0 : -EBADMSG;
}
