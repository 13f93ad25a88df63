/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Dials of which the network says that nobody is there: real sockets, real ICMP on the loopback. The clock
 * stands still, so that whatever ends here ends at once. */

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "quic/quic-internal.h"
#include "tests/support/node.h"
#include "tests/support/quic-pair.h"

static int send_error; /* of the next calls; 0: the real thing */

ssize_t sendmsg(int fd, const struct msghdr *m, int flags) {
        ssize_t (*real)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, __func__);

        errno = send_error;
        return send_error > 0 ? -1 : real(fd, m, flags);
}

static unsigned sockets_left = UINT32_MAX; /* then no file can be opened any more */

int socket(int family, int type, int protocol) {
        int (*real)(int, int, int) = dlsym(RTLD_NEXT, __func__);

        if (sockets_left == 0) {
                errno = EMFILE;
                return -1;
        }
        sockets_left--;
        return real(family, type, protocol);
}

/* A port of this machine that nobody has, a moment ago at least. */
static unsigned free_port(int family) {
        quic_address a = { .sa.sa_family = (sa_family_t) family };
        quic_udp u;
        int fd;

        if (family == AF_INET)
                a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        else
                a.in6.sin6_addr = in6addr_loopback;
        assert_int_equal(quic_udp_open(&a, &fd), 0);
        assert_int_equal(quic_udp_init(&u, fd), 0);
        close(fd);
        return ntohs(family == AF_INET ? u.bound.in.sin_port : u.bound.in6.sin6_port);
}

static p2p_addr *nobody(const char *ip, int family) {
        p2p_addr *addr;
        char text[128];

        (void) snprintf(text, sizeof(text), "/%s/udp/%u/quic-v1", ip, free_port(family));
        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        return addr;
}

static void dial_nobody(quic_pair *p, const char *ip, int family) {
        p2p_addr *addr = nobody(ip, family);

        quic_end_dial(&p->a, p2p_identity_peer_id(p->b.identity), addr);
        p2p_addr_free(addr);
}

static void a_closed_port_ends_the_dial_at_once(void **state) {
        static const struct { const char *ip; int family; } cases[] = {
                { "ip4/127.0.0.1", AF_INET  },
                { "ip6/::1",       AF_INET6 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                quic_pair p;

                quic_pair_init(&p);
                dial_nobody(&p, cases[i].ip, cases[i].family);
                assert_int_equal(p2p_loop_settle(p.loop), 0);
                assert_true(p.a.done);
                assert_int_equal(p.a.error, -ECONNREFUSED);
                quic_pair_done(&p);
        }
}

/* From one socket: who is connected, and who dials elsewhere, hear nothing of it. */
static void others_of_the_socket_are_not_disturbed(void **state) {
        p2p_channel *near, *far = NULL;
        p2p_session *session;
        uint8_t byte;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        session = p.a.session;
        dial_nobody(&p, "ip4/127.0.0.1", AF_INET);
        assert_int_equal(p2p_loop_settle(p.loop), 0);
        assert_int_equal(p.a.error, -ECONNREFUSED);
        assert_int_equal(session->ops->error(session, NULL), 0);
        quic_pair_stream(&p.a, &p.b, p.loop, &near, &far);

        p.wire.cut = true; /* who answers nothing, and refuses nothing */
        quic_pair_dial(&p);
        dial_nobody(&p, "ip4/127.0.0.1", AF_INET);
        assert_int_equal(p2p_loop_settle(p.loop), 0);
        assert_int_equal(p.a.error, -ECONNREFUSED); /* of the second */
        p.wire.cut = false;
        assert_int_equal(p2p_channel_write(far, "y", 1), 1);
        quic_pair_run(&p, 5 * USEC_PER_SEC);
        assert_int_equal(p2p_channel_read(near, &byte, 1), 1);
        assert_int_not_equal(p.a.error, -ECONNREFUSED); /* of the first: it was answered */
        p2p_channel_free(near);
        p2p_channel_free(far);
        quic_pair_done(&p);
}

/* Anybody can write ICMP: it is believed where nobody has answered, and nowhere else. */
static void who_was_heard_is_not_refused(void **state) {
        p2p_channel *near, *far = NULL;
        quic_conn *c;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        quic_pair_stream(&p.a, &p.b, p.loop, &near, &far);
        c = container_of(p.a.session, quic_conn, session);
        p2p_watch_free(p.wire.near); /* the connection's far side is a closed port now */
        close(p.wire.fd_near);
        assert_int_equal(p2p_channel_write(near, "y", 1), 1);
        quic_pair_run(&p, USEC_PER_SEC);
        assert_int_equal(p.a.session->ops->error(p.a.session, NULL), 0);
        assert_false(c->endpoint->udp.has_errors); /* it was read, and not believed */
        p.wire.near = NULL;
        p.wire.fd_near = -1;
        p2p_channel_free(near);
        p2p_channel_free(far);
        quic_pair_done(&p);
}

/* Even one that says nothing: somebody is there. */
static void one_datagram_is_an_answer(void **state) {
        uint8_t noise[100] = { 0x40 };
        quic_arrival a = {};
        quic_conn *c;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        dial_nobody(&p, "ip4/127.0.0.1", AF_INET);
        c = ((quic_dial *) p.a.dial)->conn;
        a.local = c->local;
        a.remote = c->remote;
        assert_int_equal(quic_conn_receive(c, &a, P2P_VIEW(noise, sizeof(noise))), 0);
        assert_int_equal(p2p_loop_settle(p.loop), 0);
        send_error = ENETUNREACH;
        quic_pair_run(&p, USEC_PER_SEC);
        send_error = 0;
        assert_false(p.a.done);
        quic_pair_done(&p);
}

static void a_route_that_is_gone_ends_the_dial(void **state) {
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_dial(&p);
        send_error = ENETUNREACH;
        assert_int_equal(p2p_loop_settle(p.loop), 0);
        send_error = 0;
        assert_true(p.a.done);
        assert_int_equal(p.a.error, -EHOSTUNREACH); /* as TCP has it */
        quic_pair_done(&p);
}

/* To find the way out takes one for a moment, to take it another. */
static void without_files_it_is_our_quota(void **state) {
        void *unused;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        for (unsigned i = 0; i < 2; i++) {
                sockets_left = i;
                assert_int_equal(p2p_quic_transport.dial(p.a.transport, p2p_identity_peer_id(p.b.identity),
                                                         p.addr, NULL, NULL, &unused),
                                 -ENOBUFS); /* as TCP has it */
        }
        sockets_left = UINT32_MAX;
        quic_pair_connect(&p);
        assert_int_equal(p.a.error, 0);
        quic_pair_done(&p);
}

/* ---- and then */

typedef struct outcome {
        p2p_conn *conn;
        int error;
        bool done;
} outcome;

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        *(outcome *) userdata = (outcome) { conn, error, true };
}

static bool is_done(void *userdata) {
        return ((outcome *) userdata)->done;
}

/* TCP would start 30 ms after QUIC, by a clock that stands still. */
static void the_race_goes_on_to_tcp_at_once(void **state) {
        p2p_addr *addr = nobody("ip4/127.0.0.1", AF_INET);
        outcome result = {};
        p2p_loop *loop;
        p2p_dial *dial;
        node a, b;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        node_start(&a, loop, 1, NULL);
        node_start(&b, loop, 2, NULL);
        node_introduce(&b, &a);
        assert_int_equal(p2p_host_add_addr(a.host, node_id(&b), addr, USEC_INFINITY), 0);
        assert_int_equal(p2p_dial_new(a.host, node_id(&b), USEC_INFINITY, on_dialled, &result, &dial), 0);
        assert_true(loop_until(loop, is_done, &result));
        assert_int_equal(result.error, 0);
        assert_string_equal(p2p_conn_transport(result.conn), "tcp");
        node_stop(&a);
        node_stop(&b);
        p2p_addr_free(addr);
        p2p_loop_free(loop);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_closed_port_ends_the_dial_at_once),
                cmocka_unit_test(others_of_the_socket_are_not_disturbed),
                cmocka_unit_test(who_was_heard_is_not_refused),
                cmocka_unit_test(one_datagram_is_an_answer),
                cmocka_unit_test(a_route_that_is_gone_ends_the_dial),
                cmocka_unit_test(without_files_it_is_our_quota),
                cmocka_unit_test(the_race_goes_on_to_tcp_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
