/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Dials of real sockets: success, refusal, silence, and being freed at any moment. */

#include <errno.h>
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

typedef struct fixture {
        p2p_loop *loop;
        int listener;
        int silent[3]; /* fill the listener's queue */
        p2p_addr *addr;
        unsigned n_done;
        p2p_channel *channel;
        int error;
} fixture;

static void on_done(p2p_channel *channel, int error, void *userdata) {
        fixture *f = userdata;

        assert_true(!channel == (error < 0));
        f->n_done++;
        f->channel = channel;
        f->error = error;
}

static int setup(void **state) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        fixture *f = calloc(1, sizeof(*f));
        socklen_t n = sizeof(sa);

        assert_non_null(f);
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(f->listener >= 0);
        assert_int_equal(bind(f->listener, (struct sockaddr *) &sa, n), 0);
        assert_int_equal(listen(f->listener, 0), 0);
        assert_int_equal(getsockname(f->listener, (struct sockaddr *) &sa, &n), 0);
        assert_int_equal(p2p_addr_from_tcp((struct sockaddr *) &sa, &f->addr), 0);
        for (size_t i = 0; i < ELEMENTSOF(f->silent); i++)
                f->silent[i] = -1;
        *state = f;
        return 0;
}

static int teardown(void **state) {
        fixture *f = *state;

        p2p_channel_free(f->channel);
        for (size_t i = 0; i < ELEMENTSOF(f->silent); i++)
                if (f->silent[i] >= 0)
                        close(f->silent[i]);
        if (f->listener >= 0)
                close(f->listener);
        p2p_addr_free(f->addr);
        p2p_loop_free(f->loop);
        free(f);
        return 0;
}

static void wait_done(fixture *f) {
        while (f->n_done == 0)
                assert_true(p2p_loop_turn(f->loop, USEC_PER_SEC) >= 0);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->n_done, 1);
}

static void a_dial_ends_in_a_channel(void **state) {
        fixture *f = *state;
        p2p_tcp_dial *dial;
        char c;
        int fd;

        assert_int_equal(p2p_tcp_dial_new(f->loop, f->addr, 0, on_done, f, &dial), 0);
        assert_int_equal(f->n_done, 0); /* never before it returns */
        wait_done(f);
        assert_int_equal(f->error, 0);
        fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(p2p_channel_write(f->channel, "x", 1), 1);
        assert_int_equal(recv(fd, &c, 1, 0), 1);
        close(fd);
        assert_int_equal(p2p_loop_advance(f->loop, USEC_PER_MINUTE), 0); /* no deadline left behind */
        assert_int_equal(f->n_done, 1);
}

/* A muxer never leaves its channel unread: silence means that the path is dead. */
static void a_peers_socket_does_not_wait_for_ever(void **state) {
        fixture *f = *state;
        p2p_tcp_dial *dial;
        unsigned n = 0;

        assert_int_equal(p2p_tcp_dial_new(f->loop, f->addr, 0, on_done, f, &dial), 0);
        wait_done(f);
        for (int fd = 0; fd < 1024; fd++) {
                socklen_t size = sizeof(int);
                int timeout = 0;

                if (getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, &size) >= 0)
                        n += timeout == 40000;
        }
        assert_int_equal(n, 1);
}

static void a_closed_port_refuses(void **state) {
        fixture *f = *state;
        p2p_tcp_dial *dial;

        close(f->listener);
        f->listener = -1;
        assert_int_equal(p2p_tcp_dial_new(f->loop, f->addr, 0, on_done, f, &dial), 0);
        assert_int_equal(f->n_done, 0);
        wait_done(f);
        assert_int_equal(f->error, -ECONNREFUSED);
}

static void what_the_kernel_refuses_at_once_is_told_from_the_loop(void **state) {
        static const struct { const char *addr; int expect; } cases[] = {
                { "/ip4/255.255.255.255/tcp/4001", -EHOSTUNREACH }, /* a broadcast: EACCES or ENETUNREACH */
                { "/ip6/ff02::1/tcp/4001",         -EHOSTUNREACH }, /* a multicast group */
        };
        fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
                p2p_tcp_dial *dial;

                f->n_done = 0;
                assert_int_equal(p2p_addr_parse(cases[i].addr, &addr), 0);
                assert_int_equal(p2p_tcp_dial_new(f->loop, addr, 0, on_done, f, &dial), 0);
                assert_int_equal(f->n_done, 0);
                assert_int_equal(p2p_loop_settle(f->loop), 0);
                assert_int_equal(f->n_done, 1);
                if (f->error != cases[i].expect)
                        fail_msg("%s: %d", cases[i].addr, f->error);
        }
}

static void what_is_no_tcp_address_is_refused(void **state) {
        static const char *const cases[] = {
                "/ip4/127.0.0.1/udp/4001", "/ip4/127.0.0.1/tcp/4001/ws", "/dns4/example.net/tcp/4001",
                "/ip4/127.0.0.1/udp/4001/quic-v1",
        };
        fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
                p2p_tcp_dial *dial;

                assert_int_equal(p2p_addr_parse(cases[i], &addr), 0);
                assert_int_equal(p2p_tcp_dial_new(f->loop, addr, 0, on_done, f, &dial), -EAFNOSUPPORT);
        }
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->n_done, 0);
}

/* A listener whose queue is full answers nobody, as a machine behind a firewall does. */
static void fill_queue(fixture *f) {
        struct sockaddr_storage sa;
        socklen_t n;

        assert_int_equal(p2p_addr_to_tcp(f->addr, &sa, &n), 0);
        for (size_t i = 0; i < ELEMENTSOF(f->silent); i++) {
                f->silent[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                assert_true(f->silent[i] >= 0);
                (void) connect(f->silent[i], (struct sockaddr *) &sa, n);
        }
}

static void silence_ends_at_the_deadline(void **state) {
        static const struct { uint64_t asked, expect; } cases[] = {
                { 0,            5000000                   }, /* go-libp2p */
                { 1,            1                         },
                { USEC_PER_SEC, USEC_PER_SEC              },
        };
        fixture *f = *state;

        fill_queue(f);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_tcp_dial *dial;

                f->n_done = 0;
                assert_int_equal(p2p_tcp_dial_new(f->loop, f->addr, cases[i].asked, on_done, f, &dial), 0);
                assert_int_equal(p2p_loop_advance(f->loop, cases[i].expect - 1), 0);
                assert_int_equal(f->n_done, 0);
                assert_int_equal(p2p_loop_advance(f->loop, 1), 0);
                assert_int_equal(f->n_done, 1);
                assert_int_equal(f->error, -ETIMEDOUT);
        }
}

static void a_freed_dial_never_calls_back(void **state) {
        fixture *f = *state;
        p2p_tcp_dial *dial;

        assert_int_equal(p2p_tcp_dial_new(f->loop, f->addr, 0, on_done, f, &dial), 0); /* would succeed */
        assert_null(p2p_tcp_dial_free(dial));
        close(f->listener);
        f->listener = -1;
        assert_int_equal(p2p_tcp_dial_new(f->loop, f->addr, 0, on_done, f, &dial), 0); /* would be refused */
        assert_null(p2p_tcp_dial_free(dial));
        assert_int_equal(p2p_loop_advance(f->loop, USEC_PER_MINUTE), 0);
        assert_int_equal(f->n_done, 0);
        assert_null(p2p_tcp_dial_free(NULL));
}

static void without_fds_our_quota_is_named(void **state) {
        fixture *f = *state;
        struct rlimit rl, none;
        p2p_tcp_dial *dial;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
        none = rl;
        none.rlim_cur = 3;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        assert_int_equal(p2p_tcp_dial_new(f->loop, f->addr, 0, on_done, f, &dial), 0);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
        wait_done(f);
        assert_int_equal(f->error, -ENOBUFS);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                test(a_dial_ends_in_a_channel),
                test(a_peers_socket_does_not_wait_for_ever),
                test(a_closed_port_refuses),
                test(what_the_kernel_refuses_at_once_is_told_from_the_loop),
                test(what_is_no_tcp_address_is_refused),
                test(silence_ends_at_the_deadline),
                test(a_freed_dial_never_calls_back),
                test(without_fds_our_quota_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
