/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The relay's sizes: white space, a sign, digits, white space, then GB, MB, KB, B or nothing, in any case.
 * Unlike the original's reader an overflow is an error. reference/peerup/files.md 2.5.
 */

#include "service/data-size.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

static int read_suffix(const char *p, unsigned *ret_shift) {
        static const struct {
                const char *name;
                unsigned shift;
        } suffixes[] = { { "", 0 }, { "B", 0 }, { "KB", 10 }, { "MB", 20 }, { "GB", 30 } };
        size_t n = 0;

        while (p[n] && !is_blank(p[n]))
                n++;
        for (const char *q = p + n; *q; q++)
                if (!is_blank(*q))
                        return -EINVAL;
        for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
                if (strncasecmp(p, suffixes[i].name, n) == 0 && !suffixes[i].name[n]) {
                        *ret_shift = suffixes[i].shift;
                        return 0;
                }

        return -EINVAL;
}

int data_size_parse(const char *text, uint64_t *ret) {
        uint64_t value = 0;
        const char *p = text, *digits;
        unsigned shift;
        int r;

        while (is_blank(*p))
                p++;
        if (*p == '+')
                p++;
        for (digits = p; *p >= '0' && *p <= '9'; p++) {
                if (value > ((uint64_t) INT64_MAX - (uint64_t) (*p - '0')) / 10)
                        return -ERANGE;
                value = value * 10 + (uint64_t) (*p - '0');
        }
        if (p == digits)
                return -EINVAL;
        while (is_blank(*p))
                p++;
        r = read_suffix(p, &shift);
        if (r < 0)
                return r;
        if (value > (uint64_t) INT64_MAX >> shift)
                return -ERANGE;

        *ret = value << shift;
        return 0;
}
