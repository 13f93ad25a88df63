/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The relay's sizes (files.md 2.5); what wraps silently in the original is refused here. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "service/data-size.h"

static void sizes_parse(void **state) {
        static const struct {
                const char *text;
                int r;
                uint64_t size;
        } cases[] = {
                { "0", 0, 0 },
                { "2048", 0, 2048 },
                { "+7", 0, 7 },
                { "64MB", 0, 64ULL << 20 },
                { "64 mb", 0, 64ULL << 20 },
                { "  1GB ", 0, 1ULL << 30 },
                { "128Kb", 0, 128ULL << 10 },
                { "5B", 0, 5 },
                { "9223372036854775807", 0, 9223372036854775807ULL },
                { "9223372036854775808", -ERANGE, 0 },
                { "8589934591GB", 0, 8589934591ULL << 30 },
                { "8589934592GB", -ERANGE, 0 },
                { "17179869184GB", -ERANGE, 0 },
                { "-1MB", -EINVAL, 0 },
                { "64MIB", -EINVAL, 0 },
                { "64M", -EINVAL, 0 },
                { "1TB", -EINVAL, 0 },
                { "1.5MB", -EINVAL, 0 },
                { "1_000", -EINVAL, 0 },
                { "1 M B", -EINVAL, 0 },
                { "MB", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "+", -EINVAL, 0 },
        };

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                uint64_t size = 0;
                int r = data_size_parse(cases[i].text, &size);

                if (r != cases[i].r || size != cases[i].size)
                        fail_msg("'%s': %d %llu", cases[i].text, r, (unsigned long long) size);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(sizes_parse) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
