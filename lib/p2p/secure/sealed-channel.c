/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The sealed channel: the two halves on the channel below, and the life of the whole.
 *
 * Sealed bytes that the channel below did not take are ours to deliver: its wake flushes them before it is
 * passed up, a shutdown waits behind them, and a channel that is freed after its shutdown lives on without
 * an owner until they are gone, for P2P_SEALED_LINGER_USEC at most. An idle channel is this struct and
 * nothing else.
 */

#include <errno.h>
#include <stdlib.h>

#include <p2p/error.h>

#include "io/orphan.h"
#include "secure/sealed-channel.h"
#include "secure/sealed-in.h"
#include "secure/sealed-out.h"

typedef struct sealed_channel {
        p2p_channel channel;
        p2p_loop *loop;
        p2p_channel *below;
        p2p_task below_wake;
        p2p_timer linger;
        const p2p_seal_format *format;
        void *state;
        p2p_sealed_in in;
        p2p_sealed_out out;
        bool is_shut, is_shut_below;
        bool is_orphan; /* freed by its owner, flushing: the loop's */
        p2p_orphan orphan;
} sealed_channel;

_Static_assert(sizeof(sealed_channel) <= 512, "ten thousand idle ones are meant to be cheap");

static sealed_channel *from_channel(p2p_channel *c) {
        return container_of(c, sealed_channel, channel);
}

static sealed_channel *destroy(sealed_channel *sc) {
        if (sc->is_orphan)
                p2p_orphan_leave(&sc->orphan);
        p2p_task_cancel(&sc->below_wake);
        p2p_timer_stop(&sc->linger);
        p2p_channel_set_wake(sc->below, NULL);
        p2p_channel_free(sc->below);
        p2p_sealed_in_done(&sc->in);
        p2p_sealed_out_done(&sc->out);
        sc->format->free(sc->state);
        free(sc);
        return NULL;
}

/* Sends what is pending, then the end if that was asked for. */
static int flush(sealed_channel *sc) {
        int r;

        r = p2p_sealed_out_flush(&sc->out, sc->below);
        if (r < 0)
                return r;
        if (!sc->is_shut || sc->is_shut_below)
                return 0;
        sc->is_shut_below = true;
        return p2p_channel_shutdown(sc->below);
}

static ssize_t sealed_readv(p2p_channel *c, const struct iovec *iov, int n) {
        sealed_channel *sc = from_channel(c);
        bool again;
        ssize_t k;

        k = p2p_sealed_in_readv(&sc->in, sc->below, iov, n, &again);
        if (again)
                p2p_task_post(c->wake);
        return k;
}

static ssize_t sealed_writev(p2p_channel *c, const struct iovec *iov, int n, bool more) {
        sealed_channel *sc = from_channel(c);

        if (sc->is_shut)
                return -EPIPE;
        if (p2p_error_is_peer_fault(sc->in.error)) /* somebody tampers with the path, or refused us */
                return sc->in.error;
        return p2p_sealed_out_writev(&sc->out, sc->loop, sc->below, iov, n, more);
}

static int sealed_shutdown(p2p_channel *c) {
        sealed_channel *sc = from_channel(c);
        int r;

        if (!sc->is_shut) {
                sc->is_shut = true;
                r = p2p_sealed_out_end(&sc->out);
                if (r < 0)
                        return r;
        }
        r = flush(sc);
        return r == -EAGAIN ? 0 : r;
}

static void sealed_reset(p2p_channel *c, uint32_t code) {
        sealed_channel *sc = from_channel(c);

        p2p_sealed_in_done(&sc->in);
        p2p_sealed_out_done(&sc->out);
        sc->in.error = sc->out.error = -ECONNRESET;
        p2p_channel_reset(sc->below, code);
}

static uint32_t sealed_reset_code(const p2p_channel *c) {
        return p2p_channel_reset_code(container_of(c, const sealed_channel, channel)->below);
}

static uint64_t sealed_quiet(const p2p_channel *c) {
        return p2p_channel_quiet(container_of(c, const sealed_channel, channel)->below);
}

static void on_orphan_free(p2p_orphan *orphan) {
        destroy(container_of(orphan, sealed_channel, orphan));
}

static p2p_channel *sealed_free(p2p_channel *c) {
        sealed_channel *sc = from_channel(c);

        c->wake = NULL;
        if (sc->is_shut && flush(sc) == -EAGAIN && p2p_timer_set(&sc->linger, P2P_SEALED_LINGER_USEC) >= 0) {
                p2p_orphan_adopt(&sc->orphan, sc->loop, on_orphan_free);
                sc->is_orphan = true;
                return NULL;
        }
        destroy(sc);
        return NULL;
}

static const p2p_channel_ops sealed_ops = {
        .readv = sealed_readv,
        .writev = sealed_writev,
        .shutdown = sealed_shutdown,
        .reset = sealed_reset,
        .reset_code = sealed_reset_code,
        .quiet = sealed_quiet,
        .free = sealed_free,
};

/* Passing the wake on is the last thing on this stack: the woken side may free us. Running it now saves a
 * turn of the loop a layer. */
static void on_below_wake(void *userdata) {
        sealed_channel *sc = userdata;
        int r;

        r = flush(sc);
        if (sc->is_orphan) {
                if (r != -EAGAIN)
                        destroy(sc);
                return;
        }
        p2p_task_pass(sc->channel.wake);
}

static void on_linger_over(void *userdata) {
        destroy(userdata);
}

int p2p_sealed_channel_new(p2p_loop *loop, p2p_channel *below, const p2p_seal_format *format, void *state,
                           p2p_channel **ret) {
        sealed_channel *sc;

        sc = malloc(sizeof(*sc));
        if (!sc)
                return -ENOMEM;
        *sc = (sealed_channel){
                .channel.ops = &sealed_ops,
                .loop = loop,
                .below = below,
                .format = format,
                .state = state,
                .in = { .format = format, .state = state },
                .out = { .format = format, .state = state },
        };
        p2p_task_init(&sc->below_wake, loop, on_below_wake, sc);
        p2p_timer_init(&sc->linger, loop, on_linger_over, sc);
        p2p_channel_set_wake(below, &sc->below_wake);

        *ret = &sc->channel;
        return 0;
}
