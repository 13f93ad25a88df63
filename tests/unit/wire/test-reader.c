/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The reader: byte order, and an error that sticks. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/support/hex.h"
#include "wire/reader.h"

static void integers_are_big_endian(void **state) {
        p2p_reader rd = P2P_READER(HEX("01 0203 04050607"));

        (void) state;
        assert_int_equal(p2p_read_u8(&rd), 0x01);
        assert_int_equal(p2p_read_be16(&rd), 0x0203);
        assert_int_equal(p2p_read_be32(&rd), 0x04050607);
        assert_int_equal(p2p_reader_finish(&rd), 0);
}

static void bytes_stay_in_place(void **state) {
        p2p_view in = HEX("00 01 02"), got;
        p2p_reader rd = P2P_READER(in);

        (void) state;
        (void) p2p_read_u8(&rd);
        got = p2p_read_bytes(&rd, 2);
        assert_ptr_equal(got.data, in.data + 1);
        assert_int_equal(got.n, 2);
        got = p2p_read_bytes(&rd, 0);
        assert_int_equal(got.n, 0);
        assert_int_equal(p2p_reader_finish(&rd), 0);
}

static void one_byte_short_fails_and_consumes_nothing(void **state) {
        p2p_reader rd = P2P_READER(HEX("010203"));

        (void) state;
        assert_int_equal(p2p_read_be32(&rd), 0);
        assert_int_equal(rd.error, -EBADMSG);
        assert_int_equal(rd.n, 3);
        assert_int_equal(p2p_read_u8(&rd), 0); /* there are bytes, but the error sticks */
        assert_int_equal(p2p_read_uvarint(&rd), 0);
        assert_int_equal(p2p_read_prefixed(&rd, 10).n, 0);
        assert_null(p2p_read_bytes(&rd, 0).data);
        assert_int_equal(rd.n, 3);
        assert_int_equal(p2p_reader_finish(&rd), -EBADMSG);
}

static void left_over_bytes_are_an_error(void **state) {
        p2p_reader rd = P2P_READER(HEX("0102"));

        (void) state;
        (void) p2p_read_u8(&rd);
        assert_int_equal(rd.error, 0);
        assert_int_equal(p2p_reader_finish(&rd), -EBADMSG);
}

static void the_first_error_wins(void **state) {
        p2p_reader rd = P2P_READER(HEX("01"));

        (void) state;
        p2p_reader_fail(&rd, -EMSGSIZE);
        p2p_reader_fail(&rd, -EBADMSG);
        (void) p2p_read_be32(&rd);
        assert_int_equal(p2p_reader_finish(&rd), -EMSGSIZE);
}

static void a_prefix_is_held_to_its_limit(void **state) {
        p2p_reader at = P2P_READER(HEX("03 aabbcc")), above = at;

        (void) state;
        assert_true(p2p_view_equal(p2p_read_prefixed(&at, 3), HEX("aabbcc")));
        assert_int_equal(p2p_reader_finish(&at), 0);
        assert_int_equal(p2p_read_prefixed(&above, 2).n, 0);
        assert_int_equal(p2p_reader_finish(&above), -EMSGSIZE);
}

static void a_prefix_beyond_the_bytes_is_malformed(void **state) {
        p2p_reader rd = P2P_READER(HEX("04 aabbcc")), huge = P2P_READER(HEX("ffffffffffffffff7f aa"));

        (void) state;
        assert_int_equal(p2p_read_prefixed(&rd, 100).n, 0);
        assert_int_equal(p2p_reader_finish(&rd), -EBADMSG);
        assert_int_equal(p2p_read_prefixed(&huge, SIZE_MAX).n, 0);
        assert_int_equal(p2p_reader_finish(&huge), -EBADMSG);
}

static void bad_uvarints_fail_the_reader(void **state) {
        static const char *const bad[] = { "", "ff", "8000", "80808080808080808001" };

        (void) state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
                p2p_reader rd = P2P_READER(HEX(bad[i]));

                assert_int_equal(p2p_read_uvarint(&rd), 0);
                assert_int_equal(p2p_reader_finish(&rd), -EBADMSG);
        }
}

static void nothing_reads_as_nothing(void **state) {
        p2p_reader rd = P2P_READER((p2p_view){});

        (void) state;
        assert_int_equal(p2p_read_bytes(&rd, 0).n, 0);
        assert_int_equal(p2p_reader_finish(&rd), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(integers_are_big_endian),
                cmocka_unit_test(bytes_stay_in_place),
                cmocka_unit_test(one_byte_short_fails_and_consumes_nothing),
                cmocka_unit_test(left_over_bytes_are_an_error),
                cmocka_unit_test(the_first_error_wins),
                cmocka_unit_test(a_prefix_is_held_to_its_limit),
                cmocka_unit_test(a_prefix_beyond_the_bytes_is_malformed),
                cmocka_unit_test(bad_uvarints_fail_the_reader),
                cmocka_unit_test(nothing_reads_as_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
