/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Dials that end in other ways than planned, and what is dialled in which order. Mute sockets stand for hosts that never answer. */

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/node.h"

typedef struct world {
        p2p_loop *loop;
        node us;
        int mute; /* accepts by the kernel's backlog, says nothing */
        char mute_addr[64];
        p2p_peer_id a, b;
        p2p_dial *dial;
        bool done;
        int error;
        p2p_conn *conn;
} world;

static void some_peer(uint8_t seed, p2p_peer_id *ret) {
        p2p_identity *identity;
        uint8_t bytes[32];

        memset(bytes, seed, sizeof(bytes));
        assert_int_equal(p2p_identity_from_seed(bytes, &identity), 0);
        *ret = *p2p_identity_peer_id(identity);
        p2p_identity_free(identity);
}

static void listen_mutely(world *w) {
        struct sockaddr_in sa = { .sin_family = AF_INET }; /* any: 127.0.0.2 and so on are mute too */
        socklen_t n = sizeof(sa);

        w->mute = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(w->mute >= 0);
        assert_int_equal(bind(w->mute, (struct sockaddr *) &sa, n), 0);
        assert_int_equal(listen(w->mute, 16), 0);
        assert_int_equal(getsockname(w->mute, (struct sockaddr *) &sa, &n), 0);
        (void) snprintf(w->mute_addr, sizeof(w->mute_addr), "/ip4/127.0.0.1/tcp/%u", ntohs(sa.sin_port));
}

static int setup_with(void **state, int (*loop_new)(p2p_loop **ret)) {
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(loop_new(&w->loop), 0);
        node_start(&w->us, w->loop, 1, NULL);
        listen_mutely(w);
        some_peer(7, &w->a);
        some_peer(8, &w->b);
        *state = w;
        return 0;
}

static int setup(void **state) {
        return setup_with(state, p2p_loop_new);
}

static int setup_manual(void **state) {
        return setup_with(state, p2p_loop_new_manual);
}

static int teardown(void **state) {
        world *w = *state;

        node_stop(&w->us);
        p2p_dial_free(w->dial); /* a handle outlives the host */
        p2p_loop_free(w->loop);
        (void) close(w->mute);
        free(w);
        return 0;
}

static void know(world *w, const p2p_peer_id *peer, const char *text) {
        p2p_addr *addr;

        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        assert_int_equal(p2p_host_add_addr(w->us.host, peer, addr, USEC_INFINITY), 0);
        p2p_addr_free(addr);
}

/* peer is said to be behind relay, which is at the mute address. */
static void know_circuit(world *w, const p2p_peer_id *peer, const p2p_peer_id *relay) {
        char text[P2P_ADDR_TEXT_MAX], id[P2P_PEER_ID_TEXT_MAX];

        (void) snprintf(text, sizeof(text), "/p2p/%s/p2p-circuit", p2p_peer_id_format(relay, id));
        know(w, peer, text);
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        world *w = userdata;

        w->dial = NULL;
        w->conn = conn;
        w->error = error;
        w->done = true;
}

static void dial(world *w, const p2p_peer_id *peer, unsigned seconds) {
        assert_int_equal(p2p_dial_new(w->us.host, peer, seconds * USEC_PER_SEC, on_dialled, w, &w->dial), 0);
}

static bool is_done(void *userdata) {
        return ((world *) userdata)->done;
}

static void a_mute_address_times_out(void **state) {
        world *w = *state;

        know(w, &w->a, w->mute_addr);
        dial(w, &w->a, 60);
        p2p_loop_settle(w->loop);
        p2p_loop_advance(w->loop, 4999 * USEC_PER_MSEC); /* loopback is private: 5 s, not 15 */
        assert_false(w->done);
        p2p_loop_advance(w->loop, 2 * USEC_PER_MSEC);
        assert_true(w->done);
        assert_int_equal(w->error, -ETIMEDOUT);
}

/* More addresses than are dialled at once: the rest waits for one to fail, it does not turn the loop. */
static void waiting_addresses_do_not_spin(void **state) {
        world *w = *state;
        char text[64];

        for (unsigned i = 1; i <= 12; i++) {
                (void) snprintf(text, sizeof(text), "/ip4/127.0.0.%u%s", i, strstr(w->mute_addr, "/tcp/"));
                know(w, &w->a, text);
        }
        dial(w, &w->a, 60);
        assert_int_equal(p2p_loop_settle(w->loop), 0);
        p2p_loop_advance(w->loop, 5501 * USEC_PER_MSEC); /* eight are given up, the other four begin */
        assert_false(w->done);
        p2p_loop_advance(w->loop, 5001 * USEC_PER_MSEC);
        assert_true(w->done);
        assert_int_equal(w->error, -ETIMEDOUT);
}

static void the_callers_patience_counts(void **state) {
        world *w = *state;

        know(w, &w->a, w->mute_addr);
        dial(w, &w->a, 2);
        p2p_loop_settle(w->loop);
        p2p_loop_advance(w->loop, 1999 * USEC_PER_MSEC);
        assert_false(w->done);
        p2p_loop_advance(w->loop, 2 * USEC_PER_MSEC);
        assert_int_equal(w->error, -ETIMEDOUT);
}

static void a_freed_dial_is_never_told(void **state) {
        world *w = *state;

        know(w, &w->a, w->mute_addr);
        dial(w, &w->a, 2);
        p2p_loop_settle(w->loop);
        w->dial = p2p_dial_free(w->dial);
        p2p_loop_advance(w->loop, 60 * USEC_PER_SEC);
        assert_false(w->done);
}

static void nobody_dials_himself(void **state) {
        world *w = *state;

        assert_int_equal(p2p_dial_new(w->us.host, node_id(&w->us), USEC_PER_SEC, on_dialled, w, &w->dial), -EINVAL);
}

static void what_we_cannot_dial_is_unreachable(void **state) {
        world *w = *state;

        know(w, &w->a, "/ip4/127.0.0.1/udp/4001/quic");
        know(w, &w->a, "/ip4/127.0.0.1/udp/4001/webrtc-direct");
        dial(w, &w->a, 60);
        p2p_loop_settle(w->loop);
        assert_true(w->done);
        assert_int_equal(w->error, -EHOSTUNREACH);
}

static void a_transport_may_go_while_it_dials(void **state) {
        world *w = *state;

        know(w, &w->b, w->mute_addr);
        know_circuit(w, &w->a, &w->b);
        dial(w, &w->a, 60);
        p2p_loop_settle(w->loop);
        w->us.circuit = p2p_circuit_free(w->us.circuit);
        p2p_loop_settle(w->loop);
        assert_true(w->done);
        assert_int_equal(w->error, -EHOSTUNREACH);
}

static void a_host_may_go_while_a_circuit_is_dialled(void **state) {
        world *w = *state;

        know(w, &w->b, w->mute_addr);
        know_circuit(w, &w->a, &w->b);
        dial(w, &w->a, 60);
        p2p_loop_settle(w->loop); /* the teardown frees all of it */
        assert_false(w->done);
}

static void a_peer_behind_itself_is_unreachable(void **state) {
        world *w = *state;

        know_circuit(w, &w->a, &w->a);
        dial(w, &w->a, 10);
        p2p_loop_settle(w->loop);
        p2p_loop_advance(w->loop, 60 * USEC_PER_SEC);
        assert_true(w->done);
        assert_int_equal(w->error, -EHOSTUNREACH);
}

static void relays_behind_each_other_are_unreachable(void **state) {
        world *w = *state;

        know_circuit(w, &w->a, &w->b);
        know_circuit(w, &w->b, &w->a);
        dial(w, &w->a, 10);
        p2p_loop_settle(w->loop);
        assert_true(w->done);
        assert_int_equal(w->error, -EHOSTUNREACH);
        p2p_loop_advance(w->loop, 60 * USEC_PER_SEC);
}

static void free_the_dial(p2p_conn *conn _unused_, void *userdata) {
        world *w = userdata;

        w->dial = p2p_dial_free(w->dial);
}

static bool is_opened(void *userdata) {
        return ((world *) userdata)->us.n_opened > 0;
}

static void a_dial_may_be_freed_when_its_connection_opens(void **state) {
        world *w = *state;
        node other;

        node_start(&other, w->loop, 3, NULL);
        node_introduce(&other, &w->us);
        w->us.opened = free_the_dial;
        w->us.userdata = w;
        dial(w, node_id(&other), 5);
        assert_true(loop_until(w->loop, is_opened, w));
        assert_false(w->done);
        assert_non_null(p2p_host_find_conn(w->us.host, node_id(&other)));
        node_stop(&other);
}

static void the_working_address_wins(void **state) {
        world *w = *state;
        node other;

        node_start(&other, w->loop, 3, NULL);
        know(w, node_id(&other), "/ip4/127.0.0.1/tcp/1");
        know(w, node_id(&other), w->mute_addr);
        node_introduce(&other, &w->us);
        dial(w, node_id(&other), 5);
        assert_true(loop_until(w->loop, is_done, w));
        assert_int_equal(w->error, 0);
        assert_true(p2p_addr_equal(p2p_conn_remote(w->conn), p2p_host_listen_addr(other.host, 0)));
        assert_int_equal(w->us.n_opened, 1);
        node_stop(&other);
}

static void a_name_is_looked_up_and_dialled(void **state) {
        world *w = *state;
        p2p_addr_component port;
        char text[64];
        node other;

        node_start(&other, w->loop, 3, NULL);
        assert_true(p2p_addr_component_at(p2p_host_listen_addr(other.host, 0), 1, &port));
        (void) snprintf(text, sizeof(text), "/dns4/localhost/tcp/%u", port.value.data[0] << 8 | port.value.data[1]);
        know(w, node_id(&other), text);
        dial(w, node_id(&other), 5);
        assert_true(loop_until(w->loop, is_done, w));
        assert_int_equal(w->error, 0);
        node_stop(&other);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define M(f) cmocka_unit_test_setup_teardown(f, setup_manual, teardown)
        static const struct CMUnitTest tests[] = {
                M(a_mute_address_times_out),
                M(waiting_addresses_do_not_spin),
                M(the_callers_patience_counts),
                M(a_freed_dial_is_never_told),
                M(nobody_dials_himself),
                M(what_we_cannot_dial_is_unreachable),
                M(a_transport_may_go_while_it_dials),
                M(a_host_may_go_while_a_circuit_is_dialled),
                M(a_peer_behind_itself_is_unreachable),
                M(relays_behind_each_other_are_unreachable),
                T(a_dial_may_be_freed_when_its_connection_opens),
                T(the_working_address_wins),
                T(a_name_is_looked_up_and_dialled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
