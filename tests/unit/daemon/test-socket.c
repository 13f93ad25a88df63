/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A listening socket that is shared with somebody hostile. */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/socket.h"

typedef union Name {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_un un;
} Name;

static int open_listener(int family, Name *ret_name, socklen_t *ret_n) {
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        *ret_name = (Name){ .in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
        *ret_n = sizeof(ret_name->in);
        if (family == AF_UNIX) { /* the kernel chooses an abstract name */
                *ret_name = (Name){ .un.sun_family = AF_UNIX };
                *ret_n = sizeof(sa_family_t);
        }
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, &ret_name->sa, *ret_n), 0);
        assert_int_equal(listen(fd, 4), 0);
        *ret_n = sizeof(*ret_name);
        assert_int_equal(getsockname(fd, &ret_name->sa, ret_n), 0);
        return fd;
}

static void who_waits_is_accepted(void **state) {
        static const int families[] = { AF_INET, AF_UNIX };

        (void) state;
        for (size_t i = 0; i < 2; i++) {
                Name name;
                socklen_t n;
                int listener = open_listener(families[i], &name, &n), far, near;

                far = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0);
                assert_int_equal(connect(far, &name.sa, n), 0);
                socket_prepare_listener(listener);
                near = socket_accept(listener);
                assert_true(near >= 0);
                assert_int_equal(fcntl(near, F_GETFD), FD_CLOEXEC);
                assert_true(fcntl(near, F_GETFL) & O_NONBLOCK);
                assert_int_equal(socket_accept(listener), -EAGAIN);
                close(near);
                close(far);
                close(listener);
        }
}

/* poll(2) said that somebody waits; then the other holder took that one, and the flag away. Without a bound
 * this waits for ever: the alarm ends it. */
static void a_thief_holds_nobody_up(void **state) {
        static const int families[] = { AF_INET, AF_UNIX };

        (void) state;
        for (size_t i = 0; i < 2; i++) {
                struct timespec begin, end;
                Name name;
                socklen_t n;
                int listener = open_listener(families[i], &name, &n), others;

                others = dup(listener);
                assert_true(others >= 0);
                socket_prepare_listener(listener);
                assert_int_equal(fcntl(others, F_SETFL, O_RDWR), 0);
                clock_gettime(CLOCK_MONOTONIC, &begin);
                (void) alarm(10);
                assert_int_equal(socket_accept(listener), -EAGAIN);
                (void) alarm(0);
                clock_gettime(CLOCK_MONOTONIC, &end);
                assert_in_range((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000,
                                0, 1000);
                close(others);
                close(listener);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_waits_is_accepted),
                cmocka_unit_test(a_thief_holds_nobody_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
