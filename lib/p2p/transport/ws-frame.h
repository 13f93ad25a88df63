/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The frames of WebSocket as values [RFC 6455 section 5]. */

#include <p2p/view.h>

#define P2P_WS_HEAD_MAX 14u     /* RFC 6455 5.2 */
#define P2P_WS_CONTROL_MAX 125u /* RFC 6455 5.5 */
#define P2P_WS_KEY_SIZE 4u

/* Those of RFC 6455 11.8; wslay has the same numbers. */
enum {
        P2P_WS_CONTINUATION = 0x0,
        P2P_WS_TEXT = 0x1,
        P2P_WS_BINARY = 0x2,
        P2P_WS_CLOSE = 0x8,
        P2P_WS_PING = 0x9,
        P2P_WS_PONG = 0xa,
};

enum {
        P2P_WS_CODE_NORMAL = 1000,
        P2P_WS_CODE_GOING_AWAY = 1001,
        P2P_WS_CODE_PROTOCOL_ERROR = 1002,
        P2P_WS_CODE_NONE = 1005, /* never on the wire: a Close without a code */
};

typedef struct p2p_ws_head {
        uint8_t opcode, rsv;
        bool fin, masked;
        uint8_t key[P2P_WS_KEY_SIZE]; /* where masked */
        uint64_t length;              /* of the payload, below 2^63 */
        unsigned size;                /* of the head itself */
} p2p_ws_head;

static inline bool p2p_ws_is_control(unsigned opcode) {
        return opcode & 0x8;
}

/* The head that `in` begins with. 1: it is whole; 0: more bytes are needed; -EBADMSG: a length that is
 * not the shortest of its kind or beyond 63 bits, a control frame in fragments or too long; -ENOMEM.
 * Whether it is legal now is not judged. */
int p2p_ws_head_parse(p2p_view in, p2p_ws_head *ret);

/* fin, opcode, rsv, length and, where masked, the key. Returns its size, or < 0: -EINVAL, -ENOMEM. */
int p2p_ws_head_format(const p2p_ws_head *head, uint8_t out[static P2P_WS_HEAD_MAX]);

/* n bytes under the mask, which is its own inverse; `phase` of them came before. `to` may be `from` or
 * lie anywhere before it. */
void p2p_ws_mask(uint8_t *to, const uint8_t *from, size_t n, const uint8_t key[static P2P_WS_KEY_SIZE],
                 uint64_t phase);
