/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Peerstore: where others can be reached, until when, and how a channel to them is secured. A tree by peer
 * id; each peer has a short list.
 *
 * Both are limited (p2p_host_limits): a full list gives up what expires first, a full store a peer that is
 * not connected.
 */

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "host/host-internal.h"

typedef struct known_addr {
        p2p_addr *addr;
        uint64_t expires;
} known_addr;

typedef struct known_peer {
        p2p_peer_id peer;
        p2p_host *host;
        const char *security; /* what a dial negotiated last: a static name; NULL: unknown */
        unsigned n_addrs;
        known_addr addrs[];
} known_peer;

static int compare(const void *a, const void *b) {
        return p2p_peer_id_compare(&((const known_peer *) a)->peer, &((const known_peer *) b)->peer);
}

static known_peer *find(p2p_host *host, const p2p_peer_id *peer) {
        known_peer key = { .peer = *peer };
        void *node = tfind(&key, &host->peers, compare);

        return node ? *(known_peer **) node : NULL;
}

static void drop_addr(known_peer *p, unsigned i) {
        p2p_addr_free(p->addrs[i].addr);
        p->addrs[i] = p->addrs[--p->n_addrs];
}

static void peer_free(void *data) {
        known_peer *p = data;

        while (p->n_addrs > 0)
                drop_addr(p, 0);
        free(p);
}

static void remove_peer(p2p_host *host, known_peer *p) {
        tdelete(p, &host->peers, compare);
        host->n_peers--;
        peer_free(p);
}

static void expire(known_peer *p) {
        uint64_t now = p2p_loop_now(p->host->loop);

        for (unsigned i = 0; i < p->n_addrs;)
                if (p->addrs[i].expires <= now)
                        drop_addr(p, i);
                else
                        i++;
}

/* tdelete() during twalk() is not allowed: the first that may go is only found here. */
static void on_visit(const void *node, VISIT which, void *closure) {
        known_peer *p = *(known_peer *const *) node, **victim = closure;

        if (*victim || (which != preorder && which != leaf))
                return;
        expire(p);
        for (unsigned i = 0; i < p->n_addrs; i++)
                if (p->addrs[i].expires == USEC_INFINITY)
                        return;
        if (!p2p_host_find_conn(p->host, &p->peer))
                *victim = p;
}

static int make_peer(p2p_host *host, const p2p_peer_id *peer, known_peer **ret) {
        known_peer *p, *victim = NULL;

        if (host->n_peers >= host->limits.peers_stored) {
                twalk_r(host->peers, on_visit, &victim);
                if (!victim)
                        return -ENOBUFS;
                remove_peer(host, victim);
        }
        p = calloc(1, sizeof(*p) + host->limits.addrs_per_peer * sizeof(known_addr));
        if (!p)
                return -ENOMEM;
        p->peer = *peer;
        p->host = host;
        if (!tsearch(p, &host->peers, compare)) {
                free(p);
                return -ENOMEM;
        }
        host->n_peers++;
        *ret = p;
        return 0;
}

static unsigned soonest(const known_peer *p) {
        unsigned best = 0;

        for (unsigned i = 1; i < p->n_addrs; i++)
                if (p->addrs[i].expires < p->addrs[best].expires)
                        best = i;
        return best;
}

static int check_suffix(const p2p_peer_id *peer, const p2p_addr *addr) {
        p2p_peer_id named;

        if (p2p_addr_peer(addr, &named) < 0 || p2p_peer_id_equal(&named, peer))
                return 0;
        return -EINVAL;
}

int p2p_host_add_addr(p2p_host *host, const p2p_peer_id *peer, const p2p_addr *addr, uint64_t ttl_usec) {
        _cleanup_(p2p_addr_freep) p2p_addr *bare = NULL;
        uint64_t expires = USEC_INFINITY;
        known_peer *p;
        int r;

        r = check_suffix(peer, addr);
        if (r < 0)
                return r;
        r = p2p_addr_without_peer(addr, &bare);
        if (r < 0)
                return r;
        if (ttl_usec != USEC_INFINITY)
                expires = p2p_loop_now(host->loop) + ttl_usec;

        p = find(host, peer);
        if (!p) {
                r = make_peer(host, peer, &p);
                if (r < 0)
                        return r;
        }
        expire(p);
        for (unsigned i = 0; i < p->n_addrs; i++)
                if (p2p_addr_equal(p->addrs[i].addr, bare)) {
                        p->addrs[i].expires = P2P_MAX(p->addrs[i].expires, expires);
                        return 0;
                }
        if (p->n_addrs >= host->limits.addrs_per_peer) {
                unsigned victim = soonest(p);

                if (p->addrs[victim].expires >= expires)
                        return -ENOBUFS;
                drop_addr(p, victim);
        }
        p->addrs[p->n_addrs++] = (known_addr){ .addr = TAKE_PTR(bare), .expires = expires };
        return 0;
}

void p2p_host_forget_addrs(p2p_host *host, const p2p_peer_id *peer) {
        known_peer *p = find(host, peer);

        if (p)
                remove_peer(host, p);
}

size_t peerstore_addrs(p2p_host *host, const p2p_peer_id *peer, const p2p_addr **ret, size_t max) {
        known_peer *p = find(host, peer);
        size_t n = 0;

        if (!p)
                return 0;
        expire(p);
        for (; n < p->n_addrs && n < max; n++)
                ret[n] = p->addrs[n].addr;
        return n;
}

const char *peerstore_security(p2p_host *host, const p2p_peer_id *peer) {
        known_peer *p = find(host, peer);

        return p ? p->security : NULL;
}

void peerstore_set_security(p2p_host *host, const p2p_peer_id *peer, const char *security) {
        known_peer *p = find(host, peer);

        if (p)
                p->security = security;
}

void peerstore_free(p2p_host *host) {
        tdestroy(host->peers, peer_free);
        host->peers = NULL;
        host->n_peers = 0;
}
