/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <string.h>
#include <time.h>

#include "tests/support/node.h"

static bool on_allow(const p2p_peer_id *peer _unused_, const p2p_addr *remote _unused_, bool inbound, void *userdata) {
        node *n = userdata;

        return !inbound || !n->refuse_all;
}

static void on_opened(p2p_conn *conn, void *userdata) {
        node *n = userdata;

        n->n_opened++;
        if (n->opened)
                n->opened(conn, n->userdata);
}

static void on_identified(p2p_conn *conn _unused_, void *userdata) {
        ((node *) userdata)->n_identified++;
}

static void on_closed(p2p_conn *conn _unused_, int error, uint32_t code, void *userdata) {
        node *n = userdata;

        n->n_closed++;
        n->close_error = error;
        n->close_code = code;
}

static void on_failed(const p2p_peer_id *peer _unused_, const p2p_addr *remote _unused_, int error, void *userdata) {
        node *n = userdata;

        n->n_refused++;
        n->refuse_error = error;
}

static const p2p_host_events events = {
        .allow = on_allow,
        .conn_opened = on_opened,
        .conn_identified = on_identified,
        .conn_closed = on_closed,
        .inbound_failed = on_failed,
};

void node_start(node *n, p2p_loop *loop, uint8_t seed, const node_options *options) {
        p2p_host_options host = { .agent = "test/1", .limits = P2P_HOST_LIMITS_DEFAULT, .events = &events, .userdata = n };
        p2p_addr *addr;
        uint8_t bytes[32];
        int r;

        *n = (node){};
        memset(bytes, seed, sizeof(bytes));
        if (options && options->limits)
                host.limits = *options->limits;
        r = p2p_identity_from_seed(bytes, &n->identity);
        assert(r >= 0);
        r = p2p_host_new(loop, n->identity, &host, &n->host);
        assert(r >= 0);
        r = p2p_identify_new(n->host, &n->identify);
        assert(r >= 0);
        r = p2p_ping_new(n->host, &n->ping);
        assert(r >= 0);
        r = p2p_circuit_new(n->host, &n->circuit);
        assert(r >= 0);
        if (options && options->hop) {
                r = p2p_hop_new(n->host, options->hop, options->hop_events, options->hop_userdata, &n->hop);
                assert(r >= 0);
        }
        if (options && options->silent)
                return;
        r = p2p_addr_parse("/ip4/127.0.0.1/tcp/0", &addr);
        assert(r >= 0);
        r = p2p_host_listen(n->host, addr);
        assert(r >= 0);
        p2p_addr_free(addr);
}

void node_stop(node *n) {
        p2p_hop_free(n->hop);
        p2p_circuit_free(n->circuit);
        p2p_ping_free(n->ping);
        p2p_identify_free(n->identify);
        p2p_host_free(n->host);
        p2p_identity_free(n->identity);
        *n = (node){};
}

const p2p_peer_id *node_id(const node *n) {
        return p2p_identity_peer_id(n->identity);
}

void node_introduce(node *a, node *b) {
        int r;

        r = p2p_host_add_addr(b->host, node_id(a), p2p_host_listen_addr(a->host, 0), USEC_INFINITY);
        assert(r >= 0);
}

static uint64_t now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

bool loop_until(p2p_loop *loop, bool (*done)(void *userdata), void *userdata) {
        uint64_t end = now_usec() + 5 * USEC_PER_SEC;

        while (!done(userdata) && now_usec() < end)
                (void) p2p_loop_turn(loop, 100 * USEC_PER_MSEC);
        return done(userdata);
}
