/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Our peer in the interop matrix: one host on the public headers of the library, with the flags, actions and lines of PEERS.md. Its
 * parts are in tests/support/peer-*.c.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tests/support/peer.h"

static void on_signal(unsigned events _unused_, void *userdata) {
        ((peer *) userdata)->stopped = true;
}

static p2p_host_limits limits_of(const peer_options *o) {
        p2p_host_limits limits = P2P_HOST_LIMITS_DEFAULT;

        if (o->raise_limits || o->relay)
                limits.streams = 4096; /* all that a relay's client opens is hop requests, which are limited there */
        if (o->raise_limits) {
                limits.conns_per_peer = 1024;
                limits.buffer = limits.conn_buffer = 1u << 30;
        }
        return limits;
}

static int start_host(peer *p) {
        p2p_host_options options = { .agent = "p2p-peer/1", .limits = limits_of(&p->options),
                                     .security = p->options.security, .events = &peer_events, .userdata = p };
        int r;

        r = p->options.has_seed ? p2p_identity_from_seed(p->options.seed, &p->identity) : p2p_identity_generate(&p->identity);
        if (r >= 0)
                r = p2p_web_tls_new(&p->options.web, NULL, &p->web);
        options.web = p->web;
        if (r >= 0)
                r = p2p_host_new(p->loop, p->identity, &options, &p->host);
        if (r >= 0)
                r = p2p_identify_new(p->host, &p->identify);
        if (r >= 0)
                r = p2p_ping_new(p->host, &p->ping);
        if (r >= 0)
                r = p2p_circuit_new(p->host, &p->circuit);
        if (r >= 0)
                p2p_identify_watch(p->identify, peer_on_identified, p);
        return r;
}

static int start_relay(peer *p) {
        p2p_hop_limits limits = {
                .reservations = 128,
                .reservations_per_ip = 8,
                .circuits_per_peer = 16,
                .circuits = 4096,
                .reservation_ttl_usec = p->options.ttl_s * USEC_PER_SEC,
                .duration_usec = p->options.duration_s * USEC_PER_SEC,
                .data = p->options.data_limit,
                .buffer = 2048,
        };

        return p->options.relay ? p2p_hop_new(p->host, &limits, NULL, NULL, &p->hop) : 0;
}

static int listen_on(peer *p, const char *text) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
        int r;

        r = p2p_addr_parse(text, &addr);
        return r < 0 ? r : p2p_host_listen(p->host, addr);
}

static int reserve_at(peer *p, const char *text) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
        p2p_peer_id relay;
        int r;

        r = p2p_addr_parse(text, &addr);
        if (r >= 0)
                r = p2p_addr_peer(addr, &relay);
        if (r >= 0)
                r = p2p_host_add_addr(p->host, &relay, addr, USEC_INFINITY);
        if (r >= 0)
                r = p2p_reservation_new(p->circuit, &relay, peer_on_reservation, p, &p->reservations[p->n_reservations]);
        if (r >= 0)
                p->n_reservations++;
        return r;
}

static int start(peer *p) {
        int r;

        r = start_host(p);
        if (r >= 0)
                r = start_relay(p);
        if (r >= 0 && p->options.echo)
                r = peer_serve(p);
        for (unsigned i = 0; i < p->options.n_listen && r >= 0; i++)
                r = listen_on(p, p->options.listen[i]);
        if (r >= 0)
                peer_announce(p);
        for (unsigned i = 0; i < p->options.n_relays && r >= 0; i++)
                r = reserve_at(p, p->options.relays[i]);
        if (r < 0)
                peer_line("FAIL start %s", strerror(-r));
        return r;
}

static void stop(peer *p) {
        flow *f;

        P2P_LIST_FOREACH(f, &p->flows, flow, flows)
                flow_free(f);
        while (p->n_reservations > 0)
                p2p_reservation_free(p->reservations[--p->n_reservations]);
        p2p_hop_free(p->hop);
        p2p_circuit_free(p->circuit);
        p2p_ping_free(p->ping);
        p2p_identify_free(p->identify);
        p2p_host_free(p->host);
        p2p_web_tls_free(p->web);
        p2p_identity_free(p->identity);
        (void) p2p_loop_settle(p->loop);
        p2p_loop_free(p->loop);
        free(p->identified);
}

static bool is_stopped(void *userdata) {
        return ((peer *) userdata)->stopped;
}

static int run(peer *p) {
        _cleanup_(p2p_watch_freep) p2p_watch *watch = NULL;
        sigset_t signals;
        int fd, r;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGINT);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
        fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        r = p2p_watch_new(p->loop, fd, P2P_READABLE, on_signal, p, &watch);
        if (r >= 0)
                r = start(p);
        if (r >= 0 && p->options.dial)
                r = peer_dial(p);
        else if (r >= 0) {
                p->deadline = USEC_INFINITY;
                (void) peer_wait(p, is_stopped, p);
        }
        watch = p2p_watch_free(watch);
        (void) close(fd);
        return r;
}

int main(int argc, char **argv) {
        peer p = {};
        int r;

        (void) signal(SIGPIPE, SIG_IGN);
        p2p_list_init(&p.flows);
        if (peer_options_parse(argc, argv, &p.options) < 0 || p2p_loop_new(&p.loop) < 0)
                return 1;
        r = run(&p);
        stop(&p);
        return r < 0;
}
