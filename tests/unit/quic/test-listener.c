/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Listeners: what they share with dials, and who may go before whom. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "quic/quic-internal.h"
#include "tests/support/quic-pair.h"

#define SECOND USEC_PER_SEC

static void a_listener_may_go_before_its_connections(void **state) {
        p2p_channel *near, *far = NULL;
        char addr[P2P_ADDR_TEXT_MAX];
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        p2p_addr_format(p2p_quic_transport.listen_addr(p.b.listener), addr);
        p2p_quic_transport.free_listener(p.b.listener);
        p.b.listener = NULL;
        quic_pair_stream(&p.a, &p.b, p.loop, &near, &far);
        quic_end_listen(&p.b, addr); /* the socket is still there */
        p2p_channel_free(near);
        p2p_channel_free(far);
        quic_pair_done(&p);
}

static void dials_leave_from_the_listeners_port(void **state) {
        char near[P2P_ADDR_TEXT_MAX], seen[P2P_ADDR_TEXT_MAX];
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_end_listen(&p.a, "/ip4/0.0.0.0/udp/0/quic-v1");
        /* no wire */
        quic_end_dial(&p.a, p2p_identity_peer_id(p.b.identity),
                      p2p_quic_transport.listen_addr(p.b.listener));
        quic_pair_run(&p, SECOND);
        assert_int_equal(p.a.error, 0);
        p2p_addr_format(p2p_quic_transport.listen_addr(p.a.listener), near);
        p2p_addr_format(p.b.remote, seen);
        assert_string_equal(strstr(near, "/udp/"), strstr(seen, "/udp/"));
        quic_pair_done(&p);
}

static void the_transport_may_go_first(void **state) {
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        p2p_quic_transport.free_listener(p.b.listener);
        p2p_quic_transport.destroy(p.b.transport);
        assert_int_equal(p.b.session->ops->error(p.b.session, NULL), -ECONNRESET);
        assert_int_equal(p.b.session->ops->rtt(p.b.session), 0);
        p.b.session->ops->set_stream_limit(p.b.session, 5);
        p.b.session->ops->allow_large_windows(p.b.session);
        p.b.session = p2p_session_free(p.b.session);
        p.b.listener = NULL;
        assert_int_equal(p2p_quic_transport.create(
                                 &(p2p_transport_options){ .loop = p.loop, .identity = p.b.identity },
                                 &p.b.transport),
                         0); /* for the pair to end */
        quic_pair_done(&p);
}

/* It had one to tell of. */
static void a_listener_may_go_before_it_is_told(void **state) {
        quic_endpoint *e;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        e = ((quic_listener *) p.b.listener)->endpoint;
        quic_end_dial(&p.a, p2p_identity_peer_id(p.a.identity), p.addr); /* refuses it */
        while (p2p_list_is_empty(&e->failed))
                assert_true(p2p_loop_turn(p.loop, 0) >= 0);
        p2p_quic_transport.free_listener(p.b.listener);
        p.b.listener = NULL;
        assert_int_equal(p2p_loop_settle(p.loop), 0);
        assert_int_equal(p.b.n_failed, 0);
        assert_true(p2p_list_is_empty(&((quic_transport *) p.b.transport)->endpoints));
        quic_pair_done(&p);
}

static void on_event(unsigned events, void *userdata) {
        (void) events;
        *(bool *) userdata = true;
}

/* So it may close it, and what gets its number next is watched like anything. */
static void who_could_not_listen_leaves_the_socket_to_its_owner(void **state) {
        quic_address any = { .in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
        p2p_watch *watch;
        bool came = false;
        p2p_addr *addr;
        void *unused;
        quic_udp udp;
        int fd, next;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        assert_int_equal(p2p_addr_parse("/ip4/127.0.0.1", &addr), 0); /* has no port to be told */
        assert_int_equal(quic_udp_open(&any, &fd), 0);
        assert_true(p2p_quic_transport.listen(p.a.transport, addr, fd, NULL, NULL, &unused) < 0);
        close(fd);
        assert_int_equal(quic_udp_open(&any, &next), 0);
        assert_int_equal(next, fd);
        assert_int_equal(quic_udp_init(&udp, next), 0);
        assert_int_equal(p2p_watch_new(p.loop, next, P2P_READABLE, on_event, &came, &watch), 0);
        assert_int_equal(sendto(next, "x", 1, 0, &udp.bound.sa, sizeof(udp.bound.in)), 1);
        assert_true(p2p_loop_turn(p.loop, 0) >= 0);
        assert_true(p2p_loop_turn(p.loop, 0) >= 0);
        assert_true(came);
        p2p_watch_free(watch);
        close(next);
        p2p_addr_free(addr);
        quic_pair_done(&p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_listener_may_go_before_its_connections),
                cmocka_unit_test(dials_leave_from_the_listeners_port),
                cmocka_unit_test(the_transport_may_go_first),
                cmocka_unit_test(a_listener_may_go_before_it_is_told),
                cmocka_unit_test(who_could_not_listen_leaves_the_socket_to_its_owner),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
