/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A yamux stream: a channel whose far side is a stream of the other session.
 *
 * What a stream still has to say is kept as flags, never as queued frames, so a far side that does not read
 * cannot make a queue grow; the flush turns flags into frames. An id is taken until both FINs passed, or one
 * RST did: then the stream leaves the table and nothing that comes can reach it. The struct itself stays
 * until its owner frees it.
 *
 * Windows (wire reference 8, "Auto-tune"): once half of the window was read an update is sent. The window
 * grows to what was read in four round trips, or in two and a pause of the scheduler, as long as the extra
 * credit of the session and of the shared budget stays below their limits. At most twofold at a time, or
 * fourfold on a long path, where TCP doubles in a round trip and what a window does shows one later. The
 * round trip is the least ever seen, and was seen lately: bulk fills every buffer up to the window, so pings
 * under bulk measure the window, and one that grew with them would stand before every keystroke. Credit
 * cannot be taken back: when more is unread than allowed, the streams with the most of it are reset.
 */

#include <errno.h>
#include <stdlib.h>

#include "mux/yamux-internal.h"

static const p2p_channel_ops stream_ops;

static p2p_yamux_pool *pool_of(p2p_yamux_stream *s) {
        return s->session ? &s->session->pool : NULL;
}

int p2p_yamux_stream_new(p2p_yamux *y, uint32_t id, uint32_t state, p2p_yamux_stream **ret) {
        p2p_yamux_stream *s;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (p2p_yamux_stream) {
                .channel.ops = &stream_ops,
                .session = y,
                .id = id,
                .state = state | STREAM_IN_TABLE | STREAM_WANT_READ | STREAM_WANT_WRITE,
                .send_window = P2P_YAMUX_WINDOW_INITIAL,
                .receive_window = P2P_YAMUX_WINDOW_INITIAL,
                .window = P2P_YAMUX_WINDOW_INITIAL,
                .epoch = p2p_loop_now(y->loop),
                .born = p2p_loop_now(y->loop),
        };
        p2p_list_init(&s->all);
        p2p_list_init(&s->control);
        p2p_list_init(&s->data);
        p2p_list_init(&s->queue);
        p2p_list_append(&y->all, &s->all);
        p2p_yamux_table_add(&y->table, s);
        if (!(state & STREAM_OURS))
                y->n_theirs++;
        if (state & STREAM_UNACKED)
                y->n_unacked++;
        *ret = s;
        return 0;
}

/* ---- leaving */

static void give_back_slot(p2p_yamux_stream *s) {
        p2p_yamux *y = s->session;

        if (!(s->state & STREAM_UNACKED))
                return;
        s->state &= ~STREAM_UNACKED;
        y->n_unacked--;
        if (y->want_open) {
                y->want_open = false;
                p2p_task_post(y->session.wake);
        }
}

static void uncharge(p2p_yamux *y, size_t n) {
        y->buffered -= n;
        if (y->budget)
                y->budget->used -= n;
}

static void drop_in(p2p_yamux_stream *s) {
        if (s->session)
                uncharge(s->session, s->in.n);
        p2p_yamux_queue_clear(&s->in, pool_of(s));
}

static void drop_out(p2p_yamux_stream *s) {
        p2p_yamux *y = s->session;

        if (y) {
                y->queued -= s->out.n;
                if (y->rest.stream == s) { /* a frame of it is half out: its payload outlives it */
                        y->rest.stream = NULL;
                        y->rest.own = s->out;
                        s->out = (p2p_yamux_queue) {};
                }
        }
        p2p_yamux_queue_clear(&s->out, pool_of(s));
}

static void leave_table(p2p_yamux_stream *s) {
        p2p_yamux *y = s->session;

        if (!(s->state & STREAM_IN_TABLE))
                return;
        s->state &= ~STREAM_IN_TABLE;
        p2p_yamux_table_remove(&y->table, s);
        if (y->target == s)
                y->target = NULL;
        give_back_slot(s);
        y->windows -= s->window - P2P_YAMUX_WINDOW_INITIAL;
        if (y->budget)
                y->budget->windows -= s->window - P2P_YAMUX_WINDOW_INITIAL;
        s->window = P2P_YAMUX_WINDOW_INITIAL;
}

static void leave_session(p2p_yamux_stream *s) {
        drop_out(s);
        if (!s->session)
                return;
        leave_table(s);
        uncharge(s->session, s->in.n);
        if (!(s->state & STREAM_OURS))
                s->session->n_theirs--;
        p2p_list_unlink(&s->all);
        p2p_list_unlink(&s->control);
        p2p_list_unlink(&s->data);
        p2p_list_unlink(&s->queue);
        s->session = NULL;
}

void p2p_yamux_stream_destroy(p2p_yamux_stream *s) {
        leave_session(s);
        p2p_yamux_queue_clear(&s->in, pool_of(s));
        free(s);
}

void p2p_yamux_stream_detach(p2p_yamux_stream *s) {
        leave_session(s);
        if (s->state & (STREAM_RELEASED | STREAM_INCOMING))
                p2p_yamux_stream_destroy(s);
        else
                p2p_task_post(s->channel.wake);
}

void p2p_yamux_stream_settle(p2p_yamux_stream *s) {
        bool closed = (s->state & STREAM_FIN_SENT) && (s->state & STREAM_FIN_RECEIVED);
        bool reset = (s->state & STREAM_RESET) && !(s->state & STREAM_SEND_RESET);

        if (!closed && !reset)
                return;
        leave_table(s);
        if (s->state & STREAM_RELEASED)
                p2p_yamux_stream_destroy(s);
}

/* ---- sending, as far as it is the stream's business */

size_t p2p_yamux_stream_unsent(const p2p_yamux_stream *s) {
        const p2p_yamux_rest *rest = &s->session->rest;

        return s->out.n - (rest->stream == s ? rest->n : 0);
}

bool p2p_yamux_stream_fin_is_due(const p2p_yamux_stream *s) {
        return (s->state & STREAM_SHUT) && !(s->state & (STREAM_FIN_SENT | STREAM_RESET));
}

static void list_set(p2p_list *head, p2p_list *node, bool member) {
        if (!member)
                p2p_list_unlink(node);
        else if (p2p_list_is_empty(node))
                p2p_list_append(head, node);
}

void p2p_yamux_stream_schedule(p2p_yamux_stream *s) {
        const uint32_t send = STREAM_SEND_SYN | STREAM_SEND_ACK | STREAM_SEND_UPDATE | STREAM_SEND_RESET;
        p2p_yamux *y = s->session;
        bool control, data;

        control = (s->state & send) || (p2p_yamux_stream_fin_is_due(s) && s->out.n == 0);
        data = !(s->state & STREAM_RESET) && s->send_window > 0 && p2p_yamux_stream_unsent(s) > 0;
        list_set(&y->control, &s->control, control);
        list_set(&y->data, &s->data, data);
        if ((control || data) && !y->blocked)
                p2p_task_post(&y->flush);
}

/* ---- the end of a stream */

static void post_both(p2p_yamux_stream *s) {
        s->state &= ~(STREAM_WANT_READ | STREAM_WANT_WRITE);
        p2p_task_post(s->channel.wake);
}

/* From here on no byte goes either way. What is left to say is at most an RST. */
static void become_reset(p2p_yamux_stream *s) {
        s->state |= STREAM_RESET;
        s->state &= ~(STREAM_SEND_ACK | STREAM_SEND_UPDATE);
        s->delta = 0;
        drop_in(s);
        drop_out(s);
        if (s->session->target == s)
                s->session->target = NULL;
        p2p_list_unlink(&s->queue);
        if (s->state & STREAM_INCOMING) /* nobody has seen it */
                s->state = (s->state & ~STREAM_INCOMING) | STREAM_RELEASED;
        post_both(s);
}

void p2p_yamux_stream_abort(p2p_yamux_stream *s, uint32_t code) {
        if (s->state & STREAM_RESET)
                return;
        become_reset(s);
        s->send_code = code;
        if (s->state & STREAM_SEND_SYN)
                s->state &= ~STREAM_SEND_SYN; /* the far side never heard of it */
        else if (s->state & STREAM_IN_TABLE)
                s->state |= STREAM_SEND_RESET;
        p2p_yamux_stream_schedule(s);
        p2p_yamux_stream_settle(s);
}

void p2p_yamux_stream_on_reset(p2p_yamux_stream *s, uint32_t code) {
        if (!(s->state & STREAM_RESET)) {
                s->received_code = code;
                become_reset(s);
        }
        s->state &= ~(STREAM_SEND_RESET | STREAM_SEND_SYN);
        p2p_yamux_stream_schedule(s);
        p2p_yamux_stream_settle(s);
}

void p2p_yamux_stream_on_fin(p2p_yamux_stream *s) {
        if (s->state & (STREAM_FIN_RECEIVED | STREAM_RESET))
                return;
        s->state |= STREAM_FIN_RECEIVED;
        s->state &= ~(STREAM_SEND_UPDATE | STREAM_WANT_READ);
        s->delta = 0;
        p2p_task_post(s->channel.wake);
        p2p_yamux_stream_schedule(s);
        p2p_yamux_stream_settle(s);
}

void p2p_yamux_stream_on_ack(p2p_yamux_stream *s) {
        give_back_slot(s);
}

/* ---- receiving */

static p2p_yamux_stream *fullest(p2p_yamux *y, p2p_yamux_stream *best) {
        p2p_yamux_stream *s;

        P2P_LIST_FOREACH(s, &y->all, p2p_yamux_stream, all)
                if (s->in.n > (best ? best->in.n : 0))
                        best = s;
        return best;
}

static void enforce_limits(p2p_yamux *y) {
        p2p_budget *budget = y->budget;

        while (y->buffered > y->buffer_max)
                p2p_yamux_stream_abort(fullest(y, NULL), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        while (budget && budget->used > budget->max) {
                p2p_yamux_stream *s = NULL;
                p2p_yamux *other;

                P2P_LIST_FOREACH(other, &budget->sessions, p2p_yamux, budget_node)
                        s = fullest(other, s);
                if (!s)
                        break; /* used by somebody else */
                p2p_yamux_stream_abort(s, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        }
}

void p2p_yamux_stream_on_bytes(p2p_yamux_stream *s, p2p_view bytes) {
        p2p_yamux *y = s->session;
        size_t n;

        s->receive_window -= (uint32_t) bytes.n;
        if (s->state & STREAM_RELEASED)
                return; /* discarded, and no credit for it: nobody reads here any more */
        n = p2p_yamux_queue_append(&s->in, pool_of(s), bytes);
        y->buffered += n;
        if (y->budget)
                y->budget->used += n;
        if (n < bytes.n) {
                p2p_yamux_stream_abort(s, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
                return;
        }
        if (s->state & STREAM_WANT_READ) {
                s->state &= ~STREAM_WANT_READ;
                p2p_task_post(s->channel.wake);
        }
        enforce_limits(y);
}

/* What is left of `max` for credit beyond an initial window, which has its own place there. */
static size_t left_of(size_t max, size_t windows) {
        size_t taken = windows + P2P_YAMUX_WINDOW_INITIAL;

        return max > taken ? max - taken : 0;
}

static void grow_window(p2p_yamux_stream *s, uint64_t wanted) {
        p2p_yamux *y = s->session;
        unsigned times = y->rtt_min < YAMUX_PAUSES * y->pause ? 2 : 4;
        size_t extra;

        wanted = P2P_MIN(wanted, (uint64_t) y->window_max);
        if (wanted <= s->window || !p2p_yamux_rtt_is_fresh(y))
                return;
        extra = P2P_MIN(wanted - s->window, (times - 1) * (uint64_t) s->window);
        extra = P2P_MIN(extra, left_of(y->buffer_max, y->windows));
        if (y->budget)
                extra = P2P_MIN(extra, left_of(y->budget->max, y->budget->windows));
        y->windows += extra;
        if (y->budget)
                y->budget->windows += extra;
        s->window += (uint32_t) extra;
}

/* An epoch is longer than the pause, so that a burst after a pause is not taken for the rate. */
static void measure(p2p_yamux_stream *s, size_t n) {
        const p2p_yamux *y = s->session;
        uint64_t now = p2p_loop_now(y->loop), elapsed = now - s->epoch, last;

        s->consumed += n;
        if (elapsed < P2P_MAX(y->rtt_min, YAMUX_PAUSES * y->pause))
                return;
        last = P2P_MAX(YAMUX_ROUND_TRIPS * y->rtt_min, 2 * y->rtt_min + y->pause);
        grow_window(s, s->consumed * last / elapsed);
        s->consumed = 0;
        s->epoch = now;
}

static void grant(p2p_yamux_stream *s) {
        uint32_t held = s->receive_window + (uint32_t) s->in.n, delta;

        if (s->window - held < s->window / 2)
                return;
        delta = s->window - held;
        s->receive_window += delta;
        s->delta += delta;
        s->state |= STREAM_SEND_UPDATE;
        p2p_yamux_stream_schedule(s);
}

/* ---- the channel */

static p2p_yamux_stream *stream_of(const p2p_channel *c) {
        return container_of((p2p_channel *) c, p2p_yamux_stream, channel);
}

static ssize_t stream_readv(p2p_channel *c, const struct iovec *iov, int n_iov) {
        p2p_yamux_stream *s = stream_of(c);
        size_t n;

        if (s->in.n == 0) {
                if (s->state & STREAM_RESET)
                        return -ECONNRESET;
                if (s->state & STREAM_FIN_RECEIVED)
                        return 0;
                if (!s->session)
                        return -ECONNRESET;
                s->state |= STREAM_WANT_READ;
                return -EAGAIN;
        }
        n = p2p_yamux_queue_read(&s->in, pool_of(s), iov, n_iov);
        if (s->session) {
                uncharge(s->session, n);
                if (s->state & STREAM_IN_TABLE && !(s->state & STREAM_FIN_RECEIVED)) {
                        measure(s, n);
                        grant(s);
                }
        }
        return (ssize_t) n;
}

static ssize_t stream_writev(p2p_channel *c, const struct iovec *iov, int n_iov, bool more) {
        p2p_yamux_stream *s = stream_of(c);
        p2p_yamux *y = s->session;
        size_t limit, taken = 0, offered = 0;

        (void) more; /* a flush gathers the whole turn anyway */
        if (!y || s->state & STREAM_RESET)
                return -ECONNRESET;
        if (s->state & STREAM_SHUT)
                return -EPIPE;

        limit = y->queued < YAMUX_OUT_TOTAL ? YAMUX_OUT_MAX : YAMUX_OUT_SMALL;
        for (int i = 0; i < n_iov; i++) {
                size_t room = s->out.n < limit ? limit - s->out.n : 0;
                size_t n = P2P_MIN(iov[i].iov_len, room);

                offered += iov[i].iov_len;
                n = p2p_yamux_queue_append(&s->out, pool_of(s), P2P_VIEW(iov[i].iov_base, n));
                taken += n;
                if (n < iov[i].iov_len)
                        break;
        }
        if (taken == 0 && offered > 0) {
                s->state |= STREAM_WANT_WRITE;
                return s->out.n < limit ? -ENOMEM : -EAGAIN;
        }
        y->queued += taken;
        p2p_yamux_stream_schedule(s);
        return (ssize_t) taken;
}

static int stream_shutdown(p2p_channel *c) {
        p2p_yamux_stream *s = stream_of(c);

        if (!s->session || s->state & STREAM_RESET)
                return -ECONNRESET;
        if (!(s->state & STREAM_SHUT)) {
                s->state |= STREAM_SHUT;
                p2p_yamux_stream_schedule(s);
        }
        return 0;
}

static void stream_reset(p2p_channel *c, uint32_t code) {
        p2p_yamux_stream *s = stream_of(c);

        if (s->session) {
                p2p_yamux_stream_abort(s, code);
                return;
        }
        s->state |= STREAM_RESET;
        drop_in(s);
}

static uint32_t stream_reset_code(const p2p_channel *c) {
        return stream_of(c)->received_code;
}

static void linger(p2p_yamux_stream *s) {
        p2p_yamux *y = s->session;

        drop_in(s);
        s->deadline = p2p_loop_now(y->loop) + YAMUX_LINGER;
        p2p_list_append(&y->lingering, &s->queue);
        p2p_yamux_set_timer(y);
}

static p2p_channel *stream_free(p2p_channel *c) {
        p2p_yamux_stream *s = stream_of(c);

        s->channel.wake = NULL;
        if (!s->session || !(s->state & STREAM_IN_TABLE)) {
                p2p_yamux_stream_destroy(s);
                return NULL;
        }
        s->state |= STREAM_RELEASED;
        if (s->state & STREAM_RESET)
                return NULL; /* its RST still has to go out */
        if (s->state & STREAM_SHUT)
                linger(s);
        else
                p2p_yamux_stream_abort(s, P2P_STREAM_NO_ERROR);
        return NULL;
}

static const p2p_channel_ops stream_ops = {
        .readv = stream_readv,
        .writev = stream_writev,
        .shutdown = stream_shutdown,
        .reset = stream_reset,
        .reset_code = stream_reset_code,
        .free = stream_free,
};
