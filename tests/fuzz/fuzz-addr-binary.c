/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses as peers send them: what decodes keeps its bytes, prints, and parses back to them. */

#include "tests/fuzz/addr-check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        p2p_addr *addr;

        if (p2p_addr_decode(P2P_VIEW(data, size), &addr) < 0)
                return 0;
        CHECK(p2p_view_equal(p2p_addr_view(addr), P2P_VIEW(data, size)));
        check_addr(addr);
        p2p_addr_free(addr);
        return 0;
}
