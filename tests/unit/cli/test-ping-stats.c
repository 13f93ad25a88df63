/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/ping-stats.h"

static void times_are_of_answered_pings(void **state) {
        char text[PING_STATS_TEXT_MAX];
        PingStats s = {};
        json_t *json;
        char *dump;

        (void) state;
        ping_stats_add(&s, 2000);
        ping_stats_add(&s, PING_LOST);
        ping_stats_add(&s, 4000);
        ping_stats_add(&s, 3000);
        assert_string_equal(ping_stats_format(&s, text),
                            "4 sent, 3 answered, 25% lost\n"
                            "round trip min 2.000 ms, average 3.000 ms, max 4.000 ms");
        json = ping_stats_json(&s);
        dump = json_dumps(json, JSON_COMPACT);
        assert_string_equal(
                dump, "{\"sent\":4,\"answered\":3,\"loss_percent\":25,\"min_usec\":2000,\"avg_usec\":3000,"
                      "\"max_usec\":4000}");
        free(dump);
        json_decref(json);
}

static void a_lost_run_has_no_times(void **state) {
        char text[PING_STATS_TEXT_MAX];
        PingStats s = {};

        (void) state;
        assert_string_equal(ping_stats_format(&s, text), "0 sent, 0 answered, 0% lost");
        ping_stats_add(&s, PING_LOST);
        assert_string_equal(ping_stats_format(&s, text), "1 sent, 0 answered, 100% lost");
}

static void rounding_hides_neither_loss_nor_answer(void **state) {
        PingStats few = { .sent = 1000, .answered = 999 }, most = { .sent = 1000, .answered = 1 };

        (void) state;
        assert_int_equal(ping_stats_loss(&few), 1);
        assert_int_equal(ping_stats_loss(&most), 99);
}

static void zero_microseconds_are_an_answer(void **state) {
        PingStats s = {};

        (void) state;
        ping_stats_add(&s, 5);
        ping_stats_add(&s, 0);
        assert_int_equal(s.least, 0);
        assert_int_equal(s.most, 5);
        assert_int_equal(s.answered, 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(times_are_of_answered_pings),
                cmocka_unit_test(a_lost_run_has_no_times),
                cmocka_unit_test(rounding_hides_neither_loss_nor_answer),
                cmocka_unit_test(zero_microseconds_are_an_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
