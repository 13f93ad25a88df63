/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The writing half of a sealed channel: the hot path.
 *
 * The writer's pieces are gathered into records as large as they get, sealed in place in memory that the
 * loop lends, and offered below all at once. What was sealed must leave in that order, so what the channel
 * below did not take waits in a buffer of our own and nothing new is taken before it is gone. A circuit puts
 * one sealed channel on another, which then hands us bytes that lie in the loop's memory: these are sealed
 * in memory of our own, a record at a time.
 */

#include <errno.h>
#include <stdlib.h>

#include "secure/sealed-out.h"

#define SCRATCH_SLOT 1u /* architecture: the muxer's is 0 */

/* A walk over the caller's vector. */
typedef struct source {
        const struct iovec *iov;
        int n;
        size_t offset; /* into iov[0] */
} source;

static size_t vector_size(const struct iovec *iov, int n, size_t max) {
        size_t size = 0;

        for (int i = 0; i < n && size < max; i++)
                size += P2P_MIN(iov[i].iov_len, max - size);
        return size;
}

static bool is_lent(const struct iovec *iov, int n, const uint8_t *scratch) {
        for (int i = 0; i < n; i++) {
                uintptr_t start = (uintptr_t) iov[i].iov_base, lent = (uintptr_t) scratch;

                if (iov[i].iov_len > 0 && start < lent + P2P_SCRATCH_SIZE && start + iov[i].iov_len > lent)
                        return true;
        }
        return false;
}

static void gather(source *s, uint8_t *to, size_t n) {
        while (n > 0) {
                size_t part = P2P_MIN(s->iov->iov_len - s->offset, n);

                if (part > 0)
                        memcpy(to, (const uint8_t *) s->iov->iov_base + s->offset, part);
                to += part;
                n -= part;
                s->offset += part;
                if (s->offset == s->iov->iov_len) {
                        s->iov++;
                        s->offset = 0;
                }
        }
}

/* How many of n plaintext bytes fit into `size` bytes of records and a notice. */
static size_t plain_fitting(const p2p_seal_format *f, size_t n, size_t size) {
        size_t record = f->plain_max + f->overhead, whole, rest, plain;

        size -= f->notice_max;
        whole = size / record;
        rest = size % record;
        plain = whole * f->plain_max;
        if (rest > f->overhead)
                plain += rest - f->overhead;
        return P2P_MIN(n, plain);
}

/* Seals n bytes of the source into `to`. Returns the size of the records. */
static ssize_t seal(p2p_sealed_out *out, source *s, size_t n, uint8_t *to) {
        const p2p_seal_format *f = out->format;
        size_t size = 0;
        ssize_t k;

        if (f->notice) {
                k = f->notice(out->state, to);
                if (k < 0)
                        return k;
                size = (size_t) k;
        }
        while (n > 0) {
                size_t part = P2P_MIN(n, (size_t) f->plain_max);

                gather(s, to + size + f->head_size, part);
                k = f->seal(out->state, to + size, part);
                if (k < 0)
                        return k;
                size += (size_t) k;
                n -= part;
        }
        return (ssize_t) size;
}

/* Offers below until everything is taken or it is full. Returns how much was taken. */
static ssize_t offer(p2p_channel *below, const uint8_t *data, size_t n, bool more) {
        size_t done = 0;

        while (done < n) {
                struct iovec iov = { .iov_base = (void *) (data + done), .iov_len = n - done };
                ssize_t k;

                k = p2p_channel_writev(below, &iov, 1, more);
                if (k == -EAGAIN)
                        break;
                if (k < 0)
                        return k;
                done += (size_t) k;
        }
        return (ssize_t) done;
}

static int fail(p2p_sealed_out *out, int error) {
        free(out->pending);
        out->pending = NULL;
        out->error = error;
        return error;
}

int p2p_sealed_out_flush(p2p_sealed_out *out, p2p_channel *below) {
        ssize_t k;

        if (out->error < 0)
                return out->error;
        if (!out->pending)
                return 0;

        k = offer(below, out->pending + out->pending_start, out->pending_n, false);
        if (k < 0)
                return fail(out, (int) k);
        out->pending_start += (uint32_t) k;
        out->pending_n -= (uint32_t) k;
        if (out->pending_n > 0)
                return -EAGAIN;
        free(out->pending);
        out->pending = NULL;
        return 0;
}

/* Puts the n bytes behind what is pending. */
static int add_pending(p2p_sealed_out *out, const uint8_t *data, size_t n) {
        size_t before = out->pending ? out->pending_n : 0;
        uint8_t *all;

        all = malloc(before + n);
        if (!all)
                return -ENOMEM;
        if (before > 0)
                memcpy(all, out->pending + out->pending_start, before);
        memcpy(all + before, data, n);
        free(out->pending);
        out->pending = all;
        out->pending_start = 0;
        out->pending_n = (uint32_t) (before + n);
        return 0;
}

int p2p_sealed_out_end(p2p_sealed_out *out) {
        uint8_t end[64];
        ssize_t k;
        int r;

        if (out->error < 0 || !out->format->end)
                return out->error;
        k = out->format->end(out->state, end);
        if (k < 0)
                return fail(out, (int) k);
        r = add_pending(out, end, (size_t) k);
        return r < 0 ? fail(out, r) : 0;
}

/* Memory to seal in: the loop's, or *ret_own where the caller's bytes lie in that. */
static int get_room(const p2p_seal_format *f, p2p_loop *loop, const struct iovec *iov, int n,
                    uint8_t **ret_own, uint8_t **ret, size_t *ret_size) {
        uint8_t *scratch = p2p_loop_scratch(loop, SCRATCH_SLOT);

        if (!is_lent(iov, n, scratch)) {
                *ret = scratch;
                *ret_size = P2P_SCRATCH_SIZE;
                return 0;
        }
        *ret_size = f->notice_max + f->overhead + vector_size(iov, n, f->plain_max);
        *ret = *ret_own = malloc(*ret_size);
        return *ret ? 0 : -ENOMEM;
}

static void freep(uint8_t **p) {
        free(*p);
}

ssize_t p2p_sealed_out_writev(p2p_sealed_out *out, p2p_loop *loop, p2p_channel *below,
                              const struct iovec *iov, int n, bool more) {
        _cleanup_(freep) uint8_t *own = NULL;
        source from = { .iov = iov, .n = n };
        size_t room, plain;
        ssize_t size, k;
        uint8_t *to;
        int r;

        r = p2p_sealed_out_flush(out, below);
        if (r < 0)
                return r;
        r = get_room(out->format, loop, iov, n, &own, &to, &room);
        if (r < 0)
                return r;

        plain = plain_fitting(out->format, vector_size(iov, n, P2P_SCRATCH_SIZE), room);
        size = seal(out, &from, plain, to);
        if (size < 0)
                return fail(out, (int) size);
        k = offer(below, to, (size_t) size, more);
        if (k < 0)
                return fail(out, (int) k);
        if (k < size) {
                r = add_pending(out, to + k, (size_t) (size - k));
                if (r < 0)
                        return fail(out, r); /* a record was torn */
        }
        return (ssize_t) plain;
}

void p2p_sealed_out_done(p2p_sealed_out *out) {
        free(out->pending);
        out->pending = NULL;
}
