/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A stream driven as the library asks for it: at each wake read and write until -EAGAIN, at most 256 KiB in a turn. Nothing polls: a
 * wake that the library loses hangs the flow, and the matrix shows it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/peer.h"

#define TURN_BYTES (256u << 10)

pattern pattern_of(unsigned stream) {
        return (pattern){ (uint64_t) stream * 0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d };
}

static uint8_t pattern_next(pattern *p) {
        p->state ^= p->state << 13;
        p->state ^= p->state >> 7;
        p->state ^= p->state << 17;
        return (uint8_t) (p->state >> 32);
}

p2p_channel *flow_channel(flow *f) {
        return p2p_stream_channel(f->stream);
}

flow *flow_free(flow *f) {
        if (!f)
                return NULL;
        p2p_open_free(f->open);
        p2p_stream_free(f->stream);
        p2p_task_cancel(&f->step);
        p2p_list_unlink(&f->flows);
        free(f->buffer);
        free(f);
        return NULL;
}

static void on_step(void *userdata) {
        flow *f = userdata;
        int r;

        if (f->result != 0)
                return;
        f->moved = 0;
        r = f->run(f);
        if (r == 0 || r == -EAGAIN)
                return;
        f->result = r;
        if (r < 0) {
                f->code = p2p_channel_reset_code(flow_channel(f));
                p2p_channel_reset(flow_channel(f), P2P_STREAM_NO_ERROR);
        }
        if (f->owned)
                flow_free(f);
}

static flow *flow_new(peer *p, int (*run)(flow *f)) {
        flow *f = calloc(1, sizeof(*f));

        if (!f)
                abort();
        *f = (flow){ .peer = p, .run = run, .in = pattern_of(0), .out = pattern_of(0), .buffer = malloc(FLOW_CHUNK) };
        if (!f->buffer)
                abort();
        p2p_list_init(&f->flows);
        p2p_task_init(&f->step, p->loop, on_step, f);
        return f;
}

static void start(flow *f, p2p_stream *stream) {
        f->stream = stream;
        p2p_channel_set_wake(p2p_stream_channel(stream), &f->step);
        p2p_task_post(&f->step);
}

void flow_serve(peer *p, p2p_stream *stream, int (*run)(flow *f)) {
        flow *f = flow_new(p, run);

        f->owned = true;
        p2p_list_append(&p->flows, &f->flows);
        start(f, stream);
}

static void on_opened(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        flow *f = userdata;

        f->open = NULL;
        if (error < 0)
                f->result = error;
        else
                start(f, stream);
}

int flow_open(peer *p, const char *protocol, int (*run)(flow *f), flow **ret) {
        _cleanup_(flow_freep) flow *f = flow_new(p, run);
        int r;

        r = p2p_open_new(p->host, &p->target, protocol, NULL, on_opened, f, &f->open);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

bool flow_is_greedy(flow *f, size_t n) {
        f->moved += n;
        if (f->moved < TURN_BYTES)
                return false;
        p2p_task_post(&f->step);
        return true;
}

static int flush(flow *f) {
        while (f->n > 0) {
                ssize_t n = p2p_channel_write(flow_channel(f), f->buffer + f->at, f->n);

                if (n < 0)
                        return (int) n;
                f->at += (size_t) n;
                f->n -= (size_t) n;
        }
        f->at = 0;
        return 1;
}

static int end(flow *f) {
        int r = f->ended ? 0 : p2p_channel_shutdown(flow_channel(f));

        f->ended = true;
        return r < 0 ? r : 1;
}

int flow_send_pattern(flow *f) {
        for (;;) {
                int r = flush(f);

                if (r < 0)
                        return r == -EAGAIN ? 0 : r;
                if (f->to_send == 0)
                        return end(f);
                for (; f->n < FLOW_CHUNK && f->to_send > 0; f->to_send--)
                        f->buffer[f->n++] = pattern_next(&f->out);
                if (flow_is_greedy(f, f->n))
                        return 0;
        }
}

int flow_check_pattern(flow *f, uint64_t expect) {
        uint8_t chunk[FLOW_CHUNK];

        for (;;) {
                ssize_t n = p2p_channel_read(flow_channel(f), chunk, sizeof(chunk));

                if (n == -EAGAIN)
                        return 0;
                if (n < 0)
                        return (int) n;
                if (n == 0)
                        return f->n_read == expect ? 1 : -ENODATA;
                for (ssize_t i = 0; i < n; i++)
                        if (chunk[i] != pattern_next(&f->in))
                                return -EBADMSG;
                f->n_read += (uint64_t) n;
                if (flow_is_greedy(f, (size_t) n))
                        return 0;
        }
}

int flow_count(flow *f) {
        uint8_t chunk[FLOW_CHUNK];

        for (;;) {
                ssize_t n = p2p_channel_read(flow_channel(f), chunk, sizeof(chunk));

                if (n == -EAGAIN)
                        return 0;
                if (n <= 0)
                        return n < 0 ? (int) n : 1;
                f->n_read += (uint64_t) n;
                if (flow_is_greedy(f, (size_t) n))
                        return 0;
        }
}

int flow_copy(flow *f) {
        for (;;) {
                ssize_t n;
                int r = flush(f);

                if (r < 0 && r != -EAGAIN)
                        return r;
                if (r == -EAGAIN) {
                        uint32_t code = p2p_channel_reset_code(flow_channel(f));

                        return code > 0 ? -ECONNRESET : 0;
                }
                n = p2p_channel_read(flow_channel(f), f->buffer, FLOW_CHUNK);
                if (n == -EAGAIN)
                        return 0;
                if (n <= 0)
                        return n < 0 ? (int) n : end(f);
                f->n = (size_t) n;
                if (flow_is_greedy(f, f->n))
                        return 0;
        }
}

int flow_write(flow *f, const void *data, size_t n) {
        int r;

        if (f->n == 0) {
                memcpy(f->buffer, data, n);
                f->at = 0;
                f->n = n;
        }
        r = flush(f);
        return r == -EAGAIN ? 0 : r;
}

int flow_read(flow *f, size_t n) {
        while (f->n_small < n) {
                ssize_t k = p2p_channel_read(flow_channel(f), f->small + f->n_small, n - f->n_small);

                if (k == -EAGAIN)
                        return 0;
                if (k <= 0)
                        return k < 0 ? (int) k : -ENODATA;
                f->n_small += (size_t) k;
        }
        return 1;
}
