/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every fuzz target has: its entry, and an assertion that no build switches off. */

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(x)                                                                                            \
        do {                                                                                                \
                if (!(x))                                                                                   \
                        abort();                                                                            \
        } while (0)
