/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Go's time.ParseDuration(): a sign, then one or more of <decimal number><unit>; "0" alone needs no unit.
 * Counted in nanoseconds in 64 bits like there, so that the same texts overflow.
 * reference/peerup/files.md 2.1.
 */

#include "service/go-duration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NSEC_MAX ((uint64_t) INT64_MAX)

static const struct {
        const char *name;
        uint64_t nsec;
} units[] = {
        { "ns", 1 },
        { "us", 1000 },
        { "\xc2\xb5s", 1000 }, /* U+00B5 */
        { "\xce\xbcs", 1000 }, /* U+03BC */
        { "ms", 1000000 },
        { "s", 1000000000 },
        { "m", 60 * 1000000000ULL },
        { "h", 3600 * 1000000000ULL },
};

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

/* The unit is what stands between two numbers. */
static int read_unit(const char **p, uint64_t *ret) {
        size_t n = 0;

        while ((*p)[n] && (*p)[n] != '.' && !is_digit((*p)[n]))
                n++;
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
                if (strlen(units[i].name) == n && memcmp(units[i].name, *p, n) == 0) {
                        *p += n;
                        *ret = units[i].nsec;
                        return 0;
                }

        return -EINVAL;
}

/* "12", "12.5", ".5", "12.": the whole part, and the fraction as part / scale; digits beyond 18 do not
 * count. */
static int read_number(const char **p, uint64_t *ret_whole, uint64_t *ret_part, uint64_t *ret_scale) {
        uint64_t whole = 0, part = 0, scale = 1;
        bool digits = false;

        for (; is_digit(**p); (*p)++, digits = true) {
                if (whole > (NSEC_MAX - (uint64_t) (**p - '0')) / 10)
                        return -ERANGE;
                whole = whole * 10 + (uint64_t) (**p - '0');
        }
        if (**p == '.')
                for ((*p)++; is_digit(**p); (*p)++, digits = true)
                        if (scale < 1000000000000000000ULL) {
                                part = part * 10 + (uint64_t) (**p - '0');
                                scale *= 10;
                        }
        if (!digits)
                return -EINVAL;

        *ret_whole = whole;
        *ret_part = part;
        *ret_scale = scale;
        return 0;
}

static int read_term(const char **p, uint64_t *total) {
        uint64_t whole, part, scale, unit, nsec;
        int r;

        r = read_number(p, &whole, &part, &scale);
        if (r < 0)
                return r;
        r = read_unit(p, &unit);
        if (r < 0)
                return r;

        if (whole > NSEC_MAX / unit)
                return -ERANGE;
        nsec = whole * unit + (uint64_t) ((double) part * ((double) unit / (double) scale));
        if (nsec > NSEC_MAX - *total)
                return -ERANGE;

        *total += nsec;
        return 0;
}

int go_duration_parse(const char *text, int64_t *ret_usec) {
        bool negative = *text == '-';
        uint64_t total = 0;
        const char *p = text;
        int r;

        if (*p == '-' || *p == '+')
                p++;
        if (strcmp(p, "0") != 0) {
                if (!*p)
                        return -EINVAL;
                while (*p) {
                        r = read_term(&p, &total);
                        if (r < 0)
                                return r;
                }
        }

        *ret_usec = (int64_t) (total / 1000) * (negative ? -1 : 1);
        return 0;
}

const char *go_duration_format(int64_t usec, char text[static GO_DURATION_TEXT_MAX]) {
        const char *sign = usec < 0 ? "-" : "";
        uint64_t u = usec < 0 ? 0 - (uint64_t) usec : (uint64_t) usec;
        uint64_t h = u / 3600000000ULL, m = u / 60000000 % 60, s = u / 1000000 % 60, rest = u % 1000000;
        char fraction[16] = "";
        size_t n = 0;

        if (rest > 0) {
                uint64_t shown = u < 1000000 && rest >= 1000 ? rest % 1000 : rest;
                int width = u < 1000000 ? 3 : 6;

                if (u < 1000) {
                        (void) snprintf(text, GO_DURATION_TEXT_MAX, "%s%" PRIu64 "\xc2\xb5s", sign, u);
                        return text;
                }
                if (shown > 0) {
                        n = (size_t) snprintf(fraction, sizeof(fraction), ".%0*" PRIu64, width, shown);
                        while (fraction[n - 1] == '0')
                                fraction[--n] = 0;
                }
        }
        if (u > 0 && u < 1000000)
                (void) snprintf(text, GO_DURATION_TEXT_MAX, "%s%" PRIu64 "%sms", sign, rest / 1000,
                                fraction);
        else if (h > 0)
                (void) snprintf(text, GO_DURATION_TEXT_MAX, "%s%" PRIu64 "h%" PRIu64 "m%" PRIu64 "%ss", sign,
                                h, m, s, fraction);
        else if (m > 0)
                (void) snprintf(text, GO_DURATION_TEXT_MAX, "%s%" PRIu64 "m%" PRIu64 "%ss", sign, m, s,
                                fraction);
        else
                (void) snprintf(text, GO_DURATION_TEXT_MAX, "%s%" PRIu64 "%ss", sign, s, fraction);

        return text;
}
