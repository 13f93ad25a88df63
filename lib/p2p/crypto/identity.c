/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One's own key pair. Invariant: the public half always belongs to the seed, because it is computed and
 * never taken over from a file (go-libp2p takes it over, and then fails in every handshake). Secrets are in
 * memory that free() wipes [wire reference 2].
 */

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include <p2p/identity.h>

#include "crypto/identity-slot.h"
#include "crypto/key-message.h"
#include "wire/message.h"
#include "wire/writer.h"

#define SEED_SIZE 32u
#define PUBLIC_SIZE 32u

struct p2p_identity {
        uint8_t secret[SEED_SIZE + PUBLIC_SIZE]; /* seed, public half: libsodium's form and the file's */
        p2p_public_key public_key;
        p2p_peer_id peer;
        p2p_identity_slot *slot; /* its contents change where the identity itself is const */
};

_Static_assert(sizeof(((p2p_identity *) 0)->secret) == crypto_sign_SECRETKEYBYTES, "size of a secret key");

/* type 1, data of 64 bytes */
static const uint8_t encoded_head[] = { 0x08, 0x01, 0x12, SEED_SIZE + PUBLIC_SIZE };

int p2p_identity_from_seed(const uint8_t seed[static 32], p2p_identity **ret) {
        p2p_identity *id;

        if (sodium_init() < 0)
                return -ENOENT; /* no source of randomness */
        id = calloc(1, sizeof(*id));
        if (!id)
                return -ENOMEM;
        id->slot = calloc(1, sizeof(*id->slot));
        if (!id->slot) {
                free(id);
                return -ENOMEM;
        }

        (void) crypto_sign_seed_keypair(id->public_key.ed25519, id->secret, seed);
        p2p_public_key_peer_id(&id->public_key, &id->peer);
        *ret = id;
        return 0;
}

int p2p_identity_generate(p2p_identity **ret) {
        uint8_t seed[SEED_SIZE];
        int r;

        if (sodium_init() < 0)
                return -ENOENT;
        randombytes_buf(seed, sizeof(seed));
        r = p2p_identity_from_seed(seed, ret);
        sodium_memzero(seed, sizeof(seed));
        return r;
}

/* seed, public half and, in old files, the public half again */
static int from_data(p2p_view data, p2p_identity **ret) {
        _cleanup_(p2p_identity_freep) p2p_identity *id = NULL;
        int r;

        if (data.n != SEED_SIZE + PUBLIC_SIZE && data.n != SEED_SIZE + 2 * PUBLIC_SIZE)
                return -EBADMSG;
        r = p2p_identity_from_seed(data.data, &id);
        if (r < 0)
                return r;
        for (size_t at = SEED_SIZE; at < data.n; at += PUBLIC_SIZE)
                if (memcmp(data.data + at, id->public_key.ed25519, PUBLIC_SIZE) != 0)
                        return -EKEYREJECTED;

        *ret = TAKE_PTR(id);
        return 0;
}

static int from_message(const P2p__PrivateKey *message, p2p_identity **ret, p2p_key_type *ret_type) {
        if ((unsigned) message->type >= _P2P_KEY_TYPE_MAX)
                return -EBADMSG;
        *ret_type = (p2p_key_type) message->type;
        if (*ret_type != P2P_KEY_ED25519)
                return -EPROTONOSUPPORT;
        return from_data(P2P_VIEW(message->data.data, message->data.len), ret);
}

int p2p_identity_decode(p2p_view in, p2p_identity **ret, p2p_key_type *ret_type) {
        p2p_key_type type = _P2P_KEY_TYPE_MAX;
        P2p__PrivateKey *message = NULL;
        int r;

        r = p2p_message_decode(&p2p__private_key__descriptor, in, P2P_PRIVATE_KEY_MESSAGE_MAX, &message);
        if (r == -EMSGSIZE)
                r = -EBADMSG; /* no key is that large */
        if (r == 0) {
                r = from_message(message, ret, &type);
                sodium_memzero(message->data.data, message->data.len);
        }
        p2p_message_free(message);

        if (ret_type)
                *ret_type = type;
        return r;
}

p2p_view p2p_identity_encode(const p2p_identity *id, uint8_t out[static P2P_PRIVATE_KEY_MAX]) {
        p2p_writer w = P2P_WRITER(out, P2P_PRIVATE_KEY_MAX);

        p2p_write_bytes(&w, P2P_VIEW(encoded_head, sizeof(encoded_head)));
        p2p_write_bytes(&w, P2P_VIEW(id->secret, sizeof(id->secret)));
        return P2P_VIEW(out, w.n);
}

const p2p_peer_id *p2p_identity_peer_id(const p2p_identity *id) {
        return &id->peer;
}

const p2p_public_key *p2p_identity_public_key(const p2p_identity *id) {
        return &id->public_key;
}

void p2p_identity_sign(const p2p_identity *id, p2p_view message,
                       uint8_t signature[static P2P_SIGNATURE_SIZE]) {
        static const uint8_t none;

        (void) crypto_sign_detached(signature, NULL, message.n > 0 ? message.data : &none, message.n,
                                    id->secret);
}

p2p_identity_slot *p2p_identity_slot_of(const p2p_identity *id) {
        return id->slot;
}

p2p_identity *p2p_identity_free(p2p_identity *id) {
        if (!id)
                return NULL;
        if (id->slot->data)
                id->slot->free(id->slot->data);
        free(id->slot);
        sodium_memzero(id, sizeof(*id));
        free(id);
        return NULL;
}
