/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Peer id: the multihash of a public key's protobuf (identity up to 42 bytes, sha2-256 above)
 * [specs/peer-ids]. */

#include <p2p/view.h>

#define P2P_PEER_ID_MAX 44u       /* 2 + 42 */
#define P2P_PEER_ID_TEXT_MAX 128u /* any text form we print, with its NUL */

typedef struct p2p_peer_id {
        uint8_t n;
        uint8_t data[P2P_PEER_ID_MAX];
} p2p_peer_id;

/* base58btc of the multihash ("12D3KooW...", "Qm..."), or a CIDv1 of codec libp2p-key in base32, base36 or
 * base58. */
int p2p_peer_id_parse(const char *text, p2p_peer_id *ret);
/* The multihash itself; -EBADMSG if it is no peer id. */
int p2p_peer_id_decode(p2p_view in, p2p_peer_id *ret);
/* Always base58btc. Returns `text`. */
const char *p2p_peer_id_format(const p2p_peer_id *id, char text[static P2P_PEER_ID_TEXT_MAX]);
bool p2p_peer_id_equal(const p2p_peer_id *a, const p2p_peer_id *b);
int p2p_peer_id_compare(const p2p_peer_id *a, const p2p_peer_id *b); /* a total order, for trees */
static inline p2p_view p2p_peer_id_view(const p2p_peer_id *id) {
        return (p2p_view){ id->data, id->n };
}
