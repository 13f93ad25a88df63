/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Stream ids to streams: chains hanging off 2^bits buckets, doubled when full on average.
 *
 * The far side chooses ids, so the hash is multiplication by a random odd number of which the top bits
 * count: any two ids collide with a chance of two in the number of buckets, whatever the far side tries.
 * When doubling finds no memory the table goes on as it is.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "mux/yamux-internal.h"

#define BITS_MIN 3u
#define BITS_MAX 20u

static p2p_yamux_stream **bucket_of(const p2p_yamux_table *t, uint32_t id) {
        return t->buckets + ((id * t->factor) >> (64 - t->bits));
}

int p2p_yamux_table_init(p2p_yamux_table *t) {
        uint64_t factor;

        if (getrandom(&factor, sizeof(factor), 0) != sizeof(factor))
                return -ENOMEM;
        *t = (p2p_yamux_table) {
                .buckets = calloc(1u << BITS_MIN, sizeof(*t->buckets)),
                .bits = BITS_MIN,
                .factor = factor | 1,
        };
        return t->buckets ? 0 : -ENOMEM;
}

void p2p_yamux_table_done(p2p_yamux_table *t) {
        free(t->buckets);
        *t = (p2p_yamux_table) {};
}

p2p_yamux_stream *p2p_yamux_table_find(const p2p_yamux_table *t, uint32_t id) {
        p2p_yamux_stream *s = *bucket_of(t, id);

        while (s && s->id != id)
                s = s->next_in_bucket;
        return s;
}

static void insert(p2p_yamux_table *t, p2p_yamux_stream *s) {
        p2p_yamux_stream **bucket = bucket_of(t, s->id);

        s->next_in_bucket = *bucket;
        *bucket = s;
}

static void grow(p2p_yamux_table *t) {
        p2p_yamux_table bigger = { .bits = t->bits + 1, .n = t->n, .factor = t->factor };

        bigger.buckets = calloc(1u << bigger.bits, sizeof(*bigger.buckets));
        if (!bigger.buckets)
                return;
        for (unsigned i = 0; i < 1u << t->bits; i++)
                for (p2p_yamux_stream *s = t->buckets[i], *next; s; s = next) {
                        next = s->next_in_bucket;
                        insert(&bigger, s);
                }
        free(t->buckets);
        *t = bigger;
}

void p2p_yamux_table_add(p2p_yamux_table *t, p2p_yamux_stream *s) {
        if (t->n >= 1u << t->bits && t->bits < BITS_MAX)
                grow(t);
        insert(t, s);
        t->n++;
}

void p2p_yamux_table_remove(p2p_yamux_table *t, p2p_yamux_stream *s) {
        p2p_yamux_stream **p = bucket_of(t, s->id);

        while (*p != s)
                p = &(*p)->next_in_bucket;
        *p = s->next_in_bucket;
        t->n--;
}
