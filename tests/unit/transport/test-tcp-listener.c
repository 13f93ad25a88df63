/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Listeners: where they are bound, when they accept, and life without file descriptors. */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/tcp.h"

#define CLIENTS_MAX 160u

typedef struct fixture {
        p2p_loop *loop;
        p2p_tcp_listener *listener;
        unsigned n_accepted, free_at, n_notes;
        p2p_channel *channels[CLIENTS_MAX];
        p2p_addr *remote; /* of the last one */
        int clients[CLIENTS_MAX];
        unsigned n_clients;
} fixture;

static void on_accept(p2p_channel *channel, p2p_addr *remote, void *userdata) {
        fixture *f = userdata;

        assert_true(f->n_accepted < CLIENTS_MAX);
        f->channels[f->n_accepted++] = channel;
        p2p_addr_free(f->remote);
        f->remote = remote;
        if (f->n_accepted == f->free_at)
                f->listener = p2p_tcp_listener_free(f->listener);
}

static int listen_at(fixture *f, const char *text, p2p_tcp_listener **ret) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;

        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        return p2p_tcp_listener_new(f->loop, addr, on_accept, f, ret);
}

static int setup(void **state) {
        fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        assert_int_equal(listen_at(f, "/ip4/127.0.0.1/tcp/0", &f->listener), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        fixture *f = *state;

        for (unsigned i = 0; i < f->n_accepted; i++)
                p2p_channel_free(f->channels[i]);
        for (unsigned i = 0; i < f->n_clients; i++)
                close(f->clients[i]);
        p2p_addr_free(f->remote);
        p2p_tcp_listener_free(f->listener);
        p2p_loop_free(f->loop);
        free(f);
        return 0;
}

static int connect_to(const p2p_tcp_listener *listener) {
        struct sockaddr_storage sa;
        socklen_t n;
        int fd;

        assert_int_equal(p2p_addr_to_tcp(p2p_tcp_listener_addr(listener), &sa, &n), 0);
        fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *) &sa, n), 0);
        return fd;
}

static void connect_many(fixture *f, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                f->clients[f->n_clients++] = connect_to(f->listener);
}

static void a_connection_comes_with_its_remote_address(void **state) {
        fixture *f = *state;
        struct sockaddr_storage sa, client;
        socklen_t n, n_client = sizeof(client);
        char c;

        connect_many(f, 1);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->n_accepted, 1);
        assert_int_equal(getsockname(f->clients[0], (struct sockaddr *) &client, &n_client), 0);
        assert_int_equal(p2p_addr_to_tcp(f->remote, &sa, &n), 0);
        assert_memory_equal(&sa, &client, sizeof(struct sockaddr_in) - 8);
        assert_int_equal(p2p_channel_write(f->channels[0], "x", 1), 1);
        assert_int_equal(recv(f->clients[0], &c, 1, 0), 1);
}

static void addresses_are_bound_or_refused(void **state) {
        static const struct { const char *addr; int expect; } cases[] = {
                { "/ip4/127.0.0.1/tcp/0",         0             },
                { "/ip4/0.0.0.0/tcp/0",           0             },
                { "/ip6/::1/tcp/0",               0             },
                { "/ip6/::/tcp/0",                0             },
                { "/ip4/192.0.2.1/tcp/0",         -EADDRNOTAVAIL },
                { "/ip4/127.0.0.1/udp/4001",      -EAFNOSUPPORT },
                { "/ip4/127.0.0.1/tcp/4001/ws",   -EAFNOSUPPORT },
                { "/dns4/localhost/tcp/4001",     -EAFNOSUPPORT },
        };
        fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_tcp_listener *l = NULL;
                int r;

                r = listen_at(f, cases[i].addr, &l);
                if (r != cases[i].expect)
                        fail_msg("%s: %d", cases[i].addr, r);
                if (r >= 0) {
                        p2p_addr_component port;

                        assert_true(p2p_addr_component_at(p2p_tcp_listener_addr(l), 1, &port));
                        assert_true(port.value.data[0] != 0 || port.value.data[1] != 0); /* the real one */
                }
                p2p_tcp_listener_free(l);
        }
}

static void a_port_in_use_is_said_so(void **state) {
        fixture *f = *state;
        char text[P2P_ADDR_TEXT_MAX];
        p2p_tcp_listener *second;

        p2p_addr_format(p2p_tcp_listener_addr(f->listener), text);
        assert_int_equal(listen_at(f, text, &second), -EADDRINUSE);
}

/* The two families at one port do not get in each other's way. */
static void ipv6_listens_to_ipv6_only(void **state) {
        fixture *f = *state;
        p2p_tcp_listener *four, *six;
        p2p_addr_component port;
        char text[64];

        assert_int_equal(listen_at(f, "/ip4/0.0.0.0/tcp/0", &four), 0);
        assert_true(p2p_addr_component_at(p2p_tcp_listener_addr(four), 1, &port));
        (void) snprintf(text, sizeof(text), "/ip6/::/tcp/%d", port.value.data[0] << 8 | port.value.data[1]);
        assert_int_equal(listen_at(f, text, &six), 0);
        p2p_tcp_listener_free(four);
        p2p_tcp_listener_free(six);
}

static void a_turn_takes_one(void **state) {
        fixture *f = *state;

        connect_many(f, 5);
        for (unsigned i = 0; i < 5; i++) {
                assert_int_equal(f->n_accepted, i);
                assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        }
        assert_int_equal(f->n_accepted, 5);
}

static void note(void *userdata) {
        fixture *f = userdata;

        assert_int_equal(f->n_accepted, 0);
        f->n_notes++;
}

static void news_of_whoever_is_in_goes_first(void **state) {
        fixture *f = *state;
        p2p_task first, second;

        p2p_task_init(&first, f->loop, note, f);
        first.slow = true; /* another stranger was earlier */
        p2p_task_init(&second, f->loop, note, f);
        connect_many(f, 1);
        p2p_task_post(&first);
        p2p_task_post(&second);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        assert_int_equal(f->n_notes, 2);
        assert_int_equal(f->n_accepted, 0);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->n_accepted, 1);
}

static void freed_between_news_and_accept_it_is_silent(void **state) {
        fixture *f = *state;
        p2p_task first;

        p2p_task_init(&first, f->loop, note, f);
        first.slow = true;
        connect_many(f, 1);
        p2p_task_post(&first);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        f->listener = p2p_tcp_listener_free(f->listener);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->n_accepted, 0);
}

static void the_callback_may_free_the_listener(void **state) {
        fixture *f = *state;

        f->free_at = 2;
        connect_many(f, 4);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->n_accepted, 2);
        assert_null(f->listener);
}

static rlim_t limit_fds(rlim_t n) {
        struct rlimit rl;
        rlim_t before;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
        before = rl.rlim_cur;
        rl.rlim_cur = n;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
        return before;
}

static void without_fds_it_pauses_and_goes_on(void **state) {
        fixture *f = *state;
        rlim_t before;

        connect_many(f, 3);
        before = limit_fds(3);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(p2p_loop_turn(f->loop, 0), 0); /* it looks away and does not spin */
        assert_int_equal(p2p_loop_advance(f->loop, 100000), 0); /* still none: again */
        assert_int_equal(f->n_accepted, 0);
        limit_fds(before);
        assert_int_equal(p2p_loop_advance(f->loop, 100000 - 1), 0);
        assert_int_equal(f->n_accepted, 0);
        assert_int_equal(p2p_loop_advance(f->loop, 1), 0);
        assert_int_equal(f->n_accepted, 3);
}

static void a_passed_socket_must_listen(void **state) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        fixture *f = *state;
        p2p_tcp_listener *l;
        int fd, client;

        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &sa, sizeof(sa)), 0);
        assert_int_equal(p2p_tcp_listener_new_fd(f->loop, fd, on_accept, f, &l), -EINVAL);
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(p2p_tcp_listener_new_fd(f->loop, fd, on_accept, f, &l), 0);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        client = connect_to(l);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->n_accepted, 1);
        close(client);
        p2p_tcp_listener_free(l);
        assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed with it */

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, &(struct sockaddr) { .sa_family = AF_UNIX }, sizeof(sa_family_t)), 0);
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(p2p_tcp_listener_new_fd(f->loop, fd, on_accept, f, &l), -EINVAL);
        close(fd);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                test(a_connection_comes_with_its_remote_address),
                test(addresses_are_bound_or_refused),
                test(a_port_in_use_is_said_so),
                test(ipv6_listens_to_ipv6_only),
                test(a_turn_takes_one),
                test(news_of_whoever_is_in_goes_first),
                test(freed_between_news_and_accept_it_is_silent),
                test(the_callback_may_free_the_listener),
                test(without_fds_it_pauses_and_goes_on),
                test(a_passed_socket_must_listen),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
