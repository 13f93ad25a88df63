/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Host: owns listeners, handlers, connections and dials, and hands news of its own on to the hooks of
 * identify and circuits. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/host-internal.h"

static const p2p_host_events no_events;

/* The transports of the library. A new one is a new row. */
static const p2p_transport *const transports[] = { &p2p_quic_transport, &p2p_tcp_transport,
                                                   &p2p_ws_transport, &p2p_wss_transport };

static void on_changed(void *userdata) {
        p2p_host *host = userdata;
        p2p_hook *hook;

        P2P_LIST_FOREACH(hook, &host->hooks, p2p_hook, hooks)
                if (hook->changed)
                        hook->changed(hook->userdata);
        if (host->events->changed)
                host->events->changed(host->userdata);
}

/* What failed there may work here, and a listener at a wildcard is at other addresses now. */
static void on_network_changed(void *userdata) {
        p2p_host *host = userdata;
        p2p_hook *hook;

        host->network_changed_at = p2p_loop_now(host->loop);
        backoff_done(&host->backoff);
        black_hole_reset(&host->udp);
        black_hole_reset(&host->ip6);
        P2P_LIST_FOREACH(hook, &host->hooks, p2p_hook, hooks)
                if (hook->network_changed)
                        hook->network_changed(hook->userdata);
        p2p_task_post(&host->changed);
}

static int create_transports(p2p_host *host, const p2p_web_tls *web) {
        host->transport_options = (p2p_transport_options){
                .loop = host->loop,
                .identity = host->identity,
                .web = web,
                .conn_buffer = host->limits.conn_buffer,
                .streams = host->limits.streams,
        };
        for (size_t i = 0; i < ELEMENTSOF(transports); i++) {
                void *transport = &host->transport_options;
                int r;

                r = transports[i]->create ? transports[i]->create(&host->transport_options, &transport) : 0;
                if (r < 0)
                        return r;
                host->transports[i] = (transport_slot){ .ops = transports[i], .transport = transport };
        }
        return 0;
}

int p2p_host_new(p2p_loop *loop, const p2p_identity *identity, const p2p_host_options *options,
                 p2p_host **ret) {
        _cleanup_(p2p_host_freep) p2p_host *host = NULL;
        int r;

        host = calloc(1, sizeof(*host));
        if (!host)
                return -ENOMEM;
        host->loop = loop;
        host->identity = identity;
        host->limits = options->limits;
        host->security = options->security;
        host->events = options->events ? options->events : &no_events;
        host->userdata = options->userdata;
        host->budget.max = options->limits.buffer;
        p2p_list_init(&host->announced);
        p2p_list_init(&host->hooks);
        p2p_list_init(&host->conns);
        p2p_list_init(&host->inbound);
        p2p_list_init(&host->dials);
        p2p_list_init(&host->connected);
        p2p_list_init(&host->opens);
        backoff_init(&host->backoff);
        p2p_task_init(&host->changed, loop, on_changed, host);
        p2p_task_init(&host->network_changed, loop, on_network_changed, host);

        host->agent = strdup(options->agent);
        if (!host->agent)
                return -ENOMEM;
        r = p2p_resolver_new(loop, NULL, &host->resolver);
        if (r >= 0)
                r = p2p_network_new(loop, &host->network_changed, &host->network);
        if (r >= 0)
                r = create_transports(host, options->web);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(host);
        return 0;
}

p2p_host *p2p_host_free(p2p_host *host) {
        p2p_conn *conn;

        if (!host)
                return NULL;
        p2p_network_free(host->network);
        p2p_task_cancel(&host->network_changed); /* after what posts it */
        p2p_task_cancel(&host->changed);
        for (unsigned i = 0; i < host->n_listeners; i++)
                host->listeners[i].ops->free_listener(host->listeners[i].listener);
        dial_free_all(host);
        inbound_free_all(host);
        P2P_LIST_FOREACH(conn, &host->conns, p2p_conn, conns) {
                conn->session->ops->close(conn->session, P2P_CONN_SHUTDOWN);
                conn_free(conn);
        }
        open_forget_all(host); /* after the connections, which post to them */
        for (unsigned i = 0; i < host->n_handlers; i++)
                free(host->handlers[i].protocol);
        for (unsigned i = 0; i < TRANSPORTS_MAX; i++)
                if (host->transports[i].ops && host->transports[i].ops->destroy)
                        host->transports[i].ops->destroy(host->transports[i].transport);
        announced_free_all(host);
        peerstore_free(host);
        backoff_done(&host->backoff);
        p2p_resolver_free(host->resolver);
        free(host->agent);
        free(host);
        return NULL;
}

p2p_loop *p2p_host_loop(const p2p_host *host) { return host->loop; }
const p2p_identity *p2p_host_identity(const p2p_host *host) { return host->identity; }
const p2p_peer_id *p2p_host_peer_id(const p2p_host *host) { return p2p_identity_peer_id(host->identity); }
const char *p2p_host_agent(const p2p_host *host) { return host->agent; }

p2p_upgrade_options host_upgrade_options(p2p_host *host) {
        return (p2p_upgrade_options){
                .identity = host->identity,
                .only = host->security,
                .timeout_usec = UPGRADE_TIMEOUT_USEC,
                .yamux = {
                        .buffer_max = host->limits.conn_buffer,
                        .budget = &host->budget,
                        .streams_max = host->limits.streams,
                },
        };
}

/* ---- listening ---- */
static void on_accept(p2p_raw *raw, void *userdata) {
        listener *l = userdata;

        (void) inbound_new(l->host, l->ops, raw); /* out of memory: it was closed, nobody else is hurt */
}

int p2p_host_listen_fd(p2p_host *host, const p2p_addr *addr, int fd) {
        transport_slot *slot = host_find_transport(host, addr);
        listener *l;
        int r;

        if (!slot || !slot->ops->listen)
                return -EAFNOSUPPORT;
        if (host->n_listeners >= LISTENERS_MAX)
                return -ENOBUFS;
        l = &host->listeners[host->n_listeners];
        *l = (listener){ .host = host, .ops = slot->ops };
        r = slot->ops->listen(slot->transport, addr, fd, on_accept, l, &l->listener);
        if (r < 0)
                return r;
        host->n_listeners++;
        p2p_task_post(&host->changed);
        return 0;
}

int p2p_host_listen(p2p_host *host, const p2p_addr *addr) {
        return p2p_host_listen_fd(host, addr, -1);
}

const p2p_addr *p2p_host_listen_addr(const p2p_host *host, unsigned i) {
        return i < host->n_listeners ? host->listeners[i].ops->listen_addr(host->listeners[i].listener)
                                     : NULL;
}

/* ---- transports ---- */
transport_slot *host_find_transport(p2p_host *host, const p2p_addr *addr) {
        for (unsigned i = 0; i < TRANSPORTS_MAX; i++)
                if (host->transports[i].ops && host->transports[i].ops->matches(addr))
                        return &host->transports[i];
        return NULL;
}

int p2p_host_add_transport(p2p_host *host, const p2p_transport *transport, void *userdata) {
        for (unsigned i = 0; i < TRANSPORTS_MAX; i++)
                if (!host->transports[i].ops) {
                        host->transports[i] = (transport_slot){ .ops = transport, .transport = userdata };
                        return 0;
                }
        return -ENOBUFS;
}

void p2p_host_remove_transport(p2p_host *host, const p2p_transport *transport) {
        for (unsigned i = 0; i < TRANSPORTS_MAX; i++)
                if (host->transports[i].ops == transport) {
                        dial_transport_gone(host, transport);
                        host->transports[i] = (transport_slot){};
                }
}

/* ---- protocols ---- */
handler *host_find_handler(p2p_host *host, const char *protocol) {
        for (unsigned i = 0; i < host->n_handlers; i++)
                if (strcmp(host->handlers[i].protocol, protocol) == 0)
                        return &host->handlers[i];
        return NULL;
}

int p2p_host_handle(p2p_host *host, const char *protocol, p2p_stream_fn fn, void *userdata) {
        unsigned at = host->n_handlers;
        char *name;

        if (strlen(protocol) > P2P_PROTOCOL_MAX || protocol[0] != '/')
                return -EINVAL;
        if (host_find_handler(host, protocol))
                return -EEXIST;
        if (host->n_handlers >= P2P_PROTOCOLS_MAX)
                return -ENOBUFS;
        name = strdup(protocol);
        if (!name)
                return -ENOMEM;
        for (; at > 0 && strcmp(host->handlers[at - 1].protocol, protocol) > 0; at--)
                host->handlers[at] = host->handlers[at - 1];
        host->handlers[at] = (handler){ .protocol = name, .fn = fn, .userdata = userdata };
        host->n_handlers++;
        p2p_task_post(&host->changed);
        return 0;
}

void p2p_host_unhandle(p2p_host *host, const char *protocol) {
        handler *h = host_find_handler(host, protocol);

        if (!h)
                return;
        free(h->protocol);
        host->n_handlers--;
        memmove(h, h + 1, (size_t) (host->handlers + host->n_handlers - h) * sizeof(*h));
        p2p_task_post(&host->changed);
}

const char *p2p_host_protocol(const p2p_host *host, unsigned i) {
        return i < host->n_handlers ? host->handlers[i].protocol : NULL;
}

/* ---- floors above ---- */
void p2p_host_add_hook(p2p_host *host, p2p_hook *hook) {
        assert(host->n_hooks < P2P_HOOKS_MAX);
        hook->slot = host->n_hooks++;
        p2p_list_init(&hook->hooks);
        p2p_list_append(&host->hooks, &hook->hooks);
}

void p2p_hook_remove(p2p_hook *hook) {
        if (hook->hooks.next)
                p2p_list_unlink(&hook->hooks);
}

void **p2p_hook_slot(const p2p_hook *hook, p2p_conn *conn) {
        return &conn->slots[hook->slot];
}
