/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The loop: order within a turn, the clock, waits, and life beside another loop. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <p2p/loop.h>

typedef struct fixture {
        p2p_loop *loop;
        int fds[2];
        char log[64];
        p2p_task task;
        p2p_timer timer;
        p2p_watch *watch;
        uint64_t seen_now;
} fixture;

static void note(fixture *f, char what) {
        size_t n = strlen(f->log);

        assert_true(n + 1 < sizeof(f->log));
        f->log[n] = what;
}

static void on_task(void *userdata) {
        note(userdata, 't');
}

static void on_timer(void *userdata) {
        note(userdata, 'c');
}

static void on_watch(unsigned events, void *userdata) {
        fixture *f = userdata;
        char c;

        assert_int_equal(events, P2P_READABLE);
        assert_int_equal(recv(f->fds[0], &c, 1, MSG_DONTWAIT), 1);
        f->seen_now = p2p_loop_now(f->loop);
        note(f, 'w');
        p2p_task_post(&f->task);
}

static int setup_with(void **state, int (*loop_new)(p2p_loop **ret)) {
        fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(loop_new(&f->loop), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, f->fds), 0);
        p2p_task_init(&f->task, f->loop, on_task, f);
        p2p_timer_init(&f->timer, f->loop, on_timer, f);
        assert_int_equal(p2p_watch_new(f->loop, f->fds[0], P2P_READABLE, on_watch, f, &f->watch), 0);
        *state = f;
        return 0;
}

static int setup_manual(void **state) {
        return setup_with(state, p2p_loop_new_manual);
}

static int setup_real(void **state) {
        return setup_with(state, p2p_loop_new);
}

static int teardown(void **state) {
        fixture *f = *state;

        p2p_watch_free(f->watch);
        p2p_timer_stop(&f->timer);
        p2p_task_cancel(&f->task);
        close(f->fds[0]);
        close(f->fds[1]);
        p2p_loop_free(f->loop);
        free(f);
        return 0;
}

static void send_byte(fixture *f) {
        assert_int_equal(send(f->fds[1], "x", 1, MSG_NOSIGNAL), 1);
}

/* What ready fds and timers post runs in the same turn: tasks come last. */
static void a_turn_serves_fds_then_timers_then_tasks(void **state) {
        fixture *f = *state;

        assert_int_equal(p2p_timer_set(&f->timer, 0), 0);
        send_byte(f);
        assert_int_equal(p2p_loop_turn(f->loop, USEC_INFINITY), 1);
        assert_string_equal(f->log, "wct");
        assert_int_equal(p2p_loop_turn(f->loop, 0), 0);
}

static void settle_runs_all_that_needs_no_waiting(void **state) {
        fixture *f = *state;

        for (unsigned i = 0; i < 3; i++)
                send_byte(f);
        assert_int_equal(p2p_timer_set(&f->timer, 1), 0);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_string_equal(f->log, "wtwtwt");
}

static void a_manual_clock_moves_only_when_told(void **state) {
        fixture *f = *state;
        uint64_t start = p2p_loop_now(f->loop);

        assert_int_equal(p2p_loop_turn(f->loop, 1000), 0); /* waits in real time for fds, and stands still */
        assert_int_equal(p2p_loop_now(f->loop), start);
        assert_int_equal(p2p_loop_advance(f->loop, 12345), 0);
        assert_int_equal(p2p_loop_now(f->loop), start + 12345);
        assert_int_equal(p2p_loop_advance(f->loop, 0), 0);
        assert_int_equal(p2p_loop_now(f->loop), start + 12345);
}

static void repeat(void *userdata) {
        fixture *f = userdata;

        note(f, 'r');
        assert_int_equal(p2p_timer_set(&f->timer, 10), 0);
}

static void advancing_runs_what_becomes_due_on_the_way(void **state) {
        fixture *f = *state;

        p2p_timer_init(&f->timer, f->loop, repeat, f);
        assert_int_equal(p2p_timer_set(&f->timer, 10), 0);
        assert_int_equal(p2p_loop_advance(f->loop, 55), 0);
        assert_string_equal(f->log, "rrrrr");
}

static uint64_t boottime(void) {
        struct timespec ts;

        assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

static void the_clock_is_read_after_the_wait(void **state) {
        fixture *f = *state;
        uint64_t before, after;

        before = boottime();
        assert_true(p2p_loop_turn(f->loop, 3 * USEC_PER_MSEC) >= 0);
        assert_true(p2p_loop_now(f->loop) >= before + 3 * USEC_PER_MSEC);
        send_byte(f);
        before = boottime();
        assert_int_equal(p2p_loop_turn(f->loop, USEC_INFINITY), 1);
        after = boottime();
        assert_in_range(f->seen_now, before, after);
}

static void a_wait_ends_at_its_timeout(void **state) {
        static const uint64_t timeouts[] = { 0, 1, USEC_PER_MSEC, 5 * USEC_PER_MSEC, 2 * USEC_PER_MSEC };
        fixture *f = *state;

        assert_int_equal(p2p_timer_set(&f->timer, USEC_PER_MINUTE), 0);
        for (size_t i = 0; i < ELEMENTSOF(timeouts); i++) {
                uint64_t before = boottime();

                assert_int_equal(p2p_loop_turn(f->loop, timeouts[i]), 0);
                assert_true(p2p_loop_now(f->loop) >= before + timeouts[i]);
                assert_true(p2p_loop_now(f->loop) < before + 10 * USEC_PER_SEC);
        }
}

/* The other loop's fd is a watch like any other: how a program runs sd-event beside this one. */
static void another_loop_is_watched_by_its_fd(void **state) {
        fixture *f = *state;
        struct epoll_event ev = { .events = EPOLLIN };
        p2p_watch *watch;
        int other;

        f->watch = p2p_watch_free(f->watch);
        other = epoll_create1(EPOLL_CLOEXEC);
        assert_true(other >= 0);
        assert_int_equal(epoll_ctl(other, EPOLL_CTL_ADD, f->fds[0], &ev), 0);
        assert_int_equal(p2p_watch_new(f->loop, other, P2P_READABLE, on_watch, f, &watch), 0);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 0);
        send_byte(f);
        assert_int_equal(p2p_loop_turn(f->loop, USEC_INFINITY), 1);
        assert_string_equal(f->log, "wt");
        assert_int_equal(p2p_loop_turn(f->loop, 0), 0);
        p2p_watch_free(watch);
        close(other);
}

static void scratch_slots_are_apart(void **state) {
        fixture *f = *state;
        uint8_t *a = p2p_loop_scratch(f->loop, 0), *b = p2p_loop_scratch(f->loop, 1);

        memset(a, 1, P2P_SCRATCH_SIZE);
        memset(b, 2, P2P_SCRATCH_SIZE);
        for (size_t i = 0; i < P2P_SCRATCH_SIZE; i++)
                assert_true(a[i] == 1 && b[i] == 2);
        assert_ptr_equal(a, p2p_loop_scratch(f->loop, 0));
}

#define test_with cmocka_unit_test_setup_teardown

int main(void) {
        const struct CMUnitTest tests[] = {
                test_with(a_turn_serves_fds_then_timers_then_tasks, setup_manual, teardown),
                test_with(settle_runs_all_that_needs_no_waiting, setup_manual, teardown),
                test_with(a_manual_clock_moves_only_when_told, setup_manual, teardown),
                test_with(advancing_runs_what_becomes_due_on_the_way, setup_manual, teardown),
                test_with(the_clock_is_read_after_the_wait, setup_real, teardown),
                test_with(a_wait_ends_at_its_timeout, setup_real, teardown),
                test_with(another_loop_is_watched_by_its_fd, setup_manual, teardown),
                test_with(scratch_slots_are_apart, setup_manual, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
