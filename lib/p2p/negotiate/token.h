/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One multistream token: uvarint(n + 1), n bytes of name, a newline (wire reference 3). Pure. */

#include "negotiate/multistream.h"
#include "wire/writer.h"

#define P2P_TOKEN_BYTES_MAX (2u + P2P_MULTISTREAM_TOKEN_MAX) /* with the length in front */
#define P2P_TOKEN_NAME_MAX (P2P_MULTISTREAM_TOKEN_MAX - 1u)

#define P2P_TOKEN_HEADER "/multistream/1.0.0"
#define P2P_TOKEN_NA "na"

/* The token at the head of a stream. 1: *ret_name (without its newline, into `in`), which took *ret_n bytes.
 * 0: more is needed; up to *ret_n bytes of the stream may be read without reading past the token. -EMSGSIZE:
 * longer than P2P_MULTISTREAM_TOKEN_MAX; -EBADMSG: not minimal, empty, or no newline at its end. */
int p2p_token_parse(p2p_view in, p2p_view *ret_name, size_t *ret_n);

/* Appends a token. A name that is empty or longer than P2P_TOKEN_NAME_MAX makes the writer fail. */
void p2p_token_write(p2p_writer *w, p2p_view name);
