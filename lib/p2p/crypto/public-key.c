/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Public keys. A key has one encoding, and only that is read: what peers hash, sign and compare is then what
 * was received. go-libp2p reads others too (fields reordered, unknown ones added) and hashes its own
 * encoding of them; nobody sends those [wire reference 2].
 */

#include <errno.h>
#include <sodium.h>

#include <p2p/identity.h>

#include "crypto/key-message.h"
#include "wire/message.h"
#include "wire/multihash.h"
#include "wire/reader.h"
#include "wire/writer.h"

#define ED25519_SIZE 32u

/* type 1, data of 32 bytes */
static const uint8_t encoded_head[] = { 0x08, 0x01, 0x12, ED25519_SIZE };

_Static_assert(sizeof(encoded_head) + ED25519_SIZE == P2P_PUBLIC_KEY_MAX, "size of an encoded key");
_Static_assert(ED25519_SIZE == crypto_sign_PUBLICKEYBYTES, "size of a key");
_Static_assert(P2P_SIGNATURE_SIZE == crypto_sign_BYTES, "size of a signature");

const char *p2p_key_type_name(p2p_key_type type) {
        static const char *const names[_P2P_KEY_TYPE_MAX] = {
                [P2P_KEY_RSA] = "RSA",
                [P2P_KEY_ED25519] = "Ed25519",
                [P2P_KEY_SECP256K1] = "secp256k1",
                [P2P_KEY_ECDSA] = "ECDSA",
        };

        return (unsigned) type < _P2P_KEY_TYPE_MAX ? names[type] : "unknown";
}

static int check(const P2p__PublicKey *message, p2p_view in, p2p_key_type *type) {
        int r;

        if (message->base.n_unknown_fields > 0)
                return -EBADMSG;
        r = p2p_message_check_canonical(message, in);
        if (r < 0)
                return r;
        if ((unsigned) message->type >= _P2P_KEY_TYPE_MAX)
                return -EBADMSG;

        *type = (p2p_key_type) message->type;
        if (*type != P2P_KEY_ED25519)
                return -EPROTONOSUPPORT;
        return message->data.len == ED25519_SIZE ? 0 : -EBADMSG;
}

int p2p_public_key_decode(p2p_view in, p2p_public_key *ret, p2p_key_type *ret_type) {
        p2p_key_type type = _P2P_KEY_TYPE_MAX;
        P2p__PublicKey *message = NULL;
        int r;

        r = p2p_message_decode(&p2p__public_key__descriptor, in, P2P_PUBLIC_KEY_MESSAGE_MAX, &message);
        if (r == 0)
                r = check(message, in, &type);
        if (r == 0)
                memcpy(ret->ed25519, message->data.data, sizeof(ret->ed25519));
        p2p_message_free(message);

        if (ret_type)
                *ret_type = type;
        return r;
}

p2p_view p2p_public_key_encode(const p2p_public_key *key, uint8_t out[static P2P_PUBLIC_KEY_MAX]) {
        p2p_writer w = P2P_WRITER(out, P2P_PUBLIC_KEY_MAX);

        p2p_write_bytes(&w, P2P_VIEW(encoded_head, sizeof(encoded_head)));
        p2p_write_bytes(&w, P2P_VIEW(key->ed25519, sizeof(key->ed25519)));
        return P2P_VIEW(out, w.n);
}

void p2p_public_key_peer_id(const p2p_public_key *key, p2p_peer_id *ret) {
        uint8_t encoded[P2P_PUBLIC_KEY_MAX];
        p2p_peer_id id = {};
        p2p_writer w = P2P_WRITER(id.data, sizeof(id.data));

        p2p_write_uvarint(&w, P2P_MULTIHASH_IDENTITY);
        p2p_write_prefixed(&w, p2p_public_key_encode(key, encoded));
        id.n = (uint8_t) w.n;
        *ret = id;
}

int p2p_peer_id_public_key(const p2p_peer_id *id, p2p_public_key *ret) {
        p2p_multihash hash;
        int r;

        r = p2p_multihash_decode(p2p_peer_id_view(id), &hash);
        if (r < 0)
                return r;
        if (hash.code != P2P_MULTIHASH_IDENTITY)
                return -EPROTONOSUPPORT;
        return p2p_public_key_decode(hash.digest, ret, NULL);
}

int p2p_public_key_verify(const p2p_public_key *key, p2p_view message, p2p_view signature) {
        static const uint8_t none; /* libsodium wants a pointer even to nothing */
        int r;

        if (signature.n != P2P_SIGNATURE_SIZE)
                return -EKEYREJECTED;
        r = crypto_sign_verify_detached(signature.data, message.n > 0 ? message.data : &none, message.n,
                                        key->ed25519);
        return r == 0 ? 0 : -EKEYREJECTED;
}
