/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The sealed channel: the two halves on the channel below, and the life of the whole.
 *
 * Sealed bytes that the channel below did not take are ours to deliver: its wake flushes them before it is
 * passed up, a shutdown waits behind them, and a channel that is freed after its shutdown lives on without
 * an owner until they are gone, for P2P_NOISE_LINGER_USEC at most. An idle channel is this struct and
 * nothing else.
 */

#include <errno.h>
#include <stdlib.h>

#include "io/orphan.h"
#include "secure/noise-channel.h"
#include "secure/noise-in.h"
#include "secure/noise-out.h"

typedef struct noise_channel {
        p2p_channel channel;
        p2p_loop *loop;
        p2p_channel *below;
        p2p_task below_wake;
        p2p_timer linger;
        p2p_noise_in in;
        p2p_noise_out out;
        bool is_shut, is_shut_below;
        bool is_orphan; /* freed by its owner, flushing: the loop's */
        p2p_orphan orphan;
} noise_channel;

_Static_assert(sizeof(noise_channel) <= 512, "ten thousand idle ones are meant to be cheap");

static noise_channel *from_channel(p2p_channel *c) {
        return container_of(c, noise_channel, channel);
}

static noise_channel *destroy(noise_channel *nc) {
        if (nc->is_orphan)
                p2p_orphan_leave(&nc->orphan);
        p2p_task_cancel(&nc->below_wake);
        p2p_timer_stop(&nc->linger);
        p2p_channel_set_wake(nc->below, NULL);
        p2p_channel_free(nc->below);
        p2p_noise_in_done(&nc->in);
        p2p_noise_out_done(&nc->out);
        free(nc);
        return NULL;
}

/* Sends what is pending, then the end if that was asked for. */
static int flush(noise_channel *nc) {
        int r;

        r = p2p_noise_out_flush(&nc->out, nc->below);
        if (r < 0)
                return r;
        if (!nc->is_shut || nc->is_shut_below)
                return 0;
        nc->is_shut_below = true;
        return p2p_channel_shutdown(nc->below);
}

static ssize_t noise_readv(p2p_channel *c, const struct iovec *iov, int n) {
        noise_channel *nc = from_channel(c);
        bool again;
        ssize_t k;

        k = p2p_noise_in_readv(&nc->in, nc->below, iov, n, &again);
        if (again)
                p2p_task_post(c->wake);
        return k;
}

static ssize_t noise_writev(p2p_channel *c, const struct iovec *iov, int n, bool more) {
        noise_channel *nc = from_channel(c);

        if (nc->is_shut)
                return -EPIPE;
        if (nc->in.error == -EBADMSG) /* somebody tampers with the path */
                return nc->in.error;
        return p2p_noise_out_writev(&nc->out, nc->loop, nc->below, iov, n, more);
}

static int noise_shutdown(p2p_channel *c) {
        noise_channel *nc = from_channel(c);
        int r;

        nc->is_shut = true;
        r = flush(nc);
        return r == -EAGAIN ? 0 : r;
}

static void noise_reset(p2p_channel *c, uint32_t code) {
        noise_channel *nc = from_channel(c);

        p2p_noise_in_done(&nc->in);
        p2p_noise_out_done(&nc->out);
        nc->in.error = nc->out.error = -ECONNRESET;
        p2p_channel_reset(nc->below, code);
}

static uint32_t noise_reset_code(const p2p_channel *c) {
        return p2p_channel_reset_code(container_of(c, const noise_channel, channel)->below);
}

static void on_orphan_free(p2p_orphan *orphan) {
        destroy(container_of(orphan, noise_channel, orphan));
}

static p2p_channel *noise_free(p2p_channel *c) {
        noise_channel *nc = from_channel(c);

        c->wake = NULL;
        if (nc->is_shut && flush(nc) == -EAGAIN && p2p_timer_set(&nc->linger, P2P_NOISE_LINGER_USEC) >= 0) {
                p2p_orphan_adopt(&nc->orphan, nc->loop, on_orphan_free);
                nc->is_orphan = true;
                return NULL;
        }
        destroy(nc);
        return NULL;
}

static const p2p_channel_ops noise_ops = {
        .readv = noise_readv,
        .writev = noise_writev,
        .shutdown = noise_shutdown,
        .reset = noise_reset,
        .reset_code = noise_reset_code,
        .free = noise_free,
};

/* Passing the wake on is the last thing on this stack: the woken side may free us. Running it now saves a
 * turn of the loop a layer. */
static void on_below_wake(void *userdata) {
        noise_channel *nc = userdata;
        int r;

        r = flush(nc);
        if (nc->is_orphan) {
                if (r != -EAGAIN)
                        destroy(nc);
                return;
        }
        p2p_task_pass(nc->channel.wake);
}

static void on_linger_over(void *userdata) {
        destroy(userdata);
}

int p2p_noise_channel_new(p2p_loop *loop, p2p_channel *below, const uint8_t send_key[static 32],
                          const uint8_t receive_key[static 32], p2p_channel **ret) {
        noise_channel *nc;

        nc = malloc(sizeof(*nc));
        if (!nc)
                return -ENOMEM;
        *nc = (noise_channel){ .channel.ops = &noise_ops, .loop = loop, .below = below };
        memcpy(nc->out.cipher.key, send_key, sizeof(nc->out.cipher.key));
        memcpy(nc->in.cipher.key, receive_key, sizeof(nc->in.cipher.key));
        p2p_task_init(&nc->below_wake, loop, on_below_wake, nc);
        p2p_timer_init(&nc->linger, loop, on_linger_over, nc);
        p2p_channel_set_wake(below, &nc->below_wake);

        *ret = &nc->channel;
        return 0;
}
