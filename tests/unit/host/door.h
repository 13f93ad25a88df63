/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A host whose guests come over channels in memory, from whatever address or relay a test names:
 * p2p_host_accept() is its door.
 * Time is the test's.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <p2p/host.h>

#include "host/upgrade.h"
#include "tests/support/memory.h"

#define GUESTS_MAX 20u

typedef struct guest {
        p2p_identity *identity;
        p2p_upgrade *upgrade;
        p2p_session *session;
        p2p_task wake;
        bool done;
        int error; /* of the upgrade */
} guest;

typedef struct door {
        p2p_loop *loop;
        p2p_identity *identity;
        p2p_host *host;
        p2p_host_limits limits;
        guest guests[GUESTS_MAX];
        unsigned n_guests;
        p2p_channel *raw[GUESTS_MAX]; /* spoken by hand */
        unsigned n_raw;
        bool refuse;  /* the gater's answer */
        bool limited; /* those who knock come over a limited circuit */
        unsigned stream_limit;
        unsigned n_asked, n_opened, n_closed, n_failed;
        int failed_error, close_error;
        bool failed_named; /* the failed one had proven who it was */
        p2p_conn *last;
} door;

static inline p2p_identity *identity_of(uint8_t seed) {
        p2p_identity *identity;
        uint8_t bytes[32];

        memset(bytes, seed, sizeof(bytes));
        assert_int_equal(p2p_identity_from_seed(bytes, &identity), 0);
        return identity;
}

static inline bool on_allow(const p2p_peer_id *peer, const p2p_addr *remote _unused_, bool inbound,
                            void *userdata) {
        door *d = userdata;

        assert_true(inbound);
        assert_non_null(peer);
        d->n_asked++;
        return !d->refuse;
}

static inline void on_conn_opened(p2p_conn *conn, void *userdata) {
        door *d = userdata;

        d->last = conn;
        d->n_opened++;
}

static inline void on_conn_closed(p2p_conn *conn, int error, uint32_t code _unused_, void *userdata) {
        door *d = userdata;

        if (d->last == conn)
                d->last = NULL;
        d->close_error = error;
        d->n_closed++;
}

static inline void on_inbound_failed(const p2p_peer_id *peer, const p2p_addr *remote _unused_, int error,
                                     void *userdata) {
        door *d = userdata;

        d->n_failed++;
        d->failed_error = error;
        d->failed_named = peer;
}

static inline unsigned on_stream_limit(const p2p_peer_id *peer _unused_, void *userdata) {
        return ((door *) userdata)->stream_limit;
}

static const p2p_host_events door_events = {
        .allow = on_allow,
        .stream_limit = on_stream_limit,
        .conn_opened = on_conn_opened,
        .conn_closed = on_conn_closed,
        .inbound_failed = on_inbound_failed,
};

static inline int setup(void **state) {
        door *d = calloc(1, sizeof(*d));

        assert_non_null(d);
        assert_int_equal(p2p_loop_new_manual(&d->loop), 0);
        d->limits = P2P_HOST_LIMITS_DEFAULT;
        d->stream_limit = d->limits.streams;
        d->identity = identity_of(1);
        *state = d;
        return 0;
}

/* After the test has set its limits. */
static inline void start(door *d) {
        p2p_host_options options = { .agent = "door/1", .limits = d->limits, .events = &door_events,
                                     .userdata = d };

        assert_int_equal(p2p_host_new(d->loop, d->identity, &options, &d->host), 0);
}

static inline void guest_leave(guest *g) {
        p2p_upgrade_free(g->upgrade);
        p2p_session_free(g->session);
        p2p_task_cancel(&g->wake);
        p2p_identity_free(g->identity);
        *g = (guest){};
}

static inline int teardown(void **state) {
        door *d = *state;

        while (d->n_guests > 0)
                guest_leave(&d->guests[--d->n_guests]);
        while (d->n_raw > 0)
                p2p_channel_free(d->raw[--d->n_raw]);
        p2p_host_free(d->host);
        p2p_loop_advance(d->loop, 5 * USEC_PER_SEC); /* what still closes */
        p2p_identity_free(d->identity);
        p2p_loop_free(d->loop);
        free(d);
        return 0;
}

static const p2p_transport door_transport = { .name = "door" };

/*
 * The far end of a channel that knocks from `remote` (NULL: none is known), through `via` (NULL: directly).
 */
static inline p2p_channel *knock(door *d, const char *remote, const p2p_peer_id *via) {
        p2p_channel *ours, *theirs;
        p2p_raw raw = { .via = via, .limited = d->limited };

        if (remote)
                assert_int_equal(p2p_addr_parse(remote, &raw.remote), 0);
        assert_int_equal(p2p_memory_pair(d->loop, NULL, &ours, &theirs), 0);
        raw.channel = ours;
        assert_int_equal(p2p_host_accept(d->host, &door_transport, &raw), 0);
        p2p_loop_settle(d->loop);
        return theirs;
}

/* The same, and the test speaks. */
static inline p2p_channel *knock_by_hand(door *d, const char *remote, const p2p_peer_id *via) {
        assert_true(d->n_raw < GUESTS_MAX);
        return d->raw[d->n_raw++] = knock(d, remote, via);
}

static inline void on_guest_woken(void *userdata _unused_) {}

static inline void on_guest_upgraded(p2p_upgraded *up, const p2p_peer_id *peer _unused_, int error,
                                     void *userdata) {
        guest *g = userdata;

        g->upgrade = NULL;
        g->error = error;
        g->done = true;
        if (error >= 0) {
                g->session = TAKE_PTR(up->session);
                g->session->wake = &g->wake;
        }
}

/* A guest with the key of this seed, all the way in, or refused. */
static inline guest *come(door *d, uint8_t seed, const char *remote, const p2p_peer_id *via) {
        p2p_upgrade_options options = { .initiator = true, .timeout_usec = 60 * USEC_PER_SEC,
                                        .yamux = { .streams_max = 1000 } };
        guest *g = &d->guests[d->n_guests++];

        assert_true(d->n_guests <= GUESTS_MAX);
        *g = (guest){ .identity = identity_of(seed) };
        p2p_task_init(&g->wake, d->loop, on_guest_woken, NULL);
        options.identity = g->identity;
        assert_int_equal(p2p_upgrade_new(d->loop, knock(d, remote, via), &options, on_guest_upgraded, g,
                                         &g->upgrade), 0);
        p2p_loop_settle(d->loop);
        return g;
}

/* Is it still let in? *ret_code is what it was told. */
static inline bool is_in(const guest *g, uint32_t *ret_code) {
        uint32_t code = 0;
        bool in = g->session && g->session->ops->error(g->session, &code) >= 0;

        if (ret_code)
                *ret_code = code;
        return in;
}

/* The end of a channel that is spoken by hand: true once the host has hung up. */
static inline bool hung_up(p2p_channel *c) {
        uint8_t bytes[1024];
        ssize_t n;

        while ((n = p2p_channel_read(c, bytes, sizeof(bytes))) > 0)
                ;
        return n != -EAGAIN;
}

static inline void say(door *d, p2p_channel *c, const void *bytes, size_t n) {
        assert_int_equal(p2p_channel_write(c, bytes, n), n);
        p2p_loop_settle(d->loop);
}
