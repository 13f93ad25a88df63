/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Backends: which address is tried, what an absent one says, and that a freed one calls nobody back. */

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/backend.h"
#include "daemon/socket.h"

typedef struct Outcome {
        int fd, error;
        unsigned n;
} Outcome;

static void on_done(int fd, int error, void *userdata) {
        Outcome *o = userdata;

        *o = (Outcome){ .fd = fd, .error = error, .n = o->n + 1 };
}

static int listen_tcp(int family, uint16_t *ret_port) {
        union {
                struct sockaddr sa;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
        } a = { .sa.sa_family = (sa_family_t) family };
        socklen_t n = sizeof(a);
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (family == AF_INET)
                a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        else
                a.in6.sin6_addr = in6addr_loopback;
        if (fd < 0 || bind(fd, &a.sa, family == AF_INET ? sizeof(a.in) : sizeof(a.in6)) < 0 ||
            listen(fd, 1) < 0)
                return -1;
        (void) getsockname(fd, &a.sa, &n);
        *ret_port = ntohs(family == AF_INET ? a.in.sin_port : a.in6.sin6_port);
        return fd;
}

static Outcome connect_to(const char *address) {
        Outcome o = { .fd = -1 };
        p2p_loop *loop;
        Backend *b;
        Endpoint e;

        assert_int_equal(endpoint_parse(address, &e), 0);
        assert_int_equal(p2p_loop_new(&loop), 0);
        assert_int_equal(backend_new(loop, &e, on_done, &o, &b), 0);
        assert_int_equal(o.n, 0); /* never before it returns */
        for (int i = 0; i < 1000 && o.n == 0; i++)
                assert_true(p2p_loop_turn(loop, 10000) >= 0);
        assert_int_equal(o.n, 1);
        p2p_loop_free(loop);
        return o;
}

static void both_families_of_localhost_are_tried(void **state) {
        static const int families[] = { AF_INET, AF_INET6 };
        char address[64];

        (void) state;
        for (size_t i = 0; i < 2; i++) {
                uint16_t port;
                int listener = listen_tcp(families[i], &port);
                Outcome o;

                if (listener < 0 && families[i] == AF_INET6)
                        continue; /* a machine without IPv6 has nothing to try */
                assert_true(listener >= 0);
                (void) snprintf(address, sizeof(address), "localhost:%u", port);
                o = connect_to(address);
                assert_int_equal(o.error, 0);
                assert_int_equal(socket_check_connected(o.fd), 0);
                (void) close(o.fd);
                (void) close(listener);
        }
}

/* What is asked of a peer's service waits for nothing but the service. */
static void a_service_of_this_machine_is_there_in_one_turn(void **state) {
        char address[64];
        uint16_t port;
        int listener = listen_tcp(AF_INET, &port);
        Outcome o = { .fd = -1 };
        p2p_loop *loop;
        Backend *b;
        Endpoint e;

        (void) state;
        (void) snprintf(address, sizeof(address), "127.0.0.1:%u", port);
        assert_int_equal(endpoint_parse(address, &e), 0);
        assert_int_equal(p2p_loop_new(&loop), 0);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(backend_new(loop, &e, on_done, &o, &b), 0);
                assert_int_equal(o.n, i);
                if (i == 0)
                        assert_int_equal(p2p_loop_turn(loop, 0), 1);
                else
                        backend_start(b); /* nor for that */
                assert_int_equal(o.n, i + 1);
                assert_int_equal(o.error, 0);
                (void) close(o.fd);
        }
        (void) close(listener);
        assert_int_equal(endpoint_parse("name.example:1", &e), 0);
        assert_int_equal(backend_new(loop, &e, on_done, &o, &b), 0);
        backend_start(b); /* it is asked for */
        assert_int_equal(o.n, 2);
        backend_free(b);
        p2p_loop_free(loop);
}

static void an_absent_backend_is_an_error(void **state) {
        char address[64];
        uint16_t port;
        Outcome o;

        (void) state;
        (void) close(listen_tcp(AF_INET, &port));
        (void) snprintf(address, sizeof(address), "127.0.0.1:%u", port);
        o = connect_to(address);
        assert_int_equal(o.error, -ECONNREFUSED);
        assert_int_equal(o.fd, -1);
        o = connect_to("/run/there/is/no/such/socket");
        assert_int_equal(o.error, -ENOENT);
}

static void a_unix_socket_is_a_backend(void **state) {
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        Outcome o;

        (void) state;
        (void) snprintf(un.sun_path, sizeof(un.sun_path), "/tmp/peerup-test-backend-%d", getpid());
        assert_int_equal(bind(listener, (struct sockaddr *) &un, sizeof(un)), 0);
        assert_int_equal(listen(listener, 1), 0);
        o = connect_to(un.sun_path);
        assert_int_equal(o.error, 0);
        (void) close(o.fd);
        (void) close(listener);
        (void) unlink(un.sun_path);
}

static void a_name_is_looked_up(void **state) {
        Outcome o;

        (void) state;
        o = connect_to("there-is-no-such-name.invalid:1"); /* RFC 6761: never resolves */
        assert_true(o.error == -EHOSTUNREACH || o.error == -EAGAIN);
}

static void time_is_limited(void **state) {
        Outcome o = { .fd = -1 };
        p2p_loop *loop;
        uint16_t port;
        int listener = listen_tcp(AF_INET, &port), fillers[64];
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        Backend *b;
        Endpoint e = { .host = "127.0.0.1", .port = port };

        (void) state;
        /* A full queue takes no more: what comes then hangs, as a machine that is not there does. */
        for (size_t i = 0; i < sizeof(fillers) / sizeof(*fillers); i++) {
                fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                (void) connect(fillers[i], (struct sockaddr *) &in, sizeof(in));
        }
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        assert_int_equal(backend_new(loop, &e, on_done, &o, &b), 0);
        assert_int_equal(p2p_loop_advance(loop, 10 * USEC_PER_SEC - 1), 0);
        assert_int_equal(o.n, 0);
        assert_int_equal(p2p_loop_advance(loop, 1), 0);
        assert_int_equal(o.n, 1);
        assert_int_equal(o.error, -ETIMEDOUT);
        for (size_t i = 0; i < sizeof(fillers) / sizeof(*fillers); i++)
                (void) close(fillers[i]);
        (void) close(listener);
        p2p_loop_free(loop);
}

static void a_freed_one_calls_nobody(void **state) {
        static const char *const addresses[] = { "127.0.0.1:1", "localhost:1", "name.invalid:1",
                                                 "/nowhere" };
        Outcome o = { .fd = -1 };
        p2p_loop *loop;

        (void) state;
        assert_int_equal(p2p_loop_new(&loop), 0);
        for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
                Backend *b;
                Endpoint e;

                assert_int_equal(endpoint_parse(addresses[i], &e), 0);
                assert_int_equal(backend_new(loop, &e, on_done, &o, &b), 0);
                assert_null(backend_free(b));
        }
        for (int i = 0; i < 10; i++)
                assert_true(p2p_loop_turn(loop, 1000) >= 0);
        assert_int_equal(o.n, 0);
        p2p_loop_free(loop);
}

static void passed_descriptors_are_checked(void **state) {
        char name[SOCKET_NAME_MAX], expect[64];
        uint16_t port;
        int fds[2], listener = listen_tcp(AF_INET, &port);
        int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
            idle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) state;
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(socket_check_connected(fds[0]), -EINVAL);
        assert_int_equal(socket_check_listening(fds[0]), -EINVAL);
        (void) close(fds[0]);
        (void) close(fds[1]);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
        assert_int_equal(socket_check_connected(fds[0]), -EINVAL);
        (void) close(fds[0]);
        (void) close(fds[1]);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(socket_check_connected(fds[0]), 0);
        assert_int_equal(socket_check_listening(fds[0]), -EINVAL);
        (void) close(fds[0]);
        (void) close(fds[1]);
        assert_int_equal(socket_check_connected(udp), -EINVAL);
        assert_int_equal(socket_check_connected(idle), -ENOTCONN);
        assert_int_equal(socket_check_connected(listener), -EINVAL);
        assert_int_equal(socket_check_listening(listener), 0);
        assert_int_equal(socket_check_listening(idle), -EINVAL);
        assert_int_equal(socket_check_listening(-1), -EINVAL);
        (void) snprintf(expect, sizeof(expect), "127.0.0.1:%u", port);
        assert_string_equal(socket_format_name(listener, name), expect);
        (void) close(udp);
        (void) close(idle);
        (void) close(listener);
}

/* Its path is the caller's choice, and goes to the journal and to everybody on the bus. */
static void names_of_sockets_are_made_fit_to_be_shown(void **state) {
        static const char path[] = "\0evil\x1b[2J\n\xff\xc3\xa9";
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char name[SOCKET_NAME_MAX];

        (void) state;
        memcpy(un.sun_path, path, sizeof(path) - 1);
        assert_int_equal(bind(fd, (struct sockaddr *) &un,
                              (socklen_t) (offsetof(struct sockaddr_un, sun_path) + sizeof(path) - 1)),
                         0);
        assert_string_equal(socket_format_name(fd, name), "@evil?[2J??\xc3\xa9");
        (void) close(fd);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_families_of_localhost_are_tried),
                cmocka_unit_test(an_absent_backend_is_an_error),
                cmocka_unit_test(a_service_of_this_machine_is_there_in_one_turn),
                cmocka_unit_test(a_unix_socket_is_a_backend),
                cmocka_unit_test(a_name_is_looked_up),
                cmocka_unit_test(time_is_limited),
                cmocka_unit_test(a_freed_one_calls_nobody),
                cmocka_unit_test(passed_descriptors_are_checked),
                cmocka_unit_test(names_of_sockets_are_made_fit_to_be_shown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
