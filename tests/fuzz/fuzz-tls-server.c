/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Our TLS server under a client's bytes, over a channel. */

#include "tests/fuzz/tls-check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        check_tls(false, data, n);
        return 0;
}
