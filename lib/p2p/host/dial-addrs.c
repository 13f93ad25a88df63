/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which addresses of a peer are dialled, and when: IPv6 at once, IPv4 250 ms later (30 ms on private networks), circuits 500 ms
 * behind when a public direct address is known, else at once [go-libp2p's ranking without QUIC]. Names join when they are resolved.
 */

#include <stdlib.h>

#include "host/dial-internal.h"

#define STAGGER_USEC (250 * USEC_PER_MSEC)
#define PRIVATE_STAGGER_USEC (30 * USEC_PER_MSEC)
#define CIRCUIT_DELAY_USEC (500 * USEC_PER_MSEC)

/* A look-up in flight. */
typedef struct lookup {
        job *job;
        p2p_resolve *resolve;
        p2p_list lookups;
} lookup;

static lookup *lookup_free(lookup *l) {
        p2p_resolve_free(l->resolve);
        p2p_list_unlink(&l->lookups);
        free(l);
        return NULL;
}

void job_stop_lookups(job *j) {
        lookup *l;

        P2P_LIST_FOREACH(l, &j->lookups, lookup, lookups)
                lookup_free(l);
}

static bool can_dial(job *j, const p2p_addr *addr) {
        return !(j->direct && p2p_addr_is_circuit(addr)) && host_find_transport(j->host, addr);
}

static uint64_t delay_of(const job *j, const p2p_addr *addr, bool public_known) {
        p2p_addr_component c = {};
        uint64_t stagger = p2p_addr_is_private(addr) ? PRIVATE_STAGGER_USEC : STAGGER_USEC;
        bool ip6 = p2p_addr_component_at(addr, 0, &c) && c.code == P2P_ADDR_IP6, has_ip6 = false;

        if (p2p_addr_is_circuit(addr))
                return public_known ? CIRCUIT_DELAY_USEC : 0;
        for (unsigned i = 0; i < j->n_candidates; i++)
                if (p2p_addr_component_at(j->candidates[i]->addr, 0, &c) && c.code == P2P_ADDR_IP6)
                        has_ip6 = true;
        return ip6 || !has_ip6 ? 0 : stagger;
}

static void rank(job *j) {
        bool public_known = false;

        for (unsigned i = 0; i < j->n_candidates; i++)
                public_known |= !p2p_addr_is_circuit(j->candidates[i]->addr) && p2p_addr_is_public(j->candidates[i]->addr);
        for (unsigned i = 0; i < j->n_candidates; i++)
                j->candidates[i]->due = j->started + delay_of(j, j->candidates[i]->addr, public_known);
}

/* Takes the address. */
static void add_candidate(job *j, p2p_addr *addr) {
        candidate *c = NULL;

        for (unsigned i = 0; i < j->n_candidates; i++)
                if (p2p_addr_equal(j->candidates[i]->addr, addr))
                        goto refuse;
        if (j->n_candidates >= CANDIDATES_MAX || !can_dial(j, addr))
                goto refuse;
        c = calloc(1, sizeof(*c));
        if (!c)
                goto refuse;
        c->job = j;
        c->addr = addr;
        p2p_timer_init(&c->deadline, j->host->loop, candidate_on_deadline, c);
        j->candidates[j->n_candidates++] = c;
        return;
refuse:
        p2p_addr_free(addr);
}

static void add_resolved(job *j, const p2p_addr *addr) {
        p2p_addr *bare;
        p2p_peer_id named;

        if (p2p_addr_peer(addr, &named) >= 0 && !p2p_peer_id_equal(&named, &j->peer))
                return;
        if (p2p_addr_without_peer(addr, &bare) >= 0)
                add_candidate(j, bare);
}

static void on_resolved(p2p_addr **addrs, size_t n, int error, void *userdata) {
        lookup *l = userdata;
        job *j = l->job;

        l->resolve = NULL; /* it freed itself */
        lookup_free(l);
        for (size_t i = 0; i < n; i++) {
                add_resolved(j, addrs[i]);
                p2p_addr_free(addrs[i]);
        }
        free(addrs);
        if (error < 0)
                job_note_error(j, error);
        rank(j);
        job_pump(j);
}

static void look_up(job *j, const p2p_addr *addr) {
        lookup *l = calloc(1, sizeof(*l));

        if (!l)
                return;
        l->job = j;
        p2p_list_init(&l->lookups);
        if (p2p_resolve_new(j->host->resolver, addr, &j->peer, on_resolved, l, &l->resolve) < 0) {
                free(l);
                return;
        }
        p2p_list_append(&j->lookups, &l->lookups);
}

void job_add_addrs(job *j) {
        const p2p_addr *addrs[CANDIDATES_MAX];
        size_t n;

        n = peerstore_addrs(j->host, &j->peer, addrs, ELEMENTSOF(addrs));
        for (size_t i = 0; i < n; i++) {
                if (!p2p_addr_needs_dns(addrs[i])) {
                        add_resolved(j, addrs[i]);
                        continue;
                }
                look_up(j, addrs[i]);
        }
        rank(j);
}
