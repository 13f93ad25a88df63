/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The libp2p payload of the Noise handshake (wire reference 5) [specs/noise].
 *
 * Noise proves that the far side holds a static key made for this session; the payload ties that key to a
 * peer id by a signature of the identity key. The key is judged first, so a foreign key type gets its own
 * error instead of "bad signature". Both sides pick the muxer from the same two lists by the same rule and
 * so need not tell each other.
 */

#include <errno.h>
#include <stdlib.h>

#include "secure/noise-payload.h"
#include "secure/noise.pb-c.h"
#include "wire/message.h"
#include "wire/writer.h"

#define SIGNED_PREFIX "noise-libp2p-static-key:" /* specs/noise, without a NUL */
#define SIGNED_SIZE (sizeof(SIGNED_PREFIX) - 1 + 32)

static void message_freep(P2p__Noise__HandshakePayload **m) {
        p2p_message_free(*m);
}

static p2p_view signed_bytes(const uint8_t static_public[static 32], uint8_t out[static SIGNED_SIZE]) {
        memcpy(out, SIGNED_PREFIX, sizeof(SIGNED_PREFIX) - 1);
        memcpy(out + sizeof(SIGNED_PREFIX) - 1, static_public, 32);
        return P2P_VIEW(out, SIGNED_SIZE);
}

static ProtobufCBinaryData bytes_of(p2p_view v) {
        return (ProtobufCBinaryData){ .data = (uint8_t *) v.data, .len = v.n };
}

static p2p_view view_of(ProtobufCBinaryData b) {
        return P2P_VIEW(b.data, b.len);
}

static size_t count(const char *const *names) {
        size_t n = 0;

        while (names && names[n])
                n++;
        return n;
}

int p2p_noise_payload_encode(const p2p_identity *identity, const uint8_t static_public[static 32],
                             const char *const *muxers, uint8_t **ret, size_t *ret_n) {
        P2p__Noise__HandshakePayload payload = P2P__NOISE__HANDSHAKE_PAYLOAD__INIT;
        P2p__Noise__Extensions extensions = P2P__NOISE__EXTENSIONS__INIT;
        ProtobufCBinaryData names[P2P_NOISE_MUXERS_MAX];
        uint8_t to_sign[SIGNED_SIZE], signature[P2P_SIGNATURE_SIZE], key[P2P_PUBLIC_KEY_MAX];
        size_t n = count(muxers);

        if (n > ELEMENTSOF(names))
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                names[i] = bytes_of(P2P_VIEW_STR(muxers[i]));
        extensions.n_stream_muxers = n;
        extensions.stream_muxers = names;

        p2p_identity_sign(identity, signed_bytes(static_public, to_sign), signature);
        payload.has_identity_key = payload.has_identity_sig = true;
        payload.identity_key = bytes_of(p2p_public_key_encode(p2p_identity_public_key(identity), key));
        payload.identity_sig = bytes_of(P2P_VIEW(signature, sizeof(signature)));
        payload.extensions = &extensions; /* even with nothing in it [go-libp2p] */

        return p2p_message_encode(&payload, false, ret, ret_n);
}

static bool theirs_has(const P2p__Noise__Extensions *theirs, const char *name) {
        for (size_t i = 0; i < theirs->n_stream_muxers; i++)
                if (p2p_view_equal(view_of(theirs->stream_muxers[i]), P2P_VIEW_STR(name)))
                        return true;
        return false;
}

static const char *ours_has(const char *const *ours, p2p_view name) {
        for (; *ours; ours++)
                if (p2p_view_equal(name, P2P_VIEW_STR(*ours)))
                        return *ours;
        return NULL;
}

static const char *pick_muxer(const char *const *ours, const P2p__Noise__Extensions *theirs,
                              bool initiator) {
        const char *muxer = NULL;

        if (!ours || !theirs || theirs->n_stream_muxers > P2P_NOISE_MUXERS_MAX)
                return NULL;
        if (initiator) {
                for (; *ours; ours++)
                        if (theirs_has(theirs, *ours))
                                return *ours;
                return NULL;
        }
        for (size_t i = 0; i < theirs->n_stream_muxers && !muxer; i++)
                muxer = ours_has(ours, view_of(theirs->stream_muxers[i]));
        return muxer;
}

int p2p_noise_payload_open(p2p_view in, const uint8_t far_static[static 32], const char *const *muxers,
                           bool initiator, p2p_peer_id *ret_peer, const char **ret_muxer) {
        _cleanup_(message_freep) P2p__Noise__HandshakePayload *payload = NULL;
        uint8_t to_verify[SIGNED_SIZE];
        p2p_public_key key;
        int r;

        r = p2p_message_decode(&p2p__noise__handshake_payload__descriptor, in, P2P_NOISE_PAYLOAD_MAX,
                               &payload);
        if (r < 0)
                return r;
        if (!payload->has_identity_key || !payload->has_identity_sig)
                return -EBADMSG;

        r = p2p_public_key_decode(view_of(payload->identity_key), &key, NULL);
        if (r < 0)
                return r;
        r = p2p_public_key_verify(&key, signed_bytes(far_static, to_verify), view_of(payload->identity_sig));
        if (r < 0)
                return r;

        p2p_public_key_peer_id(&key, ret_peer);
        *ret_muxer = pick_muxer(muxers, payload->extensions, initiator);
        return 0;
}
