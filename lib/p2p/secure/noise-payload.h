/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The payload of Noise messages 2 and 3: who we are, proven, and which muxers we speak (wire reference 5)
 * [specs/noise]. */

#include <p2p/identity.h>

#define P2P_NOISE_PAYLOAD_MAX 4096u /* ours; an Ed25519 one is about 120 bytes, an RSA one 1.4 KiB */
#define P2P_NOISE_MUXERS_MAX 100u   /* a longer list counts as none [go-libp2p] */

/* Signs our static key for this session, into new memory. muxers: NULL-terminated; NULL is an empty list. */
int p2p_noise_payload_encode(const p2p_identity *identity, const uint8_t static_public[static 32],
                             const char *const *muxers, uint8_t **ret, size_t *ret_n);

/* Decodes the far side's payload and verifies that it signed its static key. *ret_muxer is an entry of our
 * `muxers` (which may be NULL): the first of the initiator's list that the responder has too, or NULL.
 * -EMSGSIZE, -EBADMSG, -EPROTONOSUPPORT: a key of another type; -EKEYREJECTED: a false signature. */
int p2p_noise_payload_open(p2p_view in, const uint8_t far_static[static 32], const char *const *muxers,
                           bool initiator, p2p_peer_id *ret_peer, const char **ret_muxer);
