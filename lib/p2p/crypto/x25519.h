/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Diffie-Hellman on Curve25519 (RFC 7748). Secrets are the raw 32 bytes: clamping happens inside. Wipe them
 * after use. */

#include <p2p/view.h>

#define P2P_X25519_SIZE 32u

void p2p_x25519_public(const uint8_t secret[static P2P_X25519_SIZE],
                       uint8_t public_key[static P2P_X25519_SIZE]);
/* -EBADMSG: the far side sent a point of small order (the result would be all zero, whatever our secret). */
int p2p_x25519(const uint8_t secret[static P2P_X25519_SIZE],
               const uint8_t public_key[static P2P_X25519_SIZE], uint8_t shared[static P2P_X25519_SIZE]);
