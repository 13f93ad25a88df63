/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>

#include "tests/support/talk.h"

static bool is_opened(void *userdata) {
        return ((talk *) userdata)->opened;
}

static void on_opened(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        talk *t = userdata;

        t->stream = stream;
        t->error = error;
        t->opened = true;
}

static void open_stream(talk *t, node *from, const p2p_peer_id *to, const char *protocol, bool confirm) {
        p2p_open_options options = { .timeout_usec = 5 * USEC_PER_SEC, .confirm = confirm };
        p2p_open *open;
        bool ok;
        int r;

        *t = (talk){ .loop = p2p_host_loop(from->host) };
        r = p2p_open_new(from->host, to, protocol, &options, on_opened, t, &open);
        assert(r >= 0);
        ok = loop_until(t->loop, is_opened, t);
        assert(ok);
}

void talk_open(talk *t, node *from, const p2p_peer_id *to, const char *protocol) {
        open_stream(t, from, to, protocol, true);
}

void talk_open_lazily(talk *t, node *from, const p2p_peer_id *to, const char *protocol) {
        open_stream(t, from, to, protocol, false);
}

void talk_take(talk *t, p2p_loop *loop, p2p_stream *stream) {
        *t = (talk){ .loop = loop, .stream = stream, .opened = true };
}

void talk_close(talk *t) {
        t->stream = p2p_stream_free(t->stream);
}

typedef struct saying {
        talk *talk;
        p2p_view rest;
} saying;

static bool say_more(void *userdata) {
        saying *s = userdata;

        while (s->rest.n > 0) {
                ssize_t n = p2p_channel_write(p2p_stream_channel(s->talk->stream), s->rest.data, s->rest.n);

                if (n == -EAGAIN)
                        return false;
                assert(n > 0);
                s->rest = P2P_VIEW(s->rest.data + n, s->rest.n - (size_t) n);
        }
        return true;
}

void talk_say(talk *t, p2p_view bytes) {
        saying s = { t, bytes };
        bool ok = loop_until(t->loop, say_more, &s);

        assert(ok);
}

static bool hear_more(void *userdata) {
        talk *t = userdata;

        while (t->n_heard < t->want) {
                size_t room = P2P_MIN(t->want - t->n_heard, sizeof(t->heard));
                /* What is beyond the buffer is only counted. */
                uint8_t *to = t->n_heard + room <= sizeof(t->heard) ? t->heard + t->n_heard : t->heard;
                ssize_t n = p2p_channel_read(p2p_stream_channel(t->stream), to, room);

                if (n == -EAGAIN)
                        return false;
                if (n <= 0) {
                        t->error = (int) n;
                        return true;
                }
                t->n_heard += (size_t) n;
        }
        return true;
}

size_t talk_hear(talk *t, size_t n) {
        t->n_heard = 0;
        t->want = n;
        t->error = -EAGAIN;
        if (loop_until(t->loop, hear_more, t) && t->n_heard == n)
                t->error = 0;
        return t->n_heard;
}

size_t talk_hear_end(talk *t) {
        t->n_heard = 0;
        t->want = SIZE_MAX;
        t->error = -EAGAIN;
        (void) loop_until(t->loop, hear_more, t);
        return t->n_heard;
}

p2p_view talk_hear_message(talk *t) {
        size_t n;

        if (talk_hear(t, 1) < 1)
                return (p2p_view){};
        n = t->heard[0] & 0x7f;
        if (t->heard[0] & 0x80) {
                if (talk_hear(t, 1) < 1)
                        return (p2p_view){};
                n |= (size_t) t->heard[0] << 7;
        }
        return talk_hear(t, n) == n ? P2P_VIEW(t->heard, n) : (p2p_view){};
}
