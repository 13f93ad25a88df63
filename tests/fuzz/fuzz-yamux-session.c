/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A live session under whatever a far side sends. The first byte chooses our side and the size of the pieces
 * in which the rest arrives; between the pieces the owner does what owners do, in turn, on up to eight streams.
 */

#include <stdlib.h>

#include "mux/yamux.h"
#include "tests/support/memory.h"

#define N_STREAMS 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

typedef struct rig {
        p2p_loop *loop;
        p2p_channel *peer, *streams[N_STREAMS];
        p2p_session *session;
        p2p_budget budget;
} rig;

static void must(bool ok) {
        if (!ok)
                abort();
}

static void rig_init(rig *g, bool client) {
        static p2p_loop *loop; /* outlives the runs: making one costs more than a run */
        const p2p_memory_options memory = { .capacity = 4096 };
        p2p_yamux_options options;
        p2p_channel *ours;

        if (!loop)
                must(p2p_loop_new_manual(&loop) >= 0);
        *g = (rig) { .loop = loop, .budget.max = 20000 };
        options = (p2p_yamux_options) {
                .client = client, .buffer_max = 10000, .budget = &g->budget, .streams_max = N_STREAMS,
        };
        must(p2p_memory_pair(g->loop, &memory, &ours, &g->peer) >= 0);
        must(p2p_yamux_new(g->loop, ours, &options, &g->session) >= 0);
}

static void own(rig *g, p2p_channel *c) {
        for (unsigned i = 0; i < N_STREAMS; i++)
                if (!g->streams[i]) {
                        g->streams[i] = c;
                        return;
                }
        p2p_channel_free(c);
}

static void act(rig *g, unsigned step) {
        static uint8_t bytes[3000];
        p2p_channel **c = &g->streams[step / 8 % N_STREAMS], *fresh;

        if (g->session->ops->accept(g->session, &fresh) > 0)
                own(g, fresh);
        if (step % 4 == 0)
                (void) p2p_channel_read(g->peer, bytes, sizeof(bytes));
        if (!*c) {
                if (g->session->ops->open(g->session, &fresh) >= 0)
                        own(g, fresh);
                return;
        }
        switch (step % 11) {
        case 0 ... 3:
                (void) p2p_channel_read(*c, bytes, sizeof(bytes));
                break;
        case 4 ... 7:
                (void) p2p_channel_write(*c, bytes, step % sizeof(bytes));
                break;
        case 8:
                (void) p2p_channel_shutdown(*c);
                break;
        case 9:
                *c = p2p_channel_free(*c);
                break;
        case 10:
                p2p_channel_reset(*c, step);
                (void) p2p_loop_advance(g->loop, 7 * USEC_PER_SEC);
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        size_t piece, at = 1;
        uint32_t code;
        rig g;

        if (n < 1)
                return 0;
        rig_init(&g, data[0] & 1);
        piece = (size_t) (data[0] >> 1) + 1;
        for (unsigned step = 0; at < n; step++) {
                ssize_t k = p2p_channel_write(g.peer, data + at, P2P_MIN(piece, n - at));

                if (k <= 0)
                        break;
                at += (size_t) k;
                (void) p2p_loop_settle(g.loop);
                must(p2p_yamux_buffered(g.session) <= 10000 && g.budget.used <= 20000);
                act(&g, step);
        }
        (void) g.session->ops->error(g.session, &code);
        if (n % 3 == 0)
                g.session->ops->close(g.session, 0);
        if (n % 2 == 0)
                g.session = p2p_session_free(g.session);
        for (unsigned i = 0; i < N_STREAMS; i++)
                p2p_channel_free(g.streams[i]);
        p2p_session_free(g.session);
        (void) p2p_loop_advance(g.loop, 3 * USEC_PER_SEC);
        must(g.budget.used == 0 && g.budget.windows == 0);
        p2p_channel_free(g.peer);
        (void) p2p_loop_settle(g.loop);
        return 0;
}
