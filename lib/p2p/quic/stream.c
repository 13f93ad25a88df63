/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A QUIC stream as a channel [libp2p/specs/quic: a stream is a bidirectional QUIC stream and nothing more].
 *
 * ALIVE says that the library knows the stream: what was sent is kept until it is acknowledged or the stream
 * is closed there, even after a reset, because a lost packet is written anew from it [tried: 0.12
 * retransmits the data of reset streams]. A stream without an owner lives until then. A far side that resets
 * a stream ends both its directions; one that only wants no more bytes (STOP_SENDING) is still read from.
 *
 * Windows: once a quarter of the window was read it is granted anew; if that happened within four round
 * trips of the last time the window doubles.
 */

#include <errno.h>
#include <stdlib.h>

#include "quic/quic-internal.h"

static const p2p_channel_ops stream_ops;

int quic_stream_new(quic_conn *c, int64_t id, uint32_t state, quic_stream **ret) {
        quic_stream *s;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (quic_stream) {
                .channel.ops = &stream_ops,
                .conn = c,
                .id = id,
                .state = state | STREAM_ALIVE | STREAM_WANT_READ | STREAM_WANT_WRITE,
                .window = P2P_QUIC_STREAM_WINDOW,
                .since = p2p_loop_now(c->transport->loop),
                .born = p2p_loop_now(c->transport->loop),
        };
        p2p_list_init(&s->all);
        p2p_list_init(&s->sending);
        p2p_list_init(&s->queue);
        p2p_list_append(&c->streams, &s->all);
        c->n_streams++;
        if (!(state & STREAM_OURS))
                c->n_theirs++;
        *ret = s;
        return 0;
}

/* ---- leaving */

static void drop_in(quic_stream *s) {
        if (s->conn)
                s->conn->buffered -= s->in.n;
        quic_buffer_clear(&s->in);
}

static void drop_unsent(quic_stream *s) {
        s->conn->unsent -= quic_buffer_unsent(&s->out);
        quic_buffer_truncate(&s->out);
}

/* The library holds nothing of it any more. */
static void die(quic_stream *s) {
        quic_conn *c = s->conn;

        if (!(s->state & STREAM_ALIVE))
                return;
        s->state &= ~STREAM_ALIVE;
        c->unsent -= quic_buffer_unsent(&s->out);
        c->retained -= s->out.n_sent;
        quic_buffer_clear(&s->out);
        c->n_streams--;
        if (!(s->state & STREAM_OURS))
                c->n_theirs--;
        p2p_list_unlink(&s->sending);
}

static void leave_conn(quic_stream *s) {
        if (!s->conn)
                return;
        die(s);
        s->conn->buffered -= s->in.n;
        p2p_list_unlink(&s->all);
        p2p_list_unlink(&s->queue);
        s->conn = NULL;
}

static void destroy(quic_stream *s) {
        leave_conn(s);
        quic_buffer_clear(&s->in);
        free(s);
}

/* A refusal behind the handshake looks to whoever has a stream like one within it. */
void quic_stream_detach(quic_stream *s) {
        s->error = s->conn->error == -EKEYREJECTED ? -EKEYREJECTED : -ECONNRESET;
        leave_conn(s);
        if (s->state & (STREAM_RELEASED | STREAM_INCOMING))
                destroy(s);
        else
                p2p_task_post(s->channel.wake);
}

void quic_stream_on_closed(quic_stream *s) {
        die(s);
        if (s->state & STREAM_RELEASED)
                destroy(s);
}

/* ---- the end */

/* From here on no byte goes either way. */
static void become_reset(quic_stream *s) {
        s->state |= STREAM_RESET;
        s->state &= ~(STREAM_WANT_READ | STREAM_WANT_WRITE);
        drop_in(s);
        drop_unsent(s);
        p2p_list_unlink(&s->queue);
        p2p_list_unlink(&s->sending);
        if (s->state & STREAM_INCOMING) /* nobody has seen it */
                s->state = (s->state & ~STREAM_INCOMING) | STREAM_RELEASED;
        p2p_task_post(s->channel.wake);
}

void quic_stream_abort(quic_stream *s, uint32_t code) {
        if (s->state & STREAM_RESET)
                return;
        become_reset(s);
        if (!(s->state & STREAM_ALIVE))
                return;
        quic_shim_reset_stream(s->conn->lib, s->id, code);
        p2p_task_post(&s->conn->flush);
}

static uint32_t to_code(uint64_t code) {
        return code > UINT32_MAX ? P2P_STREAM_CODE_OUT_OF_RANGE : (uint32_t) code;
}

void quic_stream_on_reset(quic_stream *s, uint64_t code) {
        if (s->state & STREAM_RESET)
                return;
        /* our STOP_SENDING is answered; what we still deliver is not touched by it */
        if (s->state & STREAM_RELEASED) {
                s->state |= STREAM_FIN_RECEIVED;
                return;
        }
        s->received_code = to_code(code);
        become_reset(s);
        quic_shim_end_stream(s->conn->lib, s->id, P2P_STREAM_NO_ERROR);
}

void quic_stream_on_stopped(quic_stream *s) {
        s->state |= STREAM_STOPPED;
        s->state &= ~STREAM_WANT_WRITE;
        drop_unsent(s);
        p2p_list_unlink(&s->sending);
        p2p_task_post(s->channel.wake);
}

/* ---- sending */

bool quic_stream_fin_is_due(const quic_stream *s) {
        return (s->state & STREAM_SHUT) && !(s->state & (STREAM_FIN_SENT | STREAM_RESET | STREAM_STOPPED));
}

void quic_stream_schedule(quic_stream *s) {
        if (!(s->state & STREAM_ALIVE) || (quic_buffer_unsent(&s->out) == 0 && !quic_stream_fin_is_due(s)))
                return;
        if (p2p_list_is_empty(&s->sending))
                p2p_list_append(&s->conn->sending, &s->sending);
        p2p_task_post(&s->conn->flush);
}

static void wake_writer(quic_stream *s) {
        if (!(s->state & STREAM_WANT_WRITE))
                return;
        s->state &= ~STREAM_WANT_WRITE;
        p2p_task_post(s->channel.wake);
}

void quic_stream_on_sent(quic_stream *s, size_t n, bool fin) {
        s->conn->unsent -= n;
        s->conn->retained += n;
        quic_buffer_advance(&s->out, n);
        if (fin)
                s->state |= STREAM_FIN_SENT;
        if (quic_buffer_unsent(&s->out) == 0 && !quic_stream_fin_is_due(s))
                p2p_list_unlink(&s->sending);
        if (quic_buffer_unsent(&s->out) <= P2P_QUIC_UNSENT_MAX / 2)
                wake_writer(s);
}

void quic_stream_on_acked(quic_stream *s, size_t n) {
        n = P2P_MIN(n, s->out.n_sent);
        s->conn->retained -= n;
        quic_buffer_drop(&s->out, n);
}

/* ---- receiving */

void quic_stream_on_bytes(quic_stream *s, p2p_view bytes, bool fin) {
        size_t n = 0;

        if (s->state & STREAM_RESET)
                return;
        if (!(s->state & STREAM_RELEASED)) {
                n = quic_buffer_append(&s->in, bytes);
                s->conn->buffered += n;
                if (n < bytes.n) {
                        quic_stream_abort(s, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
                        return;
                }
        }
        if (fin)
                s->state |= STREAM_FIN_RECEIVED;
        if (s->state & STREAM_WANT_READ) {
                s->state &= ~STREAM_WANT_READ;
                p2p_task_post(s->channel.wake);
        }
}

/* Before more is granted: the reader is fast enough for a larger window. */
static void grow_window(quic_stream *s) {
        quic_conn *c = s->conn;
        uint64_t to = P2P_MIN(2 * s->window, c->window_max);

        if (to <= s->window)
                return;
        quic_conn_widen(c, to + to / 2);
        if (c->window < to)
                return;
        (void) ngtcp2_conn_extend_max_stream_offset(c->lib, s->id, to - s->window);
        s->window = to;
}

static void grant(quic_stream *s, size_t n) {
        quic_conn *c = s->conn;
        uint64_t now = p2p_loop_now(c->transport->loop), rtt;

        c->buffered -= n;
        quic_conn_grant(c, 0);
        s->due += n;
        if (!(s->state & STREAM_ALIVE) || s->state & STREAM_FIN_RECEIVED || s->due < s->window / 4)
                return;
        rtt = quic_conn_rtt(c);
        if (rtt > 0 && now - s->since < 4 * rtt)
                grow_window(s);
        (void) ngtcp2_conn_extend_max_stream_offset(c->lib, s->id, s->due);
        s->due = 0;
        s->since = now;
        p2p_task_post(&c->flush);
}

/* ---- the channel */

static quic_stream *stream_of(const p2p_channel *c) {
        return container_of((p2p_channel *) c, quic_stream, channel);
}

static ssize_t stream_readv(p2p_channel *channel, const struct iovec *iov, int n_iov) {
        quic_stream *s = stream_of(channel);
        size_t n;

        if (s->in.n == 0) {
                if (s->state & STREAM_RESET)
                        return -ECONNRESET;
                if (s->state & STREAM_FIN_RECEIVED)
                        return 0;
                if (!s->conn)
                        return s->error;
                s->state |= STREAM_WANT_READ;
                return -EAGAIN;
        }
        n = quic_buffer_read(&s->in, iov, n_iov);
        if (s->conn)
                grant(s, n);
        return (ssize_t) n;
}

static ssize_t stream_writev(p2p_channel *channel, const struct iovec *iov, int n_iov, bool more) {
        quic_stream *s = stream_of(channel);
        quic_conn *c = s->conn;
        size_t limit, taken = 0, offered = 0;

        (void) more; /* a flush gathers the whole turn anyway */
        if (s->state & STREAM_RESET)
                return -ECONNRESET;
        if (!c)
                return s->error;
        if (s->state & (STREAM_SHUT | STREAM_STOPPED) || !(s->state & STREAM_ALIVE))
                return -EPIPE;

        limit = c->unsent < P2P_QUIC_UNSENT_TOTAL ? P2P_QUIC_UNSENT_MAX : P2P_QUIC_UNSENT_SMALL;
        for (int i = 0; i < n_iov; i++) {
                size_t unsent = quic_buffer_unsent(&s->out), room = unsent < limit ? limit - unsent : 0, n;

                offered += iov[i].iov_len;
                n = quic_buffer_append(&s->out, P2P_VIEW(iov[i].iov_base, P2P_MIN(iov[i].iov_len, room)));
                taken += n;
                if (n < iov[i].iov_len)
                        break;
        }
        if (taken == 0 && offered > 0) {
                s->state |= STREAM_WANT_WRITE;
                return quic_buffer_unsent(&s->out) < limit ? -ENOMEM : -EAGAIN;
        }
        c->unsent += taken;
        quic_stream_schedule(s);
        return (ssize_t) taken;
}

static int stream_shutdown(p2p_channel *channel) {
        quic_stream *s = stream_of(channel);

        if (s->state & STREAM_RESET)
                return -ECONNRESET;
        if (!s->conn)
                return s->error;
        if (!(s->state & STREAM_SHUT)) {
                s->state |= STREAM_SHUT;
                quic_stream_schedule(s);
        }
        return 0;
}

static void stream_reset(p2p_channel *channel, uint32_t code) {
        quic_stream *s = stream_of(channel);

        if (s->conn) {
                quic_stream_abort(s, code);
                return;
        }
        s->state |= STREAM_RESET;
        quic_buffer_clear(&s->in);
}

static uint32_t stream_reset_code(const p2p_channel *channel) {
        return stream_of(channel)->received_code;
}

/* Our bytes and our end are still delivered; theirs have no reader. */
static void linger(quic_stream *s) {
        quic_conn *c = s->conn;

        drop_in(s);
        quic_conn_grant(c, 0);
        if (!(s->state & STREAM_FIN_RECEIVED))
                quic_shim_stop_stream(c->lib, s->id, P2P_STREAM_NO_ERROR);
        s->deadline = p2p_loop_now(c->transport->loop) + P2P_QUIC_LINGER_USEC;
        p2p_list_append(&c->lingering, &s->queue);
        p2p_task_post(&c->flush); /* which sets the timer */
}

static p2p_channel *stream_free(p2p_channel *channel) {
        quic_stream *s = stream_of(channel);

        s->channel.wake = NULL;
        if (!s->conn || !(s->state & STREAM_ALIVE)) {
                destroy(s);
                return NULL;
        }
        s->state |= STREAM_RELEASED;
        if (s->state & STREAM_RESET)
                return NULL;
        if (s->state & STREAM_SHUT)
                linger(s);
        else
                quic_stream_abort(s, P2P_STREAM_NO_ERROR);
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
