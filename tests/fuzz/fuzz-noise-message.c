/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Noise handshake messages: any bytes as message 1 to a responder, as message 2 to an initiator, and a good
 * message 2 or 3 that is changed where the input says: none of these may be taken for whole.
 */

#include <errno.h>
#include <stdlib.h>

#include <p2p/macro.h>

#include "secure/noise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void start(p2p_noise_state *noise, bool initiator) {
        uint8_t s[32], e[32];

        memset(s, initiator ? 1 : 2, sizeof(s));
        memset(e, initiator ? 3 : 4, sizeof(e));
        p2p_noise_init(noise, initiator, s, e);
}

/* The next message from one to the other, changed by `change`. 1: it was taken. */
static int pass(p2p_noise_state *from, p2p_noise_state *to, p2p_view payload, p2p_view change) {
        uint8_t m[256];
        p2p_writer w = P2P_WRITER(m, sizeof(m));
        p2p_view got;

        if (p2p_noise_write(from, payload, &w) < 0)
                return 0;
        for (size_t i = 0; i < change.n && i < w.n; i++)
                m[i] ^= change.data[i];
        return p2p_noise_read(to, m, w.n, &got) >= 0 && p2p_view_equal(got, payload);
}

static bool is_zero(p2p_view v) {
        for (size_t i = 0; i < v.n; i++)
                if (v.data[i])
                        return false;
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        p2p_noise_state a, b;
        p2p_view got, none = {}, payload = P2P_VIEW("payload", 7), change;
        uint8_t *copy, keys[4][32];

        if (n == 0 || n > 8192)
                return 0;
        copy = malloc(n);
        if (!copy)
                return 0;

        memcpy(copy, data, n);
        start(&a, true);
        start(&b, false);
        if (p2p_noise_read(&b, copy, n, &got) >= 0) {
                if (got.n != n - 32)
                        abort();
                (void) pass(&b, &a, payload, none);
        }

        memcpy(copy, data, n);
        start(&b, false);
        if (!pass(&a, &b, none, none) || p2p_noise_read(&a, copy, n, &got) >= 0)
                abort();
        free(copy);

        /* Message 3 is 71 bytes long, message 2 is longer. */
        change = P2P_VIEW(data + 1, P2P_MIN(n - 1, (size_t) 71));
        start(&a, true);
        start(&b, false);
        if (!pass(&a, &b, none, none))
                abort();
        if (pass(&b, &a, payload, data[0] & 1 ? change : none) != (is_zero(change) || !(data[0] & 1)))
                abort();
        if (data[0] & 1)
                return 0;
        if (pass(&a, &b, payload, change) != is_zero(change))
                abort();
        if (is_zero(change)) {
                p2p_noise_split(&a, keys[0], keys[1]);
                p2p_noise_split(&b, keys[2], keys[3]);
                if (memcmp(keys[0], keys[3], 32) != 0 || memcmp(keys[1], keys[2], 32) != 0)
                        abort();
        }
        p2p_noise_done(&a);
        p2p_noise_done(&b);
        return 0;
}
