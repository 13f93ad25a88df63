/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* HKDF as Noise defines it: HMAC-SHA256, the chaining key as salt, no info [Noise rev 34, section 4.3]. */

#include <p2p/view.h>

#define P2P_HKDF_SIZE 32u

/* Two outputs. ikm may be empty (Split). The outputs may be chaining_key itself or overlap ikm. */
void p2p_hkdf2(const uint8_t chaining_key[static P2P_HKDF_SIZE], p2p_view ikm,
               uint8_t out1[static P2P_HKDF_SIZE], uint8_t out2[static P2P_HKDF_SIZE]);
