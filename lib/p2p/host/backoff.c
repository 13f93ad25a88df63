/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * 5 s after the first failure, then 5 s + n^2 s up to 5 min; a failure is forgotten after twice its time
 * [go-libp2p, wire reference 20]. go refuses to dial such an address; here it only comes last (dial-rank.c),
 * because a person who connects now must not pay for what failed before.
 */

#include "host/backoff.h"

#include <stdlib.h>

#define BASE_USEC (5 * USEC_PER_SEC)
#define MAX_USEC (5 * USEC_PER_MINUTE)

typedef struct failure {
        p2p_peer_id peer;
        p2p_addr *addr;
        unsigned n;
        uint64_t at, until;
        p2p_list entries;
} failure;

static void failure_free(backoff *b, failure *f) {
        p2p_list_unlink(&f->entries);
        b->n--;
        p2p_addr_free(f->addr);
        free(f);
}

void backoff_init(backoff *b) {
        *b = (backoff){};
        p2p_list_init(&b->entries);
}

void backoff_done(backoff *b) {
        failure *f;

        P2P_LIST_FOREACH(f, &b->entries, failure, entries)
                failure_free(b, f);
}

static failure *find(const backoff *b, const p2p_peer_id *peer, const p2p_addr *addr) {
        failure *f;

        P2P_LIST_FOREACH(f, (p2p_list *) &b->entries, failure, entries)
                if (p2p_peer_id_equal(&f->peer, peer) && p2p_addr_equal(f->addr, addr))
                        return f;
        return NULL;
}

static failure *failure_new(backoff *b, const p2p_peer_id *peer, const p2p_addr *addr) {
        failure *f = calloc(1, sizeof(*f));

        if (!f || p2p_addr_dup(addr, &f->addr) < 0) {
                free(f);
                return NULL;
        }
        f->peer = *peer;
        p2p_list_init(&f->entries);
        if (b->n >= BACKOFF_ADDRS_MAX)
                failure_free(b, P2P_LIST_ENTRY(p2p_list_first(&b->entries), failure, entries));
        b->n++;
        return f;
}

void backoff_failed(backoff *b, const p2p_peer_id *peer, const p2p_addr *addr, uint64_t now) {
        failure *f = find(b, peer, addr);

        if (!f)
                f = failure_new(b, peer, addr);
        if (!f)
                return;
        if (f->n > 0 && now > f->until + (f->until - f->at))
                f->n = 0;
        f->at = now;
        f->until = now + P2P_MIN(BASE_USEC + (uint64_t) f->n * f->n * USEC_PER_SEC, MAX_USEC);
        f->n += f->n < 1000;
        p2p_list_unlink(&f->entries);
        p2p_list_append(&b->entries, &f->entries);
}

bool backoff_is_on(const backoff *b, const p2p_peer_id *peer, const p2p_addr *addr, uint64_t now) {
        const failure *f = find(b, peer, addr);

        return f && now < f->until;
}

void backoff_forget_peer(backoff *b, const p2p_peer_id *peer) {
        failure *f;

        P2P_LIST_FOREACH(f, &b->entries, failure, entries)
                if (p2p_peer_id_equal(&f->peer, peer))
                        failure_free(b, f);
}
