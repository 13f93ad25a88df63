/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Chunks double from 256 bytes to 64 KiB with what the queue holds: a keystroke costs a small allocation,
 * bulk few large ones. Only the last chunk has room, only the first has a consumed part. The place is NULL
 * exactly when nothing is unsent, except in a queue that is received into, where nothing is ever sent and
 * reading moves it along.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <p2p/macro.h>

#include "quic/quic-buffer.h"

#define CHUNK_MIN 256u
#define CHUNK_MAX (64u * 1024u)

struct quic_chunk {
        quic_chunk *next;
        uint32_t begin, end, size;
        uint8_t data[];
};

static quic_chunk *chunk_add(quic_buffer *b, size_t n) {
        size_t want = P2P_MAX(P2P_MIN(n, CHUNK_MAX), P2P_MIN(b->n, CHUNK_MAX));
        size_t size = CHUNK_MIN;
        quic_chunk *c;

        while (size < want + sizeof(*c) && size < CHUNK_MAX)
                size *= 2;
        c = malloc(size);
        if (!c)
                return NULL;
        *c = (quic_chunk) { .size = (uint32_t) (size - sizeof(*c)) };
        if (b->last)
                b->last->next = c;
        else
                b->first = c;
        b->last = c;
        return c;
}

size_t quic_buffer_append(quic_buffer *b, p2p_view bytes) {
        size_t done = 0;

        while (done < bytes.n) {
                quic_chunk *c = b->last;
                size_t n;

                if (!c || c->end == c->size)
                        c = chunk_add(b, bytes.n - done);
                if (!c)
                        break;
                if (!b->place) {
                        b->place = c;
                        b->place_offset = c->end;
                }
                n = P2P_MIN(bytes.n - done, (size_t) (c->size - c->end));
                memcpy(c->data + c->end, bytes.data + done, n);
                c->end += (uint32_t) n;
                b->n += n;
                done += n;
        }
        return done;
}

int quic_buffer_peek(const quic_buffer *b, size_t max, struct iovec *iov, int n, size_t *ret_bytes) {
        uint32_t offset = b->place_offset;
        size_t covered = 0;
        int used = 0;

        for (quic_chunk *c = b->place; c && covered < max && used < n; c = c->next) {
                size_t have = P2P_MIN((size_t) (c->end - offset), max - covered);

                iov[used++] = (struct iovec) { .iov_base = c->data + offset, .iov_len = have };
                covered += have;
                offset = 0;
        }
        *ret_bytes = covered;
        return used;
}

void quic_buffer_advance(quic_buffer *b, size_t n) {
        assert(n <= quic_buffer_unsent(b));

        b->n_sent += n;
        while (n > 0) {
                size_t have = b->place->end - b->place_offset;

                if (n < have) {
                        b->place_offset += (uint32_t) n;
                        return;
                }
                n -= have;
                b->place = b->place->next;
                b->place_offset = 0;
        }
}

/* From the front, whatever was sent. */
static void consume(quic_buffer *b, size_t n) {
        b->n -= n;
        while (n > 0) {
                quic_chunk *c = b->first;
                size_t have = c->end - c->begin;

                if (n < have) {
                        c->begin += (uint32_t) n;
                        return;
                }
                n -= have;
                b->first = c->next;
                if (!b->first)
                        b->last = NULL;
                free(c);
        }
}

void quic_buffer_drop(quic_buffer *b, size_t n) {
        assert(n <= b->n_sent);

        b->n_sent -= n;
        consume(b, n);
}

void quic_buffer_truncate(quic_buffer *b) {
        quic_chunk *c = b->place;

        if (!c)
                return;
        b->n = b->n_sent;
        c->end = b->place_offset;
        b->last = c;
        b->place = NULL;
        for (quic_chunk *next = c->next; next; next = c->next) {
                c->next = next->next;
                free(next);
        }
        if (b->n == 0) { /* nothing refers to what is left */
                while ((c = b->first)) {
                        b->first = c->next;
                        free(c);
                }
                b->last = NULL;
        }
}

size_t quic_buffer_read(quic_buffer *b, const struct iovec *iov, int n) {
        size_t total = 0;

        assert(b->n_sent == 0);

        b->place = NULL; /* and appending sets it anew; nobody asks */
        for (int i = 0; i < n; i++) {
                uint8_t *to = iov[i].iov_base;
                size_t room = iov[i].iov_len;

                while (room > 0 && b->n > 0) {
                        size_t take = P2P_MIN(room, (size_t) (b->first->end - b->first->begin));

                        memcpy(to, b->first->data + b->first->begin, take);
                        consume(b, take);
                        to += take;
                        room -= take;
                        total += take;
                }
        }
        return total;
}

void quic_buffer_clear(quic_buffer *b) {
        for (quic_chunk *c = b->first, *next; c; c = next) {
                next = c->next;
                free(c);
        }
        *b = (quic_buffer) {};
}
