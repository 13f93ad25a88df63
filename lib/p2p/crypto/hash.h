/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SHA-256, in one piece or piece by piece. */

#include <p2p/view.h>

#define P2P_SHA256_SIZE 32u

typedef struct p2p_sha256 {
        uint64_t opaque[13];
} p2p_sha256;

/* A plain value: copying it forks the hash. done() ends it and wipes the state. */
void p2p_sha256_init(p2p_sha256 *hash);
void p2p_sha256_update(p2p_sha256 *hash, p2p_view bytes);
void p2p_sha256_done(p2p_sha256 *hash, uint8_t out[static P2P_SHA256_SIZE]);

/* `out` may lie inside the bytes. */
void p2p_sha256_of(p2p_view bytes, uint8_t out[static P2P_SHA256_SIZE]);
