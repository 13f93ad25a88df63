/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DER: one encoding of everything, and nothing beyond the end [X.690]. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "crypto/der.h"
#include "tests/support/hex.h"

static void lengths_have_one_form(void **state) {
        static const struct {
                const char *why, *head;
                size_t n; /* of the content */
                int error;
        } cases[] = {
                { "empty",              "0400",         0,     0        },
                { "short",              "047f",         127,   0        },
                { "one byte",           "048180",       128,   0        },
                { "one byte, largest",  "0481ff",       255,   0        },
                { "two bytes",          "04820100",     256,   0        },
                { "two bytes, largest", "0482ffff",     65535, 0        },
                { "one byte, not due",  "04817f",       127,   -EBADMSG },
                { "two, not due",       "048200ff",     255,   -EBADMSG },
                { "three",              "0483010000",   65536, -EBADMSG },
                { "indefinite",         "0480",         0,     -EBADMSG },
                { "another tag",        "0300",         0,     -EBADMSG },
                { "no length",          "04",           0,     -EBADMSG },
                { "half a length",      "048201",       0,     -EBADMSG },
        };
        static uint8_t in[70000];

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                size_t head = hex_view(cases[i].head, in, sizeof(in)).n;
                p2p_reader rd = P2P_READER(P2P_VIEW(in, head + cases[i].n));
                p2p_view content, whole;

                content = p2p_der_read(&rd, P2P_DER_OCTET_STRING, &whole);
                if (rd.error != cases[i].error)
                        fail_msg("%s: %d", cases[i].why, rd.error);
                if (rd.error < 0)
                        continue;
                assert_int_equal(content.n, cases[i].n);
                assert_ptr_equal(content.data, in + head);
                assert_ptr_equal(whole.data, in);
                assert_int_equal(whole.n, head + cases[i].n);
                assert_int_equal(p2p_reader_finish(&rd), 0);

                rd = P2P_READER(P2P_VIEW(in, head + cases[i].n - 1)); /* one short */
                (void) p2p_der_read(&rd, P2P_DER_OCTET_STRING, NULL);
                assert_int_equal(rd.error, -EBADMSG);
        }
}

static void an_optional_value_may_be_missing(void **state) {
        p2p_reader rd = P2P_READER(HEX("0101ff0401aa"));
        p2p_view value;

        (void) state;
        assert_false(p2p_der_read_optional(&rd, P2P_DER_INTEGER, &value));
        assert_true(p2p_der_read_optional(&rd, P2P_DER_BOOLEAN, &value));
        assert_int_equal(value.n, 1);
        assert_false(p2p_der_read_optional(&rd, P2P_DER_BOOLEAN, &value));
        assert_true(p2p_der_read_optional(&rd, P2P_DER_OCTET_STRING, &value));
        assert_false(p2p_der_read_optional(&rd, P2P_DER_OCTET_STRING, &value)); /* nothing is left */
        assert_int_equal(p2p_reader_finish(&rd), 0);
}

static void a_sequence_is_entered(void **state) {
        p2p_reader rd = P2P_READER(HEX("3006020101040102")), inside;

        (void) state;
        inside = p2p_der_enter(&rd, P2P_DER_SEQUENCE);
        assert_int_equal(p2p_der_read(&inside, P2P_DER_INTEGER, NULL).n, 1);
        assert_int_equal(p2p_der_read(&inside, P2P_DER_OCTET_STRING, NULL).n, 1);
        assert_int_equal(p2p_reader_finish(&inside), 0);
        assert_int_equal(p2p_reader_finish(&rd), 0);
}

static void bits_are_whole_bytes(void **state) {
        static const struct { const char *in; int n; } cases[] = {
                { "030300aabb", 2 }, { "030100", 0 }, { "030201aa", -1 }, { "0300", -1 }, { "0403aabbcc", -1 },
        };

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                p2p_reader rd = P2P_READER(HEX(cases[i].in));
                p2p_view bits = p2p_der_read_bits(&rd);

                assert_int_equal(rd.error < 0 ? -1 : (int) bits.n, cases[i].n);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lengths_have_one_form),
                cmocka_unit_test(an_optional_value_may_be_missing),
                cmocka_unit_test(a_sequence_is_entered),
                cmocka_unit_test(bits_are_whole_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
