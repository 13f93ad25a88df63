/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Signed envelopes: a payload, its type, the signer's key and a signature over domain, type and payload,
 * each with its length in front, so that a signature made for one purpose proves nothing for another. The
 * order of judgement: size, form, key, signature, type [RFC 0002; wire reference 18].
 */

#include <errno.h>
#include <stdlib.h>

#include "crypto/envelope.h"
#include "crypto/envelope.pb-c.h"
#include "wire/message.h"
#include "wire/writer.h"

#define SIGNED_MAX                                                                                          \
        (P2P_ENVELOPE_MAX + 128u) /* a domain of ours and three lengths fit beside the largest payload */

static int signed_bytes(const char *domain, p2p_view type, p2p_view payload, uint8_t buf[static SIGNED_MAX],
                        p2p_view *ret) {
        p2p_writer w = P2P_WRITER(buf, SIGNED_MAX);

        p2p_write_prefixed(&w, P2P_VIEW_STR(domain));
        p2p_write_prefixed(&w, type);
        p2p_write_prefixed(&w, payload);
        return p2p_writer_finish(&w, ret) < 0 ? -EMSGSIZE : 0;
}

static ProtobufCBinaryData borrow(p2p_view bytes) {
        return (ProtobufCBinaryData){ .data = (uint8_t *) bytes.data, .len = bytes.n };
}

int p2p_envelope_seal(const p2p_identity *identity, const char *domain, p2p_view payload_type,
                      p2p_view payload, uint8_t **ret, size_t *ret_n) {
        P2p__Envelope message = P2P__ENVELOPE__INIT;
        uint8_t buf[SIGNED_MAX], key[P2P_PUBLIC_KEY_MAX], signature[P2P_SIGNATURE_SIZE];
        p2p_view to_sign;
        int r;

        r = signed_bytes(domain, payload_type, payload, buf, &to_sign);
        if (r < 0)
                return r;
        p2p_identity_sign(identity, to_sign, signature);

        message.public_key = borrow(p2p_public_key_encode(p2p_identity_public_key(identity), key));
        message.payload_type = borrow(payload_type);
        message.payload = borrow(payload);
        message.signature = borrow(P2P_VIEW(signature, sizeof(signature)));
        if (p2p__envelope__get_packed_size(&message) > P2P_ENVELOPE_MAX)
                return -EMSGSIZE;
        return p2p_message_encode(&message, false, ret, ret_n);
}

static p2p_view view_of(ProtobufCBinaryData bytes) {
        return P2P_VIEW(bytes.data, bytes.len);
}

static int judge(const P2p__Envelope *message, const char *domain, p2p_view payload_type,
                 p2p_public_key *ret_signer) {
        uint8_t buf[SIGNED_MAX];
        p2p_public_key signer;
        p2p_view was_signed;
        int r;

        r = p2p_public_key_decode(view_of(message->public_key), &signer, NULL);
        if (r < 0)
                return r;
        r = signed_bytes(domain, view_of(message->payload_type), view_of(message->payload), buf,
                         &was_signed);
        if (r < 0)
                return r;
        r = p2p_public_key_verify(&signer, was_signed, view_of(message->signature));
        if (r < 0)
                return r;
        if (!p2p_view_equal(view_of(message->payload_type), payload_type))
                return -EKEYREJECTED;

        *ret_signer = signer;
        return 0;
}

int p2p_envelope_open(p2p_view in, const char *domain, p2p_view payload_type, p2p_public_key *ret_signer,
                      uint8_t **ret_payload, size_t *ret_n) {
        P2p__Envelope *message = NULL;
        int r;

        r = p2p_message_decode(&p2p__envelope__descriptor, in, P2P_ENVELOPE_MAX, &message);
        if (r < 0)
                return r;

        r = p2p_message_check_canonical(message, in);
        if (r == 0)
                r = judge(message, domain, payload_type, ret_signer);
        if (r == 0) {
                *ret_n = message->payload.len;
                *ret_payload = TAKE_PTR(message->payload.data);
                message->payload.len = 0;
        }
        p2p_message_free(message);
        return r;
}
