/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One direction of TLS 1.3 under one traffic secret [RFC 8446, sections 5.2, 5.3, 7.1 to 7.3]. */

#include <gnutls/crypto.h>

#include <p2p/view.h>

#define P2P_TLS_TAG_SIZE   16u
#define P2P_TLS_SECRET_MAX 48u

typedef struct p2p_tls_cipher {
        gnutls_cipher_algorithm_t algorithm;
        gnutls_mac_algorithm_t mac;   /* of the suite's hash */
        gnutls_aead_cipher_hd_t aead; /* NULL for ChaCha20-Poly1305, which is libsodium's */
        uint8_t key[32], iv[12];
        uint8_t secret[P2P_TLS_SECRET_MAX];
        size_t n_secret;
        uint64_t counter; /* records under this key */
} p2p_tls_cipher;

/* -EPROTONOSUPPORT: not a cipher, or not a hash, of ours. */
int p2p_tls_cipher_init(p2p_tls_cipher *cipher, gnutls_cipher_algorithm_t algorithm,
                        gnutls_digest_algorithm_t hash, p2p_view secret);
/* The next secret, and its key from the first record on. */
int p2p_tls_cipher_update(p2p_tls_cipher *cipher);
/* In place: n bytes, and the tag behind them. */
int p2p_tls_cipher_seal(p2p_tls_cipher *cipher, p2p_view ad, uint8_t *data, size_t n);
int p2p_tls_cipher_open(p2p_tls_cipher *cipher, p2p_view ad, uint8_t *data, size_t n); /* -EBADMSG */
void p2p_tls_cipher_done(p2p_tls_cipher *cipher); /* wipes; an all-zero one is fine */
