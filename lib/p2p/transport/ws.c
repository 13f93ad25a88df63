/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * WebSocket as two transports of the host: a TCP connection, for wss the TLS of the Web on it, then the
 * WebSocket channel. The handshakes are states of their channels, so what the host gets at once is a channel
 * that is silent until they are through, and the host's limits and deadline for strangers hold for them.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <p2p/transport.h>

#include "transport/tcp.h"
#include "transport/ws-channel.h"
#include "transport/ws-target.h"
#include "transport/ws-tls-channel.h"

typedef struct ws_transport {
        p2p_loop *loop;         /* borrowed */
        const p2p_web_tls *web; /* NULL: no TLS; borrowed, or */
        p2p_web_tls *own;
} ws_transport;

typedef struct ws_listener {
        const ws_transport *transport; /* borrowed */
        p2p_tcp_listener *tcp;
        p2p_addr *addr;
        p2p_raw_accept_fn on_accept;
        void *userdata;
} ws_listener;

typedef struct ws_dial {
        const ws_transport *transport; /* borrowed */
        p2p_tcp_dial *tcp;
        p2p_addr *addr; /* target.path looks into it */
        p2p_ws_target target;
        p2p_raw_fn done;
        void *userdata;
} ws_dial;

static bool matches_ws(const p2p_addr *addr) {
        return p2p_addr_stack(addr) == P2P_STACK_WS;
}

static bool matches_wss(const p2p_addr *addr) {
        return p2p_addr_stack(addr) == P2P_STACK_WSS;
}

static int create_ws(const p2p_transport_options *options, void **ret) {
        ws_transport *t;

        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (ws_transport){ .loop = options->loop };
        *ret = t;
        return 0;
}

static void destroy(void *userdata) {
        ws_transport *t = userdata;

        p2p_web_tls_free(t->own);
        free(t);
}

static int create_wss(const p2p_transport_options *options, void **ret) {
        p2p_web_tls *own = NULL;
        ws_transport *t;
        void *p;
        int r;

        if (!options->web) {
                r = p2p_web_tls_new(&(p2p_web_tls_options){}, NULL, &own);
                if (r < 0)
                        return r;
        }
        r = create_ws(options, &p);
        if (r < 0) {
                p2p_web_tls_free(own);
                return r;
        }
        t = p;
        t->own = own;
        t->web = options->web ?: own;
        *ret = t;
        return 0;
}

/* ---- dialling ---- */
static void free_dial(void *userdata) {
        ws_dial *d = userdata;

        if (!d)
                return;
        p2p_tcp_dial_free(d->tcp);
        p2p_ws_target_done(&d->target);
        p2p_addr_free(d->addr);
        free(d);
}

static void dial_freep(ws_dial **d) {
        free_dial(*d);
}

/* Takes the channel below in any case, as the one for servers. */
static int put_client(const ws_dial *d, p2p_channel *below, p2p_channel **ret) {
        const ws_transport *t = d->transport;
        int r = 0;

        if (t->web)
                r = p2p_ws_tls_channel_new_client(t->loop, below, t->web, d->target.name, &below);
        if (r >= 0)
                r = p2p_ws_channel_new_client(t->loop, below, d->target.host, d->target.path, ret);
        if (r < 0)
                p2p_channel_free(below);
        return r;
}

static void on_connected(p2p_channel *channel, int error, void *userdata) {
        ws_dial *d = userdata;
        p2p_raw_fn done = d->done;
        void *done_userdata = d->userdata;
        p2p_raw raw = {};

        d->tcp = NULL; /* it freed itself */
        if (error >= 0)
                error = put_client(d, channel, &raw.channel);
        free_dial(d);
        done(error < 0 ? NULL : &raw, error, done_userdata);
}

static int dial(void *transport, const p2p_peer_id *peer _unused_, const p2p_addr *addr, p2p_raw_fn done,
                void *userdata, void **ret) {
        _cleanup_(dial_freep) ws_dial *d = NULL;
        int r;

        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        d->transport = transport;
        d->done = done;
        d->userdata = userdata;
        r = p2p_addr_dup(addr, &d->addr);
        if (r >= 0)
                r = p2p_ws_target_parse(d->addr, &d->target);
        if (r >= 0)
                r = p2p_tcp_dial_new(d->transport->loop, d->target.tcp, 0, on_connected, d, &d->tcp);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

/* ---- listening ---- */
static void free_listener(void *userdata) {
        ws_listener *l = userdata;

        if (!l)
                return;
        p2p_tcp_listener_free(l->tcp);
        p2p_addr_free(l->addr);
        free(l);
}

static void listener_freep(ws_listener **l) {
        free_listener(*l);
}

/* The TCP address `at`, and behind it what follows in `addr`. */
static int move_addr(const p2p_addr *addr, const p2p_addr *at, p2p_addr **ret) {
        struct sockaddr_storage sa;
        socklen_t n;
        int r;

        r = p2p_addr_to_tcp(at, &sa, &n);
        return r < 0 ? r : p2p_addr_with_socket(addr, (struct sockaddr *) &sa, ret);
}

static int put_server(const ws_transport *t, p2p_channel *below, p2p_channel **ret) {
        int r = 0;

        if (t->web)
                r = p2p_ws_tls_channel_new_server(t->loop, below, t->web, &below);
        if (r >= 0)
                r = p2p_ws_channel_new_server(t->loop, below, ret);
        if (r < 0)
                p2p_channel_free(below);
        return r;
}

static void on_accept(p2p_channel *channel, p2p_addr *remote, void *userdata) {
        ws_listener *l = userdata;
        p2p_raw raw = {};
        int r;

        r = move_addr(l->addr, remote, &raw.remote);
        p2p_addr_free(remote);
        if (r < 0) { /* out of memory, both: nobody else is hurt */
                p2p_channel_free(channel);
                return;
        }
        r = put_server(l->transport, channel, &raw.channel);
        if (r < 0) {
                p2p_addr_free(raw.remote);
                return;
        }
        l->on_accept(&raw, l->userdata);
}

/* fd stays the caller's: the listener has a copy. */
static int open_tcp(ws_listener *l, const p2p_addr *addr, int fd) {
        p2p_ws_target target;
        int copy, r;

        if (fd >= 0) {
                copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (copy < 0)
                        return -errno;
                r = p2p_tcp_listener_new_fd(l->transport->loop, copy, on_accept, l, &l->tcp);
                if (r < 0)
                        close(copy);
                return r;
        }
        r = p2p_ws_target_parse(addr, &target);
        if (r < 0)
                return r;
        r = p2p_tcp_listener_new(l->transport->loop, target.tcp, on_accept, l, &l->tcp);
        p2p_ws_target_done(&target);
        return r;
}

static int listen_on(void *transport, const p2p_addr *addr, int fd, p2p_raw_accept_fn fn, void *userdata,
                     void **ret) {
        const ws_transport *t = transport;
        _cleanup_(listener_freep) ws_listener *l = NULL;
        int r;

        if (t->web && !p2p_web_tls_can_serve(t->web))
                return -ENOKEY;
        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        l->transport = t;
        l->on_accept = fn;
        l->userdata = userdata;
        r = open_tcp(l, addr, fd);
        if (r >= 0)
                r = move_addr(addr, p2p_tcp_listener_addr(l->tcp), &l->addr);
        if (r < 0)
                return r;
        if (fd >= 0)
                close(fd);
        *ret = TAKE_PTR(l);
        return 0;
}

static const p2p_addr *listen_addr(const void *l) {
        return ((const ws_listener *) l)->addr;
}

const p2p_transport p2p_ws_transport = {
        .name = "ws",
        .create = create_ws,
        .destroy = destroy,
        .matches = matches_ws,
        .dial = dial,
        .free_dial = free_dial,
        .listen = listen_on,
        .listen_addr = listen_addr,
        .free_listener = free_listener,
};

const p2p_transport p2p_wss_transport = {
        .name = "wss",
        .create = create_wss,
        .destroy = destroy,
        .matches = matches_wss,
        .dial = dial,
        .free_dial = free_dial,
        .listen = listen_on,
        .listen_addr = listen_addr,
        .free_listener = free_listener,
};
