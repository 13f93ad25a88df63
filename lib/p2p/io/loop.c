/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The loop: one turn is a wait, then ready fds, due timers, the tasks posted so far, and one slow task.
 *
 * libevent waits for fds and does nothing else: it has no hook before a wait and its clock stops while
 * the machine sleeps. So timers are our own heap on CLOCK_BOOTTIME, and one timerfd on that clock,
 * watched like any fd, ends the wait: what became due during sleep runs at resume. It is set only where
 * a wait would end too late, and then stays: a timer that moved away costs one wake for nothing, not a
 * system call each turn. With no timer set nothing ever wakes an idle loop.
 *
 * Callbacks run only here, from p2p_loop_turn(), on an empty stack: libevent's own callbacks just take
 * notes (watch.c). A program that has another loop owns the turn: it watches that loop's fd, and
 * dispatches the other loop before each turn.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "io/loop-private.h"

#define SCRATCH_SLOTS 3u
#define SETTLE_TURNS_MAX 1000000u /* arbitrary: two tasks that post each other for ever are a bug */

static uint64_t clock_now(void) {
        struct timespec ts = {};

        (void) clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

static void on_alarm(evutil_socket_t fd, short what, void *userdata) {
        p2p_loop *loop = userdata;

        /* Edge-triggered: the expiry is not read, the next setting clears it. */
        (void) fd, (void) what;
        loop->alarm_due = USEC_INFINITY;
}

/* libevent would write its complaints to standard error; what matters reaches us as a return value. */
static void stay_silent(int severity, const char *message) {
        (void) severity, (void) message;
}

static int new_base(struct event_base **ret) {
        struct event_config *config;
        struct event_base *base = NULL;

        event_set_log_callback(stay_silent);
        config = event_config_new();
        if (!config)
                return -ENOMEM;
        if (event_config_require_features(config, EV_FEATURE_ET) == 0 &&
            event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
                base = event_base_new_with_config(config);
        event_config_free(config);
        if (!base)
                return -ENOMEM;

        *ret = base;
        return 0;
}

static int new_alarm(p2p_loop *loop) {
        loop->alarm_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (loop->alarm_fd < 0)
                return -errno;

        loop->alarm = event_new(loop->base, loop->alarm_fd, EV_READ | EV_PERSIST | EV_ET, on_alarm, loop);
        if (!loop->alarm || event_add(loop->alarm, NULL) < 0)
                return -ENOMEM;
        return 0;
}

int p2p_loop_new(p2p_loop **ret) {
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        int r;

        loop = malloc(sizeof(*loop));
        if (!loop)
                return -ENOMEM;
        *loop = (p2p_loop) { .alarm_fd = -1, .alarm_due = USEC_INFINITY, .now = clock_now() };
        p2p_list_init(&loop->tasks);
        p2p_list_init(&loop->tasks_now);
        p2p_list_init(&loop->slow);
        p2p_list_init(&loop->ready);
        p2p_list_init(&loop->ready_now);
        p2p_list_init(&loop->orphans);

        loop->scratch = malloc(SCRATCH_SLOTS * P2P_SCRATCH_SIZE); /* resident only once it is used */
        if (!loop->scratch)
                return -ENOMEM;

        r = new_base(&loop->base);
        if (r < 0)
                return r;
        r = new_alarm(loop);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(loop);
        return 0;
}

int p2p_loop_new_manual(p2p_loop **ret) {
        p2p_loop *loop;
        int r;

        r = p2p_loop_new(&loop);
        if (r < 0)
                return r;

        loop->manual = true;
        loop->now = USEC_PER_SEC; /* the same in every run; not 0, which might be taken for "never" */
        *ret = loop;
        return 0;
}

p2p_loop *p2p_loop_free(p2p_loop *loop) {
        if (!loop)
                return NULL;

        assert(!loop->in_turn);
        loop_free_orphans(loop);
        loop_free_worker(loop->worker);
        assert(p2p_list_is_empty(&loop->tasks));
        assert(p2p_list_is_empty(&loop->slow));
        assert(loop->n_timers == 0);
        assert(loop->n_watches == 0);

        if (loop->alarm)
                event_free(loop->alarm);
        if (loop->base)
                event_base_free(loop->base);
        if (loop->alarm_fd >= 0)
                close(loop->alarm_fd);
        free(loop->timers);
        free(loop->scratch);
        free(loop);
        return NULL;
}

uint64_t p2p_loop_now(const p2p_loop *loop) {
        return loop->now;
}

uint8_t *p2p_loop_scratch(p2p_loop *loop, unsigned slot) {
        assert(slot < SCRATCH_SLOTS);

        return loop->scratch + slot * P2P_SCRATCH_SIZE;
}

static bool is_pending(const p2p_loop *loop) {
        return !p2p_list_is_empty(&loop->tasks) || !p2p_list_is_empty(&loop->slow) ||
               !p2p_list_is_empty(&loop->ready) || loop_timers_due(loop) <= loop->now;
}

/* When a wait that begins now must end. A manual clock stands still: its timers never end a wait. */
static uint64_t wait_end(const p2p_loop *loop, uint64_t timeout_usec) {
        uint64_t end = loop->manual ? USEC_INFINITY : loop_timers_due(loop);

        if (timeout_usec != USEC_INFINITY) {
                uint64_t now = clock_now();

                if (timeout_usec < USEC_INFINITY - now)
                        end = P2P_MIN(end, now + timeout_usec);
        }
        return end;
}

static int set_alarm(p2p_loop *loop, uint64_t due) {
        struct itimerspec its = {
                .it_value.tv_sec = (time_t) (due / USEC_PER_SEC),
                .it_value.tv_nsec = (long) (due % USEC_PER_SEC * 1000),
        };

        if (due >= loop->alarm_due)
                return 0;
        if (timerfd_settime(loop->alarm_fd, TFD_TIMER_ABSTIME, &its, NULL) < 0)
                return -errno;

        loop->alarm_due = due;
        return 0;
}

static int wait_for_events(p2p_loop *loop, uint64_t timeout_usec) {
        int flags = EVLOOP_ONCE;
        int r;

        if (timeout_usec == 0 || is_pending(loop))
                flags |= EVLOOP_NONBLOCK;
        else {
                r = set_alarm(loop, wait_end(loop, timeout_usec));
                if (r < 0)
                        return r;
        }

        errno = 0;
        if (event_base_loop(loop->base, flags) < 0)
                return errno > 0 ? -errno : -EIO;
        return 0;
}

int p2p_loop_turn(p2p_loop *loop, uint64_t timeout_usec) {
        bool any = false;
        int r;

        assert(!loop->in_turn);

        r = wait_for_events(loop, timeout_usec);
        if (r < 0)
                return r;
        if (!loop->manual)
                loop->now = clock_now();

        loop->in_turn = true;
        any |= loop_serve_watches(loop);
        any |= loop_serve_timers(loop);
        any |= loop_serve_tasks(loop);
        any |= loop_serve_slow(loop);
        loop->in_turn = false;
        return any;
}

int p2p_loop_settle(p2p_loop *loop) {
        for (unsigned i = 0; i < SETTLE_TURNS_MAX; i++) {
                int r;

                r = p2p_loop_turn(loop, 0);
                if (r < 0)
                        return r;
                if (r == 0 && !is_pending(loop))
                        return 0;
        }
        return -ETIMEDOUT;
}

int p2p_loop_advance(p2p_loop *loop, uint64_t usec) {
        const uint64_t end = loop->now + usec;
        int r;

        assert(loop->manual);

        for (;;) {
                r = p2p_loop_settle(loop);
                if (r < 0)
                        return r;
                if (loop->now == end)
                        return 0;
                loop->now = P2P_MIN(end, loop_timers_due(loop));
        }
}
