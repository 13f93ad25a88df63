/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The text of a peer id as the multihash that it stands for; <p2p/peer.h> has the id itself. */

#include <p2p/peer.h>

/* A p2p component of an address may be longer than any id of ours; one with more is refused (wire reference
 * 1). */
#define P2P_PEER_HASH_MAX 128u

/* -EBADMSG, -EMSGSIZE beyond size. */
int p2p_peer_hash_parse(p2p_view text, uint8_t *out, size_t size, size_t *ret_n);
