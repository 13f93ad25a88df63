/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Inbound handshakes in flight: accepted, and nobody yet.
 *
 * Their number is limited in total and per source prefix (IPv4 /24, IPv6 /56). Over the limit one of the
 * fullest prefix, drawn at random, makes room, so that a flood from one place, or from many, does not shut a
 * friend out.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "host/host-internal.h"

typedef struct inbound {
        p2p_host *host;
        p2p_upgrade *upgrade;
        p2p_addr *remote;
        p2p_peer_id via; /* n == 0: direct */
        const char *transport;
        bool limited;
        uint8_t prefix[8]; /* what limits count by: of the address, else of the relay's id */
        p2p_list inbound;
} inbound;

static inbound *inbound_free(inbound *in) {
        if (!in)
                return NULL;
        if (!p2p_list_is_empty(&in->inbound))
                in->host->n_inbound--;
        p2p_list_unlink(&in->inbound);
        p2p_upgrade_free(in->upgrade);
        p2p_addr_free(in->remote);
        free(in);
        return NULL;
}

void inbound_free_all(p2p_host *host) {
        inbound *in;

        P2P_LIST_FOREACH(in, &host->inbound, inbound, inbound)
                inbound_free(in);
}

static void set_prefix(inbound *in) {
        p2p_addr_component c;

        if (in->via.n > 0)
                memcpy(in->prefix, in->via.data + in->via.n - sizeof(in->prefix), sizeof(in->prefix));
        else if (in->remote && p2p_addr_component_at(in->remote, 0, &c)) {
                if (c.code == P2P_ADDR_IP4)
                        memcpy(in->prefix, c.value.data, 3); /* /24 */
                else if (c.code == P2P_ADDR_IP6) {
                        in->prefix[0] = 6;
                        memcpy(in->prefix + 1, c.value.data, 7); /* /56 */
                }
        }
}

static unsigned count_prefix(p2p_host *host, const uint8_t *prefix) {
        unsigned n = 0;
        inbound *in;

        P2P_LIST_FOREACH(in, &host->inbound, inbound, inbound)
                n += memcmp(in->prefix, prefix, sizeof(in->prefix)) == 0;
        return n;
}

static unsigned draw(unsigned n) {
        unsigned v;

        if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v))
                return 0;
        return v % n;
}

static void drop_one_of(p2p_host *host, const uint8_t *prefix, unsigned n) {
        unsigned i = draw(n);
        inbound *in;

        P2P_LIST_FOREACH(in, &host->inbound, inbound, inbound)
                if (memcmp(in->prefix, prefix, sizeof(in->prefix)) == 0 && i-- == 0) {
                        inbound_free(in);
                        return;
                }
}

/* The fullest prefix, found with one table of counts: the list is at most limits.half_open long. */
static void drop_of_fullest(p2p_host *host) {
        const uint8_t *fullest = NULL;
        unsigned most = 0;
        inbound *in;

        /* A random start makes equals equally likely, and sampling keeps a flood from costing n * n. */
        for (unsigned tries = 0; tries < 8; tries++) {
                unsigned i = draw(host->n_inbound);

                P2P_LIST_FOREACH(in, &host->inbound, inbound, inbound) {
                        unsigned n;

                        if (i-- > 0)
                                continue;
                        n = count_prefix(host, in->prefix);
                        if (n > most) {
                                most = n;
                                fullest = in->prefix;
                        }
                        break;
                }
        }
        if (fullest)
                drop_one_of(host, fullest, most);
}

static void make_room(p2p_host *host, const uint8_t *prefix) {
        unsigned n = count_prefix(host, prefix);

        if (host->limits.half_open_per_prefix > 0 && n >= host->limits.half_open_per_prefix)
                drop_one_of(host, prefix, n);
        else if (host->n_inbound >= host->limits.half_open)
                drop_of_fullest(host);
}

static bool allow(const p2p_peer_id *peer, void *userdata) {
        inbound *in = userdata;
        const p2p_host_events *events = in->host->events;

        return !events->allow || events->allow(peer, in->remote, true, in->host->userdata);
}

/* Either way in->upgrade is gone. */
static void settle(inbound *in, p2p_upgraded *up, const p2p_peer_id *peer, int error) {
        p2p_host *host = in->host;
        p2p_conn *conn;

        if (error >= 0) {
                conn_info info = {
                        .remote = TAKE_PTR(in->remote),
                        .via = in->via.n > 0 ? &in->via : NULL,
                        .transport = in->transport,
                        .inbound = true,
                        .limited = in->limited,
                };

                error = conn_new(host, up, &info, &conn);
                in->remote = info.remote;
        }
        if (error < 0 && host->events->inbound_failed)
                host->events->inbound_failed(peer, in->remote, error, host->userdata);
        inbound_free(in);
}

static void on_upgraded(p2p_upgraded *up, const p2p_peer_id *peer, int error, void *userdata) {
        inbound *in = userdata;

        in->upgrade = NULL;
        settle(in, up, peer, error);
}

/* A session is nobody's half-open handshake any more: the gater is all that it meets. */
static void admit(inbound *in, p2p_raw *raw) {
        p2p_upgraded up;
        int r;

        r = conn_admit(in->host, raw, NULL, in->remote, true, &up);
        settle(in, &up, &raw->peer, r);
}

/* A handshake that was the transport's business. */
static void tell_failed(p2p_host *host, p2p_raw *raw) {
        p2p_addr *remote = TAKE_PTR(raw->remote);

        if (host->events->inbound_failed)
                host->events->inbound_failed(raw->peer.n > 0 ? &raw->peer : NULL, remote, raw->error,
                                             host->userdata);
        p2p_addr_free(remote);
}

int inbound_new(p2p_host *host, const p2p_transport *transport, p2p_raw *raw) {
        p2p_upgrade_options options = host_upgrade_options(host);
        inbound *in;
        int r;

        if (raw->error < 0) {
                tell_failed(host, raw);
                return 0;
        }
        in = calloc(1, sizeof(*in));
        if (!in) {
                p2p_channel_free(TAKE_PTR(raw->channel));
                p2p_session_free(TAKE_PTR(raw->session));
                p2p_addr_free(TAKE_PTR(raw->remote));
                return -ENOMEM;
        }
        in->host = host;
        in->transport = transport->name;
        p2p_list_init(&in->inbound);
        in->remote = TAKE_PTR(raw->remote);
        if (raw->via)
                in->via = *raw->via;
        in->limited = raw->limited;
        if (raw->session) {
                admit(in, raw);
                return 0;
        }
        set_prefix(in);
        make_room(host, in->prefix);

        options.allow = allow;
        if (in->via.n > 0)
                options.yamux.pause_usec = P2P_YAMUX_PAUSE_CIRCUIT;
        r = p2p_upgrade_new(host->loop, TAKE_PTR(raw->channel), &options, on_upgraded, in, &in->upgrade);
        if (r < 0) {
                inbound_free(in);
                return r;
        }
        p2p_list_append(&host->inbound, &in->inbound);
        host->n_inbound++;
        return 0;
}

int p2p_host_accept(p2p_host *host, const p2p_transport *transport, p2p_raw *raw) {
        return inbound_new(host, transport, raw);
}
