/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <p2p/macro.h>

#include "io/rate.h"

static unsigned take_all(p2p_rate *r, uint64_t now) {
        unsigned n = 0;

        while (p2p_rate_take(r, now, 10, 4))
                n++;
        return n;
}

static void a_burst_is_allowed_and_comes_back_slowly(void **state) {
        static const struct { uint64_t after; unsigned n; } cases[] = {
                { 0,      10 },
                { 0,       0 },
                { 249999,  0 },
                { 1,       1 },
                { 750000,  3 },
                { 2500000, 10 },
                { USEC_PER_MINUTE, 10 },
        };
        uint64_t now = 1000 * USEC_PER_SEC;
        p2p_rate r = {};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                now += cases[i].after;
                assert_int_equal(take_all(&r, now), cases[i].n);
        }
}

/* Who asks often loses no part of a share. */
static void asking_takes_nothing(void **state) {
        uint64_t now = 1000 * USEC_PER_SEC;
        p2p_rate r = {};

        (void) state;
        assert_int_equal(take_all(&r, now), 10);
        for (unsigned i = 0; i < 1000; i++) {
                assert_int_equal(p2p_rate_has(&r, now, 10, 4), i >= 250);
                now += 1000;
        }
        assert_int_equal(take_all(&r, now), 4);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_burst_is_allowed_and_comes_back_slowly),
                cmocka_unit_test(asking_takes_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
