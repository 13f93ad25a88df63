/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A path that may die without a word: a peer connected over QUIC, which is known at a TCP address, too. The
 * test plays the network and the far side of each stream; the clock is its own.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/host-internal.h"
#include "tests/support/fake-net.h"
#include "tests/support/node.h"

#define QUIC "/ip4/45.79.0.1/udp/1/quic-v1"
#define TCP "/ip4/45.79.0.1/tcp/1"
#define AGREED "\x13/multistream/1.0.0\n\x08/test/1\n"

typedef struct world {
        p2p_loop *loop;
        node us;
        fake_net net;
        p2p_peer_id peer;
        fake_session *quic; /* connected at first */
        p2p_open *open;
        p2p_stream *stream;
        p2p_dial *dial;
        p2p_conn *conn;
        unsigned n_done;
        int error;
} world;

static inline void know(world *w, const char *text) {
        p2p_addr *addr;

        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        assert_int_equal(p2p_host_add_addr(w->us.host, &w->peer, addr, USEC_INFINITY), 0);
        p2p_addr_free(addr);
}

static inline void on_dialled(p2p_conn *conn, int error, void *userdata) {
        world *w = userdata;

        w->dial = NULL;
        w->conn = conn;
        w->error = error;
}

static inline void start_dial(world *w) {
        assert_int_equal(p2p_dial_new(w->us.host, &w->peer, 60 * USEC_PER_SEC, on_dialled, w, &w->dial), 0);
        p2p_loop_settle(w->loop);
}

static inline fake_session *answer(world *w, const char *addr) {
        fake_session *s = fake_answer(fake_find(&w->net, addr));

        p2p_loop_settle(w->loop);
        return s;
}

/* A connection over QUIC that has been quiet for a minute; TCP is known, too. */
static inline int setup(void **state) {
        world *w = calloc(1, sizeof(*w));
        p2p_identity *identity;

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->us, w->loop, 1, NULL);
        fake_net_init(&w->net, w->loop, w->us.host);
        assert_int_equal(p2p_identity_from_seed((const uint8_t[32]){ 2 }, &identity), 0);
        w->peer = *p2p_identity_peer_id(identity);
        p2p_identity_free(identity);
        know(w, QUIC);
        start_dial(w);
        w->quic = answer(w, QUIC);
        know(w, TCP);
        p2p_loop_advance(w->loop, 60 * USEC_PER_SEC);
        *state = w;
        return 0;
}

static inline int teardown(void **state) {
        world *w = *state;

        p2p_open_free(w->open);
        p2p_stream_free(w->stream);
        p2p_dial_free(w->dial);
        node_stop(&w->us);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static inline void on_opened(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        world *w = userdata;

        w->open = NULL;
        w->stream = stream;
        w->error = error;
        w->n_done++;
}

static inline void open_stream(world *w, const p2p_open_options *options) {
        assert_int_equal(p2p_open_new(w->us.host, &w->peer, "/test/1", options, on_opened, w, &w->open), 0);
        p2p_loop_settle(w->loop);
}

/* The far side answers on the session's youngest stream. */
static inline void reply(world *w, fake_session *s, p2p_view text) {
        s->heard = p2p_loop_now(w->loop);
        assert_int_equal(p2p_channel_write(s->far[s->n_open - 1], text.data, text.n), text.n);
        p2p_loop_settle(w->loop);
}

static inline void agree(world *w, fake_session *s) {
        reply(w, s, P2P_VIEW_STR(AGREED));
}

static inline bool is_on(const world *w, const char *addr) {
        char text[P2P_ADDR_TEXT_MAX];

        return strcmp(p2p_addr_format(p2p_conn_remote(p2p_stream_conn(w->stream)), text), addr) == 0;
}
