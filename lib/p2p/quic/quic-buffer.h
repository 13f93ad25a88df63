/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The bytes of a stream, one way: a queue of chunks with a place in it.
 *
 * Sending, the bytes before the place have been given to the library, which refers to them until they are
 * acknowledged: chunks never move. Receiving, the place is not used. An empty queue holds no memory.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <p2p/view.h>

typedef struct quic_chunk quic_chunk;

typedef struct quic_buffer {
        quic_chunk *first, *last;
        quic_chunk *place;     /* the chunk with the first unsent byte; NULL: there is none */
        uint32_t place_offset; /* of that byte in its chunk */
        size_t n, n_sent;      /* bytes; of which before the place */
} quic_buffer;

/* Copies to the end. Returns how many bytes; fewer than given only without memory. */
size_t quic_buffer_append(quic_buffer *b, p2p_view bytes);
/* Fills up to n entries with unsent bytes, at most max of them. Returns the entries used; *ret_bytes is what
 * they hold. */
int quic_buffer_peek(const quic_buffer *b, size_t max, struct iovec *iov, int n, size_t *ret_bytes);
/* These were sent: moves the place; n is at most what is unsent. */
void quic_buffer_advance(quic_buffer *b, size_t n);
/* Drops sent bytes from the front; n is at most b->n_sent. */
void quic_buffer_drop(quic_buffer *b, size_t n);
/* Drops what is unsent. */
void quic_buffer_truncate(quic_buffer *b);
/* Moves bytes from the front into the vector. Returns how many. For a queue that is received into. */
size_t quic_buffer_read(quic_buffer *b, const struct iovec *iov, int n);
void quic_buffer_clear(quic_buffer *b);

static inline size_t quic_buffer_unsent(const quic_buffer *b) {
        return b->n - b->n_sent;
}
