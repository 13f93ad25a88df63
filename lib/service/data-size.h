/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sizes as the relay's config writes them: "64MB", "128 KB", "2048". GB MB KB are powers of 1024; B or
 * nothing, bytes. */

#include <stdint.h>

/* -EINVAL: not a size or negative; -ERANGE: beyond 2^63 - 1. */
int data_size_parse(const char *text, uint64_t *ret);
