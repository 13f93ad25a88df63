/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A TLS handshake of ours, in either role, under whatever the far side sends: the first byte is the size of
 * the pieces in which the rest arrives, and the far side then leaves. It ends once, and never well: nobody
 * proved anything. */

#include <stdlib.h>

#include "secure/secure.h"
#include "tests/support/memory.h"

typedef struct tls_run {
        p2p_secure *secure;
        unsigned n_done;
        int error;
} tls_run;

static inline void tls_must(bool ok) {
        if (!ok)
                abort();
}

static void on_tls_done(p2p_secure_result *result, int error, void *userdata) {
        tls_run *run = userdata;

        tls_must(!result && error < 0);
        run->secure = NULL;
        run->n_done++;
        run->error = error;
}

/* What we say is read and forgotten, so that a full pipe stops nobody. */
static void tls_drain(p2p_loop *loop, p2p_channel *far) {
        uint8_t heard[4096];

        do
                (void) p2p_loop_settle(loop);
        while (p2p_channel_read(far, heard, sizeof(heard)) > 0);
}

static void check_tls(bool initiator, const uint8_t *data, size_t n) {
        static const char *const muxers[] = { "/yamux/1.0.0", NULL };
        static p2p_identity *identity; /* both outlive the runs: making them costs more than a run */
        static p2p_loop *loop;
        const p2p_memory_options memory = { .capacity = 4096 };
        p2p_secure_options options = { .muxers = muxers, .initiator = initiator };
        p2p_channel *near, *far;
        tls_run run = {};
        size_t piece;

        if (n == 0)
                return;
        piece = (size_t) data[0] * 16 + 1;
        if (!loop)
                tls_must(p2p_loop_new_manual(&loop) >= 0 && p2p_identity_generate(&identity) >= 0);
        options.identity = identity;
        tls_must(p2p_memory_pair(loop, &memory, &near, &far) >= 0);
        tls_must(p2p_tls.start(loop, near, &options, on_tls_done, &run, &run.secure) >= 0);
        tls_drain(loop, far);
        for (size_t at = 1; at < n && run.n_done == 0;) {
                ssize_t k = p2p_channel_write(far, data + at, P2P_MIN(piece, n - at));

                if (k <= 0)
                        break;
                at += (size_t) k;
                tls_drain(loop, far);
        }
        (void) p2p_channel_shutdown(far);
        tls_drain(loop, far);
        p2p_channel_free(far);
        (void) p2p_loop_settle(loop);
        tls_must(run.n_done == 1);
}
