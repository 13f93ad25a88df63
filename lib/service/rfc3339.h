/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Points in time as authorized_keys writes them [RFC 3339], in microseconds since 1970. */

#include <stdint.h>

/* "2026-12-31T23:59:59Z", with a fraction or an offset if need be. -EINVAL. What lies before 1970 is 0. */
int rfc3339_parse(const char *text, uint64_t *ret_usec);

#define RFC3339_TEXT_MAX 64u
const char *rfc3339_format(uint64_t usec, char text[static RFC3339_TEXT_MAX]); /* in UTC, whole seconds */
