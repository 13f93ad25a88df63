/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which congestion control a socket has, before and after its path is known. What the system prefers is
 * asked of a socket that nobody touched: each of its two cases has its own expectations. */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <p2p/congestion.h>

typedef struct fixture {
        int fd;
        char preferred[16];
        bool paces;
} fixture;

static void get(int fd, char ret[static 16]) {
        socklen_t n = 15;

        memset(ret, 0, 16);
        assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, ret, &n), 0);
}

static void open_one(fixture *f) {
        f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(f->fd >= 0);
        get(f->fd, f->preferred);
        f->paces = strncmp(f->preferred, "bbr", 3) == 0;
}

static void close_one(fixture *f, const char *expected) {
        char name[16];

        get(f->fd, name);
        assert_string_equal(name, expected);
        close(f->fd);
}

static const char *plain_of(const fixture *f) {
        static char name[16];

        get(f->fd, name);
        if (f->paces)
                assert_true(strcmp(name, "cubic") == 0 || strcmp(name, "reno") == 0);
        return f->paces ? name : f->preferred;
}

static void a_socket_begins_without_a_model_of_its_path(void **state) {
        fixture f;

        (void) state;
        open_one(&f);
        p2p_congestion_defer(f.fd);
        close_one(&f, plain_of(&f));
}

static void a_short_path_stays_without(void **state) {
        fixture f;

        (void) state;
        open_one(&f);
        p2p_congestion_defer(f.fd);
        p2p_congestion_settle_rtt(f.fd, P2P_CONGESTION_SHORT_USEC - 1);
        close_one(&f, plain_of(&f));
}

static void a_long_path_gets_what_the_system_prefers(void **state) {
        fixture f;

        (void) state;
        open_one(&f);
        p2p_congestion_defer(f.fd);
        p2p_congestion_settle_rtt(f.fd, P2P_CONGESTION_SHORT_USEC);
        close_one(&f, f.preferred);
}

static void a_connected_neighbour_is_a_short_path(void **state) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(sa);
        fixture f;
        int listener;

        (void) state;
        listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(listener, (struct sockaddr *) &sa, n), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *) &sa, &n), 0);
        open_one(&f);
        p2p_congestion_defer(f.fd);
        assert_int_equal(connect(f.fd, (struct sockaddr *) &sa, n), 0);
        p2p_congestion_settle(f.fd);
        close_one(&f, plain_of(&f));
        close(listener);
}

static void what_is_no_tcp_socket_is_left_alone(void **state) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) state;
        p2p_congestion_defer(fd);
        p2p_congestion_settle(fd);
        p2p_congestion_settle_rtt(fd, 1000000);
        p2p_congestion_defer(-1);
        close(fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_socket_begins_without_a_model_of_its_path),
                cmocka_unit_test(a_short_path_stays_without),
                cmocka_unit_test(a_long_path_gets_what_the_system_prefers),
                cmocka_unit_test(a_connected_neighbour_is_a_short_path),
                cmocka_unit_test(what_is_no_tcp_socket_is_left_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
