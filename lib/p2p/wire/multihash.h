/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Multihash: which hash, how long, and the digest. */

#include <p2p/view.h>

#define P2P_MULTIHASH_IDENTITY 0x00u
#define P2P_MULTIHASH_SHA2_256 0x12u

typedef struct p2p_multihash {
        uint64_t code;
        p2p_view digest; /* into the bytes that were decoded */
} p2p_multihash;

/* Exactly one multihash of any hash function. -EBADMSG. */
int p2p_multihash_decode(p2p_view in, p2p_multihash *ret);
/* 0 if the bytes can be a peer's id: a key itself, or the SHA-256 of one. -EBADMSG. */
int p2p_multihash_check_peer(p2p_view in);
