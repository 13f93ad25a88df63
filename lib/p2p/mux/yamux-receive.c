/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The reading half of a yamux session (wire reference 8).
 *
 * The channel is always read dry, some at a turn: a Go peer gives up on one that is blocked for 10 s, so
 * only windows push back. Frames are parsed where the channel put them. A frame may be larger than any read:
 * of the current one we keep the header so far, the payload still to come and the stream it is for. That
 * stream may go away meanwhile; the rest of the payload is then discarded like any for an unknown id.
 *
 * Every handler returns 0 or the peer's fault, upon which the session says GoAway(1) and closes.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mux/yamux-internal.h"
#include "wire/reader.h"

/* A frame that moves nothing forward. */
static int on_empty(p2p_yamux *y) {
        uint64_t now = p2p_loop_now(y->loop);

        if (!p2p_rate_take(&y->empty_allowed, now, YAMUX_EMPTY_MAX, YAMUX_EMPTY_RATE))
                return -EMSGSIZE;
        return 0;
}

/* ---- streams */

static int refuse(p2p_yamux *y, uint32_t id) {
        if (!y->refused)
                y->refused = malloc(YAMUX_REFUSED_MAX * sizeof(*y->refused));
        if (!y->refused)
                return -ENOMEM;
        if (y->n_refused >= YAMUX_REFUSED_MAX)
                return -EMSGSIZE; /* it opens streams and reads no answers */
        y->refused[y->n_refused++] = id;
        p2p_task_post(&y->flush);
        return 0;
}

static int on_syn(p2p_yamux *y, const p2p_yamux_header *h, p2p_yamux_stream **ret) {
        p2p_yamux_stream *s;
        int r;

        if ((h->stream_id % 2 == 1) == y->client) /* an id of ours */
                return -EPROTO;
        if (y->n_theirs >= y->streams_max)
                return refuse(y, h->stream_id);

        r = p2p_yamux_stream_new(y, h->stream_id, STREAM_SEND_ACK | STREAM_INCOMING, &s);
        if (r < 0)
                return refuse(y, h->stream_id);
        p2p_list_append(&y->incoming, &s->queue);
        p2p_yamux_stream_schedule(s);
        p2p_task_post(y->session.wake);
        *ret = s;
        return 0;
}

static int on_rst(p2p_yamux *y, p2p_yamux_stream *s, uint32_t code) {
        uint64_t now = p2p_loop_now(y->loop);
        bool rapid = !(s->state & STREAM_OURS) && now - s->born < USEC_PER_SEC;

        p2p_yamux_stream_on_reset(s, code);
        if (rapid && !p2p_rate_take(&y->cycles_allowed, now, YAMUX_CYCLES_MAX, YAMUX_CYCLES_RATE))
                return -EMSGSIZE;
        return 0;
}

/* The flags, which come before the length whatever the frame. *ret is the stream, NULL if there is none. */
static int on_flags(p2p_yamux *y, const p2p_yamux_header *h, p2p_yamux_stream **ret) {
        p2p_yamux_stream *s = p2p_yamux_table_find(&y->table, h->stream_id);
        int r;

        if (h->flags & YAMUX_SYN) {
                if (s)
                        return -EPROTO;
                r = on_syn(y, h, &s);
                if (r < 0)
                        return r;
        }
        if (s && h->flags & YAMUX_ACK)
                p2p_yamux_stream_on_ack(s);
        if (s && h->flags & YAMUX_RST) {
                r = on_rst(y, s, h->type == YAMUX_WINDOW_UPDATE ? h->length : P2P_STREAM_NO_ERROR);
                if (r < 0)
                        return r;
                s = NULL;
        }
        *ret = s;
        return 0;
}

static int on_data(p2p_yamux *y, const p2p_yamux_header *h) {
        p2p_yamux_stream *s;
        int r;

        if (h->flags == 0 && h->length == 0)
                return on_empty(y);
        r = on_flags(y, h, &s);
        if (r < 0)
                return r;
        if (s && s->state & (STREAM_RESET | STREAM_FIN_RECEIVED))
                s = NULL;
        if (s && h->length > s->receive_window)
                return -EMSGSIZE;
        if (s && h->flags & YAMUX_FIN && h->length == 0)
                p2p_yamux_stream_on_fin(s);
        y->remaining = h->length;
        y->target = h->length > 0 ? s : NULL;
        y->target_fin = h->flags & YAMUX_FIN; /* after the payload that it came with */
        return 0;
}

static int on_window_update(p2p_yamux *y, const p2p_yamux_header *h) {
        p2p_yamux_stream *s;
        int r;

        if (h->flags == 0 && h->length == 0)
                return on_empty(y);
        r = on_flags(y, h, &s);
        if (r < 0 || !s)
                return r;
        s->send_window += P2P_MIN(h->length, UINT32_MAX - s->send_window);
        p2p_yamux_stream_schedule(s);
        if (h->flags & YAMUX_FIN)
                p2p_yamux_stream_on_fin(s);
        return 0;
}

/* ---- the session */

static int on_ping(p2p_yamux *y, const p2p_yamux_header *h) {
        uint64_t now = p2p_loop_now(y->loop);

        if (h->flags & YAMUX_ACK) {
                if (y->ping != PING_SENT || h->length != y->ping_value)
                        return on_empty(y);
                p2p_yamux_on_pong(y, h->length);
                return 0;
        }
        if (!(h->flags & YAMUX_SYN) || y->n_pongs >= YAMUX_PONGS_MAX ||
            !p2p_rate_take(&y->pongs_allowed, now, YAMUX_PONGS_MAX, YAMUX_PONGS_RATE))
                return on_empty(y);
        y->pongs[y->n_pongs++] = h->length;
        p2p_task_post(&y->flush);
        return 0;
}

static int on_go_away(p2p_yamux *y, const p2p_yamux_header *h) {
        p2p_yamux_end(y, -ECONNRESET, h->length);
        return 0;
}

static int (*const handlers[_YAMUX_TYPE_MAX])(p2p_yamux *y, const p2p_yamux_header *h) = {
        [YAMUX_DATA]          = on_data,
        [YAMUX_WINDOW_UPDATE] = on_window_update,
        [YAMUX_PING]          = on_ping,
        [YAMUX_GO_AWAY]       = on_go_away,
};

static int on_header(p2p_yamux *y) {
        p2p_yamux_header h;
        int r;

        r = p2p_yamux_header_parse(P2P_VIEW(y->header, y->n_header), &h);
        if (r < 0)
                return r;
        r = p2p_yamux_header_check(&h);
        if (r < 0)
                return r;
        y->n_header = 0;
        y->last_frame = p2p_loop_now(y->loop);
        return handlers[h.type](y, &h);
}

static void on_payload(p2p_yamux *y, p2p_view bytes) {
        y->remaining -= (uint32_t) bytes.n;
        if (y->target)
                p2p_yamux_stream_on_bytes(y->target, bytes);
        if (y->target && y->remaining == 0) {
                p2p_yamux_stream *s = TAKE_PTR(y->target);

                if (y->target_fin)
                        p2p_yamux_stream_on_fin(s);
        }
}

static int consume(p2p_yamux *y, p2p_view in) {
        p2p_reader rd = P2P_READER(in);
        p2p_view part;
        int r;

        while (rd.n > 0 && y->state == YAMUX_OPEN) {
                if (y->remaining > 0) {
                        on_payload(y, p2p_read_bytes(&rd, P2P_MIN(rd.n, (size_t) y->remaining)));
                        continue;
                }
                part = p2p_read_bytes(&rd, P2P_MIN(rd.n, (size_t) (P2P_YAMUX_HEADER_SIZE - y->n_header)));
                memcpy(y->header + y->n_header, part.data, part.n);
                y->n_header += (unsigned) part.n;
                if (y->n_header < P2P_YAMUX_HEADER_SIZE)
                        break;
                r = on_header(y);
                if (r < 0)
                        return r;
        }
        return 0;
}

int p2p_yamux_receive(p2p_yamux *y) {
        uint8_t *scratch = p2p_loop_scratch(y->loop, 0);
        size_t total = 0;

        while (total < YAMUX_READ_MAX) {
                ssize_t n;
                int r;

                n = p2p_channel_read(y->channel, scratch, YAMUX_READ_MAX);
                if (n == -EAGAIN)
                        return y->write_error; /* only now: what was still to be read may say why */
                if (n == 0) {
                        (void) p2p_channel_shutdown(y->channel);
                        return -ECONNRESET;
                }
                if (n < 0)
                        return (int) n;
                r = consume(y, P2P_VIEW(scratch, n)); /* looks at nothing once the session is over */
                if (r < 0)
                        return r;
                if (y->state == YAMUX_ENDED)
                        return 0;
                total += (size_t) n;
        }
        p2p_task_post(&y->wake);
        return 0;
}
