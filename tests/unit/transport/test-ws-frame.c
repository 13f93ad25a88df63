/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frame heads and masks [RFC 6455 section 5]. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <p2p/macro.h>

#include "tests/support/hex.h"
#include "transport/ws-frame.h"

/* RFC 6455 5.7, and the edges of each form of a length. */
static const struct {
        const char *hex;
        p2p_ws_head head;
} heads[] = {
        { "8105",                         { .opcode = 1, .fin = true, .length = 5, .size = 2 } },
        { "818537fa213d",                 { .opcode = 1, .fin = true, .masked = true, .key = { 0x37, 0xfa, 0x21, 0x3d }, .length = 5, .size = 6 } },
        { "0103",                         { .opcode = 1, .length = 3, .size = 2 } },
        { "8002",                         { .opcode = 0, .fin = true, .length = 2, .size = 2 } },
        { "8900",                         { .opcode = 9, .fin = true, .size = 2 } },
        { "8a8537fa213d",                 { .opcode = 10, .fin = true, .masked = true, .key = { 0x37, 0xfa, 0x21, 0x3d }, .length = 5, .size = 6 } },
        { "827d",                         { .opcode = 2, .fin = true, .length = 125, .size = 2 } },
        { "827e007e",                     { .opcode = 2, .fin = true, .length = 126, .size = 4 } },
        { "827e0100",                     { .opcode = 2, .fin = true, .length = 256, .size = 4 } },
        { "827effff",                     { .opcode = 2, .fin = true, .length = 65535, .size = 4 } },
        { "827f0000000000010000",         { .opcode = 2, .fin = true, .length = 65536, .size = 10 } },
        { "827f7fffffffffffffff",         { .opcode = 2, .fin = true, .length = INT64_MAX, .size = 10 } },
        { "82ff7fffffffffffffff00000000", { .opcode = 2, .fin = true, .masked = true, .length = INT64_MAX, .size = 14 } },
        { "82fe007e00000000",             { .opcode = 2, .fin = true, .masked = true, .length = 126, .size = 8 } },
        { "c200",                         { .opcode = 2, .rsv = 4, .fin = true, .size = 2 } },
        { "f305",                         { .opcode = 3, .rsv = 7, .fin = true, .length = 5, .size = 2 } },
};

static void heads_are_read_and_written(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(heads); i++) {
                uint8_t bytes[64] = {}, out[P2P_WS_HEAD_MAX];
                p2p_view v = hex_view(heads[i].hex, bytes, sizeof(bytes));
                const p2p_ws_head *want = &heads[i].head;

                /* Alone, and with payload behind, of any value. */
                for (unsigned tail = 0; tail < 3; tail++) {
                        p2p_ws_head got = {};

                        memset(bytes + v.n, tail == 1 ? 0xff : 0, sizeof(bytes) - v.n);
                        if (p2p_ws_head_parse(P2P_VIEW(bytes, v.n + tail * 7), &got) != 1)
                                fail_msg("%s with %u behind", heads[i].hex, tail * 7);
                        assert_int_equal(got.opcode, want->opcode);
                        assert_int_equal(got.rsv, want->rsv);
                        assert_int_equal(got.fin, want->fin);
                        assert_int_equal(got.masked, want->masked);
                        assert_memory_equal(got.key, want->key, sizeof(got.key));
                        assert_true(got.length == want->length);
                        assert_int_equal(got.size, want->size);
                }
                assert_int_equal(p2p_ws_head_format(want, out), want->size);
                assert_memory_equal(out, bytes, want->size);
        }
}

static void a_part_of_a_head_is_not_one(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(heads); i++) {
                uint8_t bytes[32];
                p2p_view v = hex_view(heads[i].hex, bytes, sizeof(bytes));
                p2p_ws_head got;

                for (size_t n = 0; n < v.n; n++)
                        if (p2p_ws_head_parse(P2P_VIEW(bytes, n), &got) != 0)
                                fail_msg("%zu of %s", n, heads[i].hex);
        }
}

static void bad_heads_are_refused(void **state) {
        static const struct { const char *why, *hex; } cases[] = {
                { "125 in two bytes",          "827e007d" },
                { "0 in two bytes",            "827e0000" },
                { "65535 in eight bytes",      "827f000000000000ffff" },
                { "2^63",                      "827f8000000000000000" },
                { "all ones",                  "827fffffffffffffffff" },
                { "a masked 2^63",             "82ff8000000000000000" },
                { "a ping of 126",             "897e007e" },
                { "a Close in fragments",      "0800" },
                { "a ping in fragments",       "0905" },
                { "a reserved control of 126", "8b7e007e" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_ws_head got;

                if (p2p_ws_head_parse(HEX(cases[i].hex), &got) != -EBADMSG)
                        fail_msg("%s", cases[i].why);
        }
}

static void impossible_heads_are_not_written(void **state) {
        uint8_t out[P2P_WS_HEAD_MAX];

        (void) state;
        assert_int_equal(p2p_ws_head_format(&(p2p_ws_head){ .opcode = 9, .fin = true, .length = 126 }, out), -EINVAL);
        assert_int_equal(p2p_ws_head_format(&(p2p_ws_head){ .opcode = 2, .length = 1ULL << 63 }, out), -EINVAL);
}

static void masking_is_the_standards_formula(void **state) {
        static const uint8_t key[] = { 0x11, 0xa2, 0x43, 0xf4 };
        uint8_t data[200], out[200];

        (void) state;
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t) (i * 37);
        for (size_t n = 0; n <= 100; n++)
                for (unsigned phase = 0; phase < 6; phase++)
                        for (size_t gap = 0; gap < 20; gap++) { /* a move to the front, too */
                                memcpy(out + gap, data, n);
                                p2p_ws_mask(out, out + gap, n, key, phase);
                                for (size_t i = 0; i < n; i++)
                                        if (out[i] != (data[i] ^ key[(phase + i) % 4]))
                                                fail_msg("%zu bytes, phase %u, gap %zu: %zu", n, phase, gap, i);
                        }
}

static void the_captured_frame_is_read(void **state) {
        p2p_view in = HEX("8214132f6d756c746973747265616d2f312e302e300a"); /* go-libp2p's first */
        p2p_ws_head head;

        (void) state;
        assert_int_equal(p2p_ws_head_parse(in, &head), 1);
        assert_int_equal(head.opcode, P2P_WS_BINARY);
        assert_int_equal(head.length, in.n - head.size);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(heads_are_read_and_written),
                cmocka_unit_test(a_part_of_a_head_is_not_one),
                cmocka_unit_test(bad_heads_are_refused),
                cmocka_unit_test(impossible_heads_are_not_written),
                cmocka_unit_test(masking_is_the_standards_formula),
                cmocka_unit_test(the_captured_frame_is_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
