/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The writing half of a WebSocket channel: bytes -> frames.
 *
 * A write becomes one frame. A server's goes below as the writer's own vector behind a head, without a copy;
 * a client's is masked into memory that the loop lends. A frame that has begun must be finished with the
 * bytes it was begun with, and the writer need not offer those again: so what the channel below does not
 * take of it is copied, counts as taken, and nothing new is taken before it is gone.
 */

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "transport/ws-out.h"

#define SCRATCH_SLOT 2u /* the muxer's is 0, the sealed channel's 1 */

/* A frame on its way: the head, then what is held, then the writer's. */
typedef struct vector {
        struct iovec iov[2 + P2P_WS_VECTORS_MAX];
        int n;
        size_t size;
} vector;

static void vector_add(vector *v, const void *data, size_t n) {
        if (n == 0)
                return;
        v->iov[v->n++] = (struct iovec){ .iov_base = (void *) data, .iov_len = n };
        v->size += n;
}

static void vector_skip(vector *v, size_t n) {
        int i = 0;

        v->size -= n;
        for (; n > 0 && n >= v->iov[i].iov_len; i++)
                n -= v->iov[i].iov_len;
        v->n -= i;
        memmove(v->iov, v->iov + i, (size_t) v->n * sizeof(v->iov[0]));
        if (n > 0) {
                v->iov[0].iov_base = (uint8_t *) v->iov[0].iov_base + n;
                v->iov[0].iov_len -= n;
        }
}

static int fail(p2p_ws_out *out, int error) {
        free(out->pending);
        out->pending = NULL;
        out->error = error;
        return error;
}

/* Offers below until everything is taken or it is full; the vector keeps the rest. */
static int offer(p2p_channel *below, vector *v, bool more) {
        while (v->size > 0) {
                ssize_t k;

                k = p2p_channel_writev(below, v->iov, v->n, more);
                if (k < 0)
                        return (int) k;
                vector_skip(v, (size_t) k);
        }
        return 0;
}

static int flush_pending(p2p_ws_out *out, p2p_channel *below) {
        vector v = {};
        int r;

        if (out->error < 0)
                return out->error;
        if (!out->pending)
                return 0;

        vector_add(&v, out->pending + out->pending_start, out->pending_n);
        r = offer(below, &v, false);
        out->pending_start += out->pending_n - (uint32_t) v.size;
        out->pending_n = (uint32_t) v.size;
        if (r == -EAGAIN)
                return r;
        if (r < 0)
                return fail(out, r);
        free(out->pending);
        out->pending = NULL;
        return 0;
}

static int set_pending(p2p_ws_out *out, const vector *v) {
        size_t at = 0;

        out->pending = malloc(v->size);
        if (!out->pending)
                return -ENOMEM;
        for (int i = 0; i < v->n; at += v->iov[i++].iov_len)
                memcpy(out->pending + at, v->iov[i].iov_base, v->iov[i].iov_len);
        out->pending_start = 0;
        out->pending_n = (uint32_t) at;
        return 0;
}

/* Masks all but the head into the loop's memory, behind a copy of the head. */
static void mask(vector *v, const p2p_ws_head *head, p2p_loop *loop) {
        uint8_t *to = p2p_loop_scratch(loop, SCRATCH_SLOT);
        size_t at = v->iov[0].iov_len;

        memcpy(to, v->iov[0].iov_base, at);
        for (int i = 1; i < v->n; at += v->iov[i++].iov_len)
                p2p_ws_mask(to + at, v->iov[i].iov_base, v->iov[i].iov_len, head->key, at - head->size);
        *v = (vector){};
        vector_add(v, to, at);
}

/* Sends a frame whose payload is what stands in the vector behind its first piece, which is left free for
 * the head. -EAGAIN: the channel below took nothing of it, so there is no frame. */
static int send_frame(p2p_ws_out *out, p2p_loop *loop, p2p_channel *below, unsigned opcode, vector *v,
                      bool more) {
        uint8_t bytes[P2P_WS_HEAD_MAX];
        size_t size;
        p2p_ws_head head = {
                .opcode = (uint8_t) opcode, .fin = true, .masked = out->masks, .length = v->size
        };
        int r;

        if (out->masks && gnutls_rnd(GNUTLS_RND_NONCE, head.key, sizeof(head.key)) < 0)
                return -ENOMEM;
        r = p2p_ws_head_format(&head, bytes);
        if (r < 0)
                return r;
        head.size = (unsigned) r;
        v->iov[0] = (struct iovec){ .iov_base = bytes, .iov_len = head.size };
        v->size += head.size;
        if (out->masks)
                mask(v, &head, loop);

        size = v->size;
        r = offer(below, v, more);
        if (r == -EAGAIN && v->size == size)
                return r;
        if (r == -EAGAIN)
                r = set_pending(out, v);
        return r < 0 ? fail(out, r) : 0;
}

static size_t vector_size(const struct iovec *iov, int n, size_t max) {
        size_t size = 0;

        for (int i = 0; i < n && size < max; i++)
                size += P2P_MIN(iov[i].iov_len, max - size);
        return size;
}

/* Keeps a small write for the frame that a later one begins. */
static int hold(p2p_ws_out *out, const struct iovec *iov, int n) {
        if (!out->held)
                out->held = malloc(P2P_WS_HELD_MAX);
        if (!out->held)
                return -ENOMEM;
        for (int i = 0; i < n; i++) {
                if (iov[i].iov_len == 0)
                        continue;
                memcpy(out->held + out->held_n, iov[i].iov_base, iov[i].iov_len);
                out->held_n += (uint32_t) iov[i].iov_len;
        }
        return 0;
}

/* What is held, and what fits of the writer's, as one frame. Returns how much of the writer's was taken. */
static ssize_t send_data(p2p_ws_out *out, p2p_loop *loop, p2p_channel *below, const struct iovec *iov, int n,
                         bool more) {
        vector v = { .n = 1 };
        size_t taken;
        int r;

        vector_add(&v, out->held, out->held_n);
        for (int i = 0; i < n && (size_t) v.n < ELEMENTSOF(v.iov); i++)
                vector_add(&v, iov[i].iov_base, P2P_MIN(iov[i].iov_len, P2P_WS_FRAME_MAX - v.size));
        taken = v.size - out->held_n;
        r = send_frame(out, loop, below, P2P_WS_BINARY, &v, more);
        if (r < 0)
                return r;
        free(out->held);
        out->held = NULL;
        out->held_n = 0;
        return (ssize_t) taken;
}

ssize_t p2p_ws_out_writev(p2p_ws_out *out, p2p_loop *loop, p2p_channel *below, const struct iovec *iov,
                          int n, bool more) {
        size_t size;
        int r;

        r = flush_pending(out, below);
        if (r < 0)
                return r;
        size = vector_size(iov, n, P2P_WS_FRAME_MAX);
        if (size == 0)
                return 0;
        if (more && size <= P2P_WS_HELD_MAX - out->held_n) {
                r = hold(out, iov, n);
                return r < 0 ? r : (ssize_t) size;
        }
        return send_data(out, loop, below, iov, n, more);
}

int p2p_ws_out_flush(p2p_ws_out *out, p2p_loop *loop, p2p_channel *below) {
        ssize_t k;
        int r;

        r = flush_pending(out, below);
        if (r < 0 || out->held_n == 0)
                return r;
        k = send_data(out, loop, below, NULL, 0, false);
        if (k < 0)
                return (int) k;
        return out->pending ? -EAGAIN : 0;
}

int p2p_ws_out_control(p2p_ws_out *out, p2p_loop *loop, p2p_channel *below, unsigned opcode,
                       p2p_view payload) {
        vector v = { .n = 1 };
        int r;

        r = flush_pending(out, below);
        if (r < 0)
                return r;
        vector_add(&v, payload.data, payload.n);
        return send_frame(out, loop, below, opcode, &v, false);
}

void p2p_ws_out_done(p2p_ws_out *out) {
        free(out->pending);
        free(out->held);
        out->pending = out->held = NULL;
        out->pending_n = out->held_n = 0;
}
