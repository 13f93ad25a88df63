/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sockets as systemd passes them: from fd 3 on, blocking, counted in the environment. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/listen-fds.h"
#include "service/listen-socket.h"
#include "tests/support/node.h"

#define FIRST 3

typedef struct World {
        p2p_loop *loop;
        node passed, other;
        p2p_conn *conn;
        bool done;
} World;

static int setup(void **state) {
        World *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        for (int fd = FIRST; fd < FIRST + 4; fd++) /* whatever the runner has there */
                (void) close(fd);
        for (int fd = FIRST; fd < FIRST + 4; fd++)
                assert_int_equal(open("/dev/null", O_RDONLY | O_CLOEXEC), fd);
        assert_int_equal(p2p_loop_new(&w->loop), 0);
        node_start(&w->passed, w->loop, 1, &(node_options){ .silent = true });
        node_start(&w->other, w->loop, 2, &(node_options){ .silent = true });
        *state = w;
        return 0;
}

static int teardown(void **state) {
        World *w = *state;

        node_stop(&w->passed);
        node_stop(&w->other);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static void pass(int n) {
        char text[16];

        (void) snprintf(text, sizeof(text), "%d", n);
        assert_int_equal(setenv("LISTEN_FDS", text, 1), 0);
        (void) snprintf(text, sizeof(text), "%d", getpid());
        assert_int_equal(setenv("LISTEN_PID", text, 1), 0);
}

/* A TCP listener on loopback at fd `at`, and its address. */
static p2p_addr *make_listener(int at) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        socklen_t n = sizeof(in);
        p2p_addr *addr;

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &in, sizeof(in)), 0);
        assert_int_equal(listen(fd, 8), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &in, &n), 0);
        assert_int_equal(p2p_addr_from_tcp((struct sockaddr *) &in, &addr), 0);
        assert_int_equal(dup2(fd, at), at);
        close(fd);
        return addr;
}

static bool is_open(int fd) {
        return fcntl(fd, F_GETFD) >= 0;
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        World *w = userdata;

        assert_int_equal(error, 0);
        w->conn = conn;
        w->done = true;
}

static bool is_done(void *userdata) {
        return ((World *) userdata)->done;
}

static void an_address_gets_the_fd_that_is_bound_to_it(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *second = make_listener(FIRST + 1);
        _cleanup_(listen_fds_freep) ListenFds *fds = NULL;
        p2p_dial *dial;
        World *w = *state;

        p2p_addr_free(make_listener(FIRST));
        pass(2);
        assert_int_equal(listen_fds_new(&fds), 0);
        assert_null(getenv("LISTEN_FDS"));
        assert_int_equal(fcntl(FIRST, F_GETFD), FD_CLOEXEC);
        assert_true(fcntl(FIRST, F_GETFL) & O_NONBLOCK);
        assert_int_equal(listen_fds_listen(fds, w->passed.host, second), 1);
        assert_true(p2p_addr_equal(p2p_host_listen_addr(w->passed.host, 0), second));
        assert_int_equal(listen_fds_report(fds, "peerup-relay"), 1);
        assert_false(is_open(FIRST));
        assert_true(is_open(FIRST + 1));

        assert_int_equal(p2p_host_add_addr(w->other.host, node_id(&w->passed), second, USEC_INFINITY), 0);
        assert_int_equal(
                p2p_dial_new(w->other.host, node_id(&w->passed), 5 * USEC_PER_SEC, on_dialled, w, &dial), 0);
        assert_true(loop_until(w->loop, is_done, w));
}

static void an_address_without_one_is_bound(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *passed = make_listener(FIRST), *any = NULL;
        _cleanup_(listen_fds_freep) ListenFds *fds = NULL;
        World *w = *state;

        pass(1);
        assert_int_equal(listen_fds_new(&fds), 0);
        assert_int_equal(p2p_addr_parse("/ip4/127.0.0.1/tcp/0", &any), 0);
        assert_int_equal(listen_fds_listen(fds, w->passed.host, any), 0);
        assert_false(p2p_addr_equal(p2p_host_listen_addr(w->passed.host, 0), passed));
        assert_int_equal(listen_fds_listen(fds, w->passed.host, passed), 1);
        /* One fd serves one address. */
        assert_int_equal(listen_fds_listen(fds, w->passed.host, passed), -EADDRINUSE);
        assert_int_equal(listen_fds_report(fds, "peerup-relay"), 0);
}

static void a_foreign_fd_is_reported_and_closed(void **state) {
        _cleanup_(listen_fds_freep) ListenFds *fds = NULL;
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        (void) state;
        assert_true(fd >= 0);
        assert_int_equal(dup2(fd, FIRST + 1), FIRST + 1); /* does not listen */
        close(fd);
        pass(2); /* fd 3 is /dev/null */
        assert_int_equal(listen_fds_new(&fds), 0);
        assert_int_equal(listen_fds_report(fds, "peerup-relay"), 2);
        assert_false(is_open(FIRST));
        assert_false(is_open(FIRST + 1));
        assert_int_equal(listen_fds_report(fds, "peerup-relay"), 0);
}

static void nothing_passed_is_fine(void **state) {
        _cleanup_(listen_fds_freep) ListenFds *fds = NULL, *broken = NULL, *others = NULL;

        (void) state;
        assert_int_equal(listen_fds_new(&fds), 0);
        assert_int_equal(listen_fds_report(fds, "peerup-relay"), 0);
        pass(-5);
        assert_int_equal(listen_fds_new(&broken), 0);
        assert_int_equal(listen_fds_report(broken, "peerup-relay"), 0);
        pass(2);
        assert_int_equal(setenv("LISTEN_PID", "1", 1), 0); /* for somebody else */
        assert_int_equal(listen_fds_new(&others), 0);
        assert_int_equal(listen_fds_report(others, "peerup-relay"), 0);
        assert_true(is_open(FIRST));
}

static void what_nobody_asked_for_is_closed_in_the_end(void **state) {
        ListenFds *fds;

        (void) state;
        p2p_addr_free(make_listener(FIRST));
        pass(1);
        assert_int_equal(listen_fds_new(&fds), 0);
        assert_null(listen_fds_free(fds));
        assert_false(is_open(FIRST));
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(an_address_gets_the_fd_that_is_bound_to_it), T(an_address_without_one_is_bound),
                T(a_foreign_fd_is_reported_and_closed),        T(nothing_passed_is_fine),
                T(what_nobody_asked_for_is_closed_in_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
