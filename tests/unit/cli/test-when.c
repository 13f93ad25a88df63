/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include <p2p/macro.h>

#include "cli/when.h"

#define HOUR (60 * USEC_PER_MINUTE)
#define DAY  (24 * HOUR)
#define NOW  (UINT64_C(1795262400) * USEC_PER_SEC) /* 2026-11-21 12:00:00 UTC */

static void durations_are_sums_of_units(void **state) {
        static const struct {
                const char *text;
                int r;
                uint64_t usec;
        } cases[] = {
                { "30d", 0, 30 * DAY },
                { "12h", 0, 12 * HOUR },
                { "1h30m", 0, 90 * USEC_PER_MINUTE },
                { "90s", 0, 90 * USEC_PER_SEC },
                { "2w", 0, 14 * DAY },
                { "5min", 0, 5 * USEC_PER_MINUTE },
                { "0s", 0, 0 },
                { "1d1d", 0, 2 * DAY },
                { "007s", 0, 7 * USEC_PER_SEC },
                { "366000d", 0, 366000 * DAY },
                { "366000d1s", -ERANGE, 0 },
                { "366001d", -ERANGE, 0 },
                { "99999999999999999999s", -ERANGE, 0 },
                { "", -EINVAL, 0 },
                { "d", -EINVAL, 0 },
                { "30", -EINVAL, 0 },
                { "30x", -EINVAL, 0 },
                { "-1d", -EINVAL, 0 },
                { "+1d", -EINVAL, 0 },
                { "1.5h", -EINVAL, 0 },
                { "1 d", -EINVAL, 0 },
                { "1d ", -EINVAL, 0 },
                { "1mo", -EINVAL, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t usec = 0;

                if (duration_parse(cases[i].text, &usec) != cases[i].r || usec != cases[i].usec)
                        fail_msg("%s: %" PRIu64, cases[i].text, usec);
        }
}

static void an_expiry_is_a_duration_a_date_or_a_time(void **state) {
        static const struct {
                const char *text;
                int r;
                uint64_t seconds; /* since 1970 */
        } cases[] = {
                { "30d", 0, 1795262400 + 30 * 86400 },
                { "2026-12-31", 0, 1798675200 },
                { "2026-12-31T18:00:00Z", 0, 1798740000 },
                { "2026-12-31T18:00:00+01:00", 0, 1798736400 },
                { "2028-02-29", 0, 1835395200 },
                { "2026-11-21", -ERANGE, 0 }, /* began twelve hours ago */
                { "2026-11-21T12:00:00Z", -ERANGE, 0 },
                { "2026-11-21T12:00:01Z", 0, 1795262401 },
                { "2025-01-01", -ERANGE, 0 },
                { "1960-01-01", -ERANGE, 0 },
                { "0s", -ERANGE, 0 },
                { "2027-02-29", -EINVAL, 0 },
                { "2027-13-01", -EINVAL, 0 },
                { "2027-1-1", -EINVAL, 0 },
                { "2027-01-01 ", -EINVAL, 0 },
                { "tomorrow", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "2027-01-01T00:00:00", -EINVAL, 0 },
                { "27-01-01", -EINVAL, 0 },
                { "2027/01/01", -EINVAL, 0 },
                { "----------", -EINVAL, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t usec = 0;
                int r = expiry_parse(cases[i].text, NOW, &usec);

                if (r != cases[i].r || usec != cases[i].seconds * USEC_PER_SEC)
                        fail_msg("%s: %d %" PRIu64, cases[i].text, r, usec);
        }
}

static void a_date_is_the_local_midnight(void **state) {
        uint64_t usec = 0;

        (void) state;
        assert_int_equal(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
        tzset();
        assert_int_equal(expiry_parse("2027-06-01", NOW, &usec), 0);
        assert_true(usec == UINT64_C(1811800800) * USEC_PER_SEC); /* 2027-05-31 22:00 UTC */
        assert_int_equal(setenv("TZ", "UTC", 1), 0);
        tzset();
}

static void intervals_are_seconds_with_decimals(void **state) {
        static const struct {
                const char *text;
                int r;
                uint64_t usec;
        } cases[] = {
                { "1", 0, 1000000 },         { "0.2", 0, 200000 },      { "0.01", 0, 10000 },
                { "1.000001", 0, 1000001 },  { "3600", 0, 3600000000 }, { "0", -EINVAL, 0 },
                { "0.009", -EINVAL, 0 },     { "3600.1", -EINVAL, 0 },  { "3601", -EINVAL, 0 },
                { "", -EINVAL, 0 },          { ".5", -EINVAL, 0 },      { "1.", -EINVAL, 0 },
                { "1.0000001", -EINVAL, 0 }, { "1s", 0, 1000000 },      { "-1", -EINVAL, 0 },
                { "1e3", -EINVAL, 0 },       { "0.5s", 0, 500000 },     { "500ms", 0, 500000 },
                { "9ms", -EINVAL, 0 },       { "0.5ms", -EINVAL, 0 },   { "1m", -EINVAL, 0 },
                { "1sec", -EINVAL, 0 },      { "s", -EINVAL, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t usec = 0;

                if (interval_parse(cases[i].text, &usec) != cases[i].r || usec != cases[i].usec)
                        fail_msg("%s: %" PRIu64, cases[i].text, usec);
        }
}

static void counts_are_decimal_and_not_zero(void **state) {
        static const struct {
                const char *text;
                int r;
        } cases[] = {
                { "1", 0 },        { "1000", 0 },       { "1001", -EINVAL },
                { "0", -EINVAL },  { "", -EINVAL },     { "-1", -EINVAL },
                { "1x", -EINVAL }, { "0x10", -EINVAL }, { "18446744073709551617", -EINVAL },
        };
        uint64_t n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (count_parse(cases[i].text, 1000, &n) != cases[i].r)
                        fail_msg("%s", cases[i].text);
}

static void times_read_as_people_say_them(void **state) {
        char text[WHEN_TEXT_MAX];

        (void) state;
        assert_string_equal(span_format(0, text), "0s");
        assert_string_equal(span_format(59 * USEC_PER_SEC, text), "59s");
        assert_string_equal(span_format(60 * USEC_PER_SEC, text), "1min");
        assert_string_equal(span_format(61 * USEC_PER_SEC, text), "1min 1s");
        assert_string_equal(span_format(2 * HOUR + 3 * USEC_PER_MINUTE + 4, text), "2h 3min");
        assert_string_equal(span_format(DAY + 30 * USEC_PER_MINUTE, text), "1d");
        assert_string_equal(span_format(UINT64_MAX, text), "213503982d 8h");
        assert_string_equal(relative_format(NOW + DAY, NOW, text), "in 1d");
        assert_string_equal(relative_format(NOW - DAY, NOW, text), "1d ago");
        assert_string_equal(relative_format(NOW, NOW, text), "0s ago");
        assert_string_equal(time_format(NOW, text), "2026-11-21 12:00:00 UTC");
        assert_string_equal(time_format(UINT64_MAX, text), "586524-01-19 08:01:49 UTC");
        assert_string_equal(rtt_format(12345, text), "12.345 ms");
        assert_string_equal(rtt_format(UINT64_MAX, text), "18446744073709551.615 ms");
        assert_string_equal(bytes_format(1023, text), "1023B");
        assert_string_equal(bytes_format(1024, text), "1.0K");
        assert_string_equal(bytes_format(UINT64_MAX, text), "16.0E");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(durations_are_sums_of_units),
                cmocka_unit_test(an_expiry_is_a_duration_a_date_or_a_time),
                cmocka_unit_test(a_date_is_the_local_midnight),
                cmocka_unit_test(intervals_are_seconds_with_decimals),
                cmocka_unit_test(counts_are_decimal_and_not_zero),
                cmocka_unit_test(times_read_as_people_say_them),
        };

        (void) setenv("TZ", "UTC", 1);
        tzset();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
