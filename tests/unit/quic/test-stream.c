/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QUIC streams as channels: bytes, ends, resets, limits, back-pressure (wire reference 7). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/error.h>

#include "quic/quic.h"
#include "tests/support/quic-pair.h"

typedef struct fixture {
        quic_pair p;
        p2p_channel *near, *far;
} fixture;

static void setup(fixture *f) {
        *f = (fixture){};
        quic_pair_init(&f->p);
        quic_pair_connect(&f->p);
        assert_int_equal(f->p.a.error, 0);
        quic_pair_stream(&f->p.a, &f->p.b, f->p.loop, &f->near, &f->far);
}

static void teardown(fixture *f) {
        p2p_channel_free(f->near);
        p2p_channel_free(f->far);
        quic_pair_done(&f->p);
}

static uint8_t pattern(size_t i) {
        return (uint8_t) (i * 131 + (i >> 8) * 7 + (i >> 16));
}

/* Writes what it takes of `total` bytes, from `*at` on. */
static void push(p2p_channel *c, size_t *at, size_t total) {
        uint8_t block[16384];

        while (*at < total) {
                size_t n = P2P_MIN(total - *at, sizeof(block));
                ssize_t r;

                for (size_t i = 0; i < n; i++)
                        block[i] = pattern(*at + i);
                r = p2p_channel_write(c, block, n);
                if (r == -EAGAIN)
                        return;
                assert_true(r > 0);
                *at += (size_t) r;
        }
}

/* Reads all that is there and checks it. True at the end. */
static bool pull(p2p_channel *c, size_t *at) {
        uint8_t block[16384];

        for (;;) {
                ssize_t r = p2p_channel_read(c, block, sizeof(block));

                if (r == -EAGAIN)
                        return false;
                if (r == 0)
                        return true;
                assert_true(r > 0);
                for (ssize_t i = 0; i < r; i++, (*at)++)
                        if (block[i] != pattern(*at))
                                fail_msg("byte %zu is wrong", *at);
        }
}

/* far sends back what it reads; near sends `total` bytes and ends. */
static void echo(fixture *f, size_t total, uint64_t step, unsigned steps) {
        size_t sent = 0, got = 0, n_held = 0;
        uint8_t held[16384];
        bool near_end = false, far_end = false;

        for (unsigned i = 0; i < steps && !near_end; i++) {
                push(f->near, &sent, total);
                if (sent == total)
                        (void) p2p_channel_shutdown(f->near);
                while (!far_end) {
                        ssize_t r;

                        if (n_held > 0) {
                                r = p2p_channel_write(f->far, held, n_held);
                                if (r < 0)
                                        break;
                                memmove(held, held + r, n_held - (size_t) r);
                                n_held -= (size_t) r;
                                continue;
                        }
                        r = p2p_channel_read(f->far, held, sizeof(held));
                        if (r < 0)
                                break;
                        n_held = (size_t) r;
                        far_end = r == 0;
                }
                if (far_end)
                        (void) p2p_channel_shutdown(f->far);
                near_end = pull(f->near, &got);
                quic_pair_run(&f->p, step);
        }
        assert_true(near_end);
        assert_int_equal(got, total);
}

static void ten_mebibytes_come_back(void **state) {
        fixture f;

        (void) state;
        setup(&f);
        echo(&f, 10u << 20, 1000, 100000);
        teardown(&f);
}

static void loss_repetition_and_disorder_do_no_harm(void **state) {
        fixture f;

        (void) state;
        setup(&f);
        f.p.wire.lose = 100;
        f.p.wire.repeat = 50;
        f.p.wire.reorder = 20;
        f.p.wire.delay = 1000;
        echo(&f, 10u << 20, 2000, 100000);
        teardown(&f);
}

static void an_end_leaves_the_other_direction_open(void **state) {
        fixture f;
        uint8_t byte;

        (void) state;
        setup(&f);
        assert_int_equal(p2p_channel_shutdown(f.near), 0);
        assert_int_equal(p2p_channel_shutdown(f.near), 0);
        assert_int_equal(p2p_channel_write(f.near, "x", 1), -EPIPE);
        quic_pair_run(&f.p, 10000);
        assert_int_equal(p2p_channel_read(f.far, &byte, 1), 0);
        assert_int_equal(p2p_channel_write(f.far, "yz", 2), 2);
        quic_pair_run(&f.p, 10000);
        assert_int_equal(p2p_channel_read(f.near, &byte, 1), 1);
        assert_int_equal(byte, 'y');
        assert_int_equal(p2p_channel_read(f.near, &byte, 1), 1);
        assert_int_equal(p2p_channel_read(f.near, &byte, 1), -EAGAIN);
        teardown(&f);
}

static void a_reset_carries_its_code(void **state) {
        fixture f;
        uint8_t byte;

        (void) state;
        setup(&f);
        assert_int_equal(p2p_channel_write(f.far, "lost", 4), 4);
        p2p_channel_reset(f.near, P2P_STREAM_PROTOCOL_VIOLATION);
        assert_int_equal(p2p_channel_read(f.near, &byte, 1), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(f.near), 0);
        quic_pair_run(&f.p, 10000);
        assert_int_equal(p2p_channel_read(f.far, &byte, 1), -ECONNRESET);
        assert_int_equal(p2p_channel_write(f.far, "x", 1), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(f.far), P2P_STREAM_PROTOCOL_VIOLATION);
        quic_pair_run(&f.p, 100000);
        assert_int_equal(f.p.a.session->ops->n_streams(f.p.a.session), 0);
        assert_int_equal(f.p.b.session->ops->n_streams(f.p.b.session), 0);
        teardown(&f);
}

static void a_free_without_an_end_is_a_reset(void **state) {
        fixture f;
        uint8_t byte;

        (void) state;
        setup(&f);
        f.near = p2p_channel_free(f.near);
        quic_pair_run(&f.p, 10000);
        assert_int_equal(p2p_channel_read(f.far, &byte, 1), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(f.far), 0);
        teardown(&f);
}

static void a_graceful_close_delivers_in_the_background(void **state) {
        const size_t total = 2u << 20;
        size_t sent = 0, got = 0;
        fixture f;

        (void) state;
        setup(&f);
        for (unsigned i = 0; i < 10000 && sent < total; i++) {
                push(f.near, &sent, total);
                if (sent < total) {
                        assert_false(pull(f.far, &got));
                        quic_pair_run(&f.p, 1000);
                }
        }
        assert_int_equal(p2p_channel_shutdown(f.near), 0);
        f.near = p2p_channel_free(f.near);
        quic_pair_run(&f.p, 100000);
        (void) p2p_channel_write(f.far, "unheard", 7); /* finds out, if nobody has yet */
        quic_pair_run(&f.p, 20000);
        assert_int_equal(p2p_channel_write(f.far, "unheard", 7), -EPIPE); /* told to stop */
        for (unsigned i = 0; i < 1000 && !pull(f.far, &got); i++)
                quic_pair_run(&f.p, 1000);
        assert_int_equal(got, total);
        teardown(&f);
}

static void an_unread_stream_holds_its_sender_and_nobody_else(void **state) {
        size_t sent = 0, sent2 = 0, got2 = 0;
        p2p_channel *near2, *far2 = NULL;
        fixture f;

        (void) state;
        setup(&f);
        quic_pair_stream(&f.p.a, &f.p.b, f.p.loop, &near2, &far2);
        for (unsigned i = 0; i < 200; i++) {
                push(f.near, &sent, SIZE_MAX);
                quic_pair_run(&f.p, 10000);
        }
        assert_true(p2p_quic_buffered(f.p.b.session) <= P2P_QUIC_STREAM_WINDOW);
        assert_true(sent <= P2P_QUIC_STREAM_WINDOW + P2P_QUIC_UNSENT_MAX);
        for (unsigned i = 0; i < 10000 && got2 < (4u << 20); i++) {
                push(near2, &sent2, 4u << 20);
                quic_pair_run(&f.p, 1000);
                (void) pull(far2, &got2);
        }
        assert_int_equal(got2, 4u << 20);
        p2p_channel_free(near2);
        p2p_channel_free(far2);
        teardown(&f);
}

static void unread_bytes_of_a_connection_are_bounded(void **state) {
        p2p_channel *near[64], *far[64] = {};
        size_t sent[64] = {};
        fixture f;

        (void) state;
        quic_pair_options.conn_buffer = 8u << 20;
        setup(&f);
        for (unsigned i = 0; i < 64; i++)
                quic_pair_stream(&f.p.a, &f.p.b, f.p.loop, &near[i], &far[i]);
        for (unsigned i = 0; i < 200; i++) {
                for (unsigned k = 0; k < 64; k++)
                        push(near[k], &sent[k], SIZE_MAX);
                quic_pair_run(&f.p, 10000);
        }
        assert_true(p2p_quic_buffered(f.p.b.session) <= 4u << 20);
        assert_true(p2p_quic_buffered(f.p.b.session) > 3u << 20);
        for (unsigned i = 0; i < 64; i++) { /* and all goes on once it is read */
                size_t got = 0;

                (void) pull(far[i], &got);
                assert_true(got > 0);
        }
        quic_pair_run(&f.p, 1000000);
        assert_true(p2p_quic_buffered(f.p.b.session) > 3u << 20);
        for (unsigned i = 0; i < 64; i++) {
                p2p_channel_free(near[i]);
                p2p_channel_free(far[i]);
        }
        quic_pair_options.conn_buffer = 64u << 20;
        teardown(&f);
}

static void opening_waits_for_the_far_sides_limit(void **state) {
        p2p_channel *near[256], *far = NULL, *more;
        unsigned woken;
        fixture f;

        (void) state;
        quic_pair_options.streams = 16;
        setup(&f);
        for (unsigned i = 1; i < 16; i++)
                assert_int_equal(f.p.a.session->ops->open(f.p.a.session, &near[i]), 0);
        assert_int_equal(f.p.a.session->ops->open(f.p.a.session, &more), -EAGAIN);
        woken = f.p.a.n_woken;
        quic_pair_run(&f.p, 100000);
        assert_int_equal(f.p.a.n_woken, woken);

        f.near = p2p_channel_free(f.near); /* one goes on both sides, one may come */
        quic_pair_run(&f.p, 100000);
        f.far = p2p_channel_free(f.far);
        quic_pair_run(&f.p, 100000);
        assert_true(f.p.a.n_woken > woken);
        assert_int_equal(f.p.a.session->ops->open(f.p.a.session, &near[0]), 0);
        assert_int_equal(f.p.a.session->ops->open(f.p.a.session, &more), -EAGAIN);

        f.p.b.session->ops->set_stream_limit(f.p.b.session, 17);
        quic_pair_run(&f.p, 100000);
        assert_int_equal(f.p.a.session->ops->open(f.p.a.session, &more), 0);
        assert_int_equal(f.p.a.session->ops->open(f.p.a.session, &far), -EAGAIN);
        p2p_channel_free(more);
        for (unsigned i = 0; i < 16; i++)
                p2p_channel_free(near[i]);
        quic_pair_options.streams = 256;
        teardown(&f);
}

static void streams_above_a_lowered_limit_are_reset(void **state) {
        p2p_channel *more;
        uint8_t byte;
        fixture f;

        (void) state;
        setup(&f);
        f.p.b.session->ops->set_stream_limit(f.p.b.session, 1);
        assert_int_equal(f.p.a.session->ops->open(f.p.a.session, &more), 0);
        assert_int_equal(p2p_channel_write(more, "x", 1), 1);
        quic_pair_run(&f.p, 100000);
        assert_int_equal(p2p_channel_read(more, &byte, 1), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(more), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        p2p_channel_free(more);
        teardown(&f);
}

static void a_thousand_streams_one_after_the_other(void **state) {
        fixture f;

        (void) state;
        setup(&f);
        for (unsigned i = 0; i < 1000; i++) {
                p2p_channel *near, *far = NULL;
                uint8_t byte;

                quic_pair_stream(&f.p.a, &f.p.b, f.p.loop, &near, &far);
                assert_int_equal(p2p_channel_shutdown(near), 0);
                assert_int_equal(p2p_channel_shutdown(far), 0);
                quic_pair_run(&f.p, 1000);
                assert_int_equal(p2p_channel_read(far, &byte, 1), 0);
                p2p_channel_free(near);
                p2p_channel_free(far);
        }
        quic_pair_run(&f.p, 100000);
        assert_int_equal(f.p.b.session->ops->n_streams(f.p.b.session), 1);
        teardown(&f);
}

static void streams_outlive_their_session(void **state) {
        uint8_t byte;
        fixture f;

        (void) state;
        setup(&f);
        assert_int_equal(p2p_channel_write(f.near, "left", 4), 4);
        quic_pair_run(&f.p, 10000);
        f.p.a.session = p2p_session_free(f.p.a.session);
        quic_pair_run(&f.p, 10000);
        assert_int_equal(f.p.b.session->ops->error(f.p.b.session, NULL), -ECONNRESET);
        for (unsigned i = 0; i < 4; i++)
                assert_int_equal(p2p_channel_read(f.far, &byte, 1), 1); /* what had come can be read */
        assert_int_equal(p2p_channel_read(f.far, &byte, 1), -ECONNRESET);
        assert_int_equal(p2p_channel_write(f.far, "x", 1), -ECONNRESET);
        assert_int_equal(p2p_channel_shutdown(f.near), -ECONNRESET);
        p2p_channel_reset(f.near, 1);
        teardown(&f);
}

static void a_writer_held_by_a_window_hears_that_nobody_reads(void **state) {
        size_t sent = 0;
        unsigned woken;
        fixture f;

        (void) state;
        setup(&f);
        push(f.near, &sent, SIZE_MAX);
        for (unsigned i = 0; i < 100; i++) {
                quic_pair_run(&f.p, 10000);
                push(f.near, &sent, SIZE_MAX);
        }
        woken = f.p.a.n_woken;
        p2p_channel_set_wake(f.near, &f.p.a.wake);
        assert_int_equal(p2p_channel_shutdown(f.far), 0);
        f.far = p2p_channel_free(f.far);
        quic_pair_run(&f.p, 10000);
        assert_true(f.p.a.n_woken > woken);
        assert_int_equal(p2p_channel_write(f.near, "x", 1), -EPIPE);
        p2p_channel_set_wake(f.near, NULL);
        teardown(&f);
}

static void one_who_closes_for_good_is_forgotten_after_a_minute(void **state) {
        fixture f;

        (void) state;
        setup(&f);
        assert_int_equal(p2p_channel_shutdown(f.near), 0);
        f.near = p2p_channel_free(f.near);
        quic_pair_run(&f.p, 1000000);
        assert_int_equal(f.p.a.session->ops->n_streams(f.p.a.session), 0); /* told to stop, it stopped */
        teardown(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ten_mebibytes_come_back),
                cmocka_unit_test(loss_repetition_and_disorder_do_no_harm),
                cmocka_unit_test(an_end_leaves_the_other_direction_open),
                cmocka_unit_test(a_reset_carries_its_code),
                cmocka_unit_test(a_free_without_an_end_is_a_reset),
                cmocka_unit_test(a_graceful_close_delivers_in_the_background),
                cmocka_unit_test(an_unread_stream_holds_its_sender_and_nobody_else),
                cmocka_unit_test(unread_bytes_of_a_connection_are_bounded),
                cmocka_unit_test(opening_waits_for_the_far_sides_limit),
                cmocka_unit_test(streams_above_a_lowered_limit_are_reset),
                cmocka_unit_test(a_thousand_streams_one_after_the_other),
                cmocka_unit_test(streams_outlive_their_session),
                cmocka_unit_test(a_writer_held_by_a_window_hears_that_nobody_reads),
                cmocka_unit_test(one_who_closes_for_good_is_forgotten_after_a_minute),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
