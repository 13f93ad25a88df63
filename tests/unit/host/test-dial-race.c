/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is dialled when, on a network that the test plays: the far side of every dial is its own. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/host-internal.h"
#include "tests/support/fake-net.h"
#include "tests/support/node.h"

#define QUIC "/ip4/45.79.0.1/udp/1/quic-v1"
#define TCP "/ip4/45.79.0.1/tcp/1"

typedef struct world {
        p2p_loop *loop;
        node us;
        fake_net net;
        p2p_peer_id peer;
        p2p_dial *dial;
        unsigned n_done;
        int error;
        p2p_conn *conn;
} world;

static p2p_peer_id some_peer(uint8_t seed) {
        p2p_identity *identity;
        p2p_peer_id peer;
        uint8_t bytes[32];

        memset(bytes, seed, sizeof(bytes));
        assert_int_equal(p2p_identity_from_seed(bytes, &identity), 0);
        peer = *p2p_identity_peer_id(identity);
        p2p_identity_free(identity);
        return peer;
}

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->us, w->loop, 1, NULL);
        fake_net_init(&w->net, w->loop, w->us.host);
        w->peer = some_peer(2);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        p2p_dial_free(w->dial);
        node_stop(&w->us);
        p2p_loop_free(w->loop);
        assert_int_equal(w->net.n_in_flight, 0);
        free(w);
        return 0;
}

static void know_for(world *w, const p2p_peer_id *peer, const char *text, uint64_t ttl_usec) {
        p2p_addr *addr;

        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        assert_int_equal(p2p_host_add_addr(w->us.host, peer, addr, ttl_usec), 0);
        p2p_addr_free(addr);
}

static void know(world *w, const p2p_peer_id *peer, const char *text) {
        know_for(w, peer, text, USEC_INFINITY);
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        world *w = userdata;

        w->dial = NULL;
        w->conn = conn;
        w->error = error;
        w->n_done++;
}

static void dial(world *w) {
        assert_int_equal(p2p_dial_new(w->us.host, &w->peer, 60 * USEC_PER_SEC, on_dialled, w, &w->dial), 0);
        p2p_loop_settle(w->loop);
}

static void wait_msec(world *w, unsigned msec) {
        p2p_loop_advance(w->loop, msec * USEC_PER_MSEC);
}

/* All of it comes to nothing. */
static void fail_all(world *w) {
        fake_dial *d;

        while ((d = fake_find(&w->net, NULL))) {
                fake_fail(d, -ETIMEDOUT);
                p2p_loop_settle(w->loop);
        }
}

static void quic_has_a_head_start(void **state) {
        world *w = *state;

        know(w, &w->peer, TCP);
        know(w, &w->peer, QUIC);
        dial(w);
        assert_int_equal(w->net.n_started, 1);
        assert_non_null(fake_find(&w->net, QUIC));
        wait_msec(w, 249);
        assert_int_equal(w->net.n_started, 1);
        wait_msec(w, 1);
        assert_non_null(fake_find(&w->net, TCP));
}

static void the_next_need_not_wait_for_the_dead(void **state) {
        world *w = *state;

        know(w, &w->peer, TCP);
        know(w, &w->peer, QUIC);
        dial(w);
        fake_fail(fake_find(&w->net, QUIC), -EHOSTUNREACH);
        assert_non_null(fake_find(&w->net, TCP));
}

static void the_first_wins_and_the_others_are_cancelled(void **state) {
        world *w = *state;

        know(w, &w->peer, TCP);
        know(w, &w->peer, QUIC);
        dial(w);
        wait_msec(w, 250);
        (void) fake_answer(fake_find(&w->net, TCP));
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, 0);
        assert_string_equal(p2p_conn_transport(w->conn), "fake");
        assert_string_equal(p2p_conn_security(w->conn), "/fake");
        assert_int_equal(w->net.n_cancelled, 1);
        assert_int_equal(w->net.n_in_flight, 0);
        assert_int_equal(w->us.n_opened, 1);
}

static void who_is_connected_is_given_half_a_second(void **state) {
        world *w = *state;
        p2p_channel *far;

        know(w, &w->peer, "/ip4/45.79.0.1/tcp/1");
        know(w, &w->peer, "/ip4/45.79.0.1/tcp/2");
        know(w, &w->peer, "/ip4/45.79.0.1/tcp/3");
        dial(w);
        wait_msec(w, 200);
        far = fake_connect(fake_find(&w->net, TCP)); /* and says nothing */
        wait_msec(w, 499);
        assert_int_equal(w->net.n_started, 1);
        wait_msec(w, 1);
        assert_int_equal(w->net.n_started, 3);
        p2p_channel_free(far);
}

static void who_breaks_in_the_handshake_is_given_no_more(void **state) {
        world *w = *state;

        know(w, &w->peer, "/ip4/45.79.0.1/tcp/1");
        know(w, &w->peer, "/ip4/45.79.0.1/tcp/2");
        dial(w);
        p2p_channel_free(fake_connect(fake_find(&w->net, TCP)));
        p2p_loop_settle(w->loop);
        assert_int_equal(w->net.n_started, 2);
        assert_int_equal(w->us.host->n_dial_fds, 1);
}

static void another_peer_than_expected_is_refused(void **state) {
        world *w = *state;
        fake_dial *d;

        know(w, &w->peer, QUIC);
        dial(w);
        d = fake_find(&w->net, QUIC);
        d->peer = some_peer(9);
        (void) fake_answer(d);
        assert_int_equal(w->error, -EKEYREJECTED);
        assert_int_equal(w->us.n_opened, 0);
        assert_true(p2p_list_is_empty(&w->net.sessions));
}

static void eight_at_a_time(void **state) {
        world *w = *state;
        char text[64];

        for (unsigned i = 1; i <= 12; i++) {
                (void) snprintf(text, sizeof(text), "/ip4/45.79.0.1/tcp/%u", i);
                know(w, &w->peer, text);
        }
        dial(w);
        wait_msec(w, 2000);
        assert_int_equal(w->net.n_in_flight, 8);
        fake_fail(fake_find(&w->net, NULL), -ECONNREFUSED);
        assert_int_equal(w->net.n_in_flight, 8);
        assert_int_equal(w->net.n_started, 9);
}

static void ignore(p2p_conn *conn _unused_, int error _unused_, void *userdata) {
        *(p2p_dial **) userdata = NULL;
}

/* 25 peers with 8 addresses each: 160 sockets. QUIC has one socket for all, and goes on. */
static void sockets_are_limited_in_all(void **state) {
        world *w = *state;
        p2p_dial *dials[25];
        p2p_peer_id peer;
        char text[64];

        for (unsigned p = 0; p < 25; p++) {
                peer = some_peer((uint8_t) (100 + p));
                for (unsigned i = 1; i <= 8; i++) {
                        (void) snprintf(text, sizeof(text), "/ip4/45.79.1.%u/tcp/%u", p, i);
                        know(w, &peer, text);
                }
                assert_int_equal(
                        p2p_dial_new(w->us.host, &peer, 60 * USEC_PER_SEC, ignore, &dials[p], &dials[p]), 0);
        }
        p2p_loop_settle(w->loop);
        wait_msec(w, 2000);
        assert_int_equal(w->net.n_in_flight, 160);
        know(w, &w->peer, QUIC);
        dial(w);
        assert_non_null(fake_find(&w->net, QUIC));
        fake_fail(fake_find(&w->net, NULL), -ECONNREFUSED);
        p2p_loop_settle(w->loop);
        assert_int_equal(w->net.n_in_flight, 161);
        dials[0] = p2p_dial_free(dials[0]); /* its sockets go to those who wait */
        p2p_loop_settle(w->loop);
        assert_int_equal(w->net.n_in_flight, 161);
        assert_int_equal(w->us.host->n_dial_fds, 160);
        for (unsigned p = 0; p < 25; p++)
                p2p_dial_free(dials[p]);
        assert_int_equal(w->us.host->n_dial_fds, 0);
}

static void what_failed_lately_comes_last(void **state) {
        world *w = *state;

        know(w, &w->peer, QUIC);
        dial(w);
        fail_all(w);
        assert_int_equal(w->error, -ETIMEDOUT);
        know(w, &w->peer, TCP);
        dial(w);
        assert_non_null(fake_find(&w->net, TCP));
        assert_null(fake_find(&w->net, QUIC));
        wait_msec(w, 1000);
        assert_non_null(fake_find(&w->net, QUIC));
        fail_all(w);
        wait_msec(w, 6000); /* the second failure of QUIC */
        dial(w);
        assert_non_null(fake_find(&w->net, QUIC));
}

static void what_failed_lately_goes_at_once_if_it_is_all_there_is(void **state) {
        world *w = *state;

        know(w, &w->peer, TCP);
        for (unsigned i = 1; i <= 10; i++) {
                dial(w);
                assert_int_equal(w->net.n_started, i);
                fail_all(w);
        }
}

static void a_success_forgives(void **state) {
        world *w = *state;

        know(w, &w->peer, QUIC);
        know(w, &w->peer, TCP);
        dial(w);
        fake_fail(fake_find(&w->net, QUIC), -ETIMEDOUT);
        (void) fake_answer(fake_find(&w->net, TCP));
        p2p_conn_close(w->conn, 0);
        p2p_loop_settle(w->loop);
        dial(w);
        assert_non_null(fake_find(&w->net, QUIC));
}

static void a_new_network_forgives(void **state) {
        world *w = *state;

        know(w, &w->peer, QUIC);
        know(w, &w->peer, TCP);
        dial(w);
        fake_fail(fake_find(&w->net, QUIC), -ETIMEDOUT);
        w->dial = p2p_dial_free(w->dial);
        p2p_task_post(&w->us.host->network_changed);
        p2p_loop_settle(w->loop);
        dial(w);
        assert_non_null(fake_find(&w->net, QUIC));
}

/* A firewall that drops UDP: TCP wins each time, with a quarter of a second lost, until that is
 * understood. */
static void udp_that_never_works_is_left_for_later(void **state) {
        world *w = *state;

        know(w, &w->peer, QUIC);
        know(w, &w->peer, TCP);
        for (unsigned i = 0; i < 16; i++) {
                dial(w);
                assert_non_null(fake_find(&w->net, QUIC));
                wait_msec(w, 250);
                (void) fake_answer(fake_find(&w->net, TCP));
                p2p_conn_close(w->conn, 0);
                p2p_loop_settle(w->loop);
        }
        dial(w);
        assert_null(fake_find(&w->net, QUIC));
        assert_non_null(fake_find(&w->net, TCP));
        wait_msec(w, 1000);
        (void) fake_answer(fake_find(&w->net, QUIC));
        p2p_conn_close(w->conn, 0);
        p2p_loop_settle(w->loop);
        dial(w);
        assert_non_null(fake_find(&w->net, QUIC)); /* and it is not forgotten that it worked */
}

/* A private network says nothing of the Internet. */
static void private_addresses_dig_no_black_hole(void **state) {
        world *w = *state;

        know(w, &w->peer, "/ip4/10.200.0.1/udp/1/quic-v1");
        for (unsigned i = 0; i < 20; i++) {
                dial(w);
                fail_all(w);
        }
        assert_int_equal(w->us.host->udp.n_failed, 0);
}

static void know_circuits(world *w, const p2p_peer_id *relay, unsigned n, uint64_t ttl_usec) {
        char text[256], id[P2P_PEER_ID_TEXT_MAX];

        for (unsigned port = 1; port <= n; port++) {
                (void) snprintf(text, sizeof(text), "/ip4/45.79.0.7/tcp/%u/p2p/%s/p2p-circuit", port,
                                p2p_peer_id_format(relay, id));
                know_for(w, &w->peer, text, ttl_usec);
        }
}

static void one_circuit_per_relay(void **state) {
        world *w = *state;
        p2p_peer_id relay = some_peer(7);

        know_circuits(w, &relay, 2, USEC_INFINITY);
        dial(w);
        wait_msec(w, 3000);
        assert_int_equal(w->net.n_started, 1);
}

/* While what else is in flight may lead nowhere for long: a relay that restarts is back in a second. */
static void a_circuit_that_failed_is_tried_again(void **state) {
        p2p_peer_id relay = some_peer(7);
        char circuit[256], id[P2P_PEER_ID_TEXT_MAX];
        world *w = *state;
        p2p_addr *addr;

        know(w, &w->peer, TCP);
        know_circuits(w, &relay, 1, USEC_INFINITY);
        (void) snprintf(circuit, sizeof(circuit), "/ip4/45.79.0.7/tcp/1/p2p/%s/p2p-circuit",
                        p2p_peer_id_format(&relay, id));
        dial(w);
        wait_msec(w, 2000);
        assert_int_equal(w->net.n_started, 2);
        fake_fail(fake_find(&w->net, circuit), -ECONNREFUSED);
        wait_msec(w, 999);
        assert_int_equal(w->net.n_started, 2);
        wait_msec(w, 1);
        assert_int_equal(w->net.n_started, 3);
        fake_fail(fake_find(&w->net, circuit), -EHOSTUNREACH);
        wait_msec(w, 1000);
        assert_non_null(fake_find(&w->net, circuit));

        fake_fail(fake_find(&w->net, circuit), -ECONNREFUSED);
        fake_fail(fake_find(&w->net, TCP), -ETIMEDOUT); /* nothing else is in flight: that was it */
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, -ECONNREFUSED);
        assert_int_equal(w->net.n_started, 4);

        /* And one failure, as of any other address: the pause is over when that of the first is. */
        wait_msec(w, 3000);
        assert_int_equal(p2p_addr_parse(circuit, &addr), 0);
        assert_false(backoff_is_on(&w->us.host->backoff, &w->peer, addr, p2p_loop_now(w->loop)));
        p2p_addr_free(addr);
}

static void sixty_four_addresses_take_part(void **state) {
        world *w = *state;
        char text[64];

        w->us.host->limits.addrs_per_peer = 70;
        for (unsigned port = 1; port <= 70; port++) {
                (void) snprintf(text, sizeof(text), "/ip4/45.79.0.1/tcp/%u", port);
                know(w, &w->peer, text);
        }
        dial(w);
        fail_all(w);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->net.n_started, 64);
}

/* The relay's other address goes to its place in the peerstore, which is full: it forgets whom we dial. */
static void a_full_store_takes_no_address_from_a_dial(void **state) {
        world *w = *state;
        p2p_peer_id relay = some_peer(7);

        w->us.host->limits.peers_stored = 1;
        know_circuits(w, &relay, 2, USEC_PER_MINUTE);
        know_for(w, &w->peer, TCP, USEC_PER_MINUTE);
        dial(w);
        wait_msec(w, 3000);
        assert_int_equal(w->net.n_started, 2);
        assert_non_null(fake_find(&w->net, TCP));
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(quic_has_a_head_start),
                T(the_next_need_not_wait_for_the_dead),
                T(the_first_wins_and_the_others_are_cancelled),
                T(who_is_connected_is_given_half_a_second),
                T(who_breaks_in_the_handshake_is_given_no_more),
                T(another_peer_than_expected_is_refused),
                T(eight_at_a_time),
                T(sockets_are_limited_in_all),
                T(what_failed_lately_comes_last),
                T(what_failed_lately_goes_at_once_if_it_is_all_there_is),
                T(a_success_forgives),
                T(a_new_network_forgives),
                T(udp_that_never_works_is_left_for_later),
                T(private_addresses_dig_no_black_hole),
                T(one_circuit_per_relay),
                T(a_circuit_that_failed_is_tried_again),
                T(sixty_four_addresses_take_part),
                T(a_full_store_takes_no_address_from_a_dial),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
