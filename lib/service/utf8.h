/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text of others, made fit to be shown: well-formed UTF-8 without control characters. */

#include <stddef.h>

/* Bytes of the printable character at s (at most n): 1-4, or 0 where there is none (malformed, overlong, a
 * surrogate, a C0 or C1 control character, a line or paragraph separator, a bidirectional override). */
size_t utf8_printable(const char *s, size_t n);
