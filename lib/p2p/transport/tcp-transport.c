/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TCP as a transport of the host: the listener and the dial of tcp.h, each with the callback that the host
 * gave. */

#include <errno.h>
#include <stdlib.h>

#include <p2p/transport.h>

#include "transport/tcp.h"

typedef struct listener {
        p2p_tcp_listener *tcp;
        p2p_raw_accept_fn on_accept;
        void *userdata;
} listener;

typedef struct raw_dial {
        p2p_tcp_dial *tcp;
        p2p_raw_fn done;
        void *userdata;
} raw_dial;

static bool matches(const p2p_addr *addr) {
        return p2p_addr_stack(addr) == P2P_STACK_TCP;
}

static void on_connected(p2p_channel *channel, int error, void *userdata) {
        raw_dial d = *(raw_dial *) userdata;
        p2p_raw raw = { .channel = channel };

        free(userdata);
        d.done(error < 0 ? NULL : &raw, error, d.userdata);
}

static int dial(void *transport, const p2p_peer_id *peer _unused_, const p2p_addr *addr, p2p_raw_fn done,
                void *userdata, void **ret) {
        const p2p_transport_options *options = transport;
        raw_dial *d;
        int r;

        d = malloc(sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (raw_dial){ .done = done, .userdata = userdata };
        r = p2p_tcp_dial_new(options->loop, addr, 0, on_connected, d, &d->tcp);
        if (r < 0) {
                free(d);
                return r;
        }
        *ret = d;
        return 0;
}

static void free_dial(void *userdata) {
        raw_dial *d = userdata;

        p2p_tcp_dial_free(d->tcp);
        free(d);
}

static void on_accept(p2p_channel *channel, p2p_addr *remote, void *userdata) {
        listener *l = userdata;
        p2p_raw raw = { .channel = channel, .remote = remote };

        l->on_accept(&raw, l->userdata);
}

static void free_listener(void *userdata) {
        listener *l = userdata;

        p2p_tcp_listener_free(l->tcp);
        free(l);
}

static int listen_on(void *transport, const p2p_addr *addr, int fd, p2p_raw_accept_fn fn, void *userdata,
                     void **ret) {
        const p2p_transport_options *options = transport;
        listener *l;
        int r;

        l = malloc(sizeof(*l));
        if (!l)
                return -ENOMEM;
        *l = (listener){ .on_accept = fn, .userdata = userdata };
        if (fd >= 0)
                r = p2p_tcp_listener_new_fd(options->loop, fd, on_accept, l, &l->tcp);
        else
                r = p2p_tcp_listener_new(options->loop, addr, on_accept, l, &l->tcp);
        if (r < 0) {
                free(l);
                return r;
        }
        *ret = l;
        return 0;
}

static const p2p_addr *listen_addr(const void *l) {
        return p2p_tcp_listener_addr(((const listener *) l)->tcp);
}

const p2p_transport p2p_tcp_transport = {
        .name = "tcp",
        .matches = matches,
        .dial = dial,
        .free_dial = free_dial,
        .listen = listen_on,
        .listen_addr = listen_addr,
        .free_listener = free_listener,
};
