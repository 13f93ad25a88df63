/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* In a network namespace of its own, where the test is the administrator: it needs the right to make one. */

#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/network.h"

static unsigned n_changes;

static void on_changed(void *userdata) {
        (void) userdata;
        n_changes++;
}

static void set_loopback(bool up) {
        struct ifreq request = { .ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0 };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
        assert_int_equal(close(fd), 0);
}

static bool is_near(p2p_network *network, const char *text) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;

        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        return p2p_network_is_near(network, addr);
}

static void it_follows_the_interfaces(void **state) {
        p2p_network *network;
        p2p_task changed;
        p2p_loop *loop;

        (void) state;
        if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
                skip();
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        p2p_task_init(&changed, loop, on_changed, NULL);
        assert_int_equal(p2p_network_new(loop, &changed, &network), 0);
        assert_false(is_near(network, "/ip4/127.8.0.1/tcp/1"));

        set_loopback(true);
        p2p_loop_settle(loop);
        assert_int_equal(n_changes, 0); /* more may follow */
        p2p_loop_advance(loop, 500 * USEC_PER_MSEC);
        assert_int_equal(n_changes, 1);
        assert_true(is_near(network, "/ip4/127.8.0.1/tcp/1"));
        assert_false(is_near(network, "/ip4/128.0.0.1/tcp/1"));
        assert_true(is_near(network, "/ip6/::1/udp/1/quic-v1"));
        assert_false(is_near(network, "/ip6/::2/tcp/1"));
        assert_false(is_near(network, "/dns4/localhost/tcp/1"));

        set_loopback(false);
        set_loopback(true); /* back before anybody looked: no news */
        p2p_loop_settle(loop);
        p2p_loop_advance(loop, 500 * USEC_PER_MSEC);
        assert_int_equal(n_changes, 1);
        set_loopback(false);
        p2p_loop_settle(loop);
        p2p_loop_advance(loop, 500 * USEC_PER_MSEC);
        assert_int_equal(n_changes, 2);

        p2p_network_free(network);
        p2p_task_cancel(&changed);
        p2p_loop_free(loop);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_follows_the_interfaces),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
