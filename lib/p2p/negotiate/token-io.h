/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tokens over a channel, shared by the two sides of a negotiation: to the byte in, in one write out. */

#include "negotiate/token.h"

typedef struct p2p_token_in {
        size_t n;
        uint8_t data[P2P_TOKEN_BYTES_MAX];
} p2p_token_in;

/* 1: *ret_name, followed by a NUL, is valid until the next call; 0: dry, the channel's wake follows;
 * -ECONNRESET: the stream ended first. Nothing behind the token is read. */
int p2p_token_in_read(p2p_token_in *in, p2p_channel *channel, p2p_view *ret_name);

/* Room for the header and one proposal, the most that is ever due at once. */
typedef struct p2p_token_out {
        size_t n, sent;
        uint8_t data[1u + sizeof(P2P_TOKEN_HEADER) + P2P_TOKEN_BYTES_MAX];
} p2p_token_out;

/* Appends; -ENOBUFS if the name is not one of 1 to P2P_TOKEN_NAME_MAX bytes or does not fit. */
int p2p_token_out_add(p2p_token_out *out, p2p_view name);
/* 0: nothing is left; -EAGAIN: the channel's wake follows; else broken. */
int p2p_token_out_flush(p2p_token_out *out, p2p_channel *channel);
