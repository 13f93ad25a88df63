/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Durations as Go writes them: "1h30m", "2m0s", "1.5s", "0". Units ns us µs ms s m h, an optional sign. */

#include <stdint.h>

/* -EINVAL: not a duration; -ERANGE: beyond about 292 years. Whole microseconds, rounded towards zero. */
int go_duration_parse(const char *text, int64_t *ret_usec);
/* "2m0s", as Go prints it. Returns `text`. */
#define GO_DURATION_TEXT_MAX 40u
const char *go_duration_format(int64_t usec, char text[static GO_DURATION_TEXT_MAX]);
