/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * c-ares on our loop. It tells which of its sockets it wants to hear of, and when its next timeout is due.
 *
 * Its channel lives only while somebody looks up: an idle resolver holds no socket and no timer, the
 * settings of the system are read again when the machine has moved to another network, and closing the
 * channel is what cancels queries. Since c-ares calls back out of ares_process_fd() and even out of the call
 * that starts a query, nothing here or in resolve.c does more in such a callback than take notes and post a
 * task: no callback ever meets a channel that is gone.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "transport/resolve-private.h"

#define TRY_MSEC 1500 /* arbitrary: three fit in the deadline of a look-up */
#define TRIES 3
#define EDNS_SIZE 1232 /* DNS flag day 2020; larger answers come over TCP */

typedef struct dns_socket {
        p2p_resolver *resolver; /* borrowed */
        p2p_watch *watch;
        ares_socket_t fd; /* borrowed */
        p2p_list sockets;
} dns_socket;

static void process(p2p_resolver *resolver, ares_socket_t readable, ares_socket_t writable) {
        ares_process_fd(resolver->channel, readable, writable);
        resolver_update(resolver);
}

static void on_ready(unsigned events, void *userdata) {
        dns_socket *s = userdata;

        process(s->resolver, events & P2P_READABLE ? s->fd : ARES_SOCKET_BAD,
                events & P2P_WRITABLE ? s->fd : ARES_SOCKET_BAD);
}

static void on_timeout(void *userdata) {
        process(userdata, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void socket_free(dns_socket *s) {
        p2p_watch_free(s->watch);
        p2p_list_unlink(&s->sockets);
        free(s);
}

static dns_socket *find_socket(p2p_resolver *resolver, ares_socket_t fd) {
        dns_socket *s;

        P2P_LIST_FOREACH(s, &resolver->sockets, dns_socket, sockets)
                if (s->fd == fd)
                        return s;
        return NULL;
}

static dns_socket *add_socket(p2p_resolver *resolver, ares_socket_t fd, unsigned events) {
        dns_socket *s;

        s = malloc(sizeof(*s));
        if (!s)
                return NULL;
        *s = (dns_socket) { .resolver = resolver, .fd = fd };
        p2p_list_init(&s->sockets);
        p2p_list_append(&resolver->sockets, &s->sockets);
        if (p2p_watch_new(resolver->loop, fd, events, on_ready, s, &s->watch) < 0) {
                socket_free(s);
                return NULL;
        }
        return s;
}

/* A socket that cannot be watched is a query that runs into its timeout. */
static void on_socket_state(void *userdata, ares_socket_t fd, int readable, int writable) {
        unsigned events = (readable ? P2P_READABLE : 0) | (writable ? P2P_WRITABLE : 0);
        p2p_resolver *resolver = userdata;
        dns_socket *s;

        s = find_socket(resolver, fd);
        if (!s && events != 0)
                (void) add_socket(resolver, fd, events);
        else if (s && (events == 0 || p2p_watch_set(s->watch, events) < 0))
                socket_free(s);
}

void resolver_update(p2p_resolver *resolver) {
        struct timeval tv;

        if (!resolver->channel || !ares_timeout(resolver->channel, NULL, &tv)) {
                p2p_timer_stop(&resolver->timer);
                return;
        }
        (void) p2p_timer_set(&resolver->timer, (uint64_t) tv.tv_sec * USEC_PER_SEC + (uint64_t) tv.tv_usec);
}

static int error_from_ares(int status) {
        return status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
}

static int open_channel(p2p_resolver *resolver) {
        struct ares_options options = {
                .flags = ARES_FLAG_EDNS,
                .ednspsz = EDNS_SIZE,
                .timeout = TRY_MSEC,
                .tries = TRIES,
                .sock_state_cb = on_socket_state,
                .sock_state_cb_data = resolver,
        };
        int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
        int status;

        mask |= ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
        mask |= ARES_OPT_QUERY_CACHE; /* none: c-ares of Debian 13 would keep answers, that of Debian 12 cannot */
        options.qcache_max_ttl = 0;
#endif
        if (resolver->servers)
                mask |= ARES_OPT_DOMAINS; /* not the system's search list either */

        status = ares_init_options(&resolver->channel, &options, mask);
        if (status != ARES_SUCCESS) {
                resolver->channel = NULL;
                return error_from_ares(status);
        }

        if (resolver->servers) {
                status = ares_set_servers_ports_csv(resolver->channel, resolver->servers);
                if (status != ARES_SUCCESS) {
                        ares_destroy(TAKE_PTR(resolver->channel));
                        return error_from_ares(status);
                }
        }
        return 0;
}

static void close_channel(p2p_resolver *resolver) {
        dns_socket *s;

        p2p_timer_stop(&resolver->timer);
        if (resolver->channel)
                ares_destroy(TAKE_PTR(resolver->channel)); /* each query's callback runs, and each socket's */
        P2P_LIST_FOREACH(s, &resolver->sockets, dns_socket, sockets)
                socket_free(s);
}

int resolver_acquire(p2p_resolver *resolver) {
        int r;

        if (!resolver->channel) {
                r = open_channel(resolver);
                if (r < 0)
                        return r;
        }
        resolver->n_users++;
        return 0;
}

void resolver_release(p2p_resolver *resolver) {
        assert(resolver->n_users > 0);

        if (--resolver->n_users == 0)
                close_channel(resolver);
}

int p2p_resolver_new(p2p_loop *loop, const char *servers, p2p_resolver **ret) {
        _cleanup_(p2p_resolver_freep) p2p_resolver *resolver = NULL;
        int r;

        if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
                return -ENOMEM;
        resolver = malloc(sizeof(*resolver));
        if (!resolver) {
                ares_library_cleanup();
                return -ENOMEM;
        }
        *resolver = (p2p_resolver) { .loop = loop };
        p2p_list_init(&resolver->sockets);
        p2p_timer_init(&resolver->timer, loop, on_timeout, resolver);

        if (servers) {
                resolver->servers = strdup(servers);
                if (!resolver->servers)
                        return -ENOMEM;
        }

        r = open_channel(resolver); /* says now whether the settings make sense */
        close_channel(resolver);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(resolver);
        return 0;
}

p2p_resolver *p2p_resolver_free(p2p_resolver *resolver) {
        if (!resolver)
                return NULL;

        assert(resolver->n_users == 0);
        free(resolver->servers);
        free(resolver);
        ares_library_cleanup();
        return NULL;
}
