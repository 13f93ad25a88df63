/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two real hosts over loopback TCP: dialling, the gater, streams and their refusal, limits. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/host-internal.h"
#include "secure/secure.h"
#include "tests/support/node.h"

typedef struct world {
        p2p_loop *loop;
        node a, b;
        p2p_conn *conn;
        p2p_stream *stream, *inbound;
        bool done;
        int error;
        unsigned n_done;
} world;

static bool is_done(void *userdata) {
        return ((world *) userdata)->done;
}

static bool both_identified(void *userdata) {
        world *w = userdata;

        return w->a.n_identified > 0 && w->b.n_identified > 0;
}

static bool b_lost_one(void *userdata) {
        return ((world *) userdata)->b.n_closed > 0;
}

static bool has_inbound(void *userdata) {
        return ((world *) userdata)->inbound;
}

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(p2p_loop_new(&w->loop), 0);
        node_start(&w->a, w->loop, 1, NULL);
        node_start(&w->b, w->loop, 2, NULL);
        node_introduce(&w->a, &w->b);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        p2p_stream_free(w->stream);
        p2p_stream_free(w->inbound);
        node_stop(&w->a);
        node_stop(&w->b);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        world *w = userdata;

        w->conn = conn;
        w->error = error;
        w->n_done++;
        w->done = true;
}

static void on_opened(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        world *w = userdata;

        w->stream = stream;
        w->error = error;
        w->done = true;
}

static void on_stream(p2p_stream *stream, void *userdata) {
        ((world *) userdata)->inbound = stream;
}

static void connect_b_to_a(world *w) {
        p2p_dial *dial;

        w->done = false;
        assert_int_equal(p2p_dial_new(w->b.host, node_id(&w->a), 5 * USEC_PER_SEC, on_dialled, w, &dial), 0);
        assert_true(loop_until(w->loop, is_done, w));
        w->done = false;
}

static void open_b_to_a(world *w, const char *protocol, bool confirm) {
        p2p_open_options options = { .timeout_usec = 5 * USEC_PER_SEC, .confirm = confirm };
        p2p_open *open;

        w->done = false;
        assert_int_equal(p2p_open_new(w->b.host, node_id(&w->a), protocol, &options, on_opened, w, &open), 0);
        assert_true(loop_until(w->loop, is_done, w));
        w->done = false;
}

static void a_dial_proves_and_identifies_both_ends(void **state) {
        world *w = *state;

        connect_b_to_a(w);
        assert_int_equal(w->error, 0);
        assert_non_null(w->conn);
        assert_true(p2p_peer_id_equal(p2p_conn_peer(w->conn), node_id(&w->a)));
        assert_string_equal(p2p_conn_security(w->conn), p2p_tls_is_fast() ? "/tls/1.0.0" : "/noise");
        assert_string_equal(peerstore_security(w->b.host, node_id(&w->a)), p2p_conn_security(w->conn));
        assert_null(peerstore_security(w->a.host, node_id(&w->b))); /* who dialled in is nobody to dial */
        assert_string_equal(p2p_conn_muxer(w->conn), "/yamux/1.0.0");
        assert_true(loop_until(w->loop, both_identified, w));
        assert_string_equal(p2p_conn_agent(w->conn), "test/1");
        assert_true(p2p_conn_supports(w->conn, P2P_PING_PROTOCOL));
        assert_false(p2p_conn_supports(w->conn, "/no/such"));
        assert_false(p2p_conn_is_limited(w->conn));
}

static void waiters_share_one_dial(void **state) {
        world *w = *state;
        p2p_dial *first, *second, *third;

        assert_int_equal(p2p_dial_new(w->b.host, node_id(&w->a), 5 * USEC_PER_SEC, on_dialled, w, &first), 0);
        assert_int_equal(p2p_dial_new(w->b.host, node_id(&w->a), 5 * USEC_PER_SEC, on_dialled, w, &second), 0);
        assert_int_equal(p2p_dial_new(w->b.host, node_id(&w->a), 5 * USEC_PER_SEC, on_dialled, w, &third), 0);
        p2p_dial_free(second); /* never told */
        assert_true(loop_until(w->loop, is_done, w));
        assert_int_equal(w->n_done, 2);
        assert_int_equal(w->b.n_opened, 1);
}

static void another_peer_at_the_address_is_refused(void **state) {
        world *w = *state;
        p2p_dial *dial;
        node c;

        node_start(&c, w->loop, 3, &(node_options){ .silent = true });
        /* Where a listens, c is said to be. */
        assert_int_equal(p2p_host_add_addr(w->b.host, node_id(&c), p2p_host_listen_addr(w->a.host, 0), USEC_INFINITY), 0);
        assert_int_equal(p2p_dial_new(w->b.host, node_id(&c), 5 * USEC_PER_SEC, on_dialled, w, &dial), 0);
        assert_true(loop_until(w->loop, is_done, w));
        assert_int_equal(w->error, -EKEYREJECTED);
        assert_null(w->conn);
        node_stop(&c);
}

static void a_peer_without_address_is_unreachable(void **state) {
        world *w = *state;
        p2p_dial *dial;

        assert_int_equal(p2p_dial_new(w->a.host, node_id(&w->b), 5 * USEC_PER_SEC, on_dialled, w, &dial), 0);
        assert_true(loop_until(w->loop, is_done, w));
        assert_int_equal(w->error, -EHOSTUNREACH);
}

static void a_closed_port_is_refused_at_once(void **state) {
        p2p_addr *addr;
        world *w = *state;
        p2p_dial *dial;

        p2p_host_forget_addrs(w->b.host, node_id(&w->a));
        assert_int_equal(p2p_addr_parse("/ip4/127.0.0.1/tcp/1", &addr), 0);
        assert_int_equal(p2p_host_add_addr(w->b.host, node_id(&w->a), addr, USEC_INFINITY), 0);
        p2p_addr_free(addr);
        assert_int_equal(p2p_dial_new(w->b.host, node_id(&w->a), 5 * USEC_PER_SEC, on_dialled, w, &dial), 0);
        assert_true(loop_until(w->loop, is_done, w));
        assert_int_equal(w->error, -ECONNREFUSED);
}

static void a_refused_peer_is_told_why(void **state) {
        world *w = *state;

        w->a.refuse_all = true;
        connect_b_to_a(w);
        assert_true(loop_until(w->loop, b_lost_one, w));
        assert_int_equal(w->b.close_code, P2P_CONN_GATED);
        assert_int_equal(w->a.n_opened, 0);
        assert_int_equal(w->a.n_refused, 1);
}

static void a_stream_carries_bytes_both_ways(void **state) {
        world *w = *state;
        char buffer[16];
        ssize_t n = -EAGAIN;

        assert_int_equal(p2p_host_handle(w->a.host, "/test/1", on_stream, w), 0);
        open_b_to_a(w, "/test/1", false);
        assert_int_equal(w->error, 0);
        assert_int_equal(p2p_channel_write(p2p_stream_channel(w->stream), "hello", 5), 5);
        assert_true(loop_until(w->loop, has_inbound, w));
        assert_true(p2p_peer_id_equal(p2p_stream_peer(w->inbound), node_id(&w->b)));
        assert_string_equal(p2p_stream_protocol(w->inbound), "/test/1");

        for (unsigned i = 0; i < 100 && n == -EAGAIN; i++) {
                n = p2p_channel_read(p2p_stream_channel(w->inbound), buffer, sizeof(buffer));
                (void) p2p_loop_turn(w->loop, 10 * USEC_PER_MSEC);
        }
        assert_int_equal(n, 5);
        assert_memory_equal(buffer, "hello", 5);
        assert_int_equal(p2p_channel_write(p2p_stream_channel(w->inbound), "world", 5), 5);
        n = -EAGAIN;
        for (unsigned i = 0; i < 100 && n == -EAGAIN; i++) {
                n = p2p_channel_read(p2p_stream_channel(w->stream), buffer, sizeof(buffer));
                (void) p2p_loop_turn(w->loop, 10 * USEC_PER_MSEC);
        }
        assert_int_equal(n, 5);
        assert_memory_equal(buffer, "world", 5);
}

static void an_unknown_protocol_is_refused_when_confirmed(void **state) {
        world *w = *state;

        open_b_to_a(w, "/no/such", true);
        assert_int_equal(w->error, -EPROTONOSUPPORT);
        assert_null(w->stream);
}

static void a_stream_outlives_its_connection(void **state) {
        world *w = *state;
        char c;

        assert_int_equal(p2p_host_handle(w->a.host, "/test/1", on_stream, w), 0);
        open_b_to_a(w, "/test/1", true);
        assert_int_equal(w->error, 0);
        p2p_host_close_peer(w->b.host, node_id(&w->a), P2P_CONN_SHUTDOWN);
        assert_true(loop_until(w->loop, b_lost_one, w));
        assert_null(p2p_stream_conn(w->stream));
        assert_int_equal(p2p_channel_read(p2p_stream_channel(w->stream), &c, 1), -ECONNRESET);
        assert_int_equal(p2p_channel_write(p2p_stream_channel(w->stream), "x", 1), -ECONNRESET);
}

static void handlers_are_limited_and_named_once(void **state) {
        world *w = *state;
        char name[32];
        unsigned n = 0;
        int r = 0;

        assert_int_equal(p2p_host_handle(w->a.host, "/test/1", on_stream, w), 0);
        assert_int_equal(p2p_host_handle(w->a.host, "/test/1", on_stream, w), -EEXIST);
        assert_int_equal(p2p_host_handle(w->a.host, "test", on_stream, w), -EINVAL);
        for (; r == 0; n++) {
                (void) snprintf(name, sizeof(name), "/many/%u", n);
                r = p2p_host_handle(w->a.host, name, on_stream, w);
        }
        assert_int_equal(r, -ENOBUFS);
        assert_in_range(n, 100, 120); /* beside the node's own */
        p2p_host_unhandle(w->a.host, "/test/1");
        assert_int_equal(p2p_host_handle(w->a.host, "/again/1", on_stream, w), 0);
}

static void sixteen_listeners_are_enough(void **state) {
        world *w = *state;
        p2p_addr *addr;

        assert_int_equal(p2p_addr_parse("/ip4/127.0.0.1/tcp/0", &addr), 0);
        for (unsigned i = 1; i < 17; i++) /* the node has one */
                assert_int_equal(p2p_host_listen(w->a.host, addr), i < 16 ? 0 : -ENOBUFS);
        p2p_addr_free(addr);
}

static void connections_per_peer_are_limited(void **state) {
        p2p_host_limits limits = P2P_HOST_LIMITS_DEFAULT;
        world *w = *state;
        node c;

        limits.conns_per_peer = 0;
        node_start(&c, w->loop, 4, &(node_options){ .limits = &limits });
        node_introduce(&c, &w->b);
        {
                p2p_dial *dial;

                assert_int_equal(p2p_dial_new(w->b.host, node_id(&c), 5 * USEC_PER_SEC, on_dialled, w, &dial), 0);
                assert_true(loop_until(w->loop, is_done, w));
                assert_true(loop_until(w->loop, b_lost_one, w));
                assert_int_equal(w->b.close_code, P2P_CONN_RESOURCE_LIMIT_EXCEEDED);
        }
        node_stop(&c);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(a_dial_proves_and_identifies_both_ends),
                T(waiters_share_one_dial),
                T(another_peer_at_the_address_is_refused),
                T(a_peer_without_address_is_unreachable),
                T(a_closed_port_is_refused_at_once),
                T(a_refused_peer_is_told_why),
                T(a_stream_carries_bytes_both_ways),
                T(an_unknown_protocol_is_refused_when_confirmed),
                T(a_stream_outlives_its_connection),
                T(handlers_are_limited_and_named_once),
                T(sixteen_listeners_are_enough),
                T(connections_per_peer_are_limited),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
