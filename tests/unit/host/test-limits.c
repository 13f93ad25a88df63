/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The numbers of the host's limits, and what a peer may do with streams. That a limit holds where it stands is tested beside
 * it (test-inbound.c, test-peerstore.c); here that it stands where it is documented.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/host-internal.h"
#include "tests/support/node.h"

typedef struct world {
        p2p_loop *loop;
        node us, them;
        p2p_conn *conn; /* theirs, to us */
        p2p_channel *raw;
        char heard[64];
        size_t n;
        ssize_t end;
} world;

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->us, w->loop, 1, NULL);
        node_start(&w->them, w->loop, 2, NULL);
        node_introduce(&w->us, &w->them);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        p2p_channel_free(w->raw);
        node_stop(&w->us);
        node_stop(&w->them);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static void defaults_are_as_documented(void **state _unused_) {
        static const p2p_host_limits limits = P2P_HOST_LIMITS_DEFAULT;

        assert_int_equal(limits.conns, 4096);
        assert_int_equal(limits.conns_per_peer, 8); /* go-libp2p */
        assert_int_equal(limits.half_open, 256);
        assert_int_equal(limits.half_open_per_prefix, 64);
        assert_int_equal(limits.streams, 16); /* architecture.md 4 */
        assert_int_equal(limits.peers_stored, 1024);
        assert_int_equal(limits.addrs_per_peer, 32);
        assert_int_equal(limits.conn_buffer, 64u << 20);
        assert_int_equal(limits.buffer, 128u << 20);
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        assert_int_equal(error, 0);
        ((world *) userdata)->conn = conn;
}

static bool is_connected(void *userdata) {
        world *w = userdata;

        return w->conn && w->us.n_opened > 0;
}

static bool is_over(void *userdata) {
        world *w = userdata;
        ssize_t n;

        while ((n = p2p_channel_read(w->raw, w->heard + w->n, sizeof(w->heard) - w->n)) > 0)
                w->n += (size_t) n;
        w->end = n;
        return n != -EAGAIN;
}

static bool has_header(void *userdata) {
        (void) is_over(userdata);
        return ((world *) userdata)->n >= 20;
}

/* A stream of the muxer on which they say these bytes, and no more. */
static void say(world *w, const char *bytes, size_t n) {
        p2p_dial *dial;

        assert_int_equal(p2p_dial_new(w->them.host, node_id(&w->us), 5 * USEC_PER_SEC, on_dialled, w, &dial), 0);
        assert_true(loop_until(w->loop, is_connected, w));
        assert_int_equal(w->conn->session->ops->open(w->conn->session, &w->raw), 0);
        if (n > 0)
                assert_int_equal(p2p_channel_write(w->raw, bytes, n), n);
        assert_true(loop_until(w->loop, has_header, w));
        assert_memory_equal(w->heard, "\x13/multistream/1.0.0\n", 20); /* eagerly, whatever they say */
}

static void check_ten_seconds(world *w) {
        p2p_loop_advance(w->loop, 9900 * USEC_PER_MSEC);
        assert_false(is_over(w));
        p2p_loop_advance(w->loop, 200 * USEC_PER_MSEC);
        assert_true(loop_until(w->loop, is_over, w));
        assert_int_equal(w->end, -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(w->raw), P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED);
        assert_null(p2p_list_first(&p2p_host_find_conn(w->us.host, node_id(&w->them))->negotiations));
}

static void a_stream_that_names_no_protocol_ends_after_ten_seconds(void **state) {
        say(*state, "", 0);
        check_ten_seconds(*state);
}

static void a_stream_with_half_a_proposal_ends_after_ten_seconds(void **state) {
        say(*state, "\x13/multistream/1.0.0\n\x10/ipfs", 26);
        check_ten_seconds(*state);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(defaults_are_as_documented),
                T(a_stream_that_names_no_protocol_ends_after_ten_seconds),
                T(a_stream_with_half_a_proposal_ends_after_ten_seconds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
