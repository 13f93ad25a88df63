/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two sides of a TLS handshake on a memory pair, driven turn by turn of a manual loop. */

#include "tests/support/tls-duel.h"

#define TURNS_MAX 20000u

static const char *const yamux[] = { "/yamux/1.0.0", NULL };

static void must(int r) {
        if (r < 0)
                __builtin_trap();
}

static void on_done(p2p_secure_result *result, int error, void *userdata) {
        tls_side *s = userdata;

        s->secure = NULL;
        s->n_done++;
        s->error = error;
        if (result)
                s->result = *result;
}

void tls_side_start(tls_side *s, p2p_loop *loop, p2p_channel *channel, bool initiator,
                    const char *const *muxers, const p2p_peer_id *expected) {
        p2p_secure_options options = { .expected = expected, .muxers = muxers, .initiator = initiator };

        *s = (tls_side){};
        must(p2p_identity_generate(&s->identity));
        options.identity = s->identity;
        must(p2p_tls.start(loop, channel, &options, on_done, s, &s->secure));
        must(s->n_done > 0 ? -1 : 0); /* done runs from the loop */
}

void tls_side_done(tls_side *s) {
        p2p_tls.free(s->secure);
        p2p_channel_free(s->result.channel);
        p2p_identity_free(s->identity);
}

void tls_duel_start(tls_duel *d, plain_tls_options options, const p2p_memory_options *memory) {
        p2p_channel *near, *far;

        *d = (tls_duel){};
        must(p2p_loop_new_manual(&d->loop));
        must(p2p_identity_generate(&d->identity));
        must(p2p_memory_pair(d->loop, memory, &near, &far));
        if (options.identity)
                options.identity = d->identity;
        plain_tls_init(&d->far, far, &options);
        tls_side_start(&d->us, d->loop, near, !options.is_client, yamux, NULL);
}

void tls_duel_run(tls_duel *d) {
        for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
                (void) plain_tls_handshake(&d->far);
                (void) p2p_loop_settle(d->loop);
                if (d->far.handshake != 0 && d->us.n_done > 0)
                        return;
        }
}

void tls_duel_done(tls_duel *d) {
        tls_side_done(&d->us);
        plain_tls_done(&d->far);
        p2p_identity_free(d->identity);
        p2p_loop_free(d->loop);
}

const p2p_identity *tls_duel_identity(void) {
        static char anything;

        return (const p2p_identity *) (void *) &anything;
}
