/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The WebSocket channel: a handshake, then the two halves on the channel below, and the life of the whole.
 *
 * The handshake is a state of the channel, so whoever limits and times channels that prove nothing yet does
 * so for this one. What must leave goes in one order, in flush(): the rest of a frame, what is held, an
 * answer to the last ping, a Close, the end of the channel below; each waits for the one before, and the
 * wake from below goes on where it stopped. A channel that is freed after its shutdown, or after the far
 * side broke the protocol, lives on without an owner until that is through, for P2P_WS_LINGER_USEC at most.
 */

#include <errno.h>
#include <stdlib.h>

#include "io/orphan.h"
#include "transport/ws-channel.h"
#include "transport/ws-in.h"
#include "transport/ws-out.h"
#include "transport/ws-upgrade.h"
#include "wire/writer.h"

typedef struct ws_channel {
        p2p_channel channel;
        p2p_loop *loop; /* borrowed */
        p2p_channel *below;
        p2p_task below_wake;
        p2p_task turn_end; /* sends what is held */
        p2p_timer linger;
        p2p_ws_upgrade *upgrade; /* NULL once frames begin */
        int error;               /* of the handshake, for good; or a reset */
        p2p_ws_in in;
        p2p_ws_out out;
        bool is_shut;       /* by our owner */
        bool is_close_sent, is_shut_below;
        bool wants_write;   /* a writer was told -EAGAIN */
        bool is_orphan;     /* freed by its owner, flushing: the loop's */
        p2p_orphan orphan;
} ws_channel;

_Static_assert(sizeof(ws_channel) <= 768, "idle ones are meant to be cheap");

static ws_channel *from_channel(p2p_channel *c) {
        return container_of(c, ws_channel, channel);
}

static ws_channel *destroy(ws_channel *w) {
        if (w->is_orphan)
                p2p_orphan_leave(&w->orphan);
        p2p_task_cancel(&w->below_wake);
        p2p_task_cancel(&w->turn_end);
        p2p_timer_stop(&w->linger);
        p2p_channel_set_wake(w->below, NULL);
        p2p_channel_free(w->below);
        p2p_ws_upgrade_free(w->upgrade);
        p2p_ws_in_done(&w->in);
        p2p_ws_out_done(&w->out);
        free(w);
        return NULL;
}

/* 0: frames may pass. */
static int handshake(ws_channel *w) {
        p2p_view rest;
        int r;

        if (w->error < 0 || !w->upgrade)
                return w->error;
        r = p2p_ws_upgrade_run(w->upgrade, w->below, &rest);
        if (r == -EAGAIN)
                return r;
        if (r > 0)
                r = p2p_ws_in_begin(&w->in, rest);
        w->upgrade = p2p_ws_upgrade_free(w->upgrade);
        p2p_task_post(w->channel.wake); /* for the direction that did not just try */
        return w->error = r;
}

static int send_pong(ws_channel *w) {
        int r;

        if (!w->in.has_ping || w->is_close_sent)
                return 0;
        r = p2p_ws_out_control(&w->out, w->loop, w->below, P2P_WS_PONG, P2P_VIEW(w->in.ping, w->in.n_ping));
        if (r >= 0)
                w->in.has_ping = false;
        return r;
}

/* Ours after a shutdown; an answer to theirs, or why we end. */
static int send_close(ws_channel *w) {
        uint8_t payload[2];
        p2p_writer out = P2P_WRITER(payload, sizeof(payload));
        int r;

        if (w->is_close_sent || (!w->is_shut && w->in.close_code == 0))
                return 0;
        p2p_write_be16(&out, w->in.close_code > 0 ? w->in.close_code : P2P_WS_CODE_NORMAL);
        r = p2p_ws_out_control(&w->out, w->loop, w->below, P2P_WS_CLOSE, P2P_VIEW(payload, out.n));
        if (r >= 0)
                w->is_close_sent = true;
        return r;
}

/* Whether nothing more of the far side's is to be waited for. */
static bool is_over(const ws_channel *w) {
        return w->in.is_closed || w->in.error < 0 || w->is_orphan;
}

static int flush(ws_channel *w) {
        int r;

        if (w->error < 0)
                return w->error;
        if (w->upgrade)
                return w->is_shut ? 0 : -EAGAIN;
        r = p2p_ws_out_flush(&w->out, w->loop, w->below);
        if (r >= 0)
                r = send_pong(w);
        if (r >= 0)
                r = send_close(w);
        if (r >= 0 && w->out.pending)
                r = -EAGAIN;
        if (r >= 0 && w->wants_write) {
                w->wants_write = false;
                p2p_task_post(w->channel.wake);
        }
        if (r < 0 || !w->is_close_sent || w->is_shut_below || !is_over(w))
                return r;
        w->is_shut_below = true;
        return p2p_channel_shutdown(w->below);
}

static ssize_t ws_readv(p2p_channel *c, const struct iovec *iov, int n) {
        ws_channel *w = from_channel(c);
        bool again;
        ssize_t k;
        int r;

        r = handshake(w);
        if (r < 0)
                return r;
        k = p2p_ws_in_readv(&w->in, w->below, iov, n, &again);
        if (again)
                p2p_task_post(c->wake);
        if (w->in.has_ping || w->in.close_code > 0)
                (void) flush(w); /* an error is the next write's: a reader hears of the end */
        return k;
}

static ssize_t ws_writev(p2p_channel *c, const struct iovec *iov, int n, bool more) {
        ws_channel *w = from_channel(c);
        ssize_t k;
        int r;

        if (w->is_shut)
                return -EPIPE;
        r = handshake(w);
        if (r < 0)
                return r;
        if (w->in.error < 0)
                return w->in.error;
        if (w->is_close_sent || w->in.close_code > 0)
                return -EPIPE;
        k = p2p_ws_out_writev(&w->out, w->loop, w->below, iov, n, more);
        w->wants_write = k == -EAGAIN;
        if (w->out.held_n > 0)
                p2p_task_post(&w->turn_end);
        return k;
}

static int ws_shutdown(p2p_channel *c) {
        ws_channel *w = from_channel(c);
        int r;

        w->is_shut = true;
        if (w->upgrade && !w->is_shut_below) { /* there is nobody yet who would understand a Close */
                w->is_shut_below = true;
                return p2p_channel_shutdown(w->below);
        }
        r = flush(w);
        return r == -EAGAIN ? 0 : r;
}

static void ws_reset(p2p_channel *c, uint32_t code) {
        ws_channel *w = from_channel(c);

        w->upgrade = p2p_ws_upgrade_free(w->upgrade);
        p2p_ws_in_done(&w->in);
        p2p_ws_out_done(&w->out);
        p2p_task_cancel(&w->turn_end);
        w->error = w->in.error = w->out.error = -ECONNRESET;
        w->in.close_code = 0;
        p2p_channel_reset(w->below, code);
}

static uint64_t ws_quiet(const p2p_channel *c) {
        return p2p_channel_quiet(container_of(c, const ws_channel, channel)->below);
}

static void on_orphan_free(p2p_orphan *orphan) {
        destroy(container_of(orphan, ws_channel, orphan));
}

/* The far side hears why we end, if it did not end itself. */
static bool is_graceful(const ws_channel *w) {
        return w->is_shut || w->in.close_code > 0;
}

static p2p_channel *ws_free(p2p_channel *c) {
        ws_channel *w = from_channel(c);

        c->wake = NULL;
        if (!is_graceful(w)) {
                destroy(w);
                return NULL;
        }
        p2p_orphan_adopt(&w->orphan, w->loop, on_orphan_free);
        w->is_orphan = true;
        if (flush(w) != -EAGAIN || p2p_timer_set(&w->linger, P2P_WS_LINGER_USEC) < 0)
                destroy(w);
        return NULL;
}

/* Passing the wake on is the last thing on this stack: the woken side may free us. */
static void on_below_wake(void *userdata) {
        ws_channel *w = userdata;
        int r;

        r = handshake(w);
        if (r >= 0 || w->is_orphan)
                r = flush(w);
        if (w->is_orphan) {
                if (r != -EAGAIN)
                        destroy(w);
                return;
        }
        p2p_task_pass(w->channel.wake);
}

static void on_turn_end(void *userdata) {
        ws_channel *w = userdata;
        int r;

        r = flush(w);
        if (r < 0 && r != -EAGAIN)
                p2p_task_post(w->channel.wake); /* what was taken may not leave any more */
}

static void on_linger_over(void *userdata) {
        destroy(userdata);
}

static int channel_new(p2p_loop *loop, p2p_channel *below, p2p_ws_upgrade *upgrade, bool is_server,
                       p2p_channel **ret) {
        static const p2p_channel_ops ops = {
                .readv = ws_readv,
                .writev = ws_writev,
                .shutdown = ws_shutdown,
                .reset = ws_reset,
                .quiet = ws_quiet,
                .free = ws_free,
        };
        ws_channel *w;

        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->channel.ops = &ops;
        w->loop = loop;
        w->below = below;
        w->upgrade = upgrade;
        w->in.from_client = is_server;
        w->out.masks = !is_server;
        p2p_task_init(&w->below_wake, loop, on_below_wake, w);
        p2p_task_init(&w->turn_end, loop, on_turn_end, w);
        p2p_timer_init(&w->linger, loop, on_linger_over, w);
        p2p_channel_set_wake(below, &w->below_wake);
        p2p_task_post(&w->below_wake); /* the handshake begins */

        *ret = &w->channel;
        return 0;
}

int p2p_ws_channel_new_server(p2p_loop *loop, p2p_channel *below, p2p_channel **ret) {
        p2p_ws_upgrade *upgrade;
        int r;

        r = p2p_ws_upgrade_new_server(&upgrade);
        if (r < 0)
                return r;
        r = channel_new(loop, below, upgrade, true, ret);
        if (r < 0)
                p2p_ws_upgrade_free(upgrade);
        return r;
}

int p2p_ws_channel_new_client(p2p_loop *loop, p2p_channel *below, const char *host, p2p_view path,
                              p2p_channel **ret) {
        p2p_ws_upgrade *upgrade;
        int r;

        r = p2p_ws_upgrade_new_client(host, path, &upgrade);
        if (r < 0)
                return r;
        r = channel_new(loop, below, upgrade, false, ret);
        if (r < 0)
                p2p_ws_upgrade_free(upgrade);
        return r;
}
