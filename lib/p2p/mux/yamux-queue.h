/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A byte queue of chunks: it grows without moving what it holds, and an empty one holds no memory.
 *
 * Queues of one owner may share a pool of spare chunks; it may be NULL everywhere. Bulk that flows through
 * many short-lived chunks otherwise makes the allocator return and fetch pages all the time.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <p2p/view.h>

typedef struct p2p_yamux_chunk p2p_yamux_chunk;

typedef struct p2p_yamux_queue {
        p2p_yamux_chunk *first, *last;
        size_t n; /* bytes */
} p2p_yamux_queue;

typedef struct p2p_yamux_pool {
        p2p_yamux_chunk *first;
        unsigned n;
} p2p_yamux_pool;

#define P2P_YAMUX_POOL_MAX 8u /* chunks of 32 KiB: a full initial window */

void p2p_yamux_pool_clear(p2p_yamux_pool *pool);

/* Copies to the end. Returns how many bytes; fewer than given only without memory. */
size_t p2p_yamux_queue_append(p2p_yamux_queue *q, p2p_yamux_pool *pool, p2p_view bytes);
/* Fills up to *n_iov entries with the bytes from `offset` on, at most n of them. Returns the bytes covered;
 * *n_iov becomes the entries used. They stay valid until the queue is read, dropped from or cleared. */
size_t p2p_yamux_queue_peek(const p2p_yamux_queue *q, size_t offset, size_t n, struct iovec *iov,
                            int *n_iov);
/* Drops from the front; n is at most q->n. */
void p2p_yamux_queue_drop(p2p_yamux_queue *q, p2p_yamux_pool *pool, size_t n);
/* Moves bytes from the front into the vector. Returns how many. */
size_t p2p_yamux_queue_read(p2p_yamux_queue *q, p2p_yamux_pool *pool, const struct iovec *iov, int n);
void p2p_yamux_queue_clear(p2p_yamux_queue *q, p2p_yamux_pool *pool);
