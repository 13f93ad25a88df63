/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Dialling: one job per peer, raced over its addresses; several p2p_dial may wait for it.
 *
 * Candidates are ranked, each with a delay from the start: IPv6, then IPv4 250 ms later (30 ms on private networks), circuits
 * 500 ms behind when a public direct address is known, else at once [go-libp2p's ranking without QUIC]. When one fails and
 * nothing else is in flight the next starts at once. The first connection wins, the others are cancelled.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/host-internal.h"

#define CANDIDATES_MAX 64u
#define PARALLEL_MAX 8u                            /* go-libp2p */
#define ADDRESS_TIMEOUT_USEC (15 * USEC_PER_SEC)   /* go-libp2p: public */
#define PRIVATE_TIMEOUT_USEC (5 * USEC_PER_SEC)    /* go-libp2p: private */
#define STAGGER_USEC (250 * USEC_PER_MSEC)
#define PRIVATE_STAGGER_USEC (30 * USEC_PER_MSEC)
#define CIRCUIT_DELAY_USEC (500 * USEC_PER_MSEC)

typedef struct job job;

typedef enum candidate_state { WAITING, DIALLING, UPGRADING, FAILED } candidate_state;

typedef struct candidate {
        job *job;
        candidate_state state;
        p2p_addr *addr;
        uint64_t due; /* not started before */
        p2p_tcp_dial *tcp;
        void *circuit; /* the transport's dial */
        p2p_upgrade *upgrade;
        p2p_timer deadline;
        p2p_peer_id via;
        bool limited;
} candidate;

struct job {
        p2p_host *host;
        p2p_peer_id peer;
        p2p_list dials, waiters;
        candidate *candidates[CANDIDATES_MAX];
        unsigned n_candidates;
        p2p_list lookups;
        p2p_timer next;
        p2p_task start;
        uint64_t started;
        int error; /* the most telling so far */
};

struct p2p_dial {
        p2p_host *host;
        p2p_dial_fn done;
        void *userdata;
        job *job; /* NULL: connected already */
        p2p_peer_id peer;
        p2p_timer deadline;
        p2p_task connected;
        p2p_list waiters;
};

static void pump(job *j);

static candidate *candidate_free(candidate *c) {
        if (!c)
                return NULL;
        p2p_timer_stop(&c->deadline);
        p2p_tcp_dial_free(c->tcp);
        if (c->circuit)
                c->job->host->transport->free_dial(c->circuit);
        p2p_upgrade_free(c->upgrade);
        p2p_addr_free(c->addr);
        free(c);
        return NULL;
}

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

static job *job_free(job *j) {
        lookup *l;

        if (!j)
                return NULL;
        for (unsigned i = 0; i < j->n_candidates; i++)
                candidate_free(j->candidates[i]);
        P2P_LIST_FOREACH(l, &j->lookups, lookup, lookups)
                lookup_free(l);
        p2p_timer_stop(&j->next);
        p2p_task_cancel(&j->start);
        p2p_list_unlink(&j->dials);
        free(j);
        return NULL;
}

void dial_free_all(p2p_host *host) {
        job *j;

        P2P_LIST_FOREACH(j, &host->dials, job, dials) {
                p2p_dial *d;

                P2P_LIST_FOREACH(d, &j->waiters, p2p_dial, waiters) {
                        p2p_list_unlink(&d->waiters);
                        d->job = NULL;
                }
                job_free(j);
        }
}

p2p_dial *p2p_dial_free(p2p_dial *d) {
        if (!d)
                return NULL;
        p2p_timer_stop(&d->deadline);
        p2p_task_cancel(&d->connected);
        p2p_list_unlink(&d->waiters);
        if (d->job && p2p_list_is_empty(&d->job->waiters))
                job_free(d->job);
        free(d);
        return NULL;
}

static void dial_finish(p2p_dial *d, p2p_conn *conn, int error) {
        p2p_dial_fn done = d->done;
        void *userdata = d->userdata;

        p2p_dial_free(d);
        done(conn, error, userdata);
}

/* Everybody who waits is told. A waiter's callback may close the connection or free other waiters. */
static void job_finish(job *j, p2p_conn *conn, int error) {
        p2p_host *host = j->host;
        p2p_peer_id peer = j->peer;
        p2p_list waiters, *node;

        p2p_list_init(&waiters);
        while ((node = p2p_list_first(&j->waiters))) {
                p2p_list_unlink(node);
                p2p_list_append(&waiters, node);
                P2P_LIST_ENTRY(node, p2p_dial, waiters)->job = NULL;
        }
        job_free(j);
        while ((node = p2p_list_first(&waiters))) {
                p2p_list_unlink(node);
                if (conn && !(conn = p2p_host_find_conn(host, &peer)))
                        error = -ECONNRESET;
                dial_finish(P2P_LIST_ENTRY(node, p2p_dial, waiters), conn, error);
        }
}

/* What tells a person most: somebody was there and it was the wrong one, or did not want us. */
static unsigned weight(int error) {
        switch (error) {
        case 0: return 0;
        case -EHOSTUNREACH: return 1;
        case -ETIMEDOUT: return 2;
        case -ECONNRESET: return 3;
        case -ECONNREFUSED: return 4;
        case -EKEYREJECTED: return 9;
        default: return 5;
        }
}

static void candidate_failed(candidate *c, int error) {
        job *j = c->job;

        c->state = FAILED;
        p2p_timer_stop(&c->deadline);
        if (weight(error) > weight(j->error))
                j->error = error;
        pump(j);
}

static void on_upgraded(p2p_upgraded *up, const p2p_peer_id *peer _unused_, int error, void *userdata) {
        candidate *c = userdata;
        job *j = c->job;
        conn_info info;
        p2p_conn *conn;

        c->upgrade = NULL;
        if (error < 0)
                return candidate_failed(c, error);

        info = (conn_info){ .remote = TAKE_PTR(c->addr), .via = c->via.n > 0 ? &c->via : NULL, .limited = c->limited };
        error = conn_new(j->host, up, &info, &conn);
        c->addr = info.remote;
        if (error < 0)
                return candidate_failed(c, error);
        job_finish(j, conn, 0);
}

static bool allow(const p2p_peer_id *peer, void *userdata) {
        candidate *c = userdata;
        const p2p_host_events *events = c->job->host->events;

        return !events->allow || events->allow(peer, c->addr, false, c->job->host->userdata);
}

/* Takes the channel. */
static void upgrade(candidate *c, p2p_channel *channel) {
        p2p_upgrade_options options = host_upgrade_options(c->job->host);
        int r;

        options.expected = &c->job->peer;
        options.initiator = true;
        options.allow = allow;
        c->state = UPGRADING;
        r = p2p_upgrade_new(c->job->host->loop, channel, &options, on_upgraded, c, &c->upgrade);
        if (r < 0)
                candidate_failed(c, r);
}

static void on_tcp(p2p_channel *channel, int error, void *userdata) {
        candidate *c = userdata;

        c->tcp = NULL;
        if (error < 0)
                return candidate_failed(c, error);
        upgrade(c, channel);
}

static void on_circuit(p2p_raw *raw, int error, void *userdata) {
        candidate *c = userdata;

        c->circuit = NULL;
        if (error < 0)
                return candidate_failed(c, error);
        if (raw->via)
                c->via = *raw->via;
        c->limited = raw->limited;
        if (raw->remote) {
                p2p_addr_free(c->addr);
                c->addr = TAKE_PTR(raw->remote);
        }
        upgrade(c, TAKE_PTR(raw->channel));
}

static void on_candidate_deadline(void *userdata) {
        candidate *c = userdata;

        c->tcp = p2p_tcp_dial_free(c->tcp);
        if (c->circuit)
                c->job->host->transport->free_dial(TAKE_PTR(c->circuit));
        c->upgrade = p2p_upgrade_free(c->upgrade);
        candidate_failed(c, -ETIMEDOUT);
}

static int candidate_start(candidate *c) {
        p2p_host *host = c->job->host;
        bool local = p2p_addr_is_private(c->addr) && !p2p_addr_is_circuit(c->addr);
        int r;

        c->state = DIALLING;
        r = p2p_timer_set(&c->deadline, local ? PRIVATE_TIMEOUT_USEC : ADDRESS_TIMEOUT_USEC);
        if (r < 0)
                return r;
        if (p2p_addr_is_circuit(c->addr))
                return host->transport->dial(host->transport_userdata, &c->job->peer, c->addr, on_circuit, c, &c->circuit);
        return p2p_tcp_dial_new(host->loop, c->addr, 0, on_tcp, c, &c->tcp);
}

/* Starts what is due, or what is next when nothing is in flight; ends the job when nothing is left. */
static void pump(job *j) {
        uint64_t now = p2p_loop_now(j->host->loop), next = USEC_INFINITY;
        unsigned active = 0, waiting = 0;

        for (unsigned i = 0; i < j->n_candidates; i++)
                active += j->candidates[i]->state == DIALLING || j->candidates[i]->state == UPGRADING;
        for (unsigned i = 0; i < j->n_candidates; i++) {
                candidate *c = j->candidates[i];
                int r;

                if (c->state != WAITING)
                        continue;
                if (active >= PARALLEL_MAX || (c->due > now && active > 0)) {
                        waiting++;
                        next = P2P_MIN(next, c->due);
                        continue;
                }
                r = candidate_start(c);
                if (r >= 0) {
                        active++;
                        continue;
                }
                c->state = FAILED;
                p2p_timer_stop(&c->deadline);
                if (weight(r) > weight(j->error))
                        j->error = r;
        }
        if (active + waiting == 0 && p2p_list_is_empty(&j->lookups))
                return job_finish(j, NULL, j->error < 0 ? j->error : -EHOSTUNREACH);
        if (next != USEC_INFINITY)
                (void) p2p_timer_set(&j->next, next > now ? next - now : 0);
}

static void on_next(void *userdata) {
        pump(userdata);
}

static bool can_dial(job *j, const p2p_addr *addr) {
        struct sockaddr_storage sa;
        socklen_t n;

        if (p2p_addr_is_circuit(addr))
                return j->host->transport && j->host->transport->matches(addr);
        return p2p_addr_to_tcp(addr, &sa, &n) >= 0;
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
        p2p_timer_init(&c->deadline, j->host->loop, on_candidate_deadline, c);
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
        if (error < 0 && weight(error) > weight(j->error))
                j->error = error;
        rank(j);
        pump(j);
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

static void on_start(void *userdata) {
        const p2p_addr *addrs[CANDIDATES_MAX];
        job *j = userdata;
        size_t n;

        j->started = p2p_loop_now(j->host->loop);
        n = peerstore_addrs(j->host, &j->peer, addrs, ELEMENTSOF(addrs));
        for (size_t i = 0; i < n; i++) {
                if (!p2p_addr_needs_dns(addrs[i])) {
                        add_resolved(j, addrs[i]);
                        continue;
                }
                look_up(j, addrs[i]);
        }
        rank(j);
        pump(j);
}

static job *find_job(p2p_host *host, const p2p_peer_id *peer) {
        job *j;

        P2P_LIST_FOREACH(j, &host->dials, job, dials)
                if (p2p_peer_id_equal(&j->peer, peer))
                        return j;
        return NULL;
}

static job *job_new(p2p_host *host, const p2p_peer_id *peer) {
        job *j = calloc(1, sizeof(*j));

        if (!j)
                return NULL;
        j->host = host;
        j->peer = *peer;
        p2p_list_init(&j->waiters);
        p2p_list_init(&j->lookups);
        p2p_list_init(&j->dials);
        p2p_list_append(&host->dials, &j->dials);
        p2p_timer_init(&j->next, host->loop, on_next, j);
        p2p_task_init(&j->start, host->loop, on_start, j);
        p2p_task_post(&j->start);
        return j;
}

static void on_dial_deadline(void *userdata) {
        dial_finish(userdata, NULL, -ETIMEDOUT);
}

static void on_connected(void *userdata) {
        p2p_dial *d = userdata;
        p2p_conn *conn = p2p_host_find_conn(d->host, &d->peer);

        dial_finish(d, conn, conn ? 0 : -ECONNRESET);
}

int p2p_dial_new(p2p_host *host, const p2p_peer_id *peer, uint64_t timeout_usec, p2p_dial_fn done, void *userdata,
                 p2p_dial **ret) {
        p2p_dial *d;

        if (p2p_peer_id_equal(peer, p2p_host_peer_id(host)))
                return -EINVAL;
        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (p2p_dial){ .host = host, .done = done, .userdata = userdata, .peer = *peer };
        p2p_list_init(&d->waiters);
        p2p_timer_init(&d->deadline, host->loop, on_dial_deadline, d);
        p2p_task_init(&d->connected, host->loop, on_connected, d);

        if (p2p_host_find_conn(host, peer)) {
                p2p_task_post(&d->connected);
                *ret = d;
                return 0;
        }
        d->job = find_job(host, peer);
        if (!d->job)
                d->job = job_new(host, peer);
        if (!d->job || p2p_timer_set(&d->deadline, timeout_usec) < 0) {
                if (d->job)
                        p2p_list_append(&d->job->waiters, &d->waiters);
                p2p_dial_free(d);
                return -ENOMEM;
        }
        p2p_list_append(&d->job->waiters, &d->waiters);
        *ret = d;
        return 0;
}
