/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The writing half of a yamux session: one flush gathers what a whole turn has to say into few vectored
 * writes.
 *
 * A batch is planned without changing anything, written, and then committed up to the byte that the channel
 * took. What was not begun is planned anew next time, so a pong or a keystroke that came meanwhile still
 * goes first. Of a frame that was begun, header and payload are finished before anything else (y->rest):
 * frames never interleave.
 *
 * Order: the rest, GoAway, pongs, our ping, refusals, then what streams have to say (SYN, ACK, window, RST,
 * FIN), then data round-robin, one frame a stream and round. Frames sent move their stream to the end of the
 * line, so with n streams busy a keystroke waits for at most n - 1 frames, besides what the channel already
 * has.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mux/yamux-internal.h"

#define FRAMES_MAX 128
#define IOV_MAX_BATCH (3 * FRAMES_MAX)

typedef enum frame_kind {
        FRAME_REST,
        FRAME_GO_AWAY,
        FRAME_PONG,
        FRAME_PING,
        FRAME_REFUSAL,
        FRAME_CREDIT, /* SYN, ACK, delta */
        FRAME_RESET,
        FRAME_FIN,
        FRAME_DATA,
} frame_kind;

typedef struct frame {
        frame_kind kind;
        p2p_yamux_stream *stream;
        uint32_t n_header, n; /* bytes of each that this batch has */
} frame;

typedef struct batch {
        frame frames[FRAMES_MAX];
        uint8_t headers[FRAMES_MAX][P2P_YAMUX_HEADER_SIZE];
        struct iovec iov[IOV_MAX_BATCH];
        unsigned n_frames;
        int n_iov;
        size_t size, size_max;
        bool full; /* something was left out */
} batch;

/* ---- planning */

static bool batch_has_room(batch *b) {
        if (b->n_frames == FRAMES_MAX || b->n_iov + 2 > IOV_MAX_BATCH || b->size >= b->size_max)
                b->full = true;
        return !b->full;
}

static void add_bytes(batch *b, void *data, size_t n) {
        struct iovec *last = b->n_iov > 0 ? &b->iov[b->n_iov - 1] : NULL;

        if (last && (uint8_t *) last->iov_base + last->iov_len == data)
                last->iov_len += n; /* headers in a row */
        else
                b->iov[b->n_iov++] = (struct iovec) { .iov_base = data, .iov_len = n };
        b->size += n;
}

static bool add_frame(batch *b, frame_kind kind, p2p_yamux_stream *s, p2p_yamux_header h) {
        uint8_t *header = b->headers[b->n_frames];

        if (!batch_has_room(b))
                return false;
        p2p_yamux_header_encode(&h, header);
        add_bytes(b, header, P2P_YAMUX_HEADER_SIZE);
        b->frames[b->n_frames++] = (frame) { kind, s, P2P_YAMUX_HEADER_SIZE, 0 };
        return true;
}

static bool has_rest(const p2p_yamux *y) {
        return y->rest.begin < y->rest.end || y->rest.n > 0;
}

static void plan_rest(p2p_yamux *y, batch *b) {
        p2p_yamux_rest *rest = &y->rest;
        const p2p_yamux_queue *from = rest->stream ? &rest->stream->out : &rest->own;
        frame *f = &b->frames[0];
        int room = IOV_MAX_BATCH - 4;

        if (!has_rest(y))
                return;
        *f = (frame) { FRAME_REST, rest->stream, rest->end - rest->begin, 0 };
        if (f->n_header > 0)
                add_bytes(b, rest->header + rest->begin, f->n_header);
        f->n = (uint32_t) p2p_yamux_queue_peek(from, 0, rest->n, b->iov + b->n_iov, &room);
        b->n_iov += room;
        b->size += f->n;
        b->n_frames = 1;
        if (rest->stream)
                rest->stream->planned = rest->n;
        if (f->n < rest->n)
                b->full = true;
}

static void plan_session(p2p_yamux *y, batch *b) {
        for (unsigned i = 0; i < y->n_pongs; i++)
                add_frame(b, FRAME_PONG, NULL, (p2p_yamux_header) { YAMUX_PING, YAMUX_ACK, 0, y->pongs[i] });
        if (y->ping == PING_QUEUED)
                add_frame(b, FRAME_PING, NULL,
                          (p2p_yamux_header) { YAMUX_PING, YAMUX_SYN, 0, y->ping_value });
        for (unsigned i = 0; i < y->n_refused; i++)
                if (!add_frame(b, FRAME_REFUSAL, NULL,
                               (p2p_yamux_header) { YAMUX_WINDOW_UPDATE, YAMUX_RST, y->refused[i],
                                                    P2P_STREAM_RESOURCE_LIMIT_EXCEEDED }))
                        return;
}

static bool plan_fin(batch *b, p2p_yamux_stream *s) {
        return add_frame(b, FRAME_FIN, s, (p2p_yamux_header) { YAMUX_WINDOW_UPDATE, YAMUX_FIN, s->id, 0 });
}

static bool plan_control(batch *b, p2p_yamux_stream *s) {
        const uint32_t credit = STREAM_SEND_SYN | STREAM_SEND_ACK | STREAM_SEND_UPDATE;
        uint16_t flags = 0;

        if (s->state & STREAM_SEND_SYN)
                flags |= YAMUX_SYN;
        if (s->state & STREAM_SEND_ACK)
                flags |= YAMUX_ACK;
        if (s->state & credit &&
            !add_frame(b, FRAME_CREDIT, s,
                       (p2p_yamux_header) { YAMUX_WINDOW_UPDATE, flags, s->id, s->delta }))
                return false;
        if (s->state & STREAM_SEND_RESET)
                return add_frame(b, FRAME_RESET, s,
                                 (p2p_yamux_header) { YAMUX_WINDOW_UPDATE, YAMUX_RST, s->id, s->send_code });
        if (p2p_yamux_stream_fin_is_due(s) && s->out.n == 0)
                return plan_fin(b, s);
        return true;
}

/* One frame of a stream, if it has bytes and window that this batch did not plan yet. */
static bool plan_data(p2p_yamux *y, batch *b, p2p_yamux_stream *s) {
        uint32_t before = y->rest.stream == s ? y->rest.n : 0; /* paid for when its header went out */
        uint32_t window = s->send_window - (s->planned - before);
        size_t n = P2P_MIN(s->out.n - s->planned, (size_t) P2P_MIN(window, YAMUX_FRAME_MAX));
        uint8_t *header = b->headers[b->n_frames];
        int room;

        if (n == 0 || !batch_has_room(b))
                return false;
        add_bytes(b, header, P2P_YAMUX_HEADER_SIZE);
        room = IOV_MAX_BATCH - b->n_iov;
        n = p2p_yamux_queue_peek(&s->out, s->planned, n, b->iov + b->n_iov, &room);
        b->n_iov += room;
        b->size += n;
        p2p_yamux_header_encode(&(p2p_yamux_header) { YAMUX_DATA, 0, s->id, (uint32_t) n }, header);
        b->frames[b->n_frames++] = (frame) { FRAME_DATA, s, P2P_YAMUX_HEADER_SIZE, (uint32_t) n };
        s->planned += (uint32_t) n;
        if (s->planned == s->out.n && p2p_yamux_stream_fin_is_due(s))
                (void) plan_fin(b, s); /* no room: it follows on its own */
        return true;
}

static void plan(p2p_yamux *y, batch *b) {
        p2p_yamux_stream *s;
        bool progress = true;

        plan_rest(y, b);
        if (b->full)
                return;
        if (y->state == YAMUX_CLOSING) {
                if (y->go_away)
                        add_frame(b, FRAME_GO_AWAY, NULL,
                                  (p2p_yamux_header) { YAMUX_GO_AWAY, 0, 0, y->go_away_code });
                return;
        }
        plan_session(y, b);
        P2P_LIST_FOREACH(s, &y->control, p2p_yamux_stream, control)
                if (b->full || !plan_control(b, s))
                        return;
        while (progress && !b->full) {
                progress = false;
                P2P_LIST_FOREACH(s, &y->data, p2p_yamux_stream, data) {
                        progress |= plan_data(y, b, s);
                        if (b->full)
                                return;
                }
        }
}

/* ---- committing */

static void drop_out(p2p_yamux *y, p2p_yamux_stream *s, size_t n) {
        size_t limit = y->queued < YAMUX_OUT_TOTAL ? YAMUX_OUT_MAX : YAMUX_OUT_SMALL;

        p2p_yamux_queue_drop(&s->out, &y->pool, n);
        y->queued -= n;
        /* Half empty, or stuck: a writer woken for every frame would only write small ones. */
        if (s->state & STREAM_WANT_WRITE &&
            (s->out.n <= limit / 2 || (s->send_window == 0 && s->out.n < limit))) {
                s->state &= ~STREAM_WANT_WRITE;
                p2p_task_post(s->channel.wake);
        }
}

static void keep_rest(p2p_yamux *y, const frame *f, const uint8_t *header, size_t done) {
        p2p_yamux_rest *rest = &y->rest;
        size_t of_header = P2P_MIN(done, (size_t) f->n_header);

        memcpy(rest->header, header, P2P_YAMUX_HEADER_SIZE);
        rest->begin = (unsigned) of_header;
        rest->end = f->n_header;
        rest->n = f->n - (uint32_t) (done - of_header);
        rest->stream = rest->n > 0 ? f->stream : NULL;
}

static void commit_rest(p2p_yamux *y, const frame *f, size_t done) {
        p2p_yamux_rest *rest = &y->rest;
        size_t of_header = P2P_MIN(done, (size_t) f->n_header), n = done - of_header;
        p2p_yamux_stream *s = rest->stream;

        rest->begin += (unsigned) of_header;
        rest->n -= (uint32_t) n;
        if (rest->n == 0)
                rest->stream = NULL;
        if (s) {
                drop_out(y, s, n);
                p2p_yamux_stream_schedule(s);
                return;
        }
        p2p_yamux_queue_drop(&rest->own, &y->pool, n);
        if (rest->n == 0)
                p2p_yamux_queue_clear(&rest->own, &y->pool);
}

static void commit_data(p2p_yamux *y, const frame *f, const uint8_t *header, size_t done) {
        p2p_yamux_stream *s = f->stream;

        s->send_window -= f->n;
        if (done < f->n_header + f->n)
                keep_rest(y, f, header, done);
        drop_out(y, s, done > f->n_header ? done - f->n_header : 0);
        p2p_list_unlink(&s->data); /* to the end of the line */
        p2p_yamux_stream_schedule(s);
}

static void commit_refusal(p2p_yamux *y) {
        memmove(y->refused, y->refused + 1, --y->n_refused * sizeof(*y->refused));
        if (y->n_refused == 0) {
                free(y->refused);
                y->refused = NULL;
        }
}

static void stream_sent(p2p_yamux_stream *s, uint32_t clear, uint32_t set) {
        s->state = (s->state & ~clear) | set;
        if (clear & STREAM_SEND_UPDATE)
                s->delta = 0;
        p2p_yamux_stream_schedule(s);
        p2p_yamux_stream_settle(s);
}

/* At least one byte of the frame is out, so it will go out whole. */
static void commit_frame(p2p_yamux *y, const frame *f, const uint8_t *header, size_t done) {
        if (f->kind == FRAME_REST) {
                commit_rest(y, f, done);
                return;
        }
        if (f->kind == FRAME_DATA) {
                commit_data(y, f, header, done);
                return;
        }
        if (done < f->n_header)
                keep_rest(y, f, header, done);

        switch (f->kind) {
        case FRAME_GO_AWAY:
                y->go_away = false;
                break;
        case FRAME_PONG:
                memmove(y->pongs, y->pongs + 1, --y->n_pongs * sizeof(*y->pongs));
                break;
        case FRAME_PING:
                y->ping = PING_SENT;
                y->ping_sent = p2p_loop_now(y->loop);
                break;
        case FRAME_REFUSAL:
                commit_refusal(y);
                break;
        case FRAME_CREDIT:
                stream_sent(f->stream, STREAM_SEND_SYN | STREAM_SEND_ACK | STREAM_SEND_UPDATE, 0);
                break;
        case FRAME_RESET:
                stream_sent(f->stream, STREAM_SEND_RESET, 0);
                break;
        case FRAME_FIN:
                stream_sent(f->stream, 0, STREAM_FIN_SENT);
                break;
        case FRAME_REST:
        case FRAME_DATA:
                break;
        }
}

static void commit(p2p_yamux *y, batch *b, size_t taken) {
        for (unsigned i = 0; i < b->n_frames; i++)
                if (b->frames[i].stream)
                        b->frames[i].stream->planned = 0;
        for (unsigned i = 0; i < b->n_frames && taken > 0; i++) {
                const frame *f = &b->frames[i];
                size_t done = P2P_MIN(taken, (size_t) f->n_header + f->n);

                taken -= done;
                commit_frame(y, f, b->headers[i], done);
        }
        assert(taken == 0);
}

/* ---- flushing */

/* Bytes written; 0: nothing more to write or no room for it. */
static size_t flush_once(p2p_yamux *y, size_t room) {
        batch b;
        ssize_t n;

        b.n_frames = 0;
        b.n_iov = 0;
        b.size = 0;
        b.size_max = room;
        b.full = false;
        plan(y, &b);
        if (b.n_frames == 0)
                return 0;
        n = p2p_channel_writev(y->channel, b.iov, b.n_iov, b.full && b.size < room);
        commit(y, &b, n > 0 ? (size_t) n : 0);
        if (n > 0)
                return (size_t) n;
        y->blocked = true;
        if (n < 0 && n != -EAGAIN) {
                y->write_error = (int) n;
                p2p_task_post(&y->wake); /* reads what is left, then ends the session */
        }
        return 0;
}

void p2p_yamux_send(p2p_yamux *y) {
        size_t total = 0, n;

        while (!y->blocked && total < YAMUX_TURN_MAX) {
                n = flush_once(y, YAMUX_TURN_MAX - total);
                if (n == 0)
                        break;
                total += n;
        }
        if (total >= YAMUX_TURN_MAX)
                p2p_task_post(&y->flush);
        if (y->state == YAMUX_CLOSING && (y->write_error < 0 || (!y->go_away && !has_rest(y))))
                p2p_yamux_finish(y);
}
