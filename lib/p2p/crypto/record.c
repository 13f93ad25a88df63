/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What travels in envelopes: peer records (these are my addresses) and relay vouchers (this peer may be
 * reached through me). Either is believed only if its signer is the peer that it speaks for; whether it is
 * newer than the last one is the caller's to judge [RFC 0003; circuit v2; wire reference 18].
 */

#include <errno.h>
#include <stdlib.h>

#include "crypto/envelope.h"
#include "crypto/peer_record.pb-c.h"
#include "crypto/voucher.pb-c.h"
#include "wire/message.h"

static const uint8_t peer_record_type[] = { 0x03, 0x01 };
static const uint8_t voucher_type[] = { 0x03, 0x02 };

static ProtobufCBinaryData borrow(p2p_view bytes) {
        return (ProtobufCBinaryData){ .data = (uint8_t *) bytes.data, .len = bytes.n };
}

static p2p_view view_of(ProtobufCBinaryData bytes) {
        return P2P_VIEW(bytes.data, bytes.len);
}

static int seal_message(const p2p_identity *identity, const char *domain, p2p_view type, const void *message,
                        uint8_t **ret, size_t *ret_n) {
        uint8_t *payload;
        size_t n;
        int r;

        r = p2p_message_encode(message, false, &payload, &n);
        if (r < 0)
                return r;
        r = p2p_envelope_seal(identity, domain, type, P2P_VIEW(payload, n), ret, ret_n);
        free(payload);
        return r;
}

/* The payload as a message in canonical form, and who signed it. */
static int open_message(p2p_view in, const char *domain, p2p_view type,
                        const ProtobufCMessageDescriptor *descriptor, p2p_peer_id *ret_signer,
                        void *ret_message) {
        p2p_public_key signer;
        void *message = NULL;
        uint8_t *payload;
        size_t n;
        int r;

        r = p2p_envelope_open(in, domain, type, &signer, &payload, &n);
        if (r < 0)
                return r;
        r = p2p_message_decode(descriptor, P2P_VIEW(payload, n), P2P_ENVELOPE_MAX, &message);
        if (r == 0)
                r = p2p_message_check_canonical(message, P2P_VIEW(payload, n));
        free(payload);
        if (r < 0) {
                p2p_message_free(message);
                return r;
        }

        p2p_public_key_peer_id(&signer, ret_signer);
        memcpy(ret_message, &message, sizeof(message));
        return 0;
}

int p2p_peer_record_seal(const p2p_identity *identity, uint64_t seq, p2p_addr *const *addrs, size_t n,
                         uint8_t **ret, size_t *ret_n) {
        P2p__PeerRecord message = P2P__PEER_RECORD__INIT;
        P2p__PeerRecord__AddressInfo *infos;
        P2p__PeerRecord__AddressInfo **pointers;
        int r;

        infos = calloc(n + 1, sizeof(*infos));
        pointers = calloc(n + 1, sizeof(*pointers));
        if (!infos || !pointers) {
                r = -ENOMEM;
                goto finish;
        }
        for (size_t i = 0; i < n; i++) {
                p2p__peer_record__address_info__init(&infos[i]);
                infos[i].multiaddr = borrow(p2p_addr_view(addrs[i]));
                pointers[i] = &infos[i];
        }

        message.peer_id = borrow(p2p_peer_id_view(p2p_identity_peer_id(identity)));
        message.seq = seq;
        message.n_addresses = n;
        message.addresses = pointers;
        r = seal_message(identity, P2P_PEER_RECORD_DOMAIN,
                         P2P_VIEW(peer_record_type, sizeof(peer_record_type)), &message, ret, ret_n);
finish:
        free(infos);
        free(pointers);
        return r;
}

void p2p_peer_record_done(p2p_peer_record *record) {
        for (size_t i = 0; i < record->n_addrs; i++)
                p2p_addr_free(record->addrs[i]);
        free(record->addrs);
        *record = (p2p_peer_record){};
}

static int take_addrs(const P2p__PeerRecord *message, p2p_peer_record *record) {
        int r;

        record->addrs = calloc(message->n_addresses + 1, sizeof(*record->addrs));
        if (!record->addrs)
                return -ENOMEM;
        for (size_t i = 0; i < message->n_addresses; i++) {
                r = p2p_addr_decode(view_of(message->addresses[i]->multiaddr),
                                    &record->addrs[record->n_addrs]);
                if (r == -ENOMEM)
                        return r;
                if (r == 0)
                        record->n_addrs++;
        }
        return 0;
}

static int take_record(const P2p__PeerRecord *message, const p2p_peer_id *signer, p2p_peer_record *ret) {
        p2p_peer_record record = { .seq = message->seq };
        int r;

        r = p2p_peer_id_decode(view_of(message->peer_id), &record.peer);
        if (r < 0)
                return r;
        if (!p2p_peer_id_equal(&record.peer, signer))
                return -EKEYREJECTED;
        r = take_addrs(message, &record);
        if (r < 0) {
                p2p_peer_record_done(&record);
                return r;
        }

        *ret = record;
        return 0;
}

int p2p_peer_record_open(p2p_view in, p2p_peer_record *ret) {
        P2p__PeerRecord *message;
        p2p_peer_id signer;
        int r;

        r = open_message(in, P2P_PEER_RECORD_DOMAIN, P2P_VIEW(peer_record_type, sizeof(peer_record_type)),
                         &p2p__peer_record__descriptor, &signer, &message);
        if (r < 0)
                return r;
        r = take_record(message, &signer, ret);
        p2p_message_free(message);
        return r;
}

int p2p_voucher_seal(const p2p_identity *relay, const p2p_peer_id *peer, uint64_t expires, uint8_t **ret,
                     size_t *ret_n) {
        P2p__ReservationVoucher message = P2P__RESERVATION_VOUCHER__INIT;

        message.has_relay = message.has_peer = message.has_expiration = true;
        message.relay = borrow(p2p_peer_id_view(p2p_identity_peer_id(relay)));
        message.peer = borrow(p2p_peer_id_view(peer));
        message.expiration = expires;
        return seal_message(relay, P2P_VOUCHER_DOMAIN, P2P_VIEW(voucher_type, sizeof(voucher_type)),
                            &message, ret, ret_n);
}

static int take_voucher(const P2p__ReservationVoucher *message, const p2p_peer_id *signer,
                        p2p_voucher *ret) {
        p2p_voucher voucher = { .expires = message->expiration };
        int r;

        if (!message->has_relay || !message->has_peer || !message->has_expiration)
                return -EBADMSG;
        r = p2p_peer_id_decode(view_of(message->relay), &voucher.relay);
        if (r < 0)
                return r;
        r = p2p_peer_id_decode(view_of(message->peer), &voucher.peer);
        if (r < 0)
                return r;
        if (!p2p_peer_id_equal(&voucher.relay, signer))
                return -EKEYREJECTED;

        *ret = voucher;
        return 0;
}

int p2p_voucher_open(p2p_view in, p2p_voucher *ret) {
        P2p__ReservationVoucher *message;
        p2p_peer_id signer;
        int r;

        r = open_message(in, P2P_VOUCHER_DOMAIN, P2P_VIEW(voucher_type, sizeof(voucher_type)),
                         &p2p__reservation_voucher__descriptor, &signer, &message);
        if (r < 0)
                return r;
        r = take_voucher(message, &signer, ret);
        p2p_message_free(message);
        return r;
}
