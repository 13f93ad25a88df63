/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Go's duration texts, with the results that time.ParseDuration() and Duration.String() give. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "service/go-duration.h"

static void texts_parse_as_in_go(void **state) {
        static const struct {
                const char *text;
                int r;
                int64_t usec;
        } cases[] = {
                { "0", 0, 0 },
                { "+0", 0, 0 },
                { "2m", 0, 120000000 },
                { "2m0s", 0, 120000000 },
                { "1h30m", 0, 5400000000 },
                { "1.5s", 0, 1500000 },
                { ".5s", 0, 500000 },
                { "1.s", 0, 1000000 },
                { "-1.5h", 0, -5400000000 },
                { "+3ms", 0, 3000 },
                { "999ns", 0, 0 },
                { "1us", 0, 1 },
                { "1\xc2\xb5s", 0, 1 },
                { "1\xce\xbcs", 0, 1 },
                { "0s", 0, 0 },
                { "0.100000000000000000000h", 0, 360000000 },
                { "2562047h47m16.854775807s", 0, 9223372036854775 },
                { "2562047h47m16.854775808s", -ERANGE, 0 },
                { "2562048h", -ERANGE, 0 },
                { "99999999999999999999s", -ERANGE, 0 },
                { "9223372036854775807ns", 0, 9223372036854775 },
                { "9223372036854775808ns", -ERANGE, 0 },
                { "", -EINVAL, 0 },
                { "-", -EINVAL, 0 },
                { ".", -EINVAL, 0 },
                { ".s", -EINVAL, 0 },
                { "120", -EINVAL, 0 },
                { "1d", -EINVAL, 0 },
                { "abc", -EINVAL, 0 },
                { "1 s", -EINVAL, 0 },
                { "1s ", -EINVAL, 0 },
                { "--1s", -EINVAL, 0 },
                { "1sm", -EINVAL, 0 },
                { "s", -EINVAL, 0 },
        };

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                int64_t usec = 0;
                int r = go_duration_parse(cases[i].text, &usec);

                if (r != cases[i].r || usec != cases[i].usec)
                        fail_msg("'%s': %d %lld", cases[i].text, r, (long long) usec);
        }
}

static void durations_print_as_in_go(void **state) {
        static const struct {
                int64_t usec;
                const char *text;
        } cases[] = {
                { 0, "0s" },
                { 1, "1\xc2\xb5s" },
                { 999, "999\xc2\xb5s" },
                { 1500, "1.5ms" },
                { 2000, "2ms" },
                { 999001, "999.001ms" },
                { 1000000, "1s" },
                { 1500000, "1.5s" },
                { 120000000, "2m0s" },
                { 5400000000, "1h30m0s" },
                { -90000000, "-1m30s" },
                { 3600000001, "1h0m0.000001s" },
        };
        char text[GO_DURATION_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                assert_string_equal(go_duration_format(cases[i].usec, text), cases[i].text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(texts_parse_as_in_go),
                cmocka_unit_test(durations_print_as_in_go),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
