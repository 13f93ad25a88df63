/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Key pairs and public keys, as libp2p writes them (protobuf PrivateKey and PublicKey) [specs/peer-ids]. */

#include <p2p/macro.h>
#include <p2p/peer.h>

typedef enum p2p_key_type {
        P2P_KEY_RSA = 0,
        P2P_KEY_ED25519 = 1,
        P2P_KEY_SECP256K1 = 2,
        P2P_KEY_ECDSA = 3,
        _P2P_KEY_TYPE_MAX,
} p2p_key_type;

const char *p2p_key_type_name(p2p_key_type type); /* "Ed25519" ... */

#define P2P_PUBLIC_KEY_MAX 36u  /* the protobuf of an Ed25519 key */
#define P2P_PRIVATE_KEY_MAX 68u
#define P2P_SIGNATURE_SIZE 64u

typedef struct p2p_public_key {
        uint8_t ed25519[32];
} p2p_public_key;

/* Decodes a PublicKey protobuf in its canonical form. -EPROTONOSUPPORT for a key type we cannot verify,
 * named in *ret_type (may be NULL; set to _P2P_KEY_TYPE_MAX where there is none). */
int p2p_public_key_decode(p2p_view in, p2p_public_key *ret, p2p_key_type *ret_type);
p2p_view p2p_public_key_encode(const p2p_public_key *key, uint8_t out[static P2P_PUBLIC_KEY_MAX]);
void p2p_public_key_peer_id(const p2p_public_key *key, p2p_peer_id *ret);
/* The key inside an identity-hash id; -EPROTONOSUPPORT where the id is only a hash. */
int p2p_peer_id_public_key(const p2p_peer_id *id, p2p_public_key *ret);
/* 0, or -EKEYREJECTED. */
int p2p_public_key_verify(const p2p_public_key *key, p2p_view message, p2p_view signature);

/* One's own key pair; wiped when freed. */
typedef struct p2p_identity p2p_identity;

int p2p_identity_generate(p2p_identity **ret);
int p2p_identity_from_seed(const uint8_t seed[static 32], p2p_identity **ret); /* tests and vectors */
/* A PrivateKey protobuf of 64 or (old) 96 data bytes. -EKEYREJECTED: the public half does not belong to the
 * seed; -EPROTONOSUPPORT: another key type; -EBADMSG: no key. */
int p2p_identity_decode(p2p_view in, p2p_identity **ret, p2p_key_type *ret_type);
/* Secret: wipe `out` after use. */
p2p_view p2p_identity_encode(const p2p_identity *id, uint8_t out[static P2P_PRIVATE_KEY_MAX]);
const p2p_peer_id *p2p_identity_peer_id(const p2p_identity *id);
const p2p_public_key *p2p_identity_public_key(const p2p_identity *id);
void p2p_identity_sign(const p2p_identity *id, p2p_view message,
                       uint8_t signature[static P2P_SIGNATURE_SIZE]);
p2p_identity *p2p_identity_free(p2p_identity *id);
P2P_CLEANUP(p2p_identity, p2p_identity_free);
