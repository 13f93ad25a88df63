/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The protocols of --echo, served as PEERS.md says. */

#include <errno.h>
#include <string.h>

#include "tests/support/peer.h"

static int run_echo(flow *f) {
        int r = flow_copy(f);

        if (r == -ECONNRESET && p2p_stream_conn(f->stream))
                peer_line("RESET echo 0x%x", p2p_channel_reset_code(flow_channel(f)));
        return r;
}

static int run_sink(flow *f) {
        uint8_t answer[8];
        int r;

        if (f->phase == 0) {
                r = flow_count(f);
                if (r <= 0)
                        return r;
                f->phase = 1;
        }
        for (unsigned i = 0; i < 8; i++)
                answer[i] = (uint8_t) (f->n_read >> (56 - 8 * i));
        r = flow_write(f, answer, sizeof(answer));
        return r > 0 ? P2P_MIN(p2p_channel_shutdown(flow_channel(f)), 0) ?: 1 : r;
}

static int run_source(flow *f) {
        int r;

        if (f->phase == 0) {
                f->to_send = f->peer->options.bytes;
                f->phase = 1;
        }
        if (f->phase == 1) {
                r = flow_send_pattern(f);
                if (r <= 0)
                        return r;
                f->phase = 2;
        }
        r = flow_count(f);
        if (r > 0)
                peer_line("SOURCE sent %llu read %llu", (unsigned long long) f->peer->options.bytes,
                          (unsigned long long) f->n_read);
        return r;
}

static int run_reset(flow *f) {
        uint32_t code;
        int r = flow_read(f, 4);

        if (r <= 0)
                return r;
        code = (uint32_t) f->small[0] << 24 | (uint32_t) f->small[1] << 16 | (uint32_t) f->small[2] << 8 | f->small[3];
        p2p_channel_reset(flow_channel(f), code);
        return 1;
}

static int run_pingpong(flow *f) {
        int r;

        while (!memchr(f->small, '\n', f->n_small) && f->n_small < sizeof(f->small)) {
                r = flow_read(f, f->n_small + 1);
                if (r <= 0)
                        return r;
        }
        if (f->n_small == 5 && memcmp(f->small, "ping\n", 5) == 0)
                r = flow_write(f, "pong\n", 5);
        else
                r = flow_write(f, "unknown\n", 8);
        return r > 0 ? P2P_MIN(p2p_channel_shutdown(flow_channel(f)), 0) ?: 1 : r;
}

#define HANDLER(name) \
        static void on_##name(p2p_stream *stream, void *userdata) { flow_serve(userdata, stream, run_##name); }
HANDLER(echo)
HANDLER(sink)
HANDLER(source)
HANDLER(reset)
HANDLER(pingpong)

int peer_serve(peer *p) {
        static const struct { const char *protocol; p2p_stream_fn fn; } handlers[] = {
                { "/peerup/echo/1.0.0",   on_echo     },
                { "/peerup/sink/1.0.0",   on_sink     },
                { "/peerup/source/1.0.0", on_source   },
                { "/peerup/reset/1.0.0",  on_reset    },
                { "/pingpong/1.0.0",      on_pingpong },
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(handlers) && r >= 0; i++)
                r = p2p_host_handle(p->host, handlers[i].protocol, handlers[i].fn, p);
        return r;
}
