/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which addresses of a peer are dialled: those of the peerstore that a transport takes, each once, and one
 * per relay. Names join when they are resolved, and all that has not started is ranked anew (dial-rank.c).
 */

#include <stdlib.h>

#include "host/dial-internal.h"

#define RELAY_ADDR_TTL_USEC (60 * USEC_PER_MINUTE)

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

/* Does the kind of address seem to lead nowhere? Each dial asks once. */
static bool is_black_holed(job *j, const candidate *c) {
        p2p_host *host = j->host;

        if (!j->asked_black_holes && (c->udp || c->ip6)) {
                j->asked_black_holes = true;
                j->no_udp = black_hole_seems(&host->udp);
                j->no_ip6 = black_hole_seems(&host->ip6);
        }
        return (c->udp && j->no_udp) || (c->ip6 && j->no_ip6);
}

static void rank(job *j) {
        dial_place places[CANDIDATES_MAX];
        uint64_t now = p2p_loop_now(j->host->loop);
        bool no_quic = host_has_silent_quic(j->host, &j->peer);

        for (unsigned i = 0; i < j->n_candidates; i++) {
                candidate *c = j->candidates[i];

                places[i] = (dial_place){ .addr = c->addr, .near = c->near };
                places[i].doubtful = is_black_holed(j, c) ||
                                     backoff_is_on(&j->host->backoff, &j->peer, c->addr, now) ||
                                     (no_quic && p2p_addr_stack(c->addr) == P2P_STACK_QUIC);
        }
        dial_rank(places, j->n_candidates);
        for (unsigned i = 0; i < j->n_candidates; i++)
                j->candidates[i]->due = j->started + places[i].delay;
}

/* Two circuits over one relay are the same path: the other address of the relay is just one more to reach
 * it by. */
static bool is_known(job *j, const p2p_addr *addr) {
        _cleanup_(p2p_addr_freep) p2p_addr *relay_addr = NULL;
        p2p_peer_id relay, other;
        bool circuit = p2p_addr_split_circuit(addr, &relay_addr, &relay) >= 0;

        for (unsigned i = 0; i < j->n_candidates; i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *other_addr = NULL;
                const p2p_addr *known = j->candidates[i]->addr;

                if (known && p2p_addr_equal(known, addr))
                        return true;
                if (!circuit || !known || p2p_addr_split_circuit(known, &other_addr, &other) < 0 ||
                    !p2p_peer_id_equal(&relay, &other))
                        continue;
                if (relay_addr)
                        (void) p2p_host_add_addr(j->host, &relay, relay_addr, RELAY_ADDR_TTL_USEC);
                return true;
        }
        return false;
}

static bool is_near(job *j, const p2p_addr *addr) {
        _cleanup_(p2p_addr_freep) p2p_addr *relay_addr = NULL;
        p2p_peer_id relay;

        if (!p2p_addr_is_circuit(addr))
                return p2p_network_is_near(j->host->network, addr);
        return p2p_addr_split_circuit(addr, &relay_addr, &relay) >= 0 &&
               host_find_conn(j->host, &relay, true);
}

/* Takes the address. */
static void add_candidate(job *j, p2p_addr *addr) {
        candidate *c;

        if (j->n_candidates >= CANDIDATES_MAX || !can_dial(j, addr) || is_known(j, addr)) {
                p2p_addr_free(addr);
                return;
        }
        c = candidate_new(j, addr);
        if (!c)
                return;
        c->near = is_near(j, addr);
        j->candidates[j->n_candidates++] = c;
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

/* Copies: a candidate over a relay adds to the peerstore, which may then give up this peer's addresses. */
void job_add_addrs(job *j) {
        const p2p_addr *addrs[CANDIDATES_MAX];
        p2p_addr *copies[CANDIDATES_MAX];
        size_t n, n_copies = 0;

        n = peerstore_addrs(j->host, &j->peer, addrs, ELEMENTSOF(addrs));
        for (size_t i = 0; i < n; i++)
                if (p2p_addr_dup(addrs[i], &copies[n_copies]) >= 0)
                        n_copies++;
        for (size_t i = 0; i < n_copies; i++) {
                if (p2p_addr_needs_dns(copies[i]))
                        look_up(j, copies[i]);
                else
                        add_resolved(j, copies[i]);
                p2p_addr_free(copies[i]);
        }
        rank(j);
}
