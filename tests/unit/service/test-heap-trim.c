/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Free memory goes back to the kernel when work is over: not before, not again, and never for a loop at
 * rest. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "service/heap-trim.h"

#define N 16384u
#define SIZE 4096u

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

static void work(HeapTrim *trim, unsigned turns) {
        for (unsigned i = 0; i < turns; i++)
                heap_trim_note(trim);
}

static long resident_pages(void) {
        long size, resident = 0;
        FILE *f = fopen("/proc/self/statm", "re");

        assert_non_null(f);
        assert_int_equal(fscanf(f, "%ld %ld", &size, &resident), 2);
        fclose(f);
        return resident;
}

/* Holes of SIZE bytes, each between two small things that stay. */
static void make_holes(void **small) {
        static void *large[N];

        for (unsigned i = 0; i < N; i++) {
                large[i] = malloc(SIZE * 4);
                small[i] = malloc(16);
                assert_true(large[i] && small[i]);
                memset(large[i], 1, SIZE * 4);
        }
        for (unsigned i = 0; i < N; i++)
                free(large[i]);
}

static void pages_are_given_back_after_work(void **state) {
        static void *small[N];
        p2p_loop *loop;
        HeapTrim trim;
        long before;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        heap_trim_init(&trim, loop);
        make_holes(small);
        before = resident_pages();
        work(&trim, 256);
        assert_int_equal(p2p_loop_advance(loop, 10 * USEC_PER_SEC - 1), 0);
        if (!SANITIZED)
                assert_true(resident_pages() > before - (long) N);
        assert_int_equal(p2p_loop_advance(loop, 1), 0);
        if (!SANITIZED)
                assert_true(resident_pages() < before - (long) N);
        assert_false(p2p_timer_is_set(&trim.timer));
        for (unsigned i = 0; i < N; i++)
                free(small[i]);
        heap_trim_done(&trim);
        p2p_loop_free(loop);
}

static void a_loop_at_rest_has_no_timer(void **state) {
        p2p_loop *loop;
        HeapTrim trim;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        heap_trim_init(&trim, loop);
        work(&trim, 255);
        assert_false(p2p_timer_is_set(&trim.timer));
        work(&trim, 1);
        assert_true(p2p_timer_is_set(&trim.timer));
        assert_int_equal(p2p_loop_advance(loop, 10 * USEC_PER_SEC), 0);
        work(&trim, 255);
        assert_false(p2p_timer_is_set(&trim.timer));
        heap_trim_done(&trim);
        p2p_loop_free(loop);
}

static void work_that_goes_on_postpones_it(void **state) {
        p2p_loop *loop;
        HeapTrim trim;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        heap_trim_init(&trim, loop);
        work(&trim, 256);
        for (unsigned i = 0; i < 3; i++) {
                work(&trim, 1000);
                assert_int_equal(p2p_loop_advance(loop, 10 * USEC_PER_SEC), 0);
                assert_true(p2p_timer_is_set(&trim.timer));
        }
        work(&trim, 999);
        assert_int_equal(p2p_loop_advance(loop, 10 * USEC_PER_SEC), 0);
        assert_false(p2p_timer_is_set(&trim.timer));
        heap_trim_done(&trim);
        p2p_loop_free(loop);
}

static void what_a_flood_leaves_goes_in_the_midst_of_work(void **state) {
        static void *small[N];
        p2p_loop *loop;
        HeapTrim trim;
        long before;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        heap_trim_init(&trim, loop);
        make_holes(small);
        before = resident_pages();
        work(&trim, 256 + 1000);
        assert_int_equal(p2p_loop_advance(loop, 10 * USEC_PER_SEC), 0);
        if (!SANITIZED)
                assert_true(resident_pages() < before - (long) N);
        assert_true(p2p_timer_is_set(&trim.timer));
        for (unsigned i = 0; i < N; i++)
                free(small[i]);
        heap_trim_done(&trim);
        p2p_loop_free(loop);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pages_are_given_back_after_work),
                cmocka_unit_test(a_loop_at_rest_has_no_timer),
                cmocka_unit_test(work_that_goes_on_postpones_it),
                cmocka_unit_test(what_a_flood_leaves_goes_in_the_midst_of_work),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
