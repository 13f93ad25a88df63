/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Watches: levels and edges, changes of what is asked for, and freeing from within callbacks. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <p2p/loop.h>

typedef struct seen {
        unsigned n, events;
        p2p_watch **victim; /* freed by the callback */
} seen;

typedef struct fixture {
        p2p_loop *loop;
        int fds[2];
} fixture;

static void on_ready(unsigned events, void *userdata) {
        seen *s = userdata;

        s->n++;
        s->events |= events;
        if (s->victim)
                *s->victim = p2p_watch_free(*s->victim);
}

static int setup(void **state) {
        fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, f->fds), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        fixture *f = *state;

        for (size_t i = 0; i < 2; i++)
                if (f->fds[i] >= 0)
                        close(f->fds[i]);
        p2p_loop_free(f->loop);
        free(f);
        return 0;
}

static void send_byte(int fd) {
        assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
}

static void receive_byte(int fd) {
        char c;

        assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), 1);
}

static void a_level_is_reported_while_it_lasts(void **state) {
        fixture *f = *state;
        p2p_watch *watch;
        seen s = {};

        assert_int_equal(p2p_watch_new(f->loop, f->fds[0], P2P_READABLE, on_ready, &s, &watch), 0);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 0);
        send_byte(f->fds[1]);
        for (unsigned turn = 1; turn <= 3; turn++) {
                assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
                assert_int_equal(s.n, turn);
                assert_int_equal(s.events, P2P_READABLE);
        }
        receive_byte(f->fds[0]);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 0);
        p2p_watch_free(watch);
}

static void an_edge_is_reported_once(void **state) {
        const unsigned events = P2P_READABLE | P2P_WRITABLE | P2P_EDGE;
        fixture *f = *state;
        p2p_watch *watch;
        seen s = {};

        assert_int_equal(p2p_watch_new(f->loop, f->fds[0], events, on_ready, &s, &watch), 0);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        assert_int_equal(s.events, P2P_WRITABLE);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 0);
        for (unsigned i = 0; i < 2; i++) { /* unread bytes are no edge, new ones are */
                s = (seen) {};
                send_byte(f->fds[1]);
                assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
                assert_true(s.events & P2P_READABLE);
                assert_int_equal(p2p_loop_turn(f->loop, 0), 0);
                assert_int_equal(s.n, 1);
        }
        p2p_watch_free(watch);
}

static void the_end_of_the_other_side_is_readable(void **state) {
        const unsigned events = P2P_READABLE | P2P_EDGE;
        fixture *f = *state;
        p2p_watch *watch;
        seen s = {};

        assert_int_equal(p2p_watch_new(f->loop, f->fds[0], events, on_ready, &s, &watch), 0);
        close(f->fds[1]);
        f->fds[1] = -1;
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        assert_true(s.events & P2P_READABLE);
        p2p_watch_free(watch);
}

static void what_is_asked_for_can_change(void **state) {
        static const struct { unsigned ask, expect; } cases[] = {
                { 0,                           0                           },
                { P2P_READABLE,                P2P_READABLE                },
                { P2P_WRITABLE,                P2P_WRITABLE                },
                { P2P_READABLE | P2P_WRITABLE, P2P_READABLE | P2P_WRITABLE },
                { 0,                           0                           },
                { P2P_WRITABLE,                P2P_WRITABLE                },
        };
        fixture *f = *state;
        p2p_watch *watch;
        seen s = {};

        send_byte(f->fds[1]);
        assert_int_equal(p2p_watch_new(f->loop, f->fds[0], 0, on_ready, &s, &watch), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                s = (seen) {};
                assert_int_equal(p2p_watch_set(watch, cases[i].ask), 0);
                (void) p2p_loop_turn(f->loop, 0);
                assert_int_equal(s.events, cases[i].expect);
        }
        p2p_watch_free(watch);
}

static void a_watch_may_free_itself(void **state) {
        fixture *f = *state;
        p2p_watch *watch;
        seen s = { .victim = &watch };

        send_byte(f->fds[1]);
        assert_int_equal(p2p_watch_new(f->loop, f->fds[0], P2P_READABLE, on_ready, &s, &watch), 0);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 0);
        assert_int_equal(s.n, 1);
        assert_null(watch);
}

/* Both are ready in the same turn; whichever comes first frees the other. */
static void a_watch_freed_by_an_earlier_one_is_not_called(void **state) {
        fixture *f = *state;
        p2p_watch *a, *b;
        seen sa = { .victim = &b }, sb = { .victim = &a };

        send_byte(f->fds[0]);
        send_byte(f->fds[1]);
        assert_int_equal(p2p_watch_new(f->loop, f->fds[0], P2P_READABLE, on_ready, &sa, &a), 0);
        assert_int_equal(p2p_watch_new(f->loop, f->fds[1], P2P_READABLE, on_ready, &sb, &b), 0);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        assert_int_equal(sa.n + sb.n, 1);
        assert_true(!a != !b);
        p2p_watch_free(a);
        p2p_watch_free(b);
}

static void a_file_that_cannot_be_watched_is_refused(void **state) {
        fixture *f = *state;
        p2p_watch *watch = NULL;
        seen s = {};
        int fd;

        fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(p2p_watch_new(f->loop, fd, P2P_READABLE, on_ready, &s, &watch), -EPERM);
        assert_null(watch);
        close(fd);
}

#define test_with cmocka_unit_test_setup_teardown

int main(void) {
        const struct CMUnitTest tests[] = {
                test_with(a_level_is_reported_while_it_lasts, setup, teardown),
                test_with(an_edge_is_reported_once, setup, teardown),
                test_with(the_end_of_the_other_side_is_readable, setup, teardown),
                test_with(what_is_asked_for_can_change, setup, teardown),
                test_with(a_watch_may_free_itself, setup, teardown),
                test_with(a_watch_freed_by_an_earlier_one_is_not_called, setup, teardown),
                test_with(a_file_that_cannot_be_watched_is_refused, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
