/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A yamux header that parses is written back byte for byte. */

#include <stdlib.h>

#include "mux/yamux-frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        uint8_t out[P2P_YAMUX_HEADER_SIZE];
        p2p_yamux_header h;

        if (p2p_yamux_header_parse(P2P_VIEW(data, n), &h) < 0)
                return 0;
        (void) p2p_yamux_header_check(&h);
        p2p_yamux_header_encode(&h, out);
        if (memcmp(out, data, sizeof(out)) != 0)
                abort();
        return 0;
}
