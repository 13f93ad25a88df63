/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Connects to a service's address: a path is a UNIX socket; a host is a literal address, localhost (both
 * families, without asking anybody) or a name for lookup.c. The addresses are tried one after the other,
 * within ten seconds in all.
 */

#include "daemon/backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/lookup.h"
#include "daemon/socket.h"

struct Backend {
        p2p_loop *loop; /* borrowed */
        LookupAddress addresses[LOOKUP_ADDRESSES_MAX];
        unsigned n, next;
        int fd, error;
        p2p_watch *watch;
        Lookup *lookup;
        p2p_timer deadline;
        p2p_task step;
        BackendDone done;
        void *userdata;
};

static void backend_finish(Backend *b, int error) {
        BackendDone done = b->done;
        void *userdata = b->userdata;
        int fd = error < 0 ? -1 : TAKE_FD(b->fd);

        backend_free(b);
        done(fd, error, userdata);
}

static void drop_socket(Backend *b) {
        b->watch = p2p_watch_free(b->watch);
        if (b->fd >= 0)
                (void) close(TAKE_FD(b->fd));
}

static void on_connected(unsigned events, void *userdata) {
        Backend *b = userdata;
        int error;

        (void) events;
        error = socket_take_error(b->fd);
        b->watch = p2p_watch_free(b->watch);
        if (error >= 0) {
                socket_settle(b->fd);
                backend_finish(b, 0);
                return;
        }
        b->error = error;
        drop_socket(b);
        p2p_task_post(&b->step);
}

/* A service of this machine mostly answers within connect(2). */
static bool is_writable(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };

        return poll(&p, 1, 0) > 0;
}

/* 1: connected, 0: under way, < 0: not this one. */
static int try_connect(Backend *b, const struct sockaddr *sa, socklen_t n) {
        int r;

        b->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (b->fd < 0)
                return -errno;
        socket_tune(b->fd);
        r = connect(b->fd, sa, n) < 0 ? -errno : 1;
        if (r == -EAGAIN) /* of a UNIX socket: its queue is full, and nothing tells when it is not */
                return -ECONNREFUSED;
        if (r == -EINPROGRESS && !is_writable(b->fd))
                return p2p_watch_new(b->loop, b->fd, P2P_WRITABLE, on_connected, b, &b->watch);
        if (r == -EINPROGRESS)
                r = socket_take_error(b->fd);
        if (r < 0)
                return r;
        socket_settle(b->fd);
        return 1;
}

/* The same of what is left; < 0: none of them, as b->error has it. */
static int try_next(Backend *b) {
        while (b->next < b->n) {
                const LookupAddress *a = &b->addresses[b->next++];
                int r;

                r = try_connect(b, &a->sa, a->sa.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6));
                if (r >= 0)
                        return r;
                b->error = r;
                drop_socket(b);
        }
        return b->error;
}

static void on_step(void *userdata) {
        Backend *b = userdata;
        int r = 1;

        if (b->fd < 0) /* else it is connected already */
                r = try_next(b);
        if (r != 0)
                backend_finish(b, P2P_MIN(r, 0));
}

static void on_deadline(void *userdata) {
        backend_finish(userdata, -ETIMEDOUT);
}

static void on_lookup(const LookupAddress *addresses, unsigned n, int error, void *userdata) {
        Backend *b = userdata;

        b->lookup = NULL;
        if (error < 0) {
                backend_finish(b, error);
                return;
        }
        memcpy(b->addresses, addresses, n * sizeof(*addresses));
        b->n = n;
        p2p_task_post(&b->step);
}

static void add_literal(Backend *b, int family, const char *host, uint16_t port) {
        LookupAddress *a = &b->addresses[b->n];

        *a = (LookupAddress){};
        a->sa.sa_family = (sa_family_t) family;
        if (family == AF_INET && inet_pton(AF_INET, host, &a->in.sin_addr) == 1)
                a->in.sin_port = htons(port);
        else if (family == AF_INET6 && inet_pton(AF_INET6, host, &a->in6.sin6_addr) == 1)
                a->in6.sin6_port = htons(port);
        else
                return;
        b->n++;
}

static int begin(Backend *b, const Endpoint *address) {
        struct sockaddr_un path = { .sun_family = AF_UNIX };
        int r;

        if (address->is_unix) {
                memcpy(path.sun_path, address->path, P2P_MIN(sizeof(path.sun_path), sizeof(address->path)));
                r = try_connect(b, (const struct sockaddr *) &path, sizeof(path));
                if (r < 0) {
                        drop_socket(b);
                        b->error = r;
                }
                if (r != 0)
                        p2p_task_post(&b->step);
                return 0;
        }
        if (address->host[0] == '\0' || strcmp(address->host, "localhost") == 0) {
                add_literal(b, AF_INET, "127.0.0.1", address->port);
                add_literal(b, AF_INET6, "::1", address->port);
        } else {
                add_literal(b, AF_INET, address->host, address->port);
                add_literal(b, AF_INET6, address->host, address->port);
        }
        if (b->n == 0)
                return lookup_new(b->loop, address->host, address->port, on_lookup, b, &b->lookup);
        if (try_next(b) != 0)
                p2p_task_post(&b->step);
        return 0;
}

int backend_new(p2p_loop *loop, const Endpoint *address, BackendDone done, void *userdata, Backend **ret) {
        _cleanup_(backend_freep) Backend *b = NULL;
        int r;

        b = malloc(sizeof(*b));
        if (!b)
                return -ENOMEM;
        *b = (Backend){ .loop = loop, .fd = -1, .error = -EHOSTUNREACH, .done = done, .userdata = userdata };
        p2p_timer_init(&b->deadline, loop, on_deadline, b);
        p2p_task_init(&b->step, loop, on_step, b);

        r = p2p_timer_set(&b->deadline, BACKEND_TIMEOUT_USEC);
        if (r < 0)
                return r;
        r = begin(b, address);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(b);
        return 0;
}

void backend_start(Backend *b) {
        if (!b->watch && !b->lookup)
                p2p_task_pass(&b->step);
}

Backend *backend_free(Backend *b) {
        if (!b)
                return NULL;
        lookup_free(b->lookup);
        drop_socket(b);
        p2p_timer_stop(&b->deadline);
        p2p_task_cancel(&b->step);
        free(b);
        return NULL;
}
