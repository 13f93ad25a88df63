/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One WebSocket channel of ours over a memory pair, and the raw bytes below it at the far side, by hand. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/hex.h"
#include "tests/support/memory.h"
#include "transport/ws-channel.h"

#define REQUEST                                                                                             \
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                        \
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define ANSWER                                                                                              \
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

/* Our end, and the raw bytes below it. */
typedef struct raw_ws {
        p2p_loop *loop;
        p2p_channel *ws, *raw;
        p2p_task wake;
        unsigned n_wakes;
} raw_ws;

static inline void raw_on_wake(void *userdata) {
        raw_ws *f = userdata;

        f->n_wakes++;
}

static inline void raw_say(raw_ws *f, const void *data, size_t n) {
        const uint8_t *at = data;

        while (n > 0) {
                ssize_t k = p2p_channel_write(f->raw, at, n);

                assert_true(k > 0 || k == -EAGAIN);
                (void) p2p_loop_settle(f->loop);
                at += k > 0 ? k : 0;
                n -= k > 0 ? (size_t) k : 0;
        }
        (void) p2p_loop_settle(f->loop);
}

/* All that came. Returns how much; *ret_end: 0 the end, -EAGAIN not yet, else how it broke. */
static inline size_t raw_hear(raw_ws *f, uint8_t *to, size_t size, ssize_t *ret_end) {
        size_t n = 0;
        ssize_t k;

        (void) p2p_loop_settle(f->loop);
        while ((k = p2p_channel_read(f->raw, to + n, size - n)) > 0) {
                n += (size_t) k;
                (void) p2p_loop_settle(f->loop);
        }
        *ret_end = k;
        return n;
}

static inline void raw_expect(raw_ws *f, const char *hex, ssize_t end) {
        uint8_t heard[4096], bytes[4096];
        p2p_view want = hex_view(hex, bytes, sizeof(bytes));
        ssize_t e;
        size_t n = raw_hear(f, heard, sizeof(heard), &e);

        if (n != want.n || memcmp(heard, want.data, n) != 0 || e != end) {
                for (size_t i = 0; i < n; i++)
                        print_message("%02x", heard[i]);
                fail_msg(" heard, %s wanted, end %zd", hex, e);
        }
}

static inline void raw_begin(raw_ws *f, bool is_server, const p2p_memory_options *options) {
        p2p_channel *below;

        *f = (raw_ws){};
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        assert_int_equal(p2p_memory_pair(f->loop, options, &below, &f->raw), 0);
        if (is_server)
                assert_int_equal(p2p_ws_channel_new_server(f->loop, below, &f->ws), 0);
        else
                assert_int_equal(p2p_ws_channel_new_client(f->loop, below, "h", P2P_VIEW_STR("/x"), &f->ws),
                                 0);
        p2p_task_init(&f->wake, f->loop, raw_on_wake, f);
        p2p_channel_set_wake(f->ws, &f->wake);
}

/* A server that has answered. */
static inline void raw_serve(raw_ws *f, const p2p_memory_options *options) {
        uint8_t heard[1024];
        ssize_t end;

        raw_begin(f, true, options);
        raw_say(f, REQUEST, strlen(REQUEST));
        assert_int_equal(raw_hear(f, heard, sizeof(heard), &end), strlen(ANSWER));
        assert_memory_equal(heard, ANSWER, strlen(ANSWER));
        f->n_wakes = 0;
}

static inline void raw_done(raw_ws *f) {
        p2p_channel_free(f->ws);
        (void) p2p_loop_settle(f->loop);
        p2p_channel_free(f->raw);
        p2p_task_cancel(&f->wake);
        p2p_loop_free(f->loop);
}

/* Frames in hex; the mask 00000000 leaves their payloads legible. */
static inline void raw_frames(raw_ws *f, const char *hex) {
        uint8_t bytes[4096];
        p2p_view v = hex_view(hex, bytes, sizeof(bytes));

        raw_say(f, v.data, v.n);
}

/* What a reader of ours gets, and what it is told then. */
static inline void raw_read(raw_ws *f, const char *text, ssize_t then) {
        uint8_t got[4096];
        size_t n = 0;
        ssize_t k;

        while ((k = p2p_channel_read(f->ws, got + n, sizeof(got) - n)) > 0)
                n += (size_t) k;
        assert_int_equal(n, strlen(text));
        assert_memory_equal(got, text, n);
        assert_int_equal(k, then);
}
