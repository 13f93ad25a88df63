/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Bytes waiting in a stream, either way.
 *
 * Chunks double from 256 bytes to 32 KiB with what the queue holds, so a keystroke costs a small allocation
 * and a bulk copy few large ones; nothing is ever moved or reallocated. A chunk is freed when its last byte
 * is read: an idle stream has none. Only the last chunk has room, only the first has a consumed part.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <p2p/macro.h>

#include "mux/yamux-queue.h"

#define CHUNK_MIN 256u
#define CHUNK_MAX (32u * 1024u)

struct p2p_yamux_chunk {
        p2p_yamux_chunk *next;
        uint32_t begin, end, size;
        uint8_t data[];
};

static p2p_yamux_chunk *chunk_new(p2p_yamux_pool *pool, size_t size) {
        p2p_yamux_chunk *c;

        if (size == CHUNK_MAX && pool && pool->first) {
                c = pool->first;
                pool->first = c->next;
                pool->n--;
        } else
                c = malloc(size);
        if (c)
                *c = (p2p_yamux_chunk) { .size = (uint32_t) (size - sizeof(*c)) };
        return c;
}

static void chunk_free(p2p_yamux_pool *pool, p2p_yamux_chunk *c) {
        if (!pool || pool->n >= P2P_YAMUX_POOL_MAX || c->size != CHUNK_MAX - sizeof(*c)) {
                free(c);
                return;
        }
        c->next = pool->first;
        pool->first = c;
        pool->n++;
}

void p2p_yamux_pool_clear(p2p_yamux_pool *pool) {
        while (pool->first) {
                p2p_yamux_chunk *c = pool->first;

                pool->first = c->next;
                free(c);
        }
        pool->n = 0;
}

static p2p_yamux_chunk *chunk_add(p2p_yamux_queue *q, p2p_yamux_pool *pool, size_t n) {
        size_t want = P2P_MAX(P2P_MIN(n, CHUNK_MAX), P2P_MIN(q->n, CHUNK_MAX));
        p2p_yamux_chunk *c;
        size_t size = CHUNK_MIN;

        while (size < want + sizeof(*c) && size < CHUNK_MAX)
                size *= 2;
        c = chunk_new(pool, size);
        if (!c)
                return NULL;
        if (q->last)
                q->last->next = c;
        else
                q->first = c;
        q->last = c;
        return c;
}

size_t p2p_yamux_queue_append(p2p_yamux_queue *q, p2p_yamux_pool *pool, p2p_view bytes) {
        size_t done = 0;

        while (done < bytes.n) {
                p2p_yamux_chunk *c = q->last;
                size_t n;

                if (!c || c->end == c->size)
                        c = chunk_add(q, pool, bytes.n - done);
                if (!c)
                        break;
                n = P2P_MIN(bytes.n - done, (size_t) (c->size - c->end));
                memcpy(c->data + c->end, bytes.data + done, n);
                c->end += (uint32_t) n;
                q->n += n;
                done += n;
        }
        return done;
}

size_t p2p_yamux_queue_peek(const p2p_yamux_queue *q, size_t offset, size_t n, struct iovec *iov,
                            int *n_iov) {
        size_t covered = 0;
        int used = 0;

        for (p2p_yamux_chunk *c = q->first; c && covered < n && used < *n_iov; c = c->next) {
                size_t have = c->end - c->begin;

                if (offset >= have) {
                        offset -= have;
                        continue;
                }
                have = P2P_MIN(have - offset, n - covered);
                iov[used++] = (struct iovec) { .iov_base = c->data + c->begin + offset, .iov_len = have };
                covered += have;
                offset = 0;
        }
        *n_iov = used;
        return covered;
}

void p2p_yamux_queue_drop(p2p_yamux_queue *q, p2p_yamux_pool *pool, size_t n) {
        assert(n <= q->n);

        q->n -= n;
        while (n > 0) {
                p2p_yamux_chunk *c = q->first;
                size_t have = c->end - c->begin;

                if (n < have) {
                        c->begin += (uint32_t) n;
                        return;
                }
                n -= have;
                q->first = c->next;
                if (!q->first)
                        q->last = NULL;
                chunk_free(pool, c);
        }
}

size_t p2p_yamux_queue_read(p2p_yamux_queue *q, p2p_yamux_pool *pool, const struct iovec *iov, int n) {
        size_t total = 0;

        for (int i = 0; i < n; i++) {
                uint8_t *to = iov[i].iov_base;
                size_t room = iov[i].iov_len;

                while (room > 0 && q->n > 0) {
                        p2p_yamux_chunk *c = q->first;
                        size_t take = P2P_MIN(room, (size_t) (c->end - c->begin));

                        memcpy(to, c->data + c->begin, take);
                        p2p_yamux_queue_drop(q, pool, take);
                        to += take;
                        room -= take;
                        total += take;
                }
        }
        return total;
}

void p2p_yamux_queue_clear(p2p_yamux_queue *q, p2p_yamux_pool *pool) {
        p2p_yamux_queue_drop(q, pool, q->n);
}
