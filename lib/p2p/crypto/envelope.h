/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Signed envelopes, peer records and relay vouchers (wire reference 18) [RFC 0002, RFC 0003; circuit-v2
 * vouchers]. */

#include <p2p/addr.h>
#include <p2p/identity.h>

#define P2P_ENVELOPE_MAX 8192u
#define P2P_PEER_RECORD_DOMAIN "libp2p-peer-record"
#define P2P_VOUCHER_DOMAIN "libp2p-relay-rsvp"

/* Packs payload, signed for the domain, into new memory. */
int p2p_envelope_seal(const p2p_identity *identity, const char *domain, p2p_view payload_type,
                      p2p_view payload, uint8_t **ret, size_t *ret_n);
/* Verifies signature and type. *ret_payload is new memory. -EBADMSG unparseable, -EKEYREJECTED bad signature
 * or type. */
int p2p_envelope_open(p2p_view in, const char *domain, p2p_view payload_type, p2p_public_key *ret_signer,
                      uint8_t **ret_payload, size_t *ret_n);

typedef struct p2p_peer_record {
        p2p_peer_id peer;
        uint64_t seq;
        size_t n_addrs;
        p2p_addr **addrs; /* owned; unparseable ones are left out */
} p2p_peer_record;

int p2p_peer_record_seal(const p2p_identity *identity, uint64_t seq, p2p_addr *const *addrs, size_t n,
                         uint8_t **ret, size_t *ret_n);
/* The record of an envelope, signed by the very peer it names (-EKEYREJECTED). */
int p2p_peer_record_open(p2p_view in, p2p_peer_record *ret);
void p2p_peer_record_done(p2p_peer_record *record);

typedef struct p2p_voucher {
        p2p_peer_id relay, peer;
        uint64_t expires; /* Unix seconds */
} p2p_voucher;

int p2p_voucher_seal(const p2p_identity *relay, const p2p_peer_id *peer, uint64_t expires, uint8_t **ret,
                     size_t *ret_n);
/* Signed by the relay it names (-EKEYREJECTED). */
int p2p_voucher_open(p2p_view in, p2p_voucher *ret);
