/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "host/black-hole.h"

static black_hole dug(void) {
        black_hole b = {};

        for (unsigned i = 0; i < 16; i++)
                black_hole_record(&b, false);
        return b;
}

static void sixteen_in_a_row_make_one(void **state) {
        black_hole b = {};

        (void) state;
        for (unsigned i = 0; i < 15; i++)
                black_hole_record(&b, false);
        assert_false(black_hole_seems(&b));
        black_hole_record(&b, false);
        assert_true(black_hole_seems(&b));
}

static void one_success_fills_it(void **state) {
        black_hole b = dug();

        (void) state;
        black_hole_record(&b, true);
        assert_false(black_hole_seems(&b));
        for (unsigned i = 0; i < 15; i++)
                black_hole_record(&b, false);
        assert_false(black_hole_seems(&b)); /* it counts from the start */
}

static void one_of_sixteen_still_tries(void **state) {
        black_hole b = dug();
        unsigned n = 0;

        (void) state;
        for (unsigned i = 0; i < 160; i++)
                n += !black_hole_seems(&b);
        assert_int_equal(n, 10);
}

static void another_network_is_another_matter(void **state) {
        black_hole b = dug();

        (void) state;
        black_hole_reset(&b);
        assert_false(black_hole_seems(&b));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(sixteen_in_a_row_make_one),
                cmocka_unit_test(one_success_fills_it),
                cmocka_unit_test(one_of_sixteen_still_tries),
                cmocka_unit_test(another_network_is_another_matter),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
