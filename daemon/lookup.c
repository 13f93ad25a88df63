/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * getaddrinfo(3) knows what the system calls a name, and blocks. So each look-up is a detached thread that
 * shares nothing with the daemon: it owns its Job, sends one message with the answer, and ends. A look-up
 * that is freed closes its end of the pair; the thread's answer then goes nowhere. Only backends with a name
 * other than localhost come here.
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

struct Lookup {
        int fd;
        p2p_watch *watch;
        LookupDone done;
        void *userdata;
};

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

static void on_answer(unsigned events, void *userdata) {
        Lookup *l = userdata;
        LookupDone done = l->done;
        void *context = l->userdata;
        Answer answer;
        ssize_t n;

        (void) events;
        n = recv(l->fd, &answer, sizeof(answer), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n != sizeof(answer) || answer.n > LOOKUP_ADDRESSES_MAX)
                answer = (Answer){ .error = -EAGAIN };
        lookup_free(l);
        done(answer.addresses, answer.n,
             answer.n > 0       ? 0
             : answer.error < 0 ? answer.error
                                : -EHOSTUNREACH,
             context);
}

int lookup_new(p2p_loop *loop, const char *host, uint16_t port, LookupDone done, void *userdata,
               Lookup **ret) {
        _cleanup_(lookup_freep) Lookup *l = NULL;
        _cleanup_(freep_job) Job *job = NULL;
        int fds[2], r;

        if (strlen(host) >= sizeof(job->host))
                return -EINVAL;
        l = malloc(sizeof(*l));
        job = malloc(sizeof(*job));
        if (l)
                *l = (Lookup){ .fd = -1, .done = done, .userdata = userdata };
        if (job)
                *job = (Job){ .fd = -1 };
        if (!l || !job)
                return -ENOMEM;
        (void) strcpy(job->host, host);
        (void) snprintf(job->port, sizeof(job->port), "%u", port);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        l->fd = fds[0];
        job->fd = fds[1];

        r = p2p_watch_new(loop, l->fd, P2P_READABLE, on_answer, l, &l->watch);
        if (r < 0)
                return r;
        r = start(job);
        if (r < 0)
                return r;

        TAKE_PTR(job); /* the thread's */
        *ret = TAKE_PTR(l);
        return 0;
}

Lookup *lookup_free(Lookup *l) {
        if (!l)
                return NULL;
        p2p_watch_free(l->watch);
        if (l->fd >= 0)
                (void) close(l->fd);
        free(l);
        return NULL;
}
