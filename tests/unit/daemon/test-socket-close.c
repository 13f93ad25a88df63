/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a local connection ends: well by socket_close(), as an error by anything else, so also when the
 * process is killed. */

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/socket.h"

/* The far end of a TCP connection; ours, as a proxy accepts it, is in *ret_ours. */
static int connect_pair(int *ret_ours) {
        struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(name);
        int listener, far;

        listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(listener >= 0);
        assert_int_equal(bind(listener, (struct sockaddr *) &name, n), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *) &name, &n), 0);
        socket_tune(listener); /* what it accepts inherits that */
        far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(far >= 0);
        assert_int_equal(connect(far, (struct sockaddr *) &name, n), 0);
        *ret_ours = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(*ret_ours >= 0);
        assert_int_equal(close(listener), 0);
        return far;
}

static void test_closed_well_is_an_end(void **state) {
        int ours, far = connect_pair(&ours);
        char data[16];

        (void) state;
        assert_int_equal(send(ours, "whole", 5, 0), 5);
        socket_close(ours);
        assert_int_equal(recv(far, data, sizeof(data), MSG_WAITALL), 5);
        assert_int_equal(recv(far, data, sizeof(data), 0), 0);
        assert_int_equal(close(far), 0);
}

/* What the kernel does for a process that is killed is close(2). */
static void test_left_open_is_a_reset(void **state) {
        int ours, far = connect_pair(&ours);
        char data[16];

        (void) state;
        assert_int_equal(close(ours), 0);
        assert_int_equal(recv(far, data, sizeof(data), 0), -1);
        assert_int_equal(errno, ECONNRESET);
        assert_int_equal(close(far), 0);
}

static void test_reset_beats_a_duplicate(void **state) {
        int ours, far = connect_pair(&ours), duplicate = dup(ours);
        char data[16];

        (void) state;
        assert_true(duplicate >= 0);
        socket_reset(ours);
        assert_int_equal(recv(far, data, sizeof(data), 0), -1);
        assert_int_equal(errno, ECONNRESET);
        assert_int_equal(close(duplicate), 0);
        assert_int_equal(close(far), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_closed_well_is_an_end),
                cmocka_unit_test(test_left_open_is_a_reset),
                cmocka_unit_test(test_reset_beats_a_duplicate),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
