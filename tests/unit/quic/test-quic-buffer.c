/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The queue under a stream: what is sent stays where it is until it is acknowledged. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/macro.h>

#include "quic/quic-buffer.h"

static uint8_t pattern(size_t i) {
        return (uint8_t) (i * 7 + (i >> 8));
}

static void append(quic_buffer *b, size_t *at, size_t n) {
        uint8_t bytes[4096];

        while (n > 0) {
                size_t take = P2P_MIN(n, sizeof(bytes));

                for (size_t i = 0; i < take; i++)
                        bytes[i] = pattern((*at)++);
                assert_int_equal(quic_buffer_append(b, P2P_VIEW(bytes, take)), take);
                n -= take;
        }
}

static void assert_next(const quic_buffer *b, size_t from, size_t max) {
        struct iovec iov[8];
        size_t n, at = from;
        int used = quic_buffer_peek(b, max, iov, 8, &n);

        assert_true(n <= max);
        for (int i = 0; i < used; i++)
                for (size_t k = 0; k < iov[i].iov_len; k++)
                        assert_int_equal(((uint8_t *) iov[i].iov_base)[k], pattern(at++));
        assert_int_equal(at - from, n);
}

static void bytes_pass_in_order_whatever_the_steps(void **state) {
        static const size_t steps[][3] = { /* appended, sent, acknowledged, again and again */
                { 1, 1, 1 }, { 1000, 700, 300 }, { 70000, 1452, 1452 }, { 300, 100000, 150 },
                { 65536, 65536, 1 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                size_t written = 0, sent = 0, acked = 0;
                quic_buffer b = {};

                for (unsigned k = 0; k < 200; k++) {
                        size_t n;

                        append(&b, &written, steps[i][0]);
                        n = P2P_MIN(steps[i][1], quic_buffer_unsent(&b));
                        assert_next(&b, sent, n);
                        quic_buffer_advance(&b, n);
                        sent += n;
                        n = P2P_MIN(steps[i][2], b.n_sent);
                        quic_buffer_drop(&b, n);
                        acked += n;
                        assert_int_equal(b.n, written - acked);
                        assert_int_equal(b.n_sent, sent - acked);
                }
                quic_buffer_clear(&b);
                assert_null(b.first);
        }
}

static void what_was_sent_does_not_move(void **state) {
        size_t written = 0, n;
        quic_buffer b = {};
        struct iovec before, after;

        (void) state;
        append(&b, &written, 100);
        assert_int_equal(quic_buffer_peek(&b, 50, &before, 1, &n), 1);
        quic_buffer_advance(&b, 50);
        append(&b, &written, 1u << 20);
        quic_buffer_advance(&b, 1000);
        quic_buffer_drop(&b, 20);
        for (size_t i = 20; i < 50; i++)
                assert_int_equal(((uint8_t *) before.iov_base)[i], pattern(i));
        quic_buffer_truncate(&b);
        assert_int_equal(b.n, 1030);
        assert_int_equal(quic_buffer_unsent(&b), 0);
        assert_int_equal(quic_buffer_peek(&b, 50, &after, 1, &n), 0);
        for (size_t i = 20; i < 50; i++)
                assert_int_equal(((uint8_t *) before.iov_base)[i], pattern(i));
        quic_buffer_drop(&b, 1030);
        assert_int_equal(b.n, 0);
        quic_buffer_clear(&b);
}

static void an_empty_queue_holds_no_memory(void **state) {
        uint8_t out[300];
        struct iovec iov = { out, sizeof(out) };
        size_t written = 0;
        quic_buffer b = {};

        (void) state;
        append(&b, &written, 300);
        assert_int_equal(quic_buffer_read(&b, &iov, 1), 300);
        assert_null(b.first);
        append(&b, &written, 10);
        quic_buffer_advance(&b, 10);
        quic_buffer_drop(&b, 10);
        assert_null(b.first);
        append(&b, &written, 10);
        quic_buffer_truncate(&b);
        assert_null(b.first);
}

static void reading_crosses_chunks_and_vectors(void **state) {
        static uint8_t out[100000];
        size_t written = 0, got = 0;
        quic_buffer b = {};

        (void) state;
        for (unsigned i = 0; i < 20; i++) {
                struct iovec iov[3] = { { out, 1 }, { out + 1, 999 }, { out + 1000, 3000 } };
                size_t n;

                append(&b, &written, 3500);
                n = quic_buffer_read(&b, iov, 3);
                for (size_t k = 0; k < n; k++)
                        assert_int_equal(out[k], pattern(got + k));
                got += n;
                assert_int_equal(b.n, written - got);
        }
        quic_buffer_clear(&b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_pass_in_order_whatever_the_steps),
                cmocka_unit_test(what_was_sent_does_not_move),
                cmocka_unit_test(an_empty_queue_holds_no_memory),
                cmocka_unit_test(reading_crosses_chunks_and_vectors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
