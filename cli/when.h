/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers and times as people write and read them. Pure, but for the time zone. All times in usec. */

#include <stdint.h>

/* A duration from now (30d, 1h30m, 2w), a date (its first moment, local time) or RFC 3339. -EINVAL; -ERANGE:
 * not after now, or more than 1000 years ahead. */
int expiry_parse(const char *text, uint64_t now, uint64_t *ret);
/* Units s, m or min, h, d, w; whole numbers, any sequence of them. -EINVAL, -ERANGE. */
int duration_parse(const char *text, uint64_t *ret);
/* Seconds with at most six decimals, 0.01 to 3600; also as 1s, or 500ms. -EINVAL. */
int interval_parse(const char *text, uint64_t *ret);
/* A decimal number from 1 to max. -EINVAL. */
int count_parse(const char *text, uint64_t max, uint64_t *ret);

#define WHEN_TEXT_MAX 48u
/* "2026-12-31 18:00:00 UTC", local time. Returns `text`. */
const char *time_format(uint64_t usec, char text[static WHEN_TEXT_MAX]);
/* "5min", "2h 3min", "12d": at most two units. Returns `text`. */
const char *span_format(uint64_t usec, char text[static WHEN_TEXT_MAX]);
/* "5min ago", "in 2h 3min". Returns `text`. */
const char *relative_format(uint64_t usec, uint64_t now, char text[static WHEN_TEXT_MAX]);
/* "12.345 ms". Returns `text`. */
const char *rtt_format(uint64_t usec, char text[static WHEN_TEXT_MAX]);
/* "1.5M", "230K", "17B". Returns `text`. */
const char *bytes_format(uint64_t bytes, char text[static WHEN_TEXT_MAX]);
