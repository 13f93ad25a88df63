/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sealed channel over a memory pair (wire reference 5; architecture 4). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "secure/noise-channel.h"
#include "secure/noise-record.h"
#include "tests/support/memory.h"
#include "tests/support/pattern.h"

#define BIG (P2P_NOISE_RECORD_MAX + 100u) /* a reader's buffer that is opened in */

static const uint8_t key_a[32] = { 1 }, key_b[32] = { 2 };
static uint8_t buf[P2P_SCRATCH_SIZE + 4096];

/* One sealed end, and the raw bytes below it. */
typedef struct fixture {
        p2p_loop *loop;
        p2p_channel *sealed, *raw;
        p2p_noise_cipher to_us, from_us; /* the far side's, by hand */
        p2p_task wake;
        unsigned n_wakes;
} fixture;

static void on_wake(void *userdata) {
        fixture *f = userdata;

        f->n_wakes++;
}

static void setup(fixture *f, const p2p_memory_options *options) {
        p2p_channel *below;

        *f = (fixture){};
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        assert_int_equal(p2p_memory_pair(f->loop, options, &below, &f->raw), 0);
        assert_int_equal(p2p_noise_channel_new(f->loop, below, key_a, key_b, &f->sealed), 0);
        memcpy(f->from_us.key, key_a, 32);
        memcpy(f->to_us.key, key_b, 32);
        p2p_task_init(&f->wake, f->loop, on_wake, f);
        p2p_channel_set_wake(f->sealed, &f->wake);
}

static void done(fixture *f) {
        p2p_channel_free(f->sealed);
        p2p_channel_free(f->raw);
        p2p_task_cancel(&f->wake);
        p2p_loop_free(f->loop);
}

/* Seals n bytes as the far side. */
static size_t far_seal(fixture *f, uint8_t *to, const void *data, size_t n) {
        memcpy(to + 2, data, n);
        return (size_t) p2p_noise_record_seal(&f->to_us, to, n);
}

/* Reads what is there and opens it as the far side. Returns the plaintext's size; *ret_sealed of the wire.
 * */
static size_t far_open(fixture *f, uint8_t *to, size_t size, size_t *ret_sealed) {
        size_t n = 0, plain, sealed;
        ssize_t k;

        while ((k = p2p_channel_read(f->raw, to + n, size - n)) > 0) {
                n += (size_t) k;
                (void) p2p_loop_settle(f->loop);
        }
        assert_int_equal(p2p_noise_records_open(&f->from_us, to, n, &plain, &sealed), 0);
        assert_int_equal(sealed, n);
        *ret_sealed = sealed;
        return plain;
}

/* A megabyte in odd pieces, both ends ours, through every split and into buffers of every kind. */
static void bytes_pass_at_every_split(void **state) {
        static const size_t reads[] = { 1, 100, 4096, BIG, P2P_SCRATCH_SIZE };

        (void) state;
        for (size_t i = 0; i < PATTERN_PATHS * ELEMENTSOF(reads); i++) {
                size_t total = pattern_paths[i / ELEMENTSOF(reads)].total, read_max = reads[i % ELEMENTSOF(reads)];
                _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
                _cleanup_(p2p_channel_freep) p2p_channel *us = NULL, *them = NULL;
                p2p_channel *a, *b;

                if (read_max == 1)
                        total = P2P_MIN(total, (size_t) 100000);
                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, &pattern_paths[i / ELEMENTSOF(reads)].options, &a, &b), 0);
                assert_int_equal(p2p_noise_channel_new(loop, a, key_a, key_b, &us), 0);
                assert_int_equal(p2p_noise_channel_new(loop, b, key_b, key_a, &them), 0);
                pattern_flow_run(&(pattern_flow){ loop, us, them, total, read_max, NULL, NULL });
                (void) p2p_channel_shutdown(us);
                (void) p2p_loop_settle(loop);
                assert_int_equal(p2p_channel_read(them, buf, read_max), 0);
        }
}

/* A circuit: what the inner one hands down lies in the memory that the outer one would seal in. */
static void one_sealed_channel_carries_another(void **state) {
        static const size_t total = 1000000;
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        _cleanup_(p2p_channel_freep) p2p_channel *us = NULL, *them = NULL;
        p2p_memory_options options = { .capacity = 100000 };
        p2p_channel *a, *b, *outer_a, *outer_b;
        size_t sent = 0, got = 0;
        ssize_t k;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        assert_int_equal(p2p_memory_pair(loop, &options, &a, &b), 0);
        assert_int_equal(p2p_noise_channel_new(loop, a, key_a, key_b, &outer_a), 0);
        assert_int_equal(p2p_noise_channel_new(loop, b, key_b, key_a, &outer_b), 0);
        assert_int_equal(p2p_noise_channel_new(loop, outer_a, key_a, key_b, &us), 0);
        assert_int_equal(p2p_noise_channel_new(loop, outer_b, key_b, key_a, &them), 0);
        while (got < total) {
                size_t offered = P2P_MIN(total - sent, sizeof(buf));

                for (size_t j = 0; j < offered; j++)
                        buf[j] = (uint8_t) ((sent + j) * 7 >> 3);
                k = offered > 0 ? p2p_channel_write(us, buf, offered) : -EAGAIN;
                assert_true(k > 0 || k == -EAGAIN);
                sent += k > 0 ? (size_t) k : 0;
                (void) p2p_loop_settle(loop);
                while ((k = p2p_channel_read(them, p2p_loop_scratch(loop, 0), P2P_SCRATCH_SIZE)) > 0) {
                        for (ssize_t j = 0; j < k; j++)
                                assert_int_equal(p2p_loop_scratch(loop, 0)[j], (uint8_t) ((got + (size_t) j) * 7 >> 3));
                        got += (size_t) k;
                }
                assert_int_equal(k, -EAGAIN);
        }
        assert_int_equal(got, total);
}

static void small_pieces_leave_as_one_record_and_large_ones_as_few(void **state) {
        static const struct { size_t pieces[3], plain, sealed; } cases[] = {
                { { 1, 0, 0 },             1,      19              },
                { { 12, 5, 3 },            20,     38              },
                { { 12, 65507, 0 },        65519,  65537           },
                { { 12, 65508, 0 },        65520,  65537 + 19      },
                { { 100000, 31038, 0 },    131038, 2 * 65537       },
                { { 262144, 0, 0 },        262072, P2P_SCRATCH_SIZE }, /* at most that much in one call */
        };
        p2p_memory_options options = { .capacity = 1 << 20 };
        static uint8_t data[1 << 20];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct iovec iov[3];
                size_t sealed;
                fixture f;

                setup(&f, &options);
                for (unsigned j = 0; j < 3; j++)
                        iov[j] = (struct iovec){ data, cases[i].pieces[j] };
                assert_int_equal(p2p_channel_writev(f.sealed, iov, 3, false), cases[i].plain);
                assert_int_equal(far_open(&f, buf, sizeof(buf), &sealed), cases[i].plain);
                assert_int_equal(sealed, cases[i].sealed);
                done(&f);
        }
}

static void hostile_records_break_it_for_good(void **state) {
        static const struct { const char *why; uint8_t in[40]; size_t n; } cases[] = {
                { "a length of nothing",  { 0, 0 },    2  },
                { "a length of 15",       { 0, 15 },   2  },
                { "not sealed by anyone", { 0, 17 },   19 },
        };
        static const size_t reads[] = { 16, BIG };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases) * ELEMENTSOF(reads); i++) {
                size_t read_max = reads[i % ELEMENTSOF(reads)], n;
                uint8_t record[64];
                fixture f;

                /* A good record before it is still delivered. */
                setup(&f, NULL);
                n = far_seal(&f, record, "ok", 2);
                memcpy(record + n, cases[i / ELEMENTSOF(reads)].in, cases[i / ELEMENTSOF(reads)].n);
                n += cases[i / ELEMENTSOF(reads)].n;
                assert_int_equal(p2p_channel_write(f.raw, record, n), n);
                assert_int_equal(p2p_channel_read(f.sealed, buf, read_max), 2);
                for (unsigned k = 0; k < 3; k++)
                        assert_int_equal(p2p_channel_read(f.sealed, buf, read_max), -EBADMSG);
                n = far_seal(&f, record, "ok", 2);
                assert_int_equal(p2p_channel_write(f.raw, record, n), n);
                assert_int_equal(p2p_channel_read(f.sealed, buf, read_max), -EBADMSG);
                assert_int_equal(p2p_channel_write(f.sealed, "x", 1), -EBADMSG);
                done(&f);
        }
}

/* The same, where the record came in two parts. */
static void a_bad_tag_at_the_end_of_a_split_record_is_noticed(void **state) {
        uint8_t record[64];
        fixture f;
        size_t n;

        (void) state;
        setup(&f, NULL);
        n = far_seal(&f, record, "hello", 5);
        record[n - 1] ^= 1;
        assert_int_equal(p2p_channel_write(f.raw, record, 10), 10);
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), -EAGAIN);
        assert_int_equal(p2p_channel_write(f.raw, record + 10, n - 10), n - 10);
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), -EBADMSG);
        done(&f);
}

static void empty_records_are_skipped(void **state) {
        static uint8_t records[18 * 1000 + 64];
        static const size_t reads[] = { 16, BIG };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(reads); i++) {
                size_t n = 0;
                fixture f;

                setup(&f, NULL);
                for (unsigned k = 0; k < 1000; k++)
                        n += far_seal(&f, records + n, "", 0);
                assert_int_equal(p2p_channel_write(f.raw, records, n), n);
                assert_int_equal(p2p_channel_read(f.sealed, buf, reads[i]), -EAGAIN);
                n = far_seal(&f, records, "x", 1);
                assert_int_equal(p2p_channel_write(f.raw, records, n), n);
                (void) p2p_loop_settle(f.loop);
                assert_int_equal(f.n_wakes, 1);
                assert_int_equal(p2p_channel_read(f.sealed, buf, reads[i]), 1);
                done(&f);
        }
}

/* One call reads at most P2P_SCRATCH_SIZE bytes of nothing, and then asks to be called again. */
static void a_flood_of_empty_records_leaves_others_their_turn(void **state) {
        p2p_memory_options options = { .capacity = 1 << 20 };
        static uint8_t records[1 << 19];
        size_t n = 0;
        unsigned calls = 0;
        fixture f;

        (void) state;
        setup(&f, &options);
        while (n + 18 <= sizeof(records))
                n += far_seal(&f, records + n, "", 0);
        assert_int_equal(p2p_channel_write(f.raw, records, n), n);
        do {
                unsigned before = f.n_wakes;

                assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), -EAGAIN);
                (void) p2p_loop_settle(f.loop);
                calls++;
                if (f.n_wakes == before)
                        break;
        } while (calls < 10);
        assert_int_equal(calls, 2); /* 512 KiB: two full ones, of which the second saw the end */
        done(&f);
}

static void an_end_is_one_only_between_records(void **state) {
        uint8_t record[64];
        fixture f;
        size_t n;

        (void) state;
        for (size_t cut = 0; cut <= 23; cut++) {
                setup(&f, NULL);
                n = far_seal(&f, record, "hello", 5);
                assert_int_equal(n, 23);
                if (cut > 0)
                        assert_int_equal(p2p_channel_write(f.raw, record, cut), cut);
                (void) p2p_channel_shutdown(f.raw);
                if (cut == n)
                        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), 5);
                for (unsigned k = 0; k < 2; k++)
                        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG),
                                         cut == 0 || cut == n ? 0 : -ECONNRESET);
                done(&f);
        }
}

static void nothing_is_taken_while_something_is_pending(void **state) {
        p2p_memory_options options = { .capacity = 30 };
        size_t sealed;
        fixture f;

        (void) state;
        setup(&f, &options);
        assert_int_equal(p2p_channel_write(f.sealed, "0123456789", 10), 10);       /* 28 bytes */
        assert_int_equal(p2p_channel_write(f.sealed, "0123456789", 10), 10);       /* 2 below, 26 pending */
        assert_int_equal(p2p_channel_write(f.sealed, "x", 1), -EAGAIN);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(f.n_wakes, 0);
        assert_int_equal(far_open(&f, buf, sizeof(buf), &sealed), 20);
        assert_int_equal(f.n_wakes, 1);
        assert_int_equal(p2p_channel_write(f.sealed, "x", 1), 1);
        done(&f);
}

static void a_shutdown_waits_behind_what_is_pending(void **state) {
        p2p_memory_options options = { .capacity = 30 };
        size_t sealed;
        fixture f;

        (void) state;
        setup(&f, &options);
        assert_int_equal(p2p_channel_write(f.sealed, "0123456789", 10), 10);
        assert_int_equal(p2p_channel_write(f.sealed, "0123456789", 10), 10);
        assert_int_equal(p2p_channel_shutdown(f.sealed), 0);
        assert_int_equal(p2p_channel_shutdown(f.sealed), 0);
        assert_int_equal(p2p_channel_write(f.sealed, "x", 1), -EPIPE);
        assert_int_equal(far_open(&f, buf, sizeof(buf), &sealed), 20);
        assert_int_equal(p2p_channel_read(f.raw, buf, 1), 0);
        /* The other direction is still open. */
        sealed = far_seal(&f, buf, "y", 1);
        assert_int_equal(p2p_channel_write(f.raw, buf, sealed), sealed);
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), 1);
        done(&f);
}

static void freed_after_its_shutdown_it_still_delivers(void **state) {
        p2p_memory_options options = { .capacity = 30 };
        size_t sealed;
        fixture f;

        (void) state;
        setup(&f, &options);
        assert_int_equal(p2p_channel_write(f.sealed, "0123456789", 10), 10);
        assert_int_equal(p2p_channel_write(f.sealed, "0123456789", 10), 10);
        assert_int_equal(p2p_channel_shutdown(f.sealed), 0);
        f.sealed = p2p_channel_free(f.sealed);
        assert_int_equal(far_open(&f, buf, sizeof(buf), &sealed), 20);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(p2p_channel_read(f.raw, buf, 1), 0);
        assert_int_equal(f.n_wakes, 0);
        done(&f);
}

/* Five seconds, then the far side that does not read is given up. */
static void freed_after_its_shutdown_it_does_not_wait_for_ever(void **state) {
        p2p_memory_options options = { .capacity = 30 };
        fixture f;

        (void) state;
        for (unsigned late = 0; late < 2; late++) {
                ssize_t k;

                setup(&f, &options);
                assert_int_equal(p2p_channel_write(f.sealed, "0123456789", 10), 10);
                assert_int_equal(p2p_channel_write(f.sealed, "0123456789", 10), 10);
                assert_int_equal(p2p_channel_shutdown(f.sealed), 0);
                f.sealed = p2p_channel_free(f.sealed);
                (void) p2p_loop_advance(f.loop, 5 * USEC_PER_SEC - (late ? 0 : 1));
                k = p2p_channel_read(f.raw, buf, 64);
                assert_int_equal(k, late ? -ECONNRESET : 30);
                (void) p2p_loop_settle(f.loop);
                if (!late)
                        assert_int_equal(p2p_channel_read(f.raw, buf, 64), 26);
                done(&f);
        }
}

static void freed_after_its_shutdown_it_goes_with_the_loop(void **state) {
        p2p_memory_options options = { .capacity = 30 };
        fixture f;

        (void) state;
        setup(&f, &options);
        assert_int_equal(p2p_channel_write(f.sealed, "0123456789", 10), 10);
        assert_int_equal(p2p_channel_write(f.sealed, "0123456789", 10), 10);
        assert_int_equal(p2p_channel_shutdown(f.sealed), 0);
        f.sealed = p2p_channel_free(f.sealed);
        done(&f); /* the leak checker sees the rest */
}

static void freed_without_a_shutdown_it_resets(void **state) {
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_channel_write(f.sealed, "x", 1), 1);
        f.sealed = p2p_channel_free(f.sealed);
        assert_int_equal(p2p_channel_read(f.raw, buf, 64), -ECONNRESET);
        done(&f);
}

static void the_code_of_a_reset_is_passed_both_ways(void **state) {
        p2p_memory_options options = { .capacity = 30 };
        fixture f;

        (void) state;
        setup(&f, &options);
        assert_int_equal(p2p_channel_write(f.sealed, "0123456789", 10), 10);
        assert_int_equal(p2p_channel_write(f.sealed, "0123456789", 10), 10); /* with something pending */
        p2p_channel_reset(f.sealed, 0x1004);
        assert_int_equal(p2p_channel_reset_code(f.raw), 0x1004);
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), -ECONNRESET);
        assert_int_equal(p2p_channel_write(f.sealed, "x", 1), -ECONNRESET);
        done(&f);

        setup(&f, NULL);
        p2p_channel_reset(f.raw, 0x1002);
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), -ECONNRESET);
        assert_int_equal(p2p_channel_write(f.sealed, "x", 1), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(f.sealed), 0x1002);
        done(&f);
}

static void free_in_wake(void *userdata) {
        p2p_channel **c = userdata;

        *c = p2p_channel_free(*c);
}

static void the_woken_side_may_free_it(void **state) {
        fixture f;

        (void) state;
        setup(&f, NULL);
        p2p_task_init(&f.wake, f.loop, free_in_wake, &f.sealed);
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), -EAGAIN);
        assert_int_equal(p2p_channel_write(f.raw, "x", 1), 1);
        (void) p2p_loop_settle(f.loop);
        assert_null(f.sealed);
        done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_pass_at_every_split),
                cmocka_unit_test(one_sealed_channel_carries_another),
                cmocka_unit_test(small_pieces_leave_as_one_record_and_large_ones_as_few),
                cmocka_unit_test(hostile_records_break_it_for_good),
                cmocka_unit_test(a_bad_tag_at_the_end_of_a_split_record_is_noticed),
                cmocka_unit_test(empty_records_are_skipped),
                cmocka_unit_test(a_flood_of_empty_records_leaves_others_their_turn),
                cmocka_unit_test(an_end_is_one_only_between_records),
                cmocka_unit_test(nothing_is_taken_while_something_is_pending),
                cmocka_unit_test(a_shutdown_waits_behind_what_is_pending),
                cmocka_unit_test(freed_after_its_shutdown_it_still_delivers),
                cmocka_unit_test(freed_after_its_shutdown_it_does_not_wait_for_ever),
                cmocka_unit_test(freed_after_its_shutdown_it_goes_with_the_loop),
                cmocka_unit_test(freed_without_a_shutdown_it_resets),
                cmocka_unit_test(the_code_of_a_reset_is_passed_both_ways),
                cmocka_unit_test(the_woken_side_may_free_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
