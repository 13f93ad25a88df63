/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Noise transport records (wire reference 5). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/macro.h>

#include "secure/noise-record.h"

static uint8_t bytes[4 * P2P_NOISE_RECORD_MAX];

static void records_open_into_one_piece(void **state) {
        static const size_t sizes[] = { 5, 0, 1, 65519, 0, 3 };
        p2p_noise_cipher out = { .key = { 1 } }, in = { .key = { 1 } };
        size_t n = 0, plain, sealed, expect = 0;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                memset(bytes + n + 2, 'a' + (int) i, sizes[i]);
                assert_int_equal(p2p_noise_record_seal(&out, bytes + n, sizes[i]), sizes[i] + 18);
                n += sizes[i] + 18;
        }
        assert_int_equal(p2p_noise_records_open(&in, bytes, n, &plain, &sealed), 0);
        assert_int_equal(sealed, n);
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                for (size_t k = 0; k < sizes[i]; k++)
                        assert_int_equal(bytes[expect++], 'a' + (int) i);
        assert_int_equal(plain, expect);
}

static void a_record_is_short_until_its_last_byte(void **state) {
        p2p_noise_cipher out = { .key = { 1 } };
        size_t n;

        (void) state;
        assert_int_equal(p2p_noise_record_seal(&out, bytes, 10), 28);
        for (size_t have = 0; have < 28; have++)
                assert_int_equal(p2p_noise_record_parse(P2P_VIEW(bytes, have), &n), 0);
        assert_int_equal(p2p_noise_record_parse(P2P_VIEW(bytes, 40), &n), 1);
        assert_int_equal(n, 28);
}

static void a_record_without_room_for_a_tag_is_refused_by_its_length(void **state) {
        size_t n;

        (void) state;
        for (uint8_t body = 0; body < 18; body++) {
                uint8_t in[2] = { 0, body };

                assert_int_equal(p2p_noise_record_parse(P2P_VIEW(in, 2), &n), body < 16 ? -EBADMSG : 0);
        }
}

static void a_bad_record_keeps_those_before_it(void **state) {
        static const size_t flips[] = { 28 + 2, 28 + 11, 28 + 27 };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(flips); i++) {
                p2p_noise_cipher out = { .key = { 1 } }, in = { .key = { 1 } };
                size_t plain, sealed;

                memset(bytes, 'x', 60);
                (void) p2p_noise_record_seal(&out, bytes, 10);
                memset(bytes + 30, 'y', 10);
                (void) p2p_noise_record_seal(&out, bytes + 28, 10);
                bytes[flips[i]] ^= 1;
                assert_int_equal(p2p_noise_records_open(&in, bytes, 56, &plain, &sealed), -EBADMSG);
                assert_int_equal(plain, 10);
                assert_int_equal(sealed, 28);
                assert_memory_equal(bytes, "xxxxxxxxxx", 10);
        }
}

static void records_out_of_order_are_refused(void **state) {
        p2p_noise_cipher out = { .key = { 1 }, .counter = 1 }, in = { .key = { 1 } };
        size_t plain, sealed;

        (void) state;
        (void) p2p_noise_record_seal(&out, bytes, 10);
        assert_int_equal(p2p_noise_records_open(&in, bytes, 28, &plain, &sealed), -EBADMSG);
}

static void the_last_counter_is_never_used(void **state) {
        p2p_noise_cipher out = { .key = { 1 }, .counter = UINT64_MAX - 1 }, in = out;
        size_t plain, sealed;

        (void) state;
        assert_int_equal(p2p_noise_record_seal(&out, bytes, 1), 19);
        assert_int_equal(p2p_noise_record_seal(&out, bytes + 19, 1), -ENOBUFS);
        memcpy(bytes + 19, bytes, 19);
        assert_int_equal(p2p_noise_records_open(&in, bytes, 38, &plain, &sealed), -EPROTO);
        assert_int_equal(sealed, 19);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(records_open_into_one_piece),
                cmocka_unit_test(a_record_is_short_until_its_last_byte),
                cmocka_unit_test(a_record_without_room_for_a_tag_is_refused_by_its_length),
                cmocka_unit_test(a_bad_record_keeps_those_before_it),
                cmocka_unit_test(records_out_of_order_are_refused),
                cmocka_unit_test(the_last_counter_is_never_used),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
