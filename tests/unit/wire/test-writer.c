/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The writer: byte order, and what does not fit. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/support/hex.h"
#include "wire/writer.h"

static void values_are_written_big_endian(void **state) {
        uint8_t buf[32];
        p2p_writer w = P2P_WRITER(buf, sizeof(buf));
        p2p_view out;

        (void) state;
        p2p_write_u8(&w, 0x01);
        p2p_write_be16(&w, 0x0203);
        p2p_write_be32(&w, 0x04050607);
        p2p_write_be64(&w, 0x08090a0b0c0d0e0f);
        p2p_write_uvarint(&w, 300);
        p2p_write_prefixed(&w, HEX("aabb"));
        assert_int_equal(p2p_writer_finish(&w, &out), 0);
        assert_true(p2p_view_equal(out, HEX("01 0203 04050607 08090a0b0c0d0e0f ac02 02aabb")));
}

static void a_full_buffer_sticks(void **state) {
        uint8_t buf[5] = { [4] = 0xee };
        p2p_writer w = P2P_WRITER(buf, 4);
        p2p_view out = {};

        (void) state;
        p2p_write_be16(&w, 1);
        p2p_write_be32(&w, 2); /* two bytes of room: not one of four is written */
        p2p_write_u8(&w, 3);   /* would fit */
        assert_int_equal(w.n, 2);
        assert_int_equal(p2p_writer_finish(&w, &out), -ENOBUFS);
        assert_null(out.data);
        assert_int_equal(buf[4], 0xee);
}

static void a_buffer_can_be_filled_to_the_last_byte(void **state) {
        uint8_t buf[4];
        p2p_writer w = P2P_WRITER(buf, sizeof(buf));
        p2p_view out;

        (void) state;
        p2p_write_prefixed(&w, HEX("aabbcc"));
        p2p_write_bytes(&w, (p2p_view){});
        assert_int_equal(p2p_writer_finish(&w, &out), 0);
        assert_int_equal(out.n, 4);
}

static void what_no_reader_takes_is_not_written(void **state) {
        uint8_t buf[16];
        p2p_writer w = P2P_WRITER(buf, sizeof(buf));
        p2p_view out;

        (void) state;
        p2p_write_uvarint(&w, (uint64_t) INT64_MAX + 1);
        assert_int_equal(p2p_writer_finish(&w, &out), -EINVAL);
        assert_int_equal(w.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(values_are_written_big_endian),
                cmocka_unit_test(a_full_buffer_sticks),
                cmocka_unit_test(a_buffer_can_be_filled_to_the_last_byte),
                cmocka_unit_test(what_no_reader_takes_is_not_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
