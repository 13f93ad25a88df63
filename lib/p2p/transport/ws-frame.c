/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Frame heads by wslay, payloads by hand.
 *
 * wslay's event API queues what it sends and buffers whole messages without a bound, and both of its APIs
 * carry payloads through 4 KiB at a time and mask them a byte at a time, with state in memory: two seconds
 * of CPU a gigabyte, and a system call every 4 KiB. So only heads pass through its frame API, each through a
 * context of its own: what a head may look like is wslay's to say, where its payload goes is ours. wslay
 * does not tell that a head is whole before a byte of payload has come, nor the mask; so it is given one
 * byte more, and as lengths must be in the shortest of their three forms, the head's size follows from the
 * payload's, and the mask is its last four bytes.
 */

#include <errno.h>
#include <string.h>
#include <wslay/wslay.h>

#include <p2p/macro.h>

#include "transport/ws-frame.h"

typedef struct wslay_frame_context frame_context;

static frame_context *frame_context_free(frame_context *c) {
        if (c)
                wslay_frame_context_free(c);
        return NULL;
}
P2P_CLEANUP(frame_context, frame_context_free);

static unsigned head_size(uint64_t length, bool masked) {
        unsigned extended = length > UINT16_MAX ? 8u : length > P2P_WS_CONTROL_MAX ? 2u : 0u;

        return 2u + extended + (masked ? P2P_WS_KEY_SIZE : 0u);
}

static ssize_t give(uint8_t *buf, size_t size, int flags _unused_, void *userdata) {
        p2p_view *in = userdata;
        size_t n = P2P_MIN(size, in->n);

        if (n == 0)
                return -1;
        memcpy(buf, in->data, n);
        in->data += n;
        in->n -= n;
        return (ssize_t) n;
}

int p2p_ws_head_parse(p2p_view in, p2p_ws_head *ret) {
        static const struct wslay_frame_callbacks callbacks = { .recv_callback = give };
        static const uint8_t payload[1];
        _cleanup_(frame_context_freep) frame_context *c = NULL;
        p2p_view bytes = P2P_VIEW(in.data, P2P_MIN(in.n, P2P_WS_HEAD_MAX));
        struct wslay_frame_iocb frame = {};
        p2p_ws_head head;
        ssize_t r;

        if (wslay_frame_context_init(&c, &callbacks, &bytes) != 0)
                return -ENOMEM;
        r = wslay_frame_recv(c, &frame);
        if (r == WSLAY_ERR_WANT_READ) { /* the head is not whole, or nothing follows it */
                bytes = P2P_VIEW(payload, sizeof(payload));
                r = wslay_frame_recv(c, &frame);
                if (r < 0)
                        return 0;
        }
        if (r < 0)
                return -EBADMSG;

        head = (p2p_ws_head){
                .opcode = frame.opcode,
                .rsv = frame.rsv,
                .fin = frame.fin,
                .masked = frame.mask,
                .length = frame.payload_length,
                .size = head_size(frame.payload_length, frame.mask),
        };
        if (head.size > in.n)
                return 0; /* the byte too many stood in for one of the head's */
        if (head.masked)
                memcpy(head.key, in.data + head.size - P2P_WS_KEY_SIZE, P2P_WS_KEY_SIZE);
        *ret = head;
        return 1;
}

typedef struct sink {
        const p2p_ws_head *head;
        uint8_t *out;
        int n;
} sink;

static ssize_t take(const uint8_t *data, size_t n, int flags _unused_, void *userdata) {
        sink *s = userdata;

        if (n > P2P_WS_HEAD_MAX)
                return -1;
        memcpy(s->out, data, n);
        s->n = (int) n;
        return (ssize_t) n;
}

static int give_key(uint8_t *buf, size_t n, void *userdata) {
        sink *s = userdata;

        memcpy(buf, s->head->key, P2P_MIN(n, P2P_WS_KEY_SIZE));
        return 0;
}

int p2p_ws_head_format(const p2p_ws_head *head, uint8_t out[static P2P_WS_HEAD_MAX]) {
        static const struct wslay_frame_callbacks callbacks = { .send_callback = take,
                                                                .genmask_callback = give_key };
        _cleanup_(frame_context_freep) frame_context *c = NULL;
        sink s = { .head = head, .out = out };
        struct wslay_frame_iocb frame = {
                .fin = head->fin,
                .rsv = head->rsv,
                .opcode = head->opcode,
                .payload_length = head->length,
                .mask = head->masked,
        };

        if (wslay_frame_context_init(&c, &callbacks, &s) != 0)
                return -ENOMEM;
        if (wslay_frame_send(c, &frame) < 0)
                return -EINVAL;
        return s.n;
}

/* 32 bytes at a time: GCC and clang make of it what the machine has. */
typedef uint8_t block __attribute__((vector_size(32)));

void p2p_ws_mask(uint8_t *to, const uint8_t *from, size_t n, const uint8_t key[static P2P_WS_KEY_SIZE],
                 uint64_t phase) {
        block keys, b;
        size_t i = 0;

        for (unsigned j = 0; j < sizeof(keys); j++)
                keys[j] = key[(phase + j) % P2P_WS_KEY_SIZE];
        for (; n - i >= sizeof(b); i += sizeof(b)) {
                memcpy(&b, from + i, sizeof(b));
                b ^= keys;
                memcpy(to + i, &b, sizeof(b));
        }
        for (unsigned j = 0; i < n; i++, j++)
                to[i] = from[i] ^ keys[j];
}
