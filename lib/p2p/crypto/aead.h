/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ChaCha20-Poly1305 (RFC 8439) as Noise uses it: the nonce is 32 zero bits and a little-endian counter. */

#include <p2p/view.h>

#define P2P_AEAD_KEY_SIZE 32u
#define P2P_AEAD_TAG_SIZE 16u

/* Seals the n bytes of data in place; `tag` may be data + n. A counter must never be used twice with one
 * key: the caller counts, and stops before UINT64_MAX (reserved by Noise). */
void p2p_aead_seal(const uint8_t key[static P2P_AEAD_KEY_SIZE], uint64_t counter, p2p_view ad, uint8_t *data,
                   size_t n, uint8_t tag[static P2P_AEAD_TAG_SIZE]);
/* Opens the n bytes of data in place (n without the tag; `tag` may be data + n). -EBADMSG: not authentic;
 * data is then zeroed. */
int p2p_aead_open(const uint8_t key[static P2P_AEAD_KEY_SIZE], uint64_t counter, p2p_view ad, uint8_t *data,
                  size_t n, const uint8_t tag[static P2P_AEAD_TAG_SIZE]);
