/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tasks: first in first out, twice is once, what they post runs in the next turn; any may free any other. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/loop.h>

typedef struct fixture {
        p2p_loop *loop;
        char log[64];
        p2p_task a, b, c;
} fixture;

static void note(fixture *f, char what) {
        size_t n = strlen(f->log);

        assert_true(n + 1 < sizeof(f->log));
        f->log[n] = what;
}

static void run_a(void *userdata) {
        note(userdata, 'a');
}

static void run_b(void *userdata) {
        note(userdata, 'b');
}

static void run_c(void *userdata) {
        note(userdata, 'c');
}

static int setup(void **state) {
        fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        p2p_task_init(&f->a, f->loop, run_a, f);
        p2p_task_init(&f->b, f->loop, run_b, f);
        p2p_task_init(&f->c, f->loop, run_c, f);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        fixture *f = *state;

        p2p_loop_free(f->loop);
        free(f);
        return 0;
}

/* Lower case posts, upper case cancels. */
static void tasks_run_in_the_order_of_posting(void **state) {
        static const struct { const char *steps, *expect; } cases[] = {
                { "",         ""    },
                { "a",        "a"   },
                { "abc",      "abc" },
                { "cab",      "cab" },
                { "aab",      "ab"  },
                { "abab",     "ab"  },
                { "A",        ""    },
                { "aA",       ""    },
                { "abAa",     "ba"  },
                { "abcB",     "ac"  },
                { "abcABC",   ""    },
                { "aAaAaAab", "ab"  },
        };
        fixture *f = *state;
        p2p_task *tasks[] = { &f->a, &f->b, &f->c };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                memset(f->log, 0, sizeof(f->log));
                for (const char *s = cases[i].steps; *s; s++)
                        if (*s >= 'a')
                                p2p_task_post(tasks[*s - 'a']);
                        else
                                p2p_task_cancel(tasks[*s - 'A']);
                assert_string_equal(f->log, "");
                assert_int_equal(p2p_loop_turn(f->loop, 0), *cases[i].expect ? 1 : 0);
                assert_string_equal(f->log, cases[i].expect);
                assert_int_equal(p2p_loop_turn(f->loop, 0), 0);
                assert_string_equal(f->log, cases[i].expect);
        }
}

static void post_again_and_b(void *userdata) {
        fixture *f = userdata;

        note(f, 'x');
        p2p_task_post(&f->a);
        p2p_task_post(&f->b);
}

static void what_a_task_posts_runs_in_the_next_turn(void **state) {
        fixture *f = *state;

        p2p_task_init(&f->a, f->loop, post_again_and_b, f);
        p2p_task_post(&f->a);
        p2p_task_post(&f->b); /* already in the queue of this turn: posting it again is once */

        p2p_loop_turn(f->loop, 0);
        assert_string_equal(f->log, "xb");
        p2p_loop_turn(f->loop, 0);
        assert_string_equal(f->log, "xbx");
        p2p_loop_turn(f->loop, 0);
        assert_string_equal(f->log, "xbxxb");
        p2p_task_cancel(&f->a);
        p2p_task_cancel(&f->b);
}

static void cancel_b(void *userdata) {
        fixture *f = userdata;

        note(f, 'x');
        p2p_task_cancel(&f->b);
}

static void a_task_cancelled_by_an_earlier_one_does_not_run(void **state) {
        fixture *f = *state;

        p2p_task_init(&f->a, f->loop, cancel_b, f);
        p2p_task_post(&f->a);
        p2p_task_post(&f->b);
        p2p_task_post(&f->c);
        p2p_loop_settle(f->loop);
        assert_string_equal(f->log, "xc");
}

typedef struct heap_task {
        p2p_task task;
        fixture *f;
        struct heap_task *victim;
} heap_task;

static void free_victim_and_self(void *userdata) {
        heap_task *h = userdata;

        note(h->f, 'h');
        if (h->victim) {
                p2p_task_cancel(&h->victim->task);
                free(h->victim);
        }
        free(h);
}

static void a_task_may_free_itself_and_another(void **state) {
        fixture *f = *state;
        heap_task *h[3];

        for (size_t i = 0; i < ELEMENTSOF(h); i++) {
                h[i] = calloc(1, sizeof(*h[i]));
                assert_non_null(h[i]);
                h[i]->f = f;
                p2p_task_init(&h[i]->task, f->loop, free_victim_and_self, h[i]);
                p2p_task_post(&h[i]->task);
        }
        h[0]->victim = h[1];
        p2p_loop_settle(f->loop);
        assert_string_equal(f->log, "hh");
}

static void nothing_and_an_all_zero_task_are_fine(void **state) {
        p2p_task zero = {};

        (void) state;
        p2p_task_post(NULL);
        p2p_task_cancel(&zero);
}

static void pending_tasks_keep_a_turn_from_waiting(void **state) {
        fixture *f = *state;

        p2p_task_post(&f->a);
        assert_int_equal(p2p_loop_turn(f->loop, USEC_INFINITY), 1);
        assert_string_equal(f->log, "a");
}

static void of_slow_tasks_each_turn_runs_one_and_last(void **state) {
        fixture *f = *state;

        f->a.slow = f->b.slow = true;
        p2p_task_post(&f->a);
        p2p_task_post(&f->b);
        p2p_task_post(&f->c);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        assert_string_equal(f->log, "ca");
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        assert_string_equal(f->log, "cab");
        assert_int_equal(p2p_loop_turn(f->loop, 0), 0);
}

static void post_b(void *userdata) {
        fixture *f = userdata;

        note(f, 'x');
        p2p_task_post(&f->b);
}

static void news_that_climbs_meets_no_slow_task(void **state) {
        fixture *f = *state;

        p2p_task_init(&f->a, f->loop, post_b, f);
        f->c.slow = true;
        p2p_task_post(&f->c);
        p2p_task_post(&f->a);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        assert_string_equal(f->log, "x"); /* b is left */
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        assert_string_equal(f->log, "xbc");
}

typedef struct busy {
        p2p_task task, slow;
        unsigned n, n_slow;
} busy;

static void post_again(void *userdata) {
        busy *b = userdata;

        b->n++;
        p2p_task_post(&b->task);
}

static void count_slow(void *userdata) {
        busy *b = userdata;

        b->n_slow++;
}

/* Half a millisecond of a real clock. */
static void who_is_always_busy_does_not_shut_slow_tasks_out(void **state) {
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        busy b = {};

        (void) state;
        assert_int_equal(p2p_loop_new(&loop), 0);
        p2p_task_init(&b.task, loop, post_again, &b);
        p2p_task_init(&b.slow, loop, count_slow, &b);
        b.slow.slow = true;
        p2p_task_post(&b.task);
        p2p_task_post(&b.slow);
        while (b.n_slow == 0 && b.n < 1000000)
                assert_int_equal(p2p_loop_turn(loop, 0), 1);
        assert_int_equal(b.n_slow, 1);
        p2p_task_cancel(&b.task);
}

static void a_slow_task_can_be_cancelled_and_is_posted_once(void **state) {
        fixture *f = *state;

        f->a.slow = f->b.slow = true;
        p2p_task_post(&f->a);
        p2p_task_post(&f->b);
        p2p_task_post(&f->b);
        p2p_task_cancel(&f->a);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_string_equal(f->log, "b");
}

static void news_is_passed_at_once_and_not_twice(void **state) {
        fixture *f = *state;

        f->b.slow = true;
        p2p_task_post(&f->a);
        p2p_task_pass(&f->a);
        assert_string_equal(f->log, "a");
        p2p_task_pass(&f->b); /* a slow one waits for its turn */
        p2p_task_pass(NULL);
        assert_string_equal(f->log, "a");
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_string_equal(f->log, "ab");
}

#define test_with cmocka_unit_test_setup_teardown

int main(void) {
        const struct CMUnitTest tests[] = {
                test_with(tasks_run_in_the_order_of_posting, setup, teardown),
                test_with(what_a_task_posts_runs_in_the_next_turn, setup, teardown),
                test_with(a_task_cancelled_by_an_earlier_one_does_not_run, setup, teardown),
                test_with(a_task_may_free_itself_and_another, setup, teardown),
                test_with(nothing_and_an_all_zero_task_are_fine, setup, teardown),
                test_with(pending_tasks_keep_a_turn_from_waiting, setup, teardown),
                test_with(of_slow_tasks_each_turn_runs_one_and_last, setup, teardown),
                test_with(news_that_climbs_meets_no_slow_task, setup, teardown),
                test_with(who_is_always_busy_does_not_shut_slow_tasks_out, setup, teardown),
                test_with(a_slow_task_can_be_cancelled_and_is_posted_once, setup, teardown),
                test_with(news_is_passed_at_once_and_not_twice, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
