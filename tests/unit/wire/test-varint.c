/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* uvarints: the vectors of wire reference 19.2, both ways, and every form that must be refused. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/macro.h>

#include "tests/support/hex.h"
#include "wire/varint.h"
#include "wire/writer.h"

static const struct {
        uint64_t value;
        const char *hex;
} vectors[] = {
        { 0, "00" },
        { 1, "01" },
        { 127, "7f" },
        { 128, "8001" },
        { 255, "ff01" },
        { 300, "ac02" },
        { 16384, "808001" },
        { 2097151, "ffff7f" },
        { 4294967295, "ffffffff0f" },
        { 9223372036854775807, "ffffffffffffffff7f" },
};

static void vectors_of_the_reference_parse(void **state) {
        uint64_t v;
        size_t n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                p2p_view in = HEX(vectors[i].hex);

                assert_int_equal(p2p_uvarint_parse(in, &v, &n), 1);
                assert_true(v == vectors[i].value);
                assert_int_equal(n, in.n);
        }
}

static void vectors_of_the_reference_are_written(void **state) {
        uint8_t buf[16];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                p2p_writer w = P2P_WRITER(buf, sizeof(buf));

                p2p_write_uvarint(&w, vectors[i].value);
                assert_true(p2p_view_equal(P2P_VIEW(buf, w.n), HEX(vectors[i].hex)));
                assert_int_equal(p2p_uvarint_size(vectors[i].value), w.n);
        }
}

static void bad_forms_are_refused(void **state) {
        static const char *const bad[] = {
                "8000",                   /* 0 in two bytes */
                "ff00",                   /* not minimal */
                "ffffffffffffffff00",     /* not minimal in nine */
                "80808080808080808001",   /* ten bytes */
                "ffffffffffffffffff7f",   /* ten bytes */
                "ffffffffffffffffff",     /* nine, and it would go on */
                "808080808080808080",     /* the same */
                "ffffffffffffffffffffff", /* for ever */
        };
        uint64_t v;
        size_t n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (p2p_uvarint_parse(HEX(bad[i]), &v, &n) != -EBADMSG)
                        fail_msg("%s", bad[i]);
}

static void a_cut_one_needs_more(void **state) {
        uint64_t v;
        size_t n;

        (void) state;
        assert_int_equal(p2p_uvarint_parse((p2p_view){}, &v, &n), 0);
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                p2p_view whole = HEX(vectors[i].hex);

                for (size_t k = 0; k < whole.n; k++)
                        assert_int_equal(p2p_uvarint_parse(P2P_VIEW(whole.data, k), &v, &n), 0);
        }
}

static void what_follows_is_left_alone(void **state) {
        uint64_t v;
        size_t n;

        (void) state;
        assert_int_equal(p2p_uvarint_parse(HEX("ac02ffff"), &v, &n), 1);
        assert_int_equal(v, 300);
        assert_int_equal(n, 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(vectors_of_the_reference_parse),
                cmocka_unit_test(vectors_of_the_reference_are_written),
                cmocka_unit_test(bad_forms_are_refused),
                cmocka_unit_test(a_cut_one_needs_more),
                cmocka_unit_test(what_follows_is_left_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
