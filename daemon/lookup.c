/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * getaddrinfo(3) knows what the system calls a name, and blocks. So it runs in a detached thread that shares
 * nothing with the daemon: it owns its Job, sends one message with the answer, and ends. Who asks for a name
 * that is being looked up waits for the same answer: the threads are as many as the names of backends,
 * however many tunnels peers open. A query that nobody waits for closes its end of the pair; the thread's
 * answer then goes nowhere. Only backends with a name other than localhost come here.
 */

#include "daemon/lookup.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREAD_STACK (256u * 1024u) /* nss modules want some */

typedef struct Answer {
        int error;
        unsigned n;
        LookupAddress addresses[LOOKUP_ADDRESSES_MAX];
} Answer;

typedef struct Job {
        int fd;
        char host[NI_MAXHOST];
        char port[8];
} Job;

static void freep_job(Job **job) {
        if (*job && (*job)->fd >= 0)
                (void) close((*job)->fd);
        free(*job);
}

/* One thread, and those who wait for it. */
typedef struct Query {
        const p2p_loop *loop;
        int fd;
        p2p_watch *watch;
        bool answered;
        uint16_t port;
        p2p_list queries, waiting;
        char host[];
} Query;

struct Lookup {
        Query *query;
        p2p_list waiting;
        LookupDone done;
        void *userdata;
};

static p2p_list queries = { &queries, &queries };

static Query *query_free(Query *q) {
        if (!q)
                return NULL;
        p2p_watch_free(q->watch);
        if (q->fd >= 0)
                (void) close(q->fd);
        p2p_list_unlink(&q->queries);
        free(q);
        return NULL;
}
P2P_CLEANUP(Query, query_free);

static int translate(int error) {
        switch (error) {
        case EAI_MEMORY:
                return -ENOMEM;
        case EAI_AGAIN:
        case EAI_SYSTEM:
                return -EAGAIN;
        }
        return -EHOSTUNREACH;
}

static void *resolve(void *userdata) {
        static const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                                               .ai_flags = AI_NUMERICSERV };
        _cleanup_(freep_job) Job *job = userdata;
        Answer answer = {};
        struct addrinfo *found = NULL;
        int r;

        r = getaddrinfo(job->host, job->port, &hints, &found);
        if (r != 0)
                answer.error = translate(r);
        for (struct addrinfo *i = r == 0 ? found : NULL; i && answer.n < LOOKUP_ADDRESSES_MAX;
             i = i->ai_next)
                if (i->ai_addrlen <= sizeof(LookupAddress))
                        memcpy(&answer.addresses[answer.n++], i->ai_addr, i->ai_addrlen);
        if (r == 0)
                freeaddrinfo(found);
        (void) send(job->fd, &answer, sizeof(answer), MSG_NOSIGNAL);
        return NULL;
}

static int start(Job *job) {
        pthread_attr_t attr;
        sigset_t all, before;
        pthread_t thread;
        int r;

        if (pthread_attr_init(&attr) != 0)
                return -ENOMEM;
        (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        (void) pthread_attr_setstacksize(&attr, THREAD_STACK);
        (void) sigfillset(&all); /* signals are the daemon's */
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&thread, &attr, resolve, job);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attr);
        return -r;
}

/* Nobody joins it from here on; whoever is told may free those who still wait. */
static void query_finish(Query *q, const Answer *answer) {
        int error = answer->n > 0 ? 0 : answer->error < 0 ? answer->error : -EHOSTUNREACH;
        p2p_list *first;

        q->answered = true;
        q->watch = p2p_watch_free(q->watch);
        p2p_list_unlink(&q->queries);
        while ((first = p2p_list_first(&q->waiting))) {
                Lookup *l = P2P_LIST_ENTRY(first, Lookup, waiting);
                LookupDone done = l->done;
                void *userdata = l->userdata;

                lookup_free(l);
                done(answer->addresses, answer->n, error, userdata);
        }
        query_free(q);
}

static void on_answer(unsigned events, void *userdata) {
        Query *q = userdata;
        Answer answer;
        ssize_t n;

        (void) events;
        n = recv(q->fd, &answer, sizeof(answer), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n != sizeof(answer) || answer.n > LOOKUP_ADDRESSES_MAX)
                answer = (Answer){ .error = -EAGAIN };
        query_finish(q, &answer);
}

static int job_new(const char *host, uint16_t port, Job **ret, int *ret_fd) {
        Job *job;
        int fds[2];

        job = malloc(sizeof(*job));
        if (!job)
                return -ENOMEM;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
                free(job);
                return -errno;
        }
        *job = (Job){ .fd = fds[1] };
        (void) strcpy(job->host, host);
        (void) snprintf(job->port, sizeof(job->port), "%u", port);
        *ret = job;
        *ret_fd = fds[0];
        return 0;
}

static int query_new(p2p_loop *loop, const char *host, uint16_t port, Query **ret) {
        _cleanup_(query_freep) Query *q = NULL;
        _cleanup_(freep_job) Job *job = NULL;
        int r;

        q = calloc(1, sizeof(*q) + strlen(host) + 1);
        if (!q)
                return -ENOMEM;
        *q = (Query){ .loop = loop, .fd = -1, .port = port };
        p2p_list_init(&q->queries);
        p2p_list_init(&q->waiting);
        (void) strcpy(q->host, host);
        r = job_new(host, port, &job, &q->fd);
        if (r >= 0)
                r = p2p_watch_new(loop, q->fd, P2P_READABLE, on_answer, q, &q->watch);
        if (r >= 0)
                r = start(job);
        if (r < 0)
                return r;

        TAKE_PTR(job); /* the thread's */
        p2p_list_append(&queries, &q->queries);
        *ret = TAKE_PTR(q);
        return 0;
}

static Query *find_query(const p2p_loop *loop, const char *host, uint16_t port) {
        Query *q;

        P2P_LIST_FOREACH(q, &queries, Query, queries)
                if (q->loop == loop && q->port == port && strcmp(q->host, host) == 0)
                        return q;
        return NULL;
}

int lookup_new(p2p_loop *loop, const char *host, uint16_t port, LookupDone done, void *userdata,
               Lookup **ret) {
        Lookup *l;
        Query *q;
        int r;

        if (strlen(host) >= sizeof(((Job *) NULL)->host))
                return -EINVAL;
        l = malloc(sizeof(*l));
        if (!l)
                return -ENOMEM;
        q = find_query(loop, host, port);
        if (!q) {
                r = query_new(loop, host, port, &q);
                if (r < 0) {
                        free(l);
                        return r;
                }
        }
        *l = (Lookup){ .query = q, .done = done, .userdata = userdata };
        p2p_list_init(&l->waiting);
        p2p_list_append(&q->waiting, &l->waiting);
        *ret = l;
        return 0;
}

Lookup *lookup_free(Lookup *l) {
        if (!l)
                return NULL;
        p2p_list_unlink(&l->waiting);
        if (!l->query->answered && p2p_list_is_empty(&l->query->waiting))
                query_free(l->query);
        free(l);
        return NULL;
}
