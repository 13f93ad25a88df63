/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Dialling: one job per peer, raced over its addresses; several p2p_dial may wait for it.
 *
 * Candidates start when they are due (dial-addrs.c); when one fails and nothing else is in flight the next starts at once. The
 * first connection wins, the others are cancelled. Who needs a relay dials it directly, in a job of its own.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/dial-internal.h"

#define PARALLEL_MAX 8u                          /* go-libp2p */
#define ADDRESS_TIMEOUT_USEC (15 * USEC_PER_SEC) /* go-libp2p: public */
#define PRIVATE_TIMEOUT_USEC (5 * USEC_PER_SEC)  /* go-libp2p: private */

struct p2p_dial {
        p2p_host *host;
        p2p_dial_fn done;
        void *userdata;
        job *job; /* NULL: connected already */
        p2p_peer_id peer;
        bool direct;
        p2p_timer deadline;
        p2p_task connected;
        p2p_list waiters;
};

static void stop_dial(candidate *c) {
        if (c->dial)
                c->transport->free_dial(TAKE_PTR(c->dial));
}

static candidate *candidate_free(candidate *c) {
        if (!c)
                return NULL;
        p2p_timer_stop(&c->deadline);
        stop_dial(c);
        p2p_upgrade_free(c->upgrade);
        p2p_addr_free(c->addr);
        free(c);
        return NULL;
}

static job *job_free(job *j) {
        if (!j)
                return NULL;
        for (unsigned i = 0; i < j->n_candidates; i++)
                candidate_free(j->candidates[i]);
        job_stop_lookups(j);
        p2p_timer_stop(&j->next);
        p2p_task_cancel(&j->start);
        p2p_list_unlink(&j->dials);
        free(j);
        return NULL;
}

void dial_free_all(p2p_host *host) {
        p2p_dial *c;
        job *j;

        P2P_LIST_FOREACH(c, &host->connected, p2p_dial, waiters) {
                p2p_list_unlink(&c->waiters);
                p2p_task_cancel(&c->connected);
        }

        /* Waiters first: a job that is freed may take another's waiter with it, a circuit the dial of its relay. */
        P2P_LIST_FOREACH(j, &host->dials, job, dials) {
                p2p_dial *d;

                P2P_LIST_FOREACH(d, &j->waiters, p2p_dial, waiters) {
                        p2p_list_unlink(&d->waiters);
                        p2p_timer_stop(&d->deadline);
                        d->job = NULL;
                }
        }
        P2P_LIST_FOREACH(j, &host->dials, job, dials)
                job_free(j);
}

p2p_dial *p2p_dial_free(p2p_dial *d) {
        if (!d)
                return NULL;
        p2p_timer_stop(&d->deadline);
        p2p_task_cancel(&d->connected);
        p2p_list_unlink(&d->waiters);
        if (d->job && p2p_list_is_empty(&d->job->waiters) && !d->job->settling)
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
        bool direct = j->direct;
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
                if (conn && !(conn = host_find_conn(host, &peer, direct)))
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

void job_note_error(job *j, int error) {
        if (weight(error) > weight(j->error))
                j->error = error;
}

static void candidate_failed(candidate *c, int error) {
        job *j = c->job;

        c->state = FAILED;
        p2p_timer_stop(&c->deadline);
        job_note_error(j, error);
        job_pump(j);
}

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
        job_finish(j, conn, 0);
}

static void on_upgraded(p2p_upgraded *up, const p2p_peer_id *peer _unused_, int error, void *userdata) {
        candidate *c = userdata;

        c->upgrade = NULL;
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
        c->state = UPGRADING;
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
        if (raw->via)
                c->via = *raw->via;
        c->limited = raw->limited;
        if (raw->remote) {
                p2p_addr_free(c->addr);
                c->addr = TAKE_PTR(raw->remote);
        }
        if (raw->channel)
                return upgrade(c, TAKE_PTR(raw->channel));
        error = conn_admit(c->job->host, raw, &c->job->peer, c->addr, false, &up);
        if (error < 0)
                return candidate_failed(c, error);
        settle(c, &up);
}

void candidate_on_deadline(void *userdata) {
        candidate *c = userdata;

        stop_dial(c);
        c->upgrade = p2p_upgrade_free(c->upgrade);
        candidate_failed(c, -ETIMEDOUT);
}

static int candidate_start(candidate *c) {
        transport_slot *slot = host_find_transport(c->job->host, c->addr);
        bool local = p2p_addr_is_private(c->addr) && !p2p_addr_is_circuit(c->addr);
        int r;

        if (!slot)
                return -EAFNOSUPPORT;
        c->transport = slot->ops;
        c->state = DIALLING;
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

                        if (c->state == WAITING ? transport->matches(c->addr) : c->state == DIALLING && c->transport == transport)
                                return c;
                }
        return NULL;
}

/* Stopping one may end the job that dials its relay: so the search begins anew each time. The waiters are told from the loop. */
void dial_transport_gone(p2p_host *host, const p2p_transport *transport) {
        candidate *c;

        while ((c = find_candidate_of(host, transport))) {
                c->state = FAILED;
                p2p_timer_stop(&c->deadline);
                (void) p2p_timer_set(&c->job->next, 0);
                stop_dial(c);
        }
}

void job_pump(job *j) {
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
                        if (c->due > now) /* else the next that fails makes room for it */
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
                job_note_error(j, r);
        }
        if (active + waiting == 0 && p2p_list_is_empty(&j->lookups))
                return job_finish(j, NULL, j->error < 0 ? j->error : -EHOSTUNREACH);
        if (next != USEC_INFINITY)
                (void) p2p_timer_set(&j->next, next - now);
}

static void on_next(void *userdata) {
        job_pump(userdata);
}

static void on_start(void *userdata) {
        job *j = userdata;

        j->started = p2p_loop_now(j->host->loop);
        job_add_addrs(j);
        job_pump(j);
}

static job *find_job(p2p_host *host, const p2p_peer_id *peer, bool direct) {
        job *j;

        P2P_LIST_FOREACH(j, &host->dials, job, dials)
                if (j->direct == direct && p2p_peer_id_equal(&j->peer, peer))
                        return j;
        return NULL;
}

static job *job_new(p2p_host *host, const p2p_peer_id *peer, bool direct) {
        job *j = calloc(1, sizeof(*j));

        if (!j)
                return NULL;
        j->host = host;
        j->peer = *peer;
        j->direct = direct;
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
        p2p_conn *conn = host_find_conn(d->host, &d->peer, d->direct);

        dial_finish(d, conn, conn ? 0 : -ECONNRESET);
}

static int dial_new(p2p_host *host, const p2p_peer_id *peer, bool direct, uint64_t timeout_usec, p2p_dial_fn done,
                    void *userdata, p2p_dial **ret) {
        _cleanup_(p2p_dial_freep) p2p_dial *d = NULL;
        int r;

        if (p2p_peer_id_equal(peer, p2p_host_peer_id(host)))
                return -EINVAL;
        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (p2p_dial){ .host = host, .done = done, .userdata = userdata, .peer = *peer, .direct = direct };
        p2p_list_init(&d->waiters);
        p2p_timer_init(&d->deadline, host->loop, on_dial_deadline, d);
        p2p_task_init(&d->connected, host->loop, on_connected, d);

        if (host_find_conn(host, peer, direct)) {
                p2p_list_append(&host->connected, &d->waiters);
                p2p_task_post(&d->connected);
                *ret = TAKE_PTR(d);
                return 0;
        }
        r = p2p_timer_set(&d->deadline, timeout_usec);
        if (r < 0)
                return r;
        d->job = find_job(host, peer, direct);
        if (!d->job)
                d->job = job_new(host, peer, direct);
        if (!d->job)
                return -ENOMEM;
        p2p_list_append(&d->job->waiters, &d->waiters);
        *ret = TAKE_PTR(d);
        return 0;
}

int p2p_dial_new(p2p_host *host, const p2p_peer_id *peer, uint64_t timeout_usec, p2p_dial_fn done, void *userdata,
                 p2p_dial **ret) {
        return dial_new(host, peer, false, timeout_usec, done, userdata, ret);
}

int p2p_dial_new_direct(p2p_host *host, const p2p_peer_id *peer, uint64_t timeout_usec, p2p_dial_fn done, void *userdata,
                        p2p_dial **ret) {
        return dial_new(host, peer, true, timeout_usec, done, userdata, ret);
}
