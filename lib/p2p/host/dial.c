/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Dialling: one job per peer, raced over its addresses (dial-race.c); several p2p_dial may wait for it. Who
 * needs a relay dials it directly, in a job of its own.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/dial-internal.h"

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

        /* Waiters first: a job that is freed may take another's waiter with it, a circuit the dial of its
         * relay. */
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

/* A waiter's callback may close the connection or free other waiters. */
void job_finish(job *j, p2p_conn *conn, int error) {
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
        case -EACCES: return 8;
        case -EKEYREJECTED: return 9;
        default: return 5;
        }
}

void job_note_error(job *j, int error) {
        if (weight(error) > weight(j->error))
                j->error = error;
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

static int dial_new(p2p_host *host, const p2p_peer_id *peer, bool direct, uint64_t timeout_usec,
                    p2p_dial_fn done, void *userdata, p2p_dial **ret) {
        _cleanup_(p2p_dial_freep) p2p_dial *d = NULL;
        p2p_conn *conn;
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

        conn = host_find_conn(host, peer, direct);
        if (conn && !conn_is_silent(conn)) {
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

int p2p_dial_new(p2p_host *host, const p2p_peer_id *peer, uint64_t timeout_usec, p2p_dial_fn done,
                 void *userdata, p2p_dial **ret) {
        return dial_new(host, peer, false, timeout_usec, done, userdata, ret);
}

int p2p_dial_new_direct(p2p_host *host, const p2p_peer_id *peer, uint64_t timeout_usec, p2p_dial_fn done,
                        void *userdata, p2p_dial **ret) {
        return dial_new(host, peer, true, timeout_usec, done, userdata, ret);
}
