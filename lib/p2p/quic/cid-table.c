/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Chains hanging off 2^bits buckets, doubled when full on average. Clients choose some of the ids, so the
 * hash is a sum of products with secret random numbers, of which the top bits count: whatever somebody
 * tries, two ids collide by chance only. When doubling finds no memory the table goes on as it is.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "quic/cid-table.h"

#define BITS_MIN 3u
#define BITS_MAX 20u

struct quic_cid {
        quic_cid *next_in_bucket, *next;
        quic_cid_owner *owner;
        uint8_t n, data[QUIC_CID_MAX];
};

static quic_cid **bucket_of(const quic_cid_table *t, p2p_view cid) {
        uint64_t words[3] = {}, h = cid.n * t->factors[3];

        memcpy(words, cid.data, cid.n);
        for (unsigned i = 0; i < 3; i++) {
                h += words[i] * t->factors[i];
                h ^= h >> 32; /* the low bits of a word must count too */
                h *= t->factors[3];
        }
        return t->buckets + (h >> (64 - t->bits));
}

int quic_cid_table_init(quic_cid_table *t) {
        *t = (quic_cid_table) { .bits = BITS_MIN };
        if (getrandom(t->factors, sizeof(t->factors), 0) != sizeof(t->factors))
                return -ENOMEM;
        for (unsigned i = 0; i < 4; i++)
                t->factors[i] |= 1;
        t->buckets = calloc(1u << BITS_MIN, sizeof(*t->buckets));
        return t->buckets ? 0 : -ENOMEM;
}

void quic_cid_table_done(quic_cid_table *t) {
        free(t->buckets);
        *t = (quic_cid_table) {};
}

static quic_cid *find(const quic_cid_table *t, p2p_view cid) {
        quic_cid *c;

        if (cid.n > QUIC_CID_MAX)
                return NULL;
        c = *bucket_of(t, cid);
        while (c && !p2p_view_equal(P2P_VIEW(c->data, c->n), cid))
                c = c->next_in_bucket;
        return c;
}

quic_cid_owner *quic_cid_table_find(const quic_cid_table *t, p2p_view cid) {
        quic_cid *c = find(t, cid);

        return c ? c->owner : NULL;
}

static void insert(quic_cid_table *t, quic_cid *c) {
        quic_cid **bucket = bucket_of(t, P2P_VIEW(c->data, c->n));

        c->next_in_bucket = *bucket;
        *bucket = c;
}

static void grow(quic_cid_table *t) {
        quic_cid_table bigger = *t;

        bigger.bits++;
        bigger.buckets = calloc(1u << bigger.bits, sizeof(*bigger.buckets));
        if (!bigger.buckets)
                return;
        for (unsigned i = 0; i < 1u << t->bits; i++)
                for (quic_cid *c = t->buckets[i], *next; c; c = next) {
                        next = c->next_in_bucket;
                        insert(&bigger, c);
                }
        free(t->buckets);
        *t = bigger;
}

int quic_cid_table_add(quic_cid_table *t, p2p_view cid, quic_cid_owner *owner) {
        quic_cid *c;

        if (cid.n > QUIC_CID_MAX)
                return -EINVAL;
        if (find(t, cid))
                return -EEXIST;
        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (quic_cid) { .owner = owner, .n = (uint8_t) cid.n, .next = owner->cids };
        memcpy(c->data, cid.data, cid.n);
        owner->cids = c;

        if (t->n >= 1u << t->bits && t->bits < BITS_MAX)
                grow(t);
        insert(t, c);
        t->n++;
        return 0;
}

static void unlink_and_free(quic_cid_table *t, quic_cid *c) {
        quic_cid **p = bucket_of(t, P2P_VIEW(c->data, c->n));

        while (*p != c)
                p = &(*p)->next_in_bucket;
        *p = c->next_in_bucket;
        for (p = &c->owner->cids; *p != c;)
                p = &(*p)->next;
        *p = c->next;
        t->n--;
        free(c);
}

void quic_cid_table_remove(quic_cid_table *t, p2p_view cid, quic_cid_owner *owner) {
        quic_cid *c = find(t, cid);

        if (c && c->owner == owner)
                unlink_and_free(t, c);
}

void quic_cid_table_remove_all(quic_cid_table *t, quic_cid_owner *owner) {
        while (owner->cids)
                unlink_and_free(t, owner->cids);
}

void quic_cid_table_inherit(quic_cid_owner *from, quic_cid_owner *to) {
        for (quic_cid *c = from->cids; c; c = c->next)
                c->owner = to;
        to->cids = from->cids;
        from->cids = NULL;
}
