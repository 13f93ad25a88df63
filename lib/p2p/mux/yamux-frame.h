/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The yamux frame header: bytes to values and back, and what is legal without knowing any stream. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include <p2p/view.h>

#define P2P_YAMUX_HEADER_SIZE 12u

enum {
        YAMUX_DATA,
        YAMUX_WINDOW_UPDATE,
        YAMUX_PING,
        YAMUX_GO_AWAY,
        _YAMUX_TYPE_MAX,
};

enum {
        YAMUX_SYN = 1 << 0,
        YAMUX_ACK = 1 << 1,
        YAMUX_FIN = 1 << 2,
        YAMUX_RST = 1 << 3,
};

typedef struct p2p_yamux_header {
        uint8_t type;
        uint16_t flags;     /* unknown ones are kept, and ignored by everybody */
        uint32_t stream_id; /* 0: the session */
        uint32_t length;    /* bytes that follow, a delta, a token or a code */
} p2p_yamux_header;

/* Exactly P2P_YAMUX_HEADER_SIZE bytes. -EBADMSG another size, -EPROTO unknown version or type. */
int p2p_yamux_header_parse(p2p_view in, p2p_yamux_header *ret);
/* -EPROTO a stream frame without a stream or a session frame with one, -EMSGSIZE longer than any window. */
int p2p_yamux_header_check(const p2p_yamux_header *h);
void p2p_yamux_header_encode(const p2p_yamux_header *h, uint8_t ret[static P2P_YAMUX_HEADER_SIZE]);
