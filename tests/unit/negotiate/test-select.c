/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The responder of multistream-select, spoken to with raw bytes split at every size (wire reference 3, 20,
 * 23). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/error.h>

#include "negotiate/multistream.h"
#include "tests/support/memory.h"

#define HEADER "\x13/multistream/1.0.0\n"
#define NA "\x03na\n"

static const p2p_memory_options splits[] = {
        { .write_max = 1, .read_max = 1 },
        { .write_max = 3, .read_max = 2 },
        { .capacity = 5 },
        {},
};

typedef struct fixture {
        p2p_loop *loop;
        p2p_channel *far, *near; /* near: handed back by done */
        p2p_select *select;
        unsigned n_done;
        int error;
        char protocol[1100];
} fixture;

static bool match(const char *protocol, void *userdata) {
        (void) userdata;
        return strcmp(protocol, "/a") == 0 || strcmp(protocol, "/b/1.0.0") == 0;
}

static void on_done(p2p_channel *channel, const char *protocol, int error, void *userdata) {
        fixture *f = userdata;

        f->select = NULL;
        f->n_done++;
        f->near = channel;
        f->error = error;
        if (protocol)
                (void) snprintf(f->protocol, sizeof(f->protocol), "%s", protocol);
}

static void setup(fixture *f, const p2p_memory_options *options) {
        p2p_channel *near;

        *f = (fixture){};
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        assert_int_equal(p2p_memory_pair(f->loop, options, &f->far, &near), 0);
        assert_int_equal(p2p_select_new(f->loop, near, match, on_done, f, &f->select), 0);
        assert_int_equal(f->n_done, 0);
}

static void done(fixture *f) {
        p2p_select_free(f->select);
        p2p_channel_free(f->near);
        p2p_channel_free(f->far);
        p2p_loop_free(f->loop);
}

/* Writes `in` as the pair takes it, reading what comes meanwhile into `out`. Returns how much came. */
static size_t exchange(fixture *f, const char *in, size_t n, char *out, size_t size) {
        size_t sent = 0, got = 0;

        for (;;) {
                ssize_t w = -EAGAIN, r;

                if (sent < n) {
                        w = p2p_channel_write(f->far, in + sent, n - sent);
                        if (w > 0)
                                sent += (size_t) w;
                }
                (void) p2p_loop_settle(f->loop);
                r = p2p_channel_read(f->far, out + got, size - got);
                if (r > 0)
                        got += (size_t) r;
                if (r <= 0 && w <= 0)
                        return got;
        }
}

static void check(const char *in, size_t n, const char *answer, const char *protocol, int error) {
        for (size_t i = 0; i < ELEMENTSOF(splits); i++) {
                char out[4096];
                fixture f;
                size_t got;

                setup(&f, &splits[i]);
                got = exchange(&f, in, n, out, sizeof(out));
                assert_int_equal(f.n_done, 1);
                assert_int_equal(f.error, error);
                if (error == 0) {
                        assert_string_equal(f.protocol, protocol);
                        assert_int_equal(got, strlen(answer));
                        assert_memory_equal(out, answer, got);
                } else {
                        assert_null(f.near);
                        assert_int_equal(p2p_channel_reset_code(f.far), P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED);
                }
                done(&f);
        }
}

static void what_we_speak_is_echoed(void **state) {
        static const struct { const char *in, *answer, *protocol; } cases[] = {
                { HEADER "\x03/a\n",                           HEADER "\x03/a\n",             "/a"       },
                { HEADER "\x09/b/1.0.0\n",                     HEADER "\x09/b/1.0.0\n",       "/b/1.0.0" },
                { HEADER "\x03/x\n" "\x03/a\n",                HEADER NA "\x03/a\n",          "/a"       },
                { HEADER "\x03ls\n" "\x03/a\n",                HEADER NA "\x03/a\n",          "/a"       },
                { HEADER HEADER "\x03/a\n",                    HEADER NA "\x03/a\n",          "/a"       },
                { HEADER "\x03na\n" "\x03/a\n",                HEADER NA "\x03/a\n",          "/a"       },
                { HEADER "\x02/\n" "\x04/ab\n" "\x03/a\n",     HEADER NA NA "\x03/a\n",       "/a"       },
                { HEADER "\x04/a\n\n" "\x03/a\n",              HEADER NA "\x03/a\n",          "/a"       },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check(cases[i].in, strlen(cases[i].in), cases[i].answer, cases[i].protocol, 0);
}

static void a_nul_does_not_shorten_a_name(void **state) {
        static const char in[] = HEADER "\x05/a\0x\n" "\x03/a\n";

        (void) state;
        check(in, sizeof(in) - 1, HEADER NA "\x03/a\n", "/a", 0);
}

static void hostile_bytes_end_it(void **state) {
        static const struct { const char *in; size_t n; int error; } cases[] = {
                { "\x03/a\n",                  4,  -EPROTO   }, /* no header */
                { "\x13/multistream/2.0.0\n",  20, -EPROTO   },
                { "\x13/multistream/1.0.0X",   20, -EBADMSG  },
                { HEADER "\x01\n",             22, -EBADMSG  }, /* empty token */
                { HEADER "\x03/aX",            24, -EBADMSG  }, /* no newline */
                { HEADER "\x83\x00/a\n",       25, -EBADMSG  }, /* not minimal */
                { HEADER "\x81\x08",           22, -EMSGSIZE }, /* 1025 bytes */
                { "\x05GET /",                 6,  -EBADMSG  },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check(cases[i].in, cases[i].n, NULL, NULL, cases[i].error);
}

/* 64 are answered, the 65th is one too many. */
static void proposals_are_limited(void **state) {
        char in[20 + 65 * 4 + 1], out[4096];
        size_t n = 20;
        fixture f;

        (void) state;
        memcpy(in, HEADER, 20);
        for (unsigned i = 0; i < P2P_MULTISTREAM_PROPOSALS_MAX - 1; i++, n += 4)
                memcpy(in + n, "\x03/x\n", 4);
        memcpy(in + n, "\x03/a\n", 4);
        setup(&f, NULL);
        assert_int_equal(exchange(&f, in, n + 4, out, sizeof(out)), 20 + 64 * 4);
        assert_int_equal(f.n_done, 1);
        assert_int_equal(f.error, 0);
        done(&f);

        memcpy(in + n, "\x03/x\n\x03/a\n", 8);
        setup(&f, NULL);
        (void) exchange(&f, in, n + 8, out, sizeof(out));
        assert_int_equal(f.n_done, 1);
        assert_int_equal(f.error, -EMSGSIZE);
        done(&f);
}

static void the_header_leaves_before_anything_came(void **state) {
        char out[32];
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_channel_read(f.far, out, sizeof(out)), 20); /* without a turn of the loop */
        assert_memory_equal(out, HEADER, 20);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(f.n_done, 0);
        done(&f);
}

static void note(void *userdata) {
        unsigned *n = userdata;

        (*n)++;
}

static void a_stranger_is_served_one_slow_task_a_turn(void **state) {
        static const char in[] = HEADER "\x03/a\n";
        p2p_task earlier;
        unsigned n = 0;
        fixture f;

        (void) state;
        setup(&f, NULL);
        p2p_task_init(&earlier, f.loop, note, &n);
        earlier.slow = true;
        p2p_task_post(&earlier);
        p2p_select_set_slow(f.select);
        assert_int_equal(p2p_channel_write(f.far, in, sizeof(in) - 1), sizeof(in) - 1);
        assert_int_equal(p2p_loop_turn(f.loop, 0), 1);
        assert_int_equal(n, 1);
        assert_int_equal(f.n_done, 0);
        assert_int_equal(p2p_loop_turn(f.loop, 0), 1);
        assert_int_equal(f.n_done, 1);
        assert_int_equal(f.error, 0);
        done(&f);
}

static void what_is_glued_behind_stays_in_the_channel(void **state) {
        char out[64], rest[16];
        fixture f;

        (void) state;
        setup(&f, NULL);
        (void) exchange(&f, HEADER "\x03/a\nGLUED", 29, out, sizeof(out));
        assert_int_equal(f.n_done, 1);
        assert_non_null(f.near);
        assert_int_equal(p2p_channel_read(f.near, rest, sizeof(rest)), 5);
        assert_memory_equal(rest, "GLUED", 5);
        done(&f);
}

/* ADD_PROVIDER: written, finished, and nobody left to hear the echo. */
static void a_request_is_taken_though_its_sender_shut_down(void **state) {
        char out[64], rest[16];
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_channel_write(f.far, HEADER "\x03/a\nGLUED", 29), 29);
        assert_int_equal(p2p_channel_shutdown(f.far), 0);
        (void) exchange(&f, NULL, 0, out, sizeof(out));
        assert_int_equal(f.error, 0);
        assert_int_equal(p2p_channel_read(f.near, rest, sizeof(rest)), 5);
        assert_int_equal(p2p_channel_read(f.near, rest, sizeof(rest)), 0);
        done(&f);
}

/* A channel whose writing half is gone while the bytes that came are still good: a stream with STOP_SENDING.
 * */
typedef struct deaf {
        p2p_channel channel;
        const char *bytes;
        size_t n;
} deaf;

static ssize_t deaf_readv(p2p_channel *c, const struct iovec *iov, int n) {
        deaf *d = container_of(c, deaf, channel);
        size_t k = P2P_MIN(iov[0].iov_len, d->n);

        (void) n;
        memcpy(iov[0].iov_base, d->bytes, k);
        d->bytes += k;
        d->n -= k;
        return (ssize_t) k;
}

static ssize_t deaf_writev(p2p_channel *c, const struct iovec *iov, int n, bool more) {
        (void) c;
        (void) iov;
        (void) n;
        (void) more;
        return -EPIPE;
}

static void deaf_reset(p2p_channel *c, uint32_t code) {
        (void) c;
        (void) code;
}

static p2p_channel *deaf_free(p2p_channel *c) {
        free(container_of(c, deaf, channel));
        return NULL;
}

static const p2p_channel_ops deaf_ops = {
        .readv = deaf_readv,
        .writev = deaf_writev,
        .reset = deaf_reset,
        .free = deaf_free,
};

static void an_answer_that_cannot_be_delivered_ends_nothing(void **state) {
        static const struct { const char *in; int error; } cases[] = {
                { HEADER "\x03/x\n\x03/a\nGLUED", 0           },
                { HEADER "\x03/x\n",              -ECONNRESET },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fixture f = {};
                deaf *d = calloc(1, sizeof(*d));
                char rest[16];

                assert_non_null(d);
                *d = (deaf){ .channel.ops = &deaf_ops, .bytes = cases[i].in, .n = strlen(cases[i].in) };
                assert_int_equal(p2p_loop_new_manual(&f.loop), 0);
                assert_int_equal(p2p_select_new(f.loop, &d->channel, match, on_done, &f, &f.select), 0);
                (void) p2p_loop_settle(f.loop);
                assert_int_equal(f.n_done, 1);
                assert_int_equal(f.error, cases[i].error);
                if (f.near)
                        assert_int_equal(p2p_channel_read(f.near, rest, sizeof(rest)), 5);
                done(&f);
        }
}

/* Whoever does not read our answers is not read either. */
static void an_answer_in_the_way_stops_the_reading(void **state) {
        p2p_memory_options options = { .capacity = 24 };
        fixture f;
        char out[64];

        (void) state;
        setup(&f, &options);
        assert_int_equal(p2p_channel_write(f.far, HEADER "\x03/x\n", 24), 24);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(p2p_channel_write(f.far, "\x03/x\n\x03/a\n", 8), 8);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(f.n_done, 0);
        /* Header and one `na` fill the way back: the second one waits, and with it the third proposal. */
        assert_int_equal(p2p_channel_write(f.far, "0123456789012345678901234", 25), 20);
        assert_int_equal(p2p_channel_read(f.far, out, sizeof(out)), 24);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(f.n_done, 1);
        assert_int_equal(f.error, 0);
        done(&f);
}

static void an_end_before_agreement_is_an_error(void **state) {
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_channel_write(f.far, HEADER "\x03/x\n", 24), 24);
        assert_int_equal(p2p_channel_shutdown(f.far), 0);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(f.n_done, 1);
        assert_int_equal(f.error, -ECONNRESET);
        assert_null(f.near);
        done(&f);
}

static void freed_in_flight_it_never_calls_back(void **state) {
        fixture f;
        char out[32];

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_channel_write(f.far, HEADER "\x03/a\n", 24), 24);
        f.select = p2p_select_free(f.select);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(f.n_done, 0);
        assert_true(p2p_channel_read(f.far, out, sizeof(out)) != -EAGAIN); /* the channel went with it */
        done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_we_speak_is_echoed),
                cmocka_unit_test(a_nul_does_not_shorten_a_name),
                cmocka_unit_test(hostile_bytes_end_it),
                cmocka_unit_test(proposals_are_limited),
                cmocka_unit_test(the_header_leaves_before_anything_came),
                cmocka_unit_test(a_stranger_is_served_one_slow_task_a_turn),
                cmocka_unit_test(what_is_glued_behind_stays_in_the_channel),
                cmocka_unit_test(a_request_is_taken_though_its_sender_shut_down),
                cmocka_unit_test(an_answer_that_cannot_be_delivered_ends_nothing),
                cmocka_unit_test(an_answer_in_the_way_stops_the_reading),
                cmocka_unit_test(an_end_before_agreement_is_an_error),
                cmocka_unit_test(freed_in_flight_it_never_calls_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
