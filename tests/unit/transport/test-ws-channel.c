/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The WebSocket channel over a memory pair: two of ours, and one against a far side by hand (wire
 * reference 15). */

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
#include "transport/ws-frame.h"
#include "transport/ws-in.h"
#include "transport/ws-out.h"

#define REQUEST                                                                                  \
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"             \
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define ANSWER                                                                                   \
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"      \
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

static uint8_t buf[P2P_SCRATCH_SIZE + 4096];

/* Our end, and the raw bytes below it. */
typedef struct fixture {
        p2p_loop *loop;
        p2p_channel *ws, *raw;
        p2p_task wake;
        unsigned n_wakes;
} fixture;

static void on_wake(void *userdata) {
        fixture *f = userdata;

        f->n_wakes++;
}

static void far_say(fixture *f, const void *data, size_t n) {
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
static size_t far_hear(fixture *f, uint8_t *to, size_t size, ssize_t *ret_end) {
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

static void far_expect(fixture *f, const char *hex, ssize_t end) {
        uint8_t heard[4096], bytes[4096];
        p2p_view want = hex_view(hex, bytes, sizeof(bytes));
        ssize_t e;
        size_t n = far_hear(f, heard, sizeof(heard), &e);

        if (n != want.n || memcmp(heard, want.data, n) != 0 || e != end) {
                for (size_t i = 0; i < n; i++)
                        print_message("%02x", heard[i]);
                fail_msg(" heard, %s wanted, end %zd", hex, e);
        }
}

static void begin(fixture *f, bool is_server, const p2p_memory_options *options) {
        p2p_channel *below;

        *f = (fixture){};
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        assert_int_equal(p2p_memory_pair(f->loop, options, &below, &f->raw), 0);
        if (is_server)
                assert_int_equal(p2p_ws_channel_new_server(f->loop, below, &f->ws), 0);
        else
                assert_int_equal(p2p_ws_channel_new_client(f->loop, below, "h", P2P_VIEW_STR("/x"), &f->ws), 0);
        p2p_task_init(&f->wake, f->loop, on_wake, f);
        p2p_channel_set_wake(f->ws, &f->wake);
}

/* A server that has answered. */
static void serve(fixture *f, const p2p_memory_options *options) {
        ssize_t end;

        begin(f, true, options);
        far_say(f, REQUEST, strlen(REQUEST));
        assert_int_equal(far_hear(f, buf, sizeof(buf), &end), strlen(ANSWER));
        assert_memory_equal(buf, ANSWER, strlen(ANSWER));
        f->n_wakes = 0;
}

static void done(fixture *f) {
        p2p_channel_free(f->ws);
        (void) p2p_loop_settle(f->loop);
        p2p_channel_free(f->raw);
        p2p_task_cancel(&f->wake);
        p2p_loop_free(f->loop);
}

/* Frames in hex; the mask 00000000 leaves their payloads legible. */
static void far_frames(fixture *f, const char *hex) {
        uint8_t bytes[4096];
        p2p_view v = hex_view(hex, bytes, sizeof(bytes));

        far_say(f, v.data, v.n);
}

static void expect_read(fixture *f, const char *text, ssize_t then) {
        size_t n = 0;
        ssize_t k;

        while ((k = p2p_channel_read(f->ws, buf + n, sizeof(buf) - n)) > 0)
                n += (size_t) k;
        assert_int_equal(n, strlen(text));
        assert_memory_equal(buf, text, n);
        assert_int_equal(k, then);
}

static uint32_t noise_of(uint32_t *seed) {
        return *seed = *seed * 1664525u + 1013904223u;
}

/* Writes a piece of the pattern as three vectors. Returns how much was taken. */
static size_t write_piece(p2p_channel *c, size_t sent, size_t n, bool more) {
        struct iovec iov[3];
        ssize_t k;

        for (size_t j = 0; j < n; j++)
                buf[j] = (uint8_t) ((sent + j) * 7 >> 3);
        iov[0] = (struct iovec){ buf, n / 5 };
        iov[1] = (struct iovec){ buf + n, 0 };
        iov[2] = (struct iovec){ buf + n / 5, n - n / 5 };
        k = n > 0 ? p2p_channel_writev(c, iov, 3, more) : -EAGAIN;
        assert_true(k > 0 || k == -EAGAIN);
        return k > 0 ? (size_t) k : 0;
}

static size_t read_piece(p2p_channel *c, size_t got, size_t max) {
        ssize_t k = p2p_channel_read(c, buf, max);

        assert_true(k > 0 || k == -EAGAIN);
        for (ssize_t j = 0; j < k; j++)
                assert_int_equal(buf[j], (uint8_t) ((got + (size_t) j) * 7 >> 3));
        return k > 0 ? (size_t) k : 0;
}

/* Both ends ours, both directions, through every split and into buffers of every kind. */
static void bytes_pass_at_every_split(void **state) {
        static const struct { p2p_memory_options options; size_t total; } cases[] = {
                { { .write_max = 1, .read_max = 1 },          3000    },
                { { .write_max = 7, .read_max = 5 },          100000  },
                { { .write_max = 1400, .read_max = 1000 },    1000000 },
                { { .capacity = 100 },                        100000  },
                { { .capacity = 1 << 20, .read_max = 65538 }, 3000000 },
                { { .capacity = 1 << 20 },                    3000000 },
        };
        static const size_t reads[] = { 1, 100, 4096, P2P_WS_LEFT_MAX, P2P_SCRATCH_SIZE };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases) * ELEMENTSOF(reads) * 2; i++) {
                size_t total = cases[i / 2 / ELEMENTSOF(reads)].total, read_max = reads[i / 2 % ELEMENTSOF(reads)];
                const p2p_memory_options *options = &cases[i / 2 / ELEMENTSOF(reads)].options;
                _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
                _cleanup_(p2p_channel_freep) p2p_channel *client = NULL, *server = NULL;
                p2p_channel *a, *b, *from, *to;
                size_t sent = 0, got = 0;
                uint32_t seed = 1;

                if (read_max == 1)
                        total = P2P_MIN(total, (size_t) 100000);
                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, options, &a, &b), 0);
                assert_int_equal(p2p_ws_channel_new_client(loop, a, "example.com", P2P_VIEW(NULL, 0), &client), 0);
                assert_int_equal(p2p_ws_channel_new_server(loop, b, &server), 0);
                from = i % 2 ? client : server;
                to = i % 2 ? server : client;
                for (unsigned idle = 0; got < total; idle++) {
                        size_t piece = (noise_of(&seed) >> 8) % (noise_of(&seed) & 0x100 ? 200 : 100000);
                        size_t moved = write_piece(from, sent, P2P_MIN(total - sent, piece), noise_of(&seed) & 0x10000);

                        sent += moved;
                        (void) p2p_loop_settle(loop);
                        moved += piece = read_piece(to, got, read_max);
                        got += piece;
                        if (moved > 0)
                                idle = 0;
                        assert_true(idle < 1000);
                        (void) p2p_loop_settle(loop);
                }
                assert_int_equal(p2p_channel_shutdown(from), 0);
                for (unsigned turn = 0; turn < 100; turn++) {
                        (void) p2p_loop_settle(loop);
                        if (p2p_channel_read(to, buf, read_max) == 0)
                                goto ended;
                        (void) p2p_channel_read(from, buf, 1);
                }
                fail_msg("no end in case %zu", i);
        ended:
                assert_int_equal(p2p_channel_write(to, "x", 1), -EPIPE);
        }
}

/* A writer that acts only on wakes, as owners do, is never forgotten: pongs and closes come in between. */
static void on_pump(void *userdata) {
        struct { p2p_channel *c; size_t n; } *pump = userdata;
        ssize_t k;

        while (pump->n > 0 && (k = p2p_channel_write(pump->c, buf, P2P_MIN(pump->n, (size_t) 5000))) > 0)
                pump->n -= (size_t) k;
        while (p2p_channel_read(pump->c, buf + 8192, 4096) > 0)
                ;
}

static void no_wake_is_lost(void **state) {
        static const p2p_memory_options options = { .capacity = 300, .write_max = 50 };
        struct { p2p_channel *c; size_t n; } pump;
        p2p_task task;
        fixture f;

        (void) state;
        memset(buf, 0, sizeof(buf));
        begin(&f, true, &options);
        pump.c = f.ws;
        pump.n = 200000;
        p2p_task_init(&task, f.loop, on_pump, &pump);
        p2p_channel_set_wake(f.ws, &task);
        on_pump(&pump);
        far_say(&f, REQUEST, strlen(REQUEST));
        for (unsigned i = 0; i < 20000 && pump.n > 0; i++) {
                uint8_t heard[40];

                if (i % 5 == 0)
                        (void) p2p_channel_write(f.raw, "\x89\x80\0\0\0\0", 6);
                (void) p2p_channel_read(f.raw, heard, sizeof(heard));
                (void) p2p_loop_settle(f.loop);
        }
        assert_int_equal(pump.n, 0);
        p2p_channel_free(TAKE_PTR(f.ws));
        p2p_task_cancel(&task);
        done(&f);
}

static void nothing_is_said_before_the_answer(void **state) {
        uint8_t request[1024];
        ssize_t end;
        fixture f;
        size_t n;

        (void) state;
        begin(&f, false, NULL);
        assert_int_equal(p2p_channel_write(f.ws, "early", 5), -EAGAIN);
        n = far_hear(&f, request, sizeof(request) - 1, &end);
        request[n] = '\0';
        assert_ptr_equal(strstr((char *) request, "GET /x HTTP/1.1\r\nHost: h\r\n"), request);
        assert_string_equal((const char *) request + n - 4, "\r\n\r\n");
        assert_int_equal(p2p_channel_write(f.ws, "early", 5), -EAGAIN);
        assert_int_equal(p2p_channel_read(f.ws, buf, 10), -EAGAIN);
        done(&f);
}

/* A server's first frame comes with its answer; both sides may be the first to speak. */
static void frames_behind_the_handshake_are_read(void **state) {
        static const size_t reads[] = { 3, sizeof(buf) };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(reads); i++) {
                _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
                _cleanup_(p2p_channel_freep) p2p_channel *client = NULL, *server = NULL;
                p2p_channel *a, *b;
                fixture f;
                ssize_t k;

                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, NULL, &a, &b), 0);
                assert_int_equal(p2p_ws_channel_new_client(loop, a, "h", P2P_VIEW(NULL, 0), &client), 0);
                assert_int_equal(p2p_ws_channel_new_server(loop, b, &server), 0);
                assert_int_equal(p2p_channel_read(client, buf, 10), -EAGAIN); /* the request leaves */
                assert_int_equal(p2p_channel_write(server, "hello", 5), 5);   /* answered, and spoken at once */
                k = p2p_channel_read(client, buf, reads[i]);
                assert_int_equal(k, P2P_MIN(reads[i], 5u));
                assert_memory_equal(buf, "hello", (size_t) k);

                begin(&f, true, NULL);
                far_say(&f, REQUEST "\x82\x83\0\0\0\0abc\x82\x81\0\0", strlen(REQUEST) + 13);
                assert_int_equal(p2p_channel_read(f.ws, buf, 2), 2);
                expect_read(&f, "c", -EAGAIN);
                far_say(&f, "\0\0d", 3);
                expect_read(&f, "d", -EAGAIN);
                done(&f);
        }
}

static void frames_of_all_kinds_are_bytes(void **state) {
        fixture f;

        (void) state;
        serve(&f, NULL);
        far_frames(&f, "828200000000 6162"       /* binary */
                       "818100000000 63"         /* text */
                       "028100000000 64"         /* fragments, the second empty, */
                       "008000000000"
                       "898200000000 7069"       /* a ping between them, and a pong that nobody asked for */
                       "8a8000000000"
                       "808100000000 65"
                       "828537fa213d 7f9f4d5158" /* RFC 6455 5.7 */
                       "82fe007f00000000");      /* a longer form; 127 bytes follow */
        expect_read(&f, "abcdeHello", -EAGAIN);
        far_expect(&f, "8a027069", -EAGAIN);
        memset(buf, 'x', 127);
        far_say(&f, buf, 127);
        assert_int_equal(p2p_channel_read(f.ws, buf, sizeof(buf)), 127);
        done(&f);
}

static void the_last_ping_is_answered(void **state) {
        static const p2p_memory_options options = { .capacity = 1024 };
        fixture f;
        ssize_t end;
        size_t n;

        (void) state;
        serve(&f, &options);
        memset(buf, 'z', 4096);
        while (p2p_channel_write(f.ws, buf, 4096) > 0) /* the way back is full */
                ;
        for (char c = 'a'; c < 'j'; c++) {
                uint8_t ping[] = { 0x89, 0x81, 0, 0, 0, 0, (uint8_t) c };

                far_say(&f, ping, sizeof(ping));
                expect_read(&f, "", -EAGAIN);
        }
        n = far_hear(&f, buf, sizeof(buf), &end);
        assert_true(n > 4096);
        assert_memory_equal(buf + n - 3, "\x8a\x01i", 3);
        for (size_t i = 0; i + 3 < n; i++)
                assert_int_not_equal(buf[i], 0x8a);
        done(&f);
}

/* A length is a promise, not a size. */
static void a_huge_frame_is_a_stream(void **state) {
        fixture f;

        (void) state;
        serve(&f, NULL);
        far_frames(&f, "82ff7fffffffffffffff00000000");
        for (unsigned i = 0; i < 100; i++) {
                memset(buf, 'x', 20000);
                far_say(&f, buf, 20000);
                assert_int_equal(p2p_channel_read(f.ws, buf, sizeof(buf)), 20000);
        }
        (void) p2p_channel_shutdown(f.raw);
        assert_int_equal(p2p_channel_read(f.ws, buf, sizeof(buf)), -ECONNRESET); /* the promise was not kept */
        done(&f);
}

static void violations_end_with_1002(void **state) {
        static const struct { const char *why, *hex; int error; } cases[] = {
                { "unmasked",                     "820161",               -EPROTO  },
                { "RSV1, as of a deflated one",   "c28100000000 61",      -EPROTO  },
                { "RSV3",                         "928100000000 61",      -EPROTO  },
                { "a reserved opcode",            "838100000000 61",      -EPROTO  },
                { "a reserved control",           "8b8000000000",         -EPROTO  },
                { "a continuation of nothing",    "808100000000 61",      -EPROTO  },
                { "a message in a message",       "018000000000 828000000000", -EPROTO },
                { "a ping of 126",                "89fe007e00000000",     -EBADMSG },
                { "a ping in fragments",          "098000000000",         -EBADMSG },
                { "a length that is not minimal", "82fe000100000000",     -EBADMSG },
                { "a length of 64 bits",          "82ff800000000000000000000000", -EBADMSG },
                { "half a code",                  "888100000000 03",      -EPROTO  },
                { "a code that is none",          "888200000000 03ed",    -EPROTO  }, /* 1005 */
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fixture f;

                serve(&f, NULL);
                far_frames(&f, "828300000000 616263");
                far_frames(&f, cases[i].hex);
                assert_int_equal(p2p_channel_read(f.ws, buf, sizeof(buf)), 3); /* what was before is delivered */
                if (p2p_channel_read(f.ws, buf, sizeof(buf)) != cases[i].error)
                        fail_msg("%s", cases[i].why);
                assert_int_equal(p2p_channel_write(f.ws, "x", 1), cases[i].error);
                assert_int_equal(p2p_channel_read(f.ws, buf, sizeof(buf)), cases[i].error);
                p2p_channel_free(TAKE_PTR(f.ws)); /* without a shutdown: it is heard all the same */
                far_expect(&f, "880203ea", 0);
                done(&f);
        }
}

static void a_server_must_not_mask(void **state) {
        p2p_ws_in in = {};
        uint8_t frame[] = { 0x82, 0x81, 0, 0, 0, 0, 'a' };

        (void) state;
        assert_int_equal(p2p_ws_in_decode(&in, frame, sizeof(frame)), 0);
        assert_int_equal(in.error, -EPROTO);
        assert_int_equal(in.close_code, P2P_WS_CODE_PROTOCOL_ERROR);
        p2p_ws_in_done(&in);
}

static void ends_are_told_apart(void **state) {
        static const struct { const char *why, *hex; int error; const char *answer; } cases[] = {
                { "normal",          "888200000000 03e8",         0,           "880203e8" },
                { "with a reason",   "888800000000 03e8636c6f736564", 0,       "880203e8" }, /* go: "closed" */
                { "no code",         "888000000000",              0,           "880203e8" },
                { "going away",      "888200000000 03e9",         0,           "880203e9" },
                { "it saw an error", "888200000000 03ea",         -ECONNRESET, "880203ea" },
                { "it failed",       "888200000000 03f3",         -ECONNRESET, "880203f3" },
                { "its own code",    "888200000000 0fa0",         -ECONNRESET, "88020fa0" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fixture f;

                serve(&f, NULL);
                far_frames(&f, cases[i].hex);
                far_frames(&f, "828100000000 61"); /* behind a Close is nothing */
                if (p2p_channel_read(f.ws, buf, sizeof(buf)) != cases[i].error)
                        fail_msg("%s", cases[i].why);
                far_expect(&f, cases[i].answer, 0); /* and the end below: both have said it */
                assert_int_equal(p2p_channel_write(f.ws, "x", 1), cases[i].error < 0 ? cases[i].error : -EPIPE);
                assert_int_equal(p2p_channel_shutdown(f.ws), 0);
                far_expect(&f, "", 0);
                done(&f);
        }
}

static void an_end_without_close_is_one_between_messages(void **state) {
        static const struct { const char *hex; int error; } cases[] = {
                { "",                    0           },
                { "828100000000 61",     0           },
                { "82",                  -ECONNRESET },
                { "828200000000 61",     -ECONNRESET },
                { "028100000000 61",     -ECONNRESET },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fixture f;
                ssize_t k;

                serve(&f, NULL);
                far_frames(&f, cases[i].hex);
                (void) p2p_channel_shutdown(f.raw);
                while ((k = p2p_channel_read(f.ws, buf, sizeof(buf))) > 0)
                        ;
                assert_int_equal(k, cases[i].error);
                assert_int_equal(p2p_channel_read(f.ws, buf, sizeof(buf)), cases[i].error);
                done(&f);
        }
}

static void a_shutdown_closes_behind_what_was_taken(void **state) {
        static const p2p_memory_options options = { .capacity = 1024 };
        size_t n = 0, sent = 0;
        ssize_t k, end;
        fixture f;

        (void) state;
        serve(&f, &options);
        memset(buf, 'q', 3000);
        while ((k = p2p_channel_write(f.ws, buf, 3000)) > 0)
                sent += (size_t) k;
        assert_int_equal(p2p_channel_shutdown(f.ws), 0);
        assert_int_equal(p2p_channel_shutdown(f.ws), 0);
        assert_int_equal(p2p_channel_write(f.ws, "x", 1), -EPIPE);
        n = far_hear(&f, buf, sizeof(buf), &end);
        assert_int_equal(end, -EAGAIN); /* the way back stays open */
        assert_int_equal(n, 4 + sent + 4);
        assert_memory_equal(buf + n - 4, "\x88\x02\x03\xe8", 4);

        far_frames(&f, "828300000000 616263"); /* what crossed our Close is read */
        expect_read(&f, "abc", -EAGAIN);
        far_frames(&f, "888200000000 03e8");
        expect_read(&f, "", 0);
        far_expect(&f, "", 0);
        done(&f);
}

static void a_freed_channel_delivers_what_was_taken(void **state) {
        static const p2p_memory_options options = { .capacity = 1024 };
        size_t n;
        ssize_t end;
        fixture f;

        (void) state;
        serve(&f, &options);
        memset(buf, 'q', 3000);
        assert_int_equal(p2p_channel_write(f.ws, buf, 3000), 3000);
        assert_int_equal(p2p_channel_shutdown(f.ws), 0);
        p2p_channel_free(TAKE_PTR(f.ws));
        n = far_hear(&f, buf, sizeof(buf), &end);
        assert_int_equal(n, 3008);
        assert_int_equal(end, 0);
        done(&f);

        serve(&f, &options); /* nobody reads: not for ever */
        assert_int_equal(p2p_channel_write(f.ws, buf, 3000), 3000);
        assert_int_equal(p2p_channel_shutdown(f.ws), 0);
        p2p_channel_free(TAKE_PTR(f.ws));
        assert_int_equal(p2p_loop_advance(f.loop, P2P_WS_LINGER_USEC), 0);
        assert_int_equal(far_hear(&f, buf, sizeof(buf), &end), 0);
        assert_int_equal(end, -ECONNRESET);
        done(&f);
}

static void a_reset_is_one_below(void **state) {
        ssize_t end;
        fixture f;

        (void) state;
        for (unsigned i = 0; i < 2; i++) {
                serve(&f, NULL);
                assert_int_equal(p2p_channel_write(f.ws, "abc", 3), 3);
                if (i == 0) {
                        p2p_channel_reset(f.ws, 7);
                        assert_int_equal(p2p_channel_read(f.ws, buf, 10), -ECONNRESET);
                        assert_int_equal(p2p_channel_write(f.ws, buf, 10), -ECONNRESET);
                } else
                        p2p_channel_free(TAKE_PTR(f.ws));
                (void) far_hear(&f, buf, sizeof(buf), &end);
                assert_int_equal(end, -ECONNRESET);
                done(&f);
        }
}

static void small_writes_become_one_frame(void **state) {
        fixture f;

        (void) state;
        serve(&f, NULL);
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ "ab", 2 }, 1, true), 2);
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ "c", 1 }, 1, true), 1);
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ "d", 1 }, 1, false), 1);
        far_expect(&f, "820461626364", -EAGAIN);
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ "e", 1 }, 1, true), 1); /* the turn ends */
        far_expect(&f, "820165", -EAGAIN);
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ "f", 1 }, 1, true), 1);
        assert_int_equal(p2p_channel_shutdown(f.ws), 0);
        far_expect(&f, "820166 880203e8", -EAGAIN);
        done(&f);
}

static void frames_and_what_waits_have_limits(void **state) {
        p2p_memory_options options = { .capacity = 1 << 20 };
        p2p_ws_head head;
        ssize_t end;
        fixture f;

        (void) state;
        serve(&f, &options);
        assert_int_equal(p2p_channel_write(f.ws, buf, sizeof(buf)), P2P_WS_FRAME_MAX);
        assert_int_equal(far_hear(&f, buf, sizeof(buf), &end), P2P_WS_FRAME_MAX + 10);
        assert_int_equal(p2p_ws_head_parse(P2P_VIEW(buf, 10), &head), 1);
        assert_true(head.length == P2P_WS_FRAME_MAX);
        done(&f);

        options.capacity = 200; /* what the far side does not take is one frame at most */
        serve(&f, &options);
        assert_int_equal(p2p_channel_write(f.ws, buf, sizeof(buf)), P2P_WS_FRAME_MAX);
        assert_int_equal(p2p_channel_write(f.ws, buf, sizeof(buf)), -EAGAIN);
        assert_int_equal(far_hear(&f, buf, sizeof(buf), &end), P2P_WS_FRAME_MAX + 10);
        assert_true(f.n_wakes > 0);
        done(&f);
}

static void other_requests_get_400(void **state) {
        static const struct { const char *request; int error; } cases[] = {
                { "GET / HTTP/1.1\r\nHost: h\r\n\r\n", -EPROTO  },
                { "\x13/multistream/1.0.0\n",          -EBADMSG },
                { "\x16\x03\x01\x02",                  -EBADMSG },
        };
        static const p2p_memory_options options = { .write_max = 10 };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ssize_t end;
                fixture f;
                size_t n;

                begin(&f, true, &options);
                far_say(&f, cases[i].request, strlen(cases[i].request));
                assert_true(f.n_wakes > 0);
                assert_int_equal(p2p_channel_read(f.ws, buf, 10), cases[i].error);
                assert_int_equal(p2p_channel_write(f.ws, buf, 10), cases[i].error);
                p2p_channel_free(TAKE_PTR(f.ws));
                n = far_hear(&f, buf, sizeof(buf), &end);
                assert_true(n > 12);
                assert_memory_equal(buf, "HTTP/1.1 400", 12);
                assert_int_equal(end, 0);
                done(&f);
        }
}

static void a_head_without_end_is_refused(void **state) {
        static uint8_t text[P2P_WS_LEFT_MAX];
        ssize_t end;
        fixture f;

        (void) state;
        begin(&f, true, NULL);
        memset(text, 'x', sizeof(text));
        memcpy(text, "GET / HTTP/1.1\r\nA: ", 19);
        far_say(&f, text, sizeof(text));
        assert_int_equal(p2p_channel_read(f.ws, buf, 10), -EMSGSIZE);
        assert_true(far_hear(&f, buf, sizeof(buf), &end) > 0);
        assert_int_equal(end, 0);
        done(&f);
}

static void other_answers_are_refused(void **state) {
        static const struct { const char *answer; int error; } cases[] = {
                { "HTTP/1.1 502 Bad Gateway\r\n\r\n", -ECONNREFUSED },
                { ANSWER,                             -EPROTO       }, /* to another key */
                { "SSH-2.0-x\r\n",                    -EBADMSG      },
                { "",                                 -ECONNRESET   },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fixture f;

                begin(&f, false, NULL);
                far_say(&f, cases[i].answer, strlen(cases[i].answer));
                if (cases[i].error == -ECONNRESET)
                        (void) p2p_channel_shutdown(f.raw);
                (void) p2p_loop_settle(f.loop);
                assert_true(f.n_wakes > 0);
                assert_int_equal(p2p_channel_read(f.ws, buf, 10), cases[i].error);
                assert_int_equal(p2p_channel_write(f.ws, buf, 10), cases[i].error);
                done(&f);
        }
}

static void a_handshake_can_be_given_up(void **state) {
        ssize_t end;
        fixture f;

        (void) state;
        for (unsigned i = 0; i < 4; i++) {
                begin(&f, i % 2, NULL);
                (void) p2p_loop_settle(f.loop);
                if (i < 2)
                        assert_int_equal(p2p_channel_shutdown(f.ws), 0);
                p2p_channel_free(TAKE_PTR(f.ws));
                (void) far_hear(&f, buf, sizeof(buf), &end);
                assert_int_equal(end, i < 2 ? 0 : -ECONNRESET);
                done(&f);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_pass_at_every_split),
                cmocka_unit_test(no_wake_is_lost),
                cmocka_unit_test(nothing_is_said_before_the_answer),
                cmocka_unit_test(frames_behind_the_handshake_are_read),
                cmocka_unit_test(frames_of_all_kinds_are_bytes),
                cmocka_unit_test(the_last_ping_is_answered),
                cmocka_unit_test(a_huge_frame_is_a_stream),
                cmocka_unit_test(violations_end_with_1002),
                cmocka_unit_test(a_server_must_not_mask),
                cmocka_unit_test(ends_are_told_apart),
                cmocka_unit_test(an_end_without_close_is_one_between_messages),
                cmocka_unit_test(a_shutdown_closes_behind_what_was_taken),
                cmocka_unit_test(a_freed_channel_delivers_what_was_taken),
                cmocka_unit_test(a_reset_is_one_below),
                cmocka_unit_test(small_writes_become_one_frame),
                cmocka_unit_test(frames_and_what_waits_have_limits),
                cmocka_unit_test(other_requests_get_400),
                cmocka_unit_test(a_head_without_end_is_refused),
                cmocka_unit_test(other_answers_are_refused),
                cmocka_unit_test(a_handshake_can_be_given_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
