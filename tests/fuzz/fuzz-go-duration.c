/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Go durations: what parses prints, and parses again to the same. */

#include <string.h>

#include "service/go-duration.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = strndup((const char *) data, size), printed[GO_DURATION_TEXT_MAX];
        int64_t usec, again;

        if (text && go_duration_parse(text, &usec) == 0) {
                CHECK(go_duration_parse(go_duration_format(usec, printed), &again) == 0);
                CHECK(again == usec);
        }
        free(text);
        return 0;
}
