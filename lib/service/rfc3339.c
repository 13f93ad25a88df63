/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * RFC 3339, section 5.6, as Go's time.RFC3339 reads it: capital T and Z, every digit there, days as the
 * calendar has them, no leap second. The calendar is counted here because timegm(3) would quietly normalize
 * 31 February.
 */

#include "service/rfc3339.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define USEC 1000000

/* n digits at *p, 0 <= value <= max. */
static bool read_digits(const char **p, int n, int min, int max, int *ret) {
        int value = 0;

        for (int i = 0; i < n; i++, (*p)++) {
                if (**p < '0' || **p > '9')
                        return false;
                value = value * 10 + (**p - '0');
        }

        *ret = value;
        return value >= min && value <= max;
}

static bool read_char(const char **p, char c) {
        if (**p != c)
                return false;
        (*p)++;
        return true;
}

static int days_in_month(int year, int month) {
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return days[month - 1] + (month == 2 && leap);
}

static bool read_fraction(const char **p, int64_t *ret) {
        int64_t unit = USEC / 10, usec = 0;

        *ret = 0;
        if (**p != '.')
                return true;
        (*p)++;
        if (**p < '0' || **p > '9')
                return false;
        for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
                usec += (**p - '0') * unit;
        *ret = usec;
        return true;
}

/* Seconds east of Greenwich. */
static bool read_offset(const char **p, int *ret) {
        int hours, minutes, sign = **p == '-' ? -1 : 1;

        *ret = 0;
        if (read_char(p, 'Z'))
                return true;
        if (**p != '+' && **p != '-')
                return false;
        (*p)++;
        if (!read_digits(p, 2, 0, 23, &hours) || !read_char(p, ':') || !read_digits(p, 2, 0, 59, &minutes))
                return false;
        *ret = sign * (hours * 3600 + minutes * 60);
        return true;
}

int rfc3339_parse(const char *text, uint64_t *ret_usec) {
        int year, month, day, hour, minute, second, offset;
        const char *p = text;
        int64_t fraction, usec;
        struct tm tm = {};

        if (!read_digits(&p, 4, 0, 9999, &year) || !read_char(&p, '-') ||
            !read_digits(&p, 2, 1, 12, &month) || !read_char(&p, '-') ||
            !read_digits(&p, 2, 1, days_in_month(year, month), &day) || !read_char(&p, 'T'))
                return -EINVAL;
        if (!read_digits(&p, 2, 0, 23, &hour) || !read_char(&p, ':') ||
            !read_digits(&p, 2, 0, 59, &minute) || !read_char(&p, ':') ||
            !read_digits(&p, 2, 0, 59, &second))
                return -EINVAL;
        if (!read_fraction(&p, &fraction) || !read_offset(&p, &offset) || *p)
                return -EINVAL;

        tm = (struct tm){
                .tm_year = year - 1900,
                .tm_mon = month - 1,
                .tm_mday = day,
                .tm_hour = hour,
                .tm_min = minute,
                .tm_sec = second,
        };
        usec = ((int64_t) timegm(&tm) - offset) * USEC + fraction;
        *ret_usec = usec < 0 ? 0 : (uint64_t) usec;
        return 0;
}

const char *rfc3339_format(uint64_t usec, char text[static RFC3339_TEXT_MAX]) {
        time_t t = (time_t) (usec / USEC);
        struct tm tm;

        if (!gmtime_r(&t, &tm) || strftime(text, RFC3339_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                text[0] = 0;
        return text;
}
