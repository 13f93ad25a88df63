/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sealing and opening with what a TLS 1.3 handshake agreed on [RFC 8446].
 *
 * Everything follows from the traffic secret: key, nonce and the next secret. AES-GCM is GnuTLS's;
 * ChaCha20-Poly1305 is libsodium's, which is several times as fast. A nonce is the direction's IV with the
 * number of the record in it, so a record that is dropped, repeated or moved does not open.
 */

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "secure/tls-cipher.h"
#include "wire/writer.h"

#define NONCE_SIZE   12u
#define LABEL_PREFIX "tls13 " /* RFC 8446, 7.1 */

static int expand(const p2p_tls_cipher *c, const char *label, uint8_t *out, size_t n) {
        gnutls_datum_t secret = { (unsigned char *) c->secret, (unsigned) c->n_secret }, info_datum;
        uint8_t info[64];
        p2p_writer w = P2P_WRITER(info, sizeof(info));

        p2p_write_be16(&w, (uint16_t) n);
        p2p_write_u8(&w, (uint8_t) (strlen(LABEL_PREFIX) + strlen(label)));
        p2p_write_bytes(&w, P2P_VIEW_STR(LABEL_PREFIX));
        p2p_write_bytes(&w, P2P_VIEW_STR(label));
        p2p_write_u8(&w, 0); /* no context */
        info_datum = (gnutls_datum_t){ info, (unsigned) w.n };
        return gnutls_hkdf_expand(c->mac, &secret, &info_datum, out, n) < 0 ? -ENOMEM : 0;
}

/* Key and IV of the current secret. */
static int set_key(p2p_tls_cipher *c) {
        gnutls_datum_t key = { c->key, (unsigned) gnutls_cipher_get_key_size(c->algorithm) };
        int r;

        r = expand(c, "key", c->key, key.size);
        if (r == 0)
                r = expand(c, "iv", c->iv, sizeof(c->iv));
        if (r < 0)
                return r;
        c->counter = 0;
        if (c->aead)
                gnutls_aead_cipher_deinit(c->aead);
        c->aead = NULL;
        if (c->algorithm == GNUTLS_CIPHER_CHACHA20_POLY1305)
                return 0;
        return gnutls_aead_cipher_init(&c->aead, c->algorithm, &key) < 0 ? -ENOMEM : 0;
}

int p2p_tls_cipher_init(p2p_tls_cipher *c, gnutls_cipher_algorithm_t algorithm,
                        gnutls_digest_algorithm_t hash, p2p_view secret) {
        *c = (p2p_tls_cipher){ .algorithm = algorithm, .n_secret = secret.n };
        if (algorithm != GNUTLS_CIPHER_AES_128_GCM && algorithm != GNUTLS_CIPHER_AES_256_GCM &&
            algorithm != GNUTLS_CIPHER_CHACHA20_POLY1305)
                return -EPROTONOSUPPORT;
        if (hash == GNUTLS_DIG_SHA256)
                c->mac = GNUTLS_MAC_SHA256;
        else if (hash == GNUTLS_DIG_SHA384)
                c->mac = GNUTLS_MAC_SHA384;
        else
                return -EPROTONOSUPPORT;
        if (secret.n > sizeof(c->secret) || secret.n != gnutls_hash_get_len(hash))
                return -EPROTONOSUPPORT;
        memcpy(c->secret, secret.data, secret.n);
        return set_key(c);
}

int p2p_tls_cipher_update(p2p_tls_cipher *c) {
        uint8_t next[P2P_TLS_SECRET_MAX];
        int r;

        r = expand(c, "traffic upd", next, c->n_secret);
        if (r < 0)
                return r;
        memcpy(c->secret, next, c->n_secret);
        sodium_memzero(next, sizeof(next));
        return set_key(c);
}

static void next_nonce(p2p_tls_cipher *c, uint8_t nonce[static NONCE_SIZE]) {
        memcpy(nonce, c->iv, NONCE_SIZE);
        for (unsigned i = 0; i < 8; i++)
                nonce[NONCE_SIZE - 1 - i] ^= (uint8_t) (c->counter >> (8 * i));
        c->counter++;
}

int p2p_tls_cipher_seal(p2p_tls_cipher *c, p2p_view ad, uint8_t *data, size_t n) {
        size_t size = n + P2P_TLS_TAG_SIZE;
        uint8_t nonce[NONCE_SIZE];

        next_nonce(c, nonce);
        if (!c->aead) {
                (void) crypto_aead_chacha20poly1305_ietf_encrypt_detached(
                        data, data + n, NULL, data, n, ad.data, ad.n, NULL, nonce, c->key);
                return 0;
        }
        return gnutls_aead_cipher_encrypt(c->aead, nonce, sizeof(nonce), ad.data, ad.n, P2P_TLS_TAG_SIZE,
                                          data, n, data, &size) < 0
                       ? -ENOMEM
                       : 0;
}

int p2p_tls_cipher_open(p2p_tls_cipher *c, p2p_view ad, uint8_t *data, size_t n) {
        uint8_t nonce[NONCE_SIZE];
        size_t size = n;
        int r;

        next_nonce(c, nonce);
        if (!c->aead)
                r = crypto_aead_chacha20poly1305_ietf_decrypt_detached(data, NULL, data, n, data + n,
                                                                       ad.data, ad.n, nonce, c->key);
        else
                r = gnutls_aead_cipher_decrypt(c->aead, nonce, sizeof(nonce), ad.data, ad.n,
                                               P2P_TLS_TAG_SIZE, data, n + P2P_TLS_TAG_SIZE, data, &size);
        return r < 0 ? -EBADMSG : 0;
}

void p2p_tls_cipher_done(p2p_tls_cipher *c) {
        if (c->aead)
                gnutls_aead_cipher_deinit(c->aead);
        sodium_memzero(c, sizeof(*c));
}
