/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes as text: the bases that peer ids, CIDs and multiaddrs are written in, and multibase, which names one
 * in front. */

#include <p2p/view.h>

#include "wire/writer.h"

typedef enum p2p_base {
        P2P_BASE16,
        P2P_BASE32, /* RFC 4648, lower case, no padding */
        P2P_BASE36,
        P2P_BASE58,     /* the alphabet of Bitcoin */
        P2P_BASE64,     /* RFC 4648, no padding */
        P2P_BASE64_URL, /* RFC 4648 section 5, no padding */
        P2P_BASE64_I2P, /* "-" and "~" for 62 and 63, no padding */
        _P2P_BASE_MAX,
} p2p_base;

/* base36 and base58 are positional: their cost grows with the square, so this is all they take. */
#define P2P_BASE_POSITIONAL_MAX 128u

/* -EBADMSG: a character or a length that the base does not have, or stray bits at the end; -EMSGSIZE: more
 * than `size` bytes (or P2P_BASE_POSITIONAL_MAX). Bases of one letter case read both. */
int p2p_base_decode(p2p_base base, p2p_view text, uint8_t *out, size_t size, size_t *ret_n);
/* Writes text without NUL. -ENOBUFS in the writer beyond P2P_BASE_POSITIONAL_MAX too. */
void p2p_base_encode(p2p_base base, p2p_view in, p2p_writer *out);
/* With a leading b, k, z, f, u or m (B, K and F too). -EPROTONOSUPPORT: another base. */
int p2p_multibase_decode(p2p_view text, uint8_t *out, size_t size, size_t *ret_n);
