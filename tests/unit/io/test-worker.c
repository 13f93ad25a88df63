/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The worker: in a thread with a real clock, in the loop with a manual one; first in first out, cancelled in
 * every state. */

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/worker.h"

#define N_JOBS 200u

/* What the far side of a gate does not pass until it is opened. */
typedef struct gate {
        int fds[2];
} gate;

static void gate_open(gate *g) {
        assert_int_equal(write(g->fds[1], "", 1), 1);
}

static void gate_pass(gate *g) {
        char c;

        if (read(g->fds[0], &c, 1) != 1)
                abort();
}

typedef struct work {
        p2p_job job;
        struct fixture *f;
        gate *entered, *leave; /* NULL: it does not stop */
        pthread_t thread;
        unsigned n_run, n_done, again, place;
        bool masked;
} work;

typedef struct fixture {
        p2p_loop *loop;
        gate entered, leave;
        unsigned n_run, n_done; /* the first is the worker's while jobs are busy */
        work w[N_JOBS];
} fixture;

static void run_work(void *userdata) {
        work *w = userdata;
        sigset_t set;

        if (w->entered)
                gate_open(w->entered);
        if (w->leave)
                gate_pass(w->leave);
        w->thread = pthread_self();
        (void) pthread_sigmask(SIG_SETMASK, NULL, &set);
        w->masked = sigismember(&set, SIGTERM) && sigismember(&set, SIGCHLD);
        w->n_run++;
        w->place = w->f->n_run++;
}

static void on_done(void *userdata) {
        work *w = userdata;

        assert_false(p2p_job_is_busy(&w->job));
        w->n_done++;
        w->f->n_done++;
        if (w->again > 0) {
                w->again--;
                assert_int_equal(p2p_job_start(&w->job), 0);
        }
}

static fixture *fixture_new(int (*loop_new)(p2p_loop **ret)) {
        fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(loop_new(&f->loop), 0);
        assert_int_equal(pipe(f->entered.fds), 0);
        assert_int_equal(pipe(f->leave.fds), 0);
        for (unsigned i = 0; i < N_JOBS; i++) {
                f->w[i].f = f;
                p2p_job_init(&f->w[i].job, f->loop, run_work, on_done, f->w + i);
        }
        return f;
}

static int setup_real(void **state) {
        *state = fixture_new(p2p_loop_new);
        return 0;
}

static int setup_manual(void **state) {
        *state = fixture_new(p2p_loop_new_manual);
        return 0;
}

static int teardown(void **state) {
        fixture *f = *state;

        p2p_loop_free(f->loop);
        for (unsigned i = 0; i < 2; i++) {
                close(f->entered.fds[i]);
                close(f->leave.fds[i]);
        }
        free(f);
        return 0;
}

static void start(work *w) {
        assert_int_equal(p2p_job_start(&w->job), 0);
        assert_true(p2p_job_is_busy(&w->job));
}

/* It runs, and stands in the middle of it. */
static void start_and_stop(fixture *f, work *w) {
        w->entered = &f->entered;
        w->leave = &f->leave;
        start(w);
        gate_pass(&f->entered);
}

static void turn_until(fixture *f, unsigned n_done) {
        while (f->n_done < n_done)
                assert_true(p2p_loop_turn(f->loop, 10 * USEC_PER_SEC) >= 0);
        assert_int_equal(f->n_done, n_done);
}

static void run_and_done(void **state) {
        fixture *f = *state;

        start(f->w);
        assert_int_equal(f->n_done, 0);
        turn_until(f, 1);
        assert_int_equal(f->w->n_run, 1);
        assert_false(p2p_job_is_busy(&f->w->job));
}

static void thread_of_its_own(void **state) {
        fixture *f = *state;
        sigset_t set;

        start(f->w);
        start(f->w + 1);
        turn_until(f, 2);
        assert_false(pthread_equal(f->w[0].thread, pthread_self()));
        assert_true(pthread_equal(f->w[0].thread, f->w[1].thread));
        assert_true(f->w[0].masked);
        (void) pthread_sigmask(SIG_SETMASK, NULL, &set);
        assert_false(sigismember(&set, SIGTERM)); /* as before */
}

static void loop_does_not_wait(void **state) {
        fixture *f = *state;

        start_and_stop(f, f->w);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->n_done, 0);
        gate_open(&f->leave);
        turn_until(f, 1);
}

static void in_order(void **state) {
        fixture *f = *state;

        for (unsigned i = 0; i < N_JOBS; i++)
                start(f->w + i);
        turn_until(f, N_JOBS);
        for (unsigned i = 0; i < N_JOBS; i++) {
                assert_int_equal(f->w[i].place, i);
                assert_int_equal(f->w[i].n_run, 1);
                assert_int_equal(f->w[i].n_done, 1);
        }
}

/* After all others, and the last one first. */
static void strangers_wait(void **state) {
        static const unsigned places[] = { 3, 2, 0, 1 };
        fixture *f = *state;

        start_and_stop(f, f->w + 4);
        f->w[0].job.stranger = f->w[1].job.stranger = true;
        for (unsigned i = 0; i < 4; i++)
                start(f->w + i);
        gate_open(&f->leave);
        turn_until(f, 5);
        for (unsigned i = 0; i < 4; i++)
                assert_int_equal(f->w[i].place, 1 + places[i]);
}

/* The one that stands in the middle counts too. */
static void strangers_are_not_shut_out(void **state) {
        fixture *f = *state;

        start_and_stop(f, f->w + 20);
        f->w->job.stranger = true;
        for (unsigned i = 0; i < 20; i++)
                start(f->w + i);
        gate_open(&f->leave);
        turn_until(f, 21);
        assert_int_equal(f->w->place, 8);
        assert_int_equal(f->w[7].place, 7);
        assert_int_equal(f->w[8].place, 9);
}

/* It needs no thread, and does not wait for it. */
static void own_is_in_the_loop(void **state) {
        fixture *f = *state;

        f->w->job.own = true;
        start(f->w);
        assert_int_equal(f->n_run, 0);
        turn_until(f, 1);
        assert_true(pthread_equal(f->w->thread, pthread_self()));

        start_and_stop(f, f->w + 1);
        start(f->w);
        turn_until(f, 2);
        start(f->w);
        p2p_job_cancel(&f->w->job);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->w->n_done, 2);
        gate_open(&f->leave);
        turn_until(f, 3);
}

/* Wakes meet one another in every way. */
static void again_and_again(void **state) {
        fixture *f = *state;

        for (unsigned i = 0; i < 4; i++) {
                f->w[i].again = 5000;
                start(f->w + i);
        }
        turn_until(f, 4 * 5001);
}

static void cancel_idle(void **state) {
        fixture *f = *state;
        p2p_job zero = {};

        p2p_job_cancel(&zero);
        p2p_job_cancel(&f->w->job);
        start(f->w);
        turn_until(f, 1);
        p2p_job_cancel(&f->w->job);
        start(f->w);
        turn_until(f, 2);
}

static void cancel_queued(void **state) {
        fixture *f = *state;

        start_and_stop(f, f->w);
        start(f->w + 1);
        start(f->w + 2);
        p2p_job_cancel(&f->w[1].job);
        assert_false(p2p_job_is_busy(&f->w[1].job));
        gate_open(&f->leave);
        turn_until(f, 2);
        assert_int_equal(f->w[1].n_run, 0);
        start(f->w + 1); /* it can be had again */
        turn_until(f, 3);
}

static void cancel_running(void **state) {
        fixture *f = *state;

        start_and_stop(f, f->w);
        start(f->w + 1);
        gate_open(&f->leave);
        p2p_job_cancel(&f->w->job); /* waits */
        assert_int_equal(f->w->n_run, 1);
        assert_false(p2p_job_is_busy(&f->w->job));
        turn_until(f, 1);
        assert_int_equal(f->w[1].n_done, 1);
        assert_int_equal(f->w->n_done, 0);
}

/* The next one runs, so the first is finished: whether its edge was seen or not. */
static void cancel_finished(void **state) {
        fixture *f = *state;

        start(f->w);
        start_and_stop(f, f->w + 1);
        p2p_job_cancel(&f->w->job);
        gate_open(&f->leave);
        turn_until(f, 1);
        assert_int_equal(f->w->n_run, 1);
        assert_int_equal(f->w->n_done, 0);

        start_and_stop(f, f->w + 1);
        start(f->w);
        gate_open(&f->leave);
        turn_until(f, 2);
        p2p_job_cancel(&f->w->job);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->w->n_done, 0);
}

/* Some queued, one running, some done; what is cancelled may be freed at once. */
static void cancel_at_random(void **state) {
        fixture *f = *state;

        for (unsigned round = 0; round < 300; round++) {
                for (unsigned i = 0; i < 16; i++) {
                        work *w = malloc(sizeof(*w));

                        assert_non_null(w);
                        *w = (work){ .f = f };
                        p2p_job_init(&w->job, f->loop, run_work, on_done, w);
                        start(w);
                        if (i % 3 == 0)
                                (void) p2p_loop_turn(f->loop, 0);
                        if (i % 2 == 0)
                                sched_yield();
                        p2p_job_cancel(&w->job);
                        free(w);
                }
                start(f->w + round % N_JOBS);
                while (p2p_job_is_busy(&f->w[round % N_JOBS].job))
                        assert_true(p2p_loop_turn(f->loop, 10 * USEC_PER_SEC) >= 0);
        }
}

static void free_loop_with_jobs(void **state) {
        fixture *f = *state;
        unsigned n = 10;

        f->w[0].entered = &f->entered; /* so that it surely runs */
        for (unsigned i = 0; i < n; i++)
                start(f->w + i);
        gate_pass(&f->entered);
        f->loop = p2p_loop_free(f->loop);
        assert_int_equal(f->w[0].n_run, 1);
        for (unsigned i = 0; i < n; i++) {
                assert_false(p2p_job_is_busy(&f->w[i].job));
                p2p_job_cancel(&f->w[i].job);
                assert_int_equal(f->w[i].n_done, 0);
        }
}

/* ---- a manual clock */

static void manual_is_in_the_loop(void **state) {
        fixture *f = *state;

        start(f->w);
        start(f->w + 1);
        assert_int_equal(f->n_run, 0);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        assert_int_equal(f->n_run, 1); /* one a turn: it is slow */
        assert_int_equal(f->n_done, 1);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->n_done, 2);
        assert_true(pthread_equal(f->w->thread, pthread_self()));
        assert_int_equal(f->w[1].place, 1);
}

static void manual_cancel(void **state) {
        fixture *f = *state;

        start(f->w);
        start(f->w + 1);
        p2p_job_cancel(&f->w->job);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->w->n_run, 0);
        assert_int_equal(f->w[1].n_done, 1);
}

static void manual_free_loop(void **state) {
        fixture *f = *state;

        start(f->w);
        f->loop = p2p_loop_free(f->loop);
        assert_false(p2p_job_is_busy(&f->w->job));
        assert_int_equal(f->w->n_run, 0);
}

int main(void) {
#define REAL(test) cmocka_unit_test_setup_teardown(test, setup_real, teardown)
#define MANUAL(test) cmocka_unit_test_setup_teardown(test, setup_manual, teardown)
        const struct CMUnitTest tests[] = {
                REAL(run_and_done),
                REAL(thread_of_its_own),
                REAL(loop_does_not_wait),
                REAL(in_order),
                REAL(strangers_wait),
                REAL(strangers_are_not_shut_out),
                REAL(own_is_in_the_loop),
                REAL(again_and_again),
                REAL(cancel_idle),
                REAL(cancel_queued),
                REAL(cancel_running),
                REAL(cancel_finished),
                REAL(cancel_at_random),
                REAL(free_loop_with_jobs),
                MANUAL(run_and_done),
                MANUAL(in_order),
                MANUAL(again_and_again),
                MANUAL(cancel_idle),
                MANUAL(manual_is_in_the_loop),
                MANUAL(manual_cancel),
                MANUAL(manual_free_loop),
        };

        return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
