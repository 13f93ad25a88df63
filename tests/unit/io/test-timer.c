/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Timers: order of due time, then of setting; moved and stopped anywhere in the heap; no captive turn. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/loop.h>

#define MANY 1000u

typedef struct fixture fixture;

typedef struct entry {
        p2p_timer timer;
        fixture *f;
        char name;
} entry;

struct fixture {
        p2p_loop *loop;
        char log[64];
        entry entries[3];
};

static void on_entry(void *userdata) {
        entry *e = userdata;
        size_t n = strlen(e->f->log);

        assert_false(p2p_timer_is_set(&e->timer));
        assert_true(n + 1 < sizeof(e->f->log));
        e->f->log[n] = e->name;
}

static int setup(void **state) {
        fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        for (size_t i = 0; i < ELEMENTSOF(f->entries); i++) {
                f->entries[i] = (entry) { .f = f, .name = (char) ('a' + i) };
                p2p_timer_init(&f->entries[i].timer, f->loop, on_entry, &f->entries[i]);
        }
        *state = f;
        return 0;
}

static int teardown(void **state) {
        fixture *f = *state;

        p2p_loop_free(f->loop);
        free(f);
        return 0;
}

static void timers_run_when_due_and_in_order(void **state) {
        static const struct {
                uint64_t after[3]; /* USEC_INFINITY: not set */
                uint64_t advance;
                const char *expect, *rest;
        } cases[] = {
                { { 1, 2, 3 },                               3,  "abc", ""   },
                { { 3, 2, 1 },                               3,  "cba", ""   },
                { { 5, 5, 5 },                               5,  "abc", ""   },
                { { 5, 4, 5 },                               5,  "bac", ""   },
                { { 5, 6, 7 },                               4,  "",    "abc" },
                { { 5, 6, 7 },                               6,  "ab",  "c"  },
                { { 0, 1, 0 },                               0,  "ac",  "b"  },
                { { USEC_INFINITY, 9, USEC_INFINITY },       9,  "b",   ""   },
                { { UINT64_MAX - 1, 2, UINT64_MAX - 5 },     9,  "b",   ""   },
        };
        fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                memset(f->log, 0, sizeof(f->log));
                for (size_t j = 0; j < 3; j++)
                        assert_int_equal(p2p_timer_set(&f->entries[j].timer, cases[i].after[j]), 0);
                assert_int_equal(p2p_loop_advance(f->loop, cases[i].advance), 0);
                assert_string_equal(f->log, cases[i].expect);
                memset(f->log, 0, sizeof(f->log));
                assert_int_equal(p2p_loop_advance(f->loop, 100), 0);
                assert_string_equal(f->log, cases[i].rest);
        }
}

static void setting_again_replaces_and_stopping_ends(void **state) {
        fixture *f = *state;
        entry *e = f->entries;

        assert_int_equal(p2p_timer_set(&e[0].timer, 10), 0);
        assert_int_equal(p2p_timer_set(&e[1].timer, 20), 0);
        assert_int_equal(p2p_timer_set(&e[2].timer, 30), 0);
        assert_int_equal(p2p_timer_set(&e[0].timer, 40), 0); /* later */
        assert_int_equal(p2p_timer_set(&e[2].timer, 5), 0);  /* sooner */
        p2p_timer_stop(&e[1].timer);
        p2p_timer_stop(&e[1].timer);
        assert_false(p2p_timer_is_set(&e[1].timer));
        assert_true(p2p_timer_is_set(&e[2].timer));

        assert_int_equal(p2p_loop_advance(f->loop, 30), 0);
        assert_string_equal(f->log, "c");
        assert_int_equal(p2p_timer_set(&e[0].timer, USEC_INFINITY), 0); /* never: the same as stopping */
        assert_false(p2p_timer_is_set(&e[0].timer));
        assert_int_equal(p2p_loop_advance(f->loop, 100), 0);
        assert_string_equal(f->log, "c");
}

static void an_all_zero_timer_is_off(void **state) {
        p2p_timer zero = {};

        (void) state;
        assert_false(p2p_timer_is_set(&zero));
        p2p_timer_stop(&zero);
}

typedef struct crowd {
        p2p_loop *loop;
        p2p_timer timers[MANY];
        uint64_t due[MANY]; /* 0: off */
        uint64_t last;
        unsigned n_run;
} crowd;

static void on_crowd(void *userdata) {
        crowd *c = userdata;

        assert_true(p2p_loop_now(c->loop) >= c->last);
        c->last = p2p_loop_now(c->loop);
        c->n_run++;
        for (size_t i = 0; i < MANY; i++)
                if (c->due[i] != 0 && !p2p_timer_is_set(&c->timers[i])) {
                        assert_int_equal(c->due[i], c->last);
                        c->due[i] = 0;
                }
}

/* Every place of a large heap is moved and emptied, and still each timer runs at its own time. */
static void a_thousand_timers_keep_their_order(void **state) {
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        crowd *c = calloc(1, sizeof(*c));
        unsigned expect = 0;

        (void) state;
        assert_non_null(c);
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        c->loop = loop;
        srandom(7);
        for (size_t i = 0; i < MANY; i++)
                p2p_timer_init(&c->timers[i], loop, on_crowd, c);
        for (size_t i = 0; i < 5 * MANY; i++) {
                size_t j = (size_t) random() % MANY;

                if (random() % 4 == 0) {
                        p2p_timer_stop(&c->timers[j]);
                        c->due[j] = 0;
                } else {
                        uint64_t after = 1 + (uint64_t) random() % 500;

                        assert_int_equal(p2p_timer_set(&c->timers[j], after), 0);
                        c->due[j] = p2p_loop_now(loop) + after;
                }
        }
        for (size_t i = 0; i < MANY; i++)
                expect += c->due[i] != 0;

        assert_int_equal(p2p_loop_advance(loop, 500), 0);
        assert_int_equal(c->n_run, expect);
        free(c);
}

typedef struct actor {
        p2p_timer timer;
        p2p_timer *other;
        unsigned n_run;
} actor;

static void stop_other(void *userdata) {
        actor *a = userdata;

        a->n_run++;
        p2p_timer_stop(a->other);
}

static void a_timer_stopped_by_an_earlier_one_does_not_run(void **state) {
        fixture *f = *state;
        actor a = {}, b = {};

        p2p_timer_init(&a.timer, f->loop, stop_other, &a);
        p2p_timer_init(&b.timer, f->loop, stop_other, &b);
        a.other = &b.timer;
        b.other = &a.timer;
        assert_int_equal(p2p_timer_set(&a.timer, 5), 0);
        assert_int_equal(p2p_timer_set(&b.timer, 5), 0);
        assert_int_equal(p2p_loop_advance(f->loop, 5), 0);
        assert_int_equal(a.n_run, 1);
        assert_int_equal(b.n_run, 0);
}

static void set_self_at_once(void *userdata) {
        actor *a = userdata;

        a->n_run++;
        assert_int_equal(p2p_timer_set(&a->timer, 0), 0);
}

static void a_timer_that_is_due_at_once_waits_for_the_next_turn(void **state) {
        fixture *f = *state;
        actor a = {};

        p2p_timer_init(&a.timer, f->loop, set_self_at_once, &a);
        assert_int_equal(p2p_timer_set(&a.timer, 0), 0);
        assert_int_equal(p2p_timer_set(&f->entries[0].timer, 0), 0);
        for (unsigned turn = 1; turn <= 3; turn++) {
                assert_int_equal(p2p_loop_turn(f->loop, USEC_INFINITY), 1);
                assert_int_equal(a.n_run, turn);
                assert_string_equal(f->log, "a"); /* the other one, once, in the first turn */
        }
        p2p_timer_stop(&a.timer);
}

static void free_self(void *userdata) {
        free(userdata);
}

static void a_timer_may_free_itself(void **state) {
        fixture *f = *state;
        p2p_timer *t = malloc(sizeof(*t));

        assert_non_null(t);
        p2p_timer_init(t, f->loop, free_self, t);
        assert_int_equal(p2p_timer_set(t, 1), 0);
        assert_int_equal(p2p_loop_advance(f->loop, 1), 0);
}

static void count(void *userdata) {
        ++*(unsigned *) userdata;
}

static void a_real_clock_ends_a_wait_when_a_timer_is_due(void **state) {
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        unsigned n = 0, turns = 0;
        p2p_timer timer, moved;
        uint64_t start;

        (void) state;
        assert_int_equal(p2p_loop_new(&loop), 0);
        p2p_timer_init(&timer, loop, count, &n);
        p2p_timer_init(&moved, loop, count, &n);
        start = p2p_loop_now(loop);
        assert_int_equal(p2p_timer_set(&moved, 5 * USEC_PER_MSEC), 0);
        assert_int_equal(p2p_timer_set(&timer, 20 * USEC_PER_MSEC), 0);
        assert_int_equal(p2p_loop_turn(loop, 0), 0); /* far too early */
        p2p_timer_stop(&moved);
        while (n == 0) {
                assert_true(p2p_loop_turn(loop, USEC_INFINITY) >= 0);
                turns++;
        }
        assert_true(p2p_loop_now(loop) - start >= 20 * USEC_PER_MSEC);
        assert_true(turns <= 2); /* one wake for nothing at most, for the timer that was stopped */
        assert_int_equal(n, 1);
}

#define test_with cmocka_unit_test_setup_teardown

int main(void) {
        const struct CMUnitTest tests[] = {
                test_with(timers_run_when_due_and_in_order, setup, teardown),
                test_with(setting_again_replaces_and_stopping_ends, setup, teardown),
                cmocka_unit_test(an_all_zero_timer_is_off),
                cmocka_unit_test(a_thousand_timers_keep_their_order),
                test_with(a_timer_stopped_by_an_earlier_one_does_not_run, setup, teardown),
                test_with(a_timer_that_is_due_at_once_waits_for_the_next_turn, setup, teardown),
                test_with(a_timer_may_free_itself, setup, teardown),
                cmocka_unit_test(a_real_clock_ends_a_wait_when_a_timer_is_due),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
