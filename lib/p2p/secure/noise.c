/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The Noise XX handshake: a transcript hash, a chaining key, and the pattern as the specification prints it.
 *
 * The state is one index into the table: even rows are the initiator's to write. Every byte of a message is
 * mixed into the hash in the order of the wire, and what is sealed is sealed under the hash so far, so the
 * two sides agree on everything that was said or on nothing [Noise rev 34, sections 5 and 7.5; wire
 * reference 5].
 */

#include <errno.h>
#include <sodium.h>

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/hkdf.h"
#include "crypto/x25519.h"
#include "secure/noise.h"

/* The name of the protocol is exactly as long as a hash: it is the first one. */
static const uint8_t protocol_name[32] = "Noise_XX_25519_ChaChaPoly_SHA256";

enum token { END, E, S, EE, ES, SE };

#define XX_STEPS 3u

static const enum token xx[XX_STEPS][5] = {
        { E },
        { E, EE, S, ES },
        { S, SE },
};

static void mix_hash(p2p_noise_state *n, p2p_view bytes) {
        p2p_sha256 hash;

        p2p_sha256_init(&hash);
        p2p_sha256_update(&hash, P2P_VIEW(n->hash, sizeof(n->hash)));
        p2p_sha256_update(&hash, bytes);
        p2p_sha256_done(&hash, n->hash);
}

static int mix_key(p2p_noise_state *n, const uint8_t secret[static 32],
                   const uint8_t public_key[static 32]) {
        uint8_t shared[32];
        int r;

        r = p2p_x25519(secret, public_key, shared);
        if (r >= 0) {
                p2p_hkdf2(n->chaining_key, P2P_VIEW(shared, sizeof(shared)), n->chaining_key, n->key);
                n->has_key = true;
                n->counter = 0;
        }
        sodium_memzero(shared, sizeof(shared));
        return r;
}

/* The first letter names whose key of the initiator takes part, the second whose of the responder. */
static int mix_token(p2p_noise_state *n, enum token token) {
        bool initiator = n->initiator;

        switch (token) {
        case EE:
                return mix_key(n, n->ephemeral_secret, n->far_ephemeral);
        case ES:
                return initiator ? mix_key(n, n->ephemeral_secret, n->far_static)
                                 : mix_key(n, n->static_secret, n->far_ephemeral);
        case SE:
                return initiator ? mix_key(n, n->static_secret, n->far_ephemeral)
                                 : mix_key(n, n->ephemeral_secret, n->far_static);
        case END:
        case E:
        case S:
                break;
        }
        return -EPROTO;
}

/* Appends the bytes, sealed once there is a key. */
static void seal_and_hash(p2p_noise_state *n, p2p_view plain, p2p_writer *w) {
        uint8_t tag[P2P_NOISE_TAG_SIZE] = {};
        size_t start = w->n;

        p2p_write_bytes(w, plain);
        if (n->has_key)
                p2p_write_bytes(w, P2P_VIEW(tag, sizeof(tag))); /* room for it */
        if (w->error < 0)
                return;
        if (n->has_key)
                p2p_aead_seal(n->key, n->counter++, P2P_VIEW(n->hash, sizeof(n->hash)), w->data + start,
                              plain.n, w->data + start + plain.n);
        mix_hash(n, P2P_VIEW(w->data + start, w->n - start));
}

/* A cursor over a message that is opened in place. */
typedef struct message {
        uint8_t *data;
        size_t n;
} message;

/* The next n bytes as they were before sealing, in place. */
static int open_and_hash(p2p_noise_state *n, message *m, size_t n_plain, p2p_view *ret_plain) {
        size_t n_tag = n->has_key ? P2P_NOISE_TAG_SIZE : 0;
        uint8_t before[32];
        int r;

        if (m->n < n_tag || m->n - n_tag < n_plain)
                return -EBADMSG;

        memcpy(before, n->hash, sizeof(before));
        mix_hash(n, P2P_VIEW(m->data, n_plain + n_tag));
        if (n->has_key) {
                r = p2p_aead_open(n->key, n->counter++, P2P_VIEW(before, sizeof(before)), m->data, n_plain,
                                  m->data + n_plain);
                if (r < 0)
                        return r;
        }
        *ret_plain = P2P_VIEW(m->data, n_plain);
        m->data += n_plain + n_tag;
        m->n -= n_plain + n_tag;
        return 0;
}

static int write_token(p2p_noise_state *n, enum token token, p2p_writer *w) {
        p2p_view key;

        if (token == S) {
                seal_and_hash(n, P2P_VIEW(n->static_public, sizeof(n->static_public)), w);
                return w->error;
        }
        if (token == E) {
                key = P2P_VIEW(n->ephemeral_public, sizeof(n->ephemeral_public));
                p2p_write_bytes(w, key);
                mix_hash(n, key);
                return w->error;
        }
        return mix_token(n, token);
}

static int read_token(p2p_noise_state *n, enum token token, message *m) {
        p2p_view key;
        int r;

        if (token == S) {
                r = open_and_hash(n, m, sizeof(n->far_static), &key);
                if (r < 0)
                        return r;
                memcpy(n->far_static, key.data, key.n);
                return 0;
        }
        if (token == E) {
                if (m->n < sizeof(n->far_ephemeral))
                        return -EBADMSG;
                memcpy(n->far_ephemeral, m->data, sizeof(n->far_ephemeral));
                m->data += sizeof(n->far_ephemeral);
                m->n -= sizeof(n->far_ephemeral);
                mix_hash(n, P2P_VIEW(n->far_ephemeral, sizeof(n->far_ephemeral)));
                return 0;
        }
        return mix_token(n, token);
}

static bool our_turn(const p2p_noise_state *n) {
        return n->initiator == (n->step % 2 == 0);
}

int p2p_noise_write(p2p_noise_state *n, p2p_view payload, p2p_writer *w) {
        int r;

        if (n->step >= XX_STEPS || !our_turn(n))
                return -EPROTO;
        for (const enum token *t = xx[n->step]; *t != END; t++) {
                r = write_token(n, *t, w);
                if (r < 0)
                        return r;
        }
        seal_and_hash(n, payload, w);
        if (w->error < 0)
                return w->error;

        return ++n->step == XX_STEPS;
}

int p2p_noise_read(p2p_noise_state *n, uint8_t *data, size_t size, p2p_view *ret_payload) {
        message m = { .data = data, .n = size };
        size_t n_tag;
        int r;

        if (n->step >= XX_STEPS || our_turn(n))
                return -EPROTO;
        for (const enum token *t = xx[n->step]; *t != END; t++) {
                r = read_token(n, *t, &m);
                if (r < 0)
                        return r;
        }
        n_tag = n->has_key ? P2P_NOISE_TAG_SIZE : 0;
        if (m.n < n_tag)
                return -EBADMSG;
        r = open_and_hash(n, &m, m.n - n_tag, ret_payload); /* all that is left */
        if (r < 0)
                return r;

        return ++n->step == XX_STEPS;
}

void p2p_noise_split(const p2p_noise_state *n, uint8_t ret_send[static 32], uint8_t ret_receive[static 32]) {
        p2p_hkdf2(n->chaining_key, P2P_VIEW(NULL, 0), n->initiator ? ret_send : ret_receive,
                  n->initiator ? ret_receive : ret_send);
}

void p2p_noise_init(p2p_noise_state *n, bool initiator, const uint8_t static_secret[static 32],
                    const uint8_t ephemeral_secret[static 32]) {
        *n = (p2p_noise_state){ .initiator = initiator };
        memcpy(n->hash, protocol_name, sizeof(n->hash));
        memcpy(n->chaining_key, protocol_name, sizeof(n->chaining_key));
        memcpy(n->static_secret, static_secret, sizeof(n->static_secret));
        memcpy(n->ephemeral_secret, ephemeral_secret, sizeof(n->ephemeral_secret));
        p2p_x25519_public(n->static_secret, n->static_public);
        p2p_x25519_public(n->ephemeral_secret, n->ephemeral_public);
        mix_hash(n, P2P_VIEW(NULL, 0)); /* the empty prologue */
}

void p2p_noise_done(p2p_noise_state *n) {
        sodium_memzero(n, sizeof(*n));
}
