/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The race of a job's candidates: each dials its address, upgrades the channel that it gets, and the first
 * connection wins.
 *
 * Candidates start when they are due (dial-rank.c); when one fails and nothing else is in flight the next
 * starts at once. A circuit that failed starts again while others are in flight: they may lead nowhere for
 * long, and a relay that restarts is back in a second. At most eight of a job are in flight, and in all the
 * host's jobs so many that hold a file descriptor. While one that is connected already shakes hands no other
 * is started for half a second. Whatever ends a candidate goes through candidate_stop().
 */

#include <errno.h>
#include <stdlib.h>

#include "host/dial-internal.h"

#define PARALLEL_MAX 8u                          /* go-libp2p */
#define PARALLEL_FDS_MAX 160u                    /* go-libp2p: of all jobs */
#define ADDRESS_TIMEOUT_USEC (15 * USEC_PER_SEC) /* go-libp2p: public */
#define PRIVATE_TIMEOUT_USEC (5 * USEC_PER_SEC)  /* go-libp2p: private */
#define HANDSHAKE_USEC (500 * USEC_PER_MSEC)     /* go-libp2p: what a connected one is given */
#define AGAIN_USEC USEC_PER_SEC                  /* arbitrary: a relay's restart */
#define LOST_USEC (250 * USEC_PER_MSEC)          /* a loser that had so long reached nobody */

static bool is_in_flight(const candidate *c) {
        return c->state == DIALLING || c->state == UPGRADING;
}

static void wake_starved(p2p_host *host) {
        job *j;

        P2P_LIST_FOREACH(j, &host->dials, job, dials)
                if (j->starved)
                        (void) p2p_timer_set(&j->next, 0);
}

static void candidate_stop(candidate *c) {
        p2p_host *host = c->job->host;
        bool in_flight = is_in_flight(c);

        p2p_timer_stop(&c->deadline);
        c->state = FAILED;
        if (c->dial)
                c->transport->free_dial(TAKE_PTR(c->dial));
        c->upgrade = p2p_upgrade_free(c->upgrade);
        if (in_flight && c->has_fd && host->n_dial_fds-- == PARALLEL_FDS_MAX)
                wake_starved(host);
}

candidate *candidate_free(candidate *c) {
        if (!c)
                return NULL;
        candidate_stop(c);
        p2p_addr_free(c->addr);
        free(c);
        return NULL;
}

/* ---- what is learnt from it ---- */
static void record(const candidate *c, bool reached) {
        p2p_host *host = c->job->host;

        if (c->udp)
                black_hole_record(&host->udp, reached);
        if (c->ip6)
                black_hole_record(&host->ip6, reached);
}

static void record_losers(const job *j) {
        uint64_t now = p2p_loop_now(j->host->loop);

        for (unsigned i = 0; i < j->n_candidates; i++)
                if (j->candidates[i]->state == DIALLING && now - j->candidates[i]->started >= LOST_USEC)
                        record(j->candidates[i], false);
}

static void candidate_failed(candidate *c, int error) {
        bool final = error == -EKEYREJECTED || error == -EACCES;
        bool again = c->state == DIALLING && !final && p2p_addr_is_circuit(c->addr);
        job *j = c->job;

        if (c->state == DIALLING)
                record(c, error == -ECONNREFUSED || p2p_error_is_peer_fault(error)); /* somebody was there */
        if (!c->again && error != -ENOMEM && error != -ECANCELED) /* a job is one failure */
                backoff_failed(&j->host->backoff, &j->peer, c->addr, p2p_loop_now(j->host->loop));
        candidate_stop(c);
        if (again) {
                c->state = WAITING;
                c->again = true;
                c->due = p2p_loop_now(j->host->loop) + AGAIN_USEC;
        }
        j->hold = 0;
        job_note_error(j, error);
        job_pump(j);
}

/* ---- its way ---- */
static void settle(candidate *c, p2p_upgraded *up) {
        conn_info info = {
                .remote = TAKE_PTR(c->addr),
                .via = c->via.n > 0 ? &c->via : NULL,
                .transport = c->transport->name,
                .limited = c->limited,
        };
        job *j = c->job;
        p2p_conn *conn;
        int error;

        j->settling = true; /* whoever is told of the connection may free his dial */
        error = conn_new(j->host, up, &info, &conn);
        j->settling = false;
        c->addr = info.remote;
        if (error < 0)
                return candidate_failed(c, error);
        record_losers(j);
        backoff_forget_peer(&j->host->backoff, &j->peer);
        job_finish(j, conn, 0);
}

static void on_upgraded(p2p_upgraded *up, const p2p_peer_id *peer _unused_, int error, void *userdata) {
        candidate *c = userdata;

        c->upgrade = NULL;
        if (error >= 0 || error == -EPROTONOSUPPORT) /* the next dial need not ask; or has to, again */
                peerstore_set_security(c->job->host, &c->job->peer, error < 0 ? NULL : up->security);
        if (error < 0)
                return candidate_failed(c, error);
        settle(c, up);
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
        if (c->via.n > 0)
                options.yamux.pause_usec = P2P_YAMUX_PAUSE_CIRCUIT;
        options.security = peerstore_security(c->job->host, &c->job->peer);
        c->state = UPGRADING;
        if (c->has_fd)
                c->job->hold = p2p_loop_now(c->job->host->loop) + HANDSHAKE_USEC;
        r = p2p_upgrade_new(c->job->host->loop, channel, &options, on_upgraded, c, &c->upgrade);
        if (r < 0)
                candidate_failed(c, r);
}

static void on_raw(p2p_raw *raw, int error, void *userdata) {
        candidate *c = userdata;
        p2p_upgraded up;

        c->dial = NULL;
        if (error < 0)
                return candidate_failed(c, error);
        record(c, true);
        if (raw->via)
                c->via = *raw->via;
        c->limited = raw->limited;
        if (raw->remote) {
                p2p_addr_free(c->addr);
                c->addr = TAKE_PTR(raw->remote);
        }
        if (raw->channel)
                return upgrade(c, TAKE_PTR(raw->channel));
        c->state = UPGRADING;
        error = conn_admit(c->job->host, raw, &c->job->peer, c->addr, false, &up);
        if (error < 0)
                return candidate_failed(c, error);
        settle(c, &up);
}

static void on_deadline(void *userdata) {
        candidate_failed(userdata, -ETIMEDOUT);
}

candidate *candidate_new(job *j, p2p_addr *addr) {
        p2p_stack stack = p2p_addr_stack(addr);
        p2p_addr_component host = {};
        candidate *c = calloc(1, sizeof(*c));

        if (!c) {
                p2p_addr_free(addr);
                return NULL;
        }
        (void) p2p_addr_component_at(addr, 0, &host);
        c->job = j;
        c->addr = addr;
        c->has_fd = stack == P2P_STACK_TCP || stack == P2P_STACK_WS || stack == P2P_STACK_WSS;
        if (stack != P2P_STACK_CIRCUIT && p2p_addr_is_public(addr)) {
                c->udp = stack == P2P_STACK_QUIC;
                c->ip6 = host.code == P2P_ADDR_IP6;
        }
        p2p_timer_init(&c->deadline, j->host->loop, on_deadline, c);
        return c;
}

static int candidate_start(candidate *c) {
        transport_slot *slot = host_find_transport(c->job->host, c->addr);
        bool local = p2p_addr_is_private(c->addr) && !p2p_addr_is_circuit(c->addr);
        int r;

        if (!slot)
                return -EAFNOSUPPORT;
        c->transport = slot->ops;
        c->state = DIALLING;
        c->started = p2p_loop_now(c->job->host->loop);
        c->job->host->n_dial_fds += c->has_fd;
        r = p2p_timer_set(&c->deadline, local ? PRIVATE_TIMEOUT_USEC : ADDRESS_TIMEOUT_USEC);
        if (r < 0)
                return r;
        return slot->ops->dial(slot->transport, &c->job->peer, c->addr, on_raw, c, &c->dial);
}

static candidate *find_candidate_of(p2p_host *host, const p2p_transport *transport) {
        job *j;

        P2P_LIST_FOREACH(j, &host->dials, job, dials)
                for (unsigned i = 0; i < j->n_candidates; i++) {
                        candidate *c = j->candidates[i];

                        if (c->state == WAITING ? transport->matches(c->addr)
                                                : c->state == DIALLING && c->transport == transport)
                                return c;
                }
        return NULL;
}

/* Stopping one may end the job that dials its relay: so the search begins anew each time. The waiters are
 * told from the loop. */
void dial_transport_gone(p2p_host *host, const p2p_transport *transport) {
        candidate *c;

        while ((c = find_candidate_of(host, transport))) {
                (void) p2p_timer_set(&c->job->next, 0);
                candidate_stop(c);
        }
}

/* ---- whose turn it is ---- */
/* What waits longest. Linear: a job has a few addresses. What failed once is no reason to go on. */
static candidate *next_of(job *j, bool is_idle) {
        candidate *next = NULL;

        for (unsigned i = 0; i < j->n_candidates; i++) {
                candidate *c = j->candidates[i];

                if (c->state == WAITING && !(is_idle && c->again) && (!next || c->due < next->due))
                        next = c;
        }
        return next;
}

static unsigned count_in_flight(const job *j) {
        unsigned n = 0;

        for (unsigned i = 0; i < j->n_candidates; i++)
                n += is_in_flight(j->candidates[i]);
        return n;
}

/* USEC_INFINITY: not before something else ends. */
static uint64_t start_of(const job *j, const candidate *c, unsigned n_in_flight) {
        if (n_in_flight == 0)
                return 0;
        return n_in_flight >= PARALLEL_MAX ? USEC_INFINITY : P2P_MAX(c->due, j->hold);
}

void job_pump(job *j) {
        uint64_t now = p2p_loop_now(j->host->loop), at;
        unsigned active = count_in_flight(j);
        candidate *c;

        j->starved = false;
        while ((c = next_of(j, active == 0))) {
                int r;

                at = start_of(j, c, active);
                if (at > now) {
                        if (at != USEC_INFINITY)
                                (void) p2p_timer_set(&j->next, at - now);
                        return;
                }
                if (c->has_fd && j->host->n_dial_fds >= PARALLEL_FDS_MAX) {
                        j->starved = true;
                        return;
                }
                r = candidate_start(c);
                if (r >= 0) {
                        active++;
                        continue;
                }
                candidate_stop(c);
                job_note_error(j, r);
        }
        if (active == 0 && p2p_list_is_empty(&j->lookups))
                job_finish(j, NULL, j->error < 0 ? j->error : -EHOSTUNREACH);
}
