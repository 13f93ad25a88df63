/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One multistream token: what is read writes back as it was, and nothing is said to need more than the
 * longest one. */

#include <stdlib.h>

#include "negotiate/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        uint8_t out[P2P_TOKEN_BYTES_MAX];
        p2p_writer w = P2P_WRITER(out, sizeof(out));
        p2p_view name, written;
        size_t k;
        int r;

        r = p2p_token_parse(P2P_VIEW(data, n), &name, &k);
        if (r == 0 && (k <= n || k > P2P_TOKEN_BYTES_MAX))
                abort();
        if (r <= 0)
                return 0;
        p2p_token_write(&w, name);
        if (k > n || p2p_writer_finish(&w, &written) < 0 || !p2p_view_equal(written, P2P_VIEW(data, k)))
                abort();
        return 0;
}
