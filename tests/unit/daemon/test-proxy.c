/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Proxies: how many, when idle, and whose listener it is. */

#include "tests/unit/daemon/world.h"

#include <pthread.h>

#include "daemon/proxy.h"

static void proxies_have_a_limit(void **state) {
        Proxy *p;
        World w;

        (void) state;
        world_start(&w, false);
        for (unsigned i = 0; i < 1024; i++)
                if (proxy_new(w.manager, "somebody", "web", dup(w.backend), &p) < 0)
                        fail_msg("proxy %u", i);
        assert_int_equal(proxy_new(w.manager, "somebody", "web", w.backend, &p), -ENOBUFS);
        assert_int_equal(proxy_new(w.manager, "somebody", "NOT", w.backend, &p), -EINVAL);
        assert_int_equal(proxy_new(w.manager, "some body", "web", w.backend, &p), -ENXIO);
        assert_int_equal(proxy_new(w.manager, "somebody", "web", STDIN_FILENO, &p), -ENOTSOCK);
        world_stop(&w);
}

static void on_changed(unsigned properties, void *userdata) {
        (void) properties, (void) userdata;
}

static void on_idle(Proxy *proxy, void *userdata) {
        (void) proxy;
        ++*(unsigned *) userdata;
}

static void a_proxy_is_idle_after_thirty_seconds(void **state) {
        static const ManagerObserver observer = { .changed = on_changed, .proxy_idle = on_idle };
        unsigned n_idle = 0;
        World w;
        Proxy *p;

        (void) state;
        world_start(&w, true);
        manager_observe(w.manager, &observer, &n_idle);
        assert_int_equal(proxy_new(w.manager, "somebody", "web", dup(w.backend), &p), 0);
        assert_int_equal(p2p_loop_advance(w.loop, 30 * USEC_PER_SEC - 1), 0);
        assert_int_equal(n_idle, 0);
        assert_int_equal(p2p_loop_advance(w.loop, 1), 0);
        assert_int_equal(n_idle, 1);
        assert_int_equal(p2p_loop_advance(w.loop, 60 * USEC_PER_SEC), 0);
        assert_int_equal(n_idle, 1); /* told once */
        world_stop(&w);
}

/* ---- a listener is shared with whoever passed it ---- */
static void *keep_blocking(void *userdata) {
        const int *fd = userdata;

        for (;;) {
                (void) fcntl(*fd, F_SETFL, O_RDWR);
                pthread_testcancel();
        }
        return NULL;
}

static void a_listener_made_blocking_blocks_nobody(void **state) {
        struct sockaddr_in in;
        socklen_t n = sizeof(in);
        pthread_t thread;
        World w;
        Proxy *p;

        (void) state;
        world_start(&w, false);
        assert_int_equal(proxy_new(w.manager, "somebody", "web", dup(w.backend), &p), 0);
        assert_int_equal(getsockname(w.backend, (struct sockaddr *) &in, &n), 0);
        assert_int_equal(pthread_create(&thread, NULL, keep_blocking, &w.backend), 0);
        (void) alarm(20); /* a loop that stands still ends the test */
        for (unsigned i = 0; i < 50; i++) {
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

                assert_int_equal(connect(fd, (struct sockaddr *) &in, sizeof(in)), 0);
                for (unsigned turn = 0; turn < 5; turn++)
                        assert_true(p2p_loop_turn(w.loop, 0) >= 0);
                (void) close(fd);
        }
        (void) alarm(0);
        (void) pthread_cancel(thread);
        (void) pthread_join(thread, NULL);
        world_stop(&w);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(proxies_have_a_limit),
                cmocka_unit_test(a_proxy_is_idle_after_thirty_seconds),
                cmocka_unit_test(a_listener_made_blocking_blocks_nobody),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
