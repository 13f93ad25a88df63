/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Expiries, durations and counts of the command line, and times for its tables. Every number is checked
 * against its limit before it is multiplied or added.
 */

#include "cli/when.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <p2p/macro.h>

#include "service/authorized-keys.h"

#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY  (24 * USEC_PER_HOUR)
#define AHEAD_MAX     (1000 * 366 * USEC_PER_DAY)

/* Digits at *p, at most max. */
static int digits_parse(const char **p, uint64_t max, uint64_t *ret) {
        const char *s = *p;
        uint64_t n = 0;

        if (*s < '0' || *s > '9')
                return -EINVAL;
        for (; *s >= '0' && *s <= '9'; s++) {
                if (n > (max - (uint64_t) (*s - '0')) / 10)
                        return -ERANGE;
                n = n * 10 + (uint64_t) (*s - '0');
        }
        *p = s;
        *ret = n;
        return 0;
}

int count_parse(const char *text, uint64_t max, uint64_t *ret) {
        uint64_t n;

        if (digits_parse(&text, max, &n) < 0 || *text || n == 0)
                return -EINVAL;
        *ret = n;
        return 0;
}

int interval_parse(const char *text, uint64_t *ret) {
        uint64_t whole, part = 0, scale = USEC_PER_SEC;

        if (digits_parse(&text, 3600, &whole) < 0)
                return -EINVAL;
        if (*text == '.') {
                text++;
                if (*text == '\0')
                        return -EINVAL;
                for (; *text >= '0' && *text <= '9'; text++) {
                        scale /= 10;
                        if (scale == 0)
                                return -EINVAL;
                        part += (uint64_t) (*text - '0') * scale;
                }
        }
        whole = whole * USEC_PER_SEC + part;
        if (strcmp(text, "ms") == 0 && part == 0)
                whole /= 1000;
        else if (*text && strcmp(text, "s") != 0)
                return -EINVAL;
        if (whole < 10 * USEC_PER_MSEC || whole > USEC_PER_HOUR)
                return -EINVAL;
        *ret = whole;
        return 0;
}

int duration_parse(const char *text, uint64_t *ret) {
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = {
                /* longer names first */
                { "min", USEC_PER_MINUTE }, { "m", USEC_PER_MINUTE }, { "s", USEC_PER_SEC },
                { "h", USEC_PER_HOUR },     { "d", USEC_PER_DAY },    { "w", 7 * USEC_PER_DAY },
        };
        uint64_t sum = 0, n;
        size_t i;
        int r;

        if (!*text)
                return -EINVAL;
        while (*text) {
                r = digits_parse(&text, AHEAD_MAX, &n);
                if (r < 0)
                        return r;
                for (i = 0; i < ELEMENTSOF(units); i++)
                        if (strncmp(text, units[i].name, strlen(units[i].name)) == 0)
                                break;
                if (i == ELEMENTSOF(units))
                        return -EINVAL;
                text += strlen(units[i].name);
                if (n > (AHEAD_MAX - sum) / units[i].usec)
                        return -ERANGE;
                sum += n * units[i].usec;
        }
        *ret = sum;
        return 0;
}

/* YYYY-MM-DD: the first moment of that day here, as OpenSSH's expiry-time. */
static int date_parse(const char *text, uint64_t *ret) {
        struct tm tm = { .tm_isdst = -1 }, back;
        int n = 0, day, month, year;
        time_t t;

        if (strlen(text) != 10 || strspn(text, "0123456789-") != 10 ||
            sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &n) != 3 || n != 10)
                return -EINVAL;
        tm.tm_year = year - 1900;
        tm.tm_mon = month - 1;
        tm.tm_mday = day;
        back = tm;
        t = mktime(&tm);
        if (tm.tm_year != back.tm_year || tm.tm_mon != back.tm_mon || tm.tm_mday != back.tm_mday)
                return -EINVAL; /* 31 February */
        if (t < 0)
                return -ERANGE;
        *ret = (uint64_t) t * USEC_PER_SEC;
        return 0;
}

int expiry_parse(const char *text, uint64_t now, uint64_t *ret) {
        uint64_t usec;
        int r;

        r = duration_parse(text, &usec);
        if (r == -ERANGE)
                return r;
        if (r == 0)
                usec += now;
        else {
                r = date_parse(text, &usec);
                if (r == -EINVAL)
                        r = rfc3339_parse(text, &usec);
                if (r < 0)
                        return r;
        }
        if (usec <= now || usec - now > AHEAD_MAX)
                return -ERANGE;
        *ret = usec;
        return 0;
}

const char *time_format(uint64_t usec, char text[static WHEN_TEXT_MAX]) {
        time_t t = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;

        if (usec / USEC_PER_SEC > INT64_MAX / 2 || !localtime_r(&t, &tm) ||
            strftime(text, WHEN_TEXT_MAX, "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
                (void) snprintf(text, WHEN_TEXT_MAX, "%" PRIu64, usec);
        return text;
}

const char *span_format(uint64_t usec, char text[static WHEN_TEXT_MAX]) {
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = { { "d", USEC_PER_DAY },
                      { "h", USEC_PER_HOUR },
                      { "min", USEC_PER_MINUTE },
                      { "s", USEC_PER_SEC } };
        size_t i, n;

        for (i = 0; i < ELEMENTSOF(units) - 1 && usec < units[i].usec; i++)
                ;
        n = (size_t) snprintf(text, WHEN_TEXT_MAX, "%" PRIu64 "%s", usec / units[i].usec, units[i].name);
        usec %= units[i].usec;
        if (i + 1 < ELEMENTSOF(units) && usec >= units[i + 1].usec)
                (void) snprintf(text + n, WHEN_TEXT_MAX - n, " %" PRIu64 "%s", usec / units[i + 1].usec,
                                units[i + 1].name);
        return text;
}

const char *relative_format(uint64_t usec, uint64_t now, char text[static WHEN_TEXT_MAX]) {
        char span[WHEN_TEXT_MAX];

        span_format(usec > now ? usec - now : now - usec, span);
        (void) snprintf(text, WHEN_TEXT_MAX, usec > now ? "in %.40s" : "%.40s ago", span);
        return text;
}

const char *rtt_format(uint64_t usec, char text[static WHEN_TEXT_MAX]) {
        (void) snprintf(text, WHEN_TEXT_MAX, "%" PRIu64 ".%03u ms", usec / 1000, (unsigned) (usec % 1000));
        return text;
}

const char *bytes_format(uint64_t bytes, char text[static WHEN_TEXT_MAX]) {
        static const char units[] = "BKMGTPE";
        uint64_t scale = 1;
        size_t i = 0;

        while (i + 2 < sizeof(units) && bytes / scale >= 1024) {
                scale *= 1024;
                i++;
        }
        if (i == 0)
                (void) snprintf(text, WHEN_TEXT_MAX, "%" PRIu64 "B", bytes);
        else
                (void) snprintf(text, WHEN_TEXT_MAX, "%.1f%c", (double) bytes / (double) scale, units[i]);
        return text;
}
