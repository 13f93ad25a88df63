/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The memory pair keeps the contract of channel.h to the letter: bytes, wakes, limits, ends and resets. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/error.h>

#include "tests/support/memory.h"

typedef struct fixture {
        p2p_loop *loop;
        p2p_channel *a, *b;
        p2p_task wake_a, wake_b;
        unsigned woken_a, woken_b;
} fixture;

static void count(void *userdata) {
        ++*(unsigned *) userdata;
}

static void pair_up(fixture *f, const p2p_memory_options *options) {
        p2p_channel_free(f->a);
        p2p_channel_free(f->b);
        p2p_loop_settle(f->loop);
        assert_int_equal(p2p_memory_pair(f->loop, options, &f->a, &f->b), 0);
        p2p_channel_set_wake(f->a, &f->wake_a);
        p2p_channel_set_wake(f->b, &f->wake_b);
        f->woken_a = f->woken_b = 0;
}

static int setup(void **state) {
        fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        p2p_task_init(&f->wake_a, f->loop, count, &f->woken_a);
        p2p_task_init(&f->wake_b, f->loop, count, &f->woken_b);
        pair_up(f, NULL);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        fixture *f = *state;

        p2p_channel_free(f->a);
        p2p_channel_free(f->b);
        p2p_task_cancel(&f->wake_a);
        p2p_task_cancel(&f->wake_b);
        p2p_loop_free(f->loop);
        free(f);
        return 0;
}

/* Runs what was posted and says who was woken: 0 nobody, 1 a, 2 b, 3 both. */
static int woken(fixture *f) {
        int who;

        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_true(f->woken_a <= 1 && f->woken_b <= 1);
        who = (int) (f->woken_a + 2 * f->woken_b);
        f->woken_a = f->woken_b = 0;
        return who;
}

static void capacity_and_pieces_are_as_asked(void **state) {
        static const struct {
                p2p_memory_options options;
                size_t write, taken, read, given;
        } cases[] = {
                { { .capacity = 10 },                 10, 10, 10, 10 },
                { { .capacity = 10 },                 11, 10, 11, 10 },
                { { .capacity = 10, .write_max = 3 }, 10, 3,  10, 3  },
                { { .capacity = 10, .read_max = 3 },  10, 10, 10, 3  },
                { { .write_max = 1, .read_max = 1 },  10, 1,  10, 1  },
                { {},                                 65536, 65536, 65536, 65536 },
                { {},                                 65537, 65536, 65537, 65536 },
        };
        fixture *f = *state;
        uint8_t *data = calloc(1, 65537);

        assert_non_null(data);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                pair_up(f, &cases[i].options);
                assert_int_equal(p2p_channel_write(f->a, data, cases[i].write), cases[i].taken);
                assert_int_equal(p2p_channel_read(f->b, data, cases[i].read), cases[i].given);
        }
        free(data);
}

/* A byte stream stays in order across the seam of the ring, both ways at once, whatever the pieces. */
static void bytes_arrive_in_order(void **state) {
        static const p2p_memory_options cases[] = {
                {}, { .capacity = 1 }, { .capacity = 7, .write_max = 3, .read_max = 2 }, { .capacity = 64 },
                { .write_max = 1 },    { .read_max = 1 },
        };
        fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                unsigned sent = 0, received = 0;

                pair_up(f, &cases[i]);
                while (received < 5000) {
                        uint8_t out[5], in[2][3];
                        struct iovec iov[2] = { { in[0], 3 }, { in[1], 3 } };
                        ssize_t n;

                        for (unsigned j = 0; j < sizeof(out); j++)
                                out[j] = (uint8_t) ((sent + j) % 251);
                        n = p2p_channel_write(f->a, out, sizeof(out));
                        if (n > 0)
                                sent += (unsigned) n;
                        n = p2p_channel_readv(f->b, iov, 2);
                        for (ssize_t j = 0; j < n; j++, received++)
                                assert_int_equal(in[j / 3][j % 3], received % 251);
                }
        }
}

static void a_wake_follows_only_eagain(void **state) {
        const p2p_memory_options options = { .capacity = 4 };
        fixture *f = *state;
        char buf[8];

        pair_up(f, &options);
        assert_int_equal(p2p_channel_write(f->a, "12", 2), 2);
        assert_int_equal(woken(f), 0); /* nobody saw -EAGAIN yet */
        assert_int_equal(p2p_channel_read(f->b, buf, 8), 2);
        assert_int_equal(p2p_channel_read(f->b, buf, 8), -EAGAIN);
        assert_int_equal(p2p_channel_write(f->a, "1234", 4), 4);
        assert_int_equal(woken(f), 2);
        assert_int_equal(p2p_channel_write(f->a, "5", 1), -EAGAIN);
        assert_int_equal(woken(f), 0);
        assert_int_equal(p2p_channel_read(f->b, buf, 1), 1);
        assert_int_equal(woken(f), 1);
        assert_int_equal(p2p_channel_read(f->b, buf, 1), 1);
        assert_int_equal(woken(f), 0); /* once is enough */

        assert_int_equal(p2p_channel_write(f->a, "", 0), 0);
        p2p_channel_set_wake(f->b, NULL); /* while nobody listens */
        assert_int_equal(p2p_channel_read(f->b, buf, 8), 2);
        assert_int_equal(p2p_channel_read(f->b, buf, 8), -EAGAIN);
        assert_int_equal(p2p_channel_write(f->a, "6", 1), 1);
        assert_int_equal(woken(f), 0);
}

static void half_close_ends_one_direction(void **state) {
        fixture *f = *state;
        char buf[8];

        assert_int_equal(p2p_channel_write(f->a, "last", 4), 4);
        assert_int_equal(p2p_channel_shutdown(f->a), 0);
        assert_int_equal(p2p_channel_shutdown(f->a), 0);
        assert_int_equal(p2p_channel_write(f->a, "x", 1), -EPIPE);
        assert_int_equal(p2p_channel_read(f->b, buf, 8), 4);
        assert_int_equal(p2p_channel_read(f->b, buf, 8), 0);
        assert_int_equal(p2p_channel_read(f->b, buf, 8), 0);

        assert_int_equal(p2p_channel_read(f->a, buf, 8), -EAGAIN);
        assert_int_equal(p2p_channel_write(f->b, "back", 4), 4);
        assert_int_equal(woken(f), 1);
        assert_int_equal(p2p_channel_read(f->a, buf, 8), 4);
        assert_int_equal(p2p_channel_read(f->a, buf, 8), -EAGAIN);
        assert_int_equal(p2p_channel_shutdown(f->b), 0);
        assert_int_equal(woken(f), 1); /* the end is news to a reader that waits */
        assert_int_equal(p2p_channel_read(f->a, buf, 8), 0);
}

static void a_reset_drops_bytes_and_carries_its_code(void **state) {
        static const uint32_t codes[] = { 0, P2P_STREAM_GATED, UINT32_MAX };
        fixture *f = *state;
        char buf[8];

        for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
                pair_up(f, NULL);
                assert_int_equal(p2p_channel_write(f->a, "lost", 4), 4);
                assert_int_equal(p2p_channel_write(f->b, "lost", 4), 4);
                p2p_channel_reset(f->a, codes[i]);
                p2p_channel_reset(f->a, 99); /* the first word counts */
                assert_int_equal(woken(f), 2);
                assert_int_equal(p2p_channel_read(f->b, buf, 8), -ECONNRESET);
                assert_int_equal(p2p_channel_write(f->b, "x", 1), -ECONNRESET);
                assert_int_equal(p2p_channel_shutdown(f->b), -ECONNRESET);
                assert_int_equal(p2p_channel_reset_code(f->b), codes[i]);
                assert_int_equal(p2p_channel_read(f->a, buf, 8), -ECONNRESET);
                assert_int_equal(p2p_channel_reset_code(f->a), 0); /* ours, not theirs */
        }
}

static void free_without_shutdown_is_a_reset(void **state) {
        fixture *f = *state;
        char buf[8];

        assert_int_equal(p2p_channel_write(f->a, "lost", 4), 4);
        f->a = p2p_channel_free(f->a);
        assert_null(f->a);
        assert_int_equal(woken(f), 2);
        assert_int_equal(p2p_channel_read(f->b, buf, 8), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(f->b), 0);
        p2p_channel_reset(f->b, 1); /* harmless */
}

static void free_after_shutdown_delivers_and_discards(void **state) {
        const p2p_memory_options options = { .capacity = 4 };
        fixture *f = *state;
        char buf[8];

        pair_up(f, &options);
        assert_int_equal(p2p_channel_write(f->b, "full", 4), 4);
        assert_int_equal(p2p_channel_write(f->b, "x", 1), -EAGAIN);
        assert_int_equal(p2p_channel_write(f->a, "last", 4), 4);
        assert_int_equal(p2p_channel_shutdown(f->a), 0);
        f->a = p2p_channel_free(f->a);
        assert_int_equal(woken(f), 2); /* its write can go on: into nothing */
        assert_int_equal(p2p_channel_write(f->b, "nobody reads this", 17), 17);
        assert_int_equal(p2p_channel_read(f->b, buf, 8), 4);
        assert_memory_equal(buf, "last", 4);
        assert_int_equal(p2p_channel_read(f->b, buf, 8), 0);
        assert_int_equal(p2p_channel_shutdown(f->b), 0);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                test(capacity_and_pieces_are_as_asked),
                test(bytes_arrive_in_order),
                test(a_wake_follows_only_eagain),
                test(half_close_ends_one_direction),
                test(a_reset_drops_bytes_and_carries_its_code),
                test(free_without_shutdown_is_a_reset),
                test(free_after_shutdown_delivers_and_discards),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
