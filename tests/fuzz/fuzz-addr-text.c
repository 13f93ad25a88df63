/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses as people and DNS write them: what parses has a canonical text, which parses to the same bytes.
 */

#include "tests/fuzz/addr-check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        p2p_addr *addr;
        char *text;

        text = strndup((const char *) data, size);
        if (!text)
                return 0;
        if (p2p_addr_parse(text, &addr) == 0) {
                check_addr(addr);
                p2p_addr_free(addr);
        }
        free(text);
        return 0;
}
