/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connection ids and whom they lead to. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "quic/cid-table.h"

static p2p_view id(uint32_t i, uint8_t out[static QUIC_CID_MAX], size_t n) {
        memset(out, 0, QUIC_CID_MAX);
        memcpy(out + (n > 4 ? n - 4 : 0), &i, n < 4 ? n : 4);
        return P2P_VIEW(out, n);
}

static void ids_are_found_until_they_are_removed(void **state) {
        uint8_t bytes[QUIC_CID_MAX];
        quic_cid_owner a = {}, b = {};
        quic_cid_table t;

        (void) state;
        assert_int_equal(quic_cid_table_init(&t), 0);
        for (uint32_t i = 0; i < 5000; i++)
                assert_int_equal(quic_cid_table_add(&t, id(i, bytes, 8 + i % 13), i % 2 ? &a : &b), 0);
        assert_int_equal(quic_cid_table_add(&t, id(7, bytes, 8 + 7), &b), -EEXIST);
        for (uint32_t i = 0; i < 5000; i++) {
                assert_ptr_equal(quic_cid_table_find(&t, id(i, bytes, 8 + i % 13)), i % 2 ? &a : &b);
                assert_null(quic_cid_table_find(&t, id(i + 5000, bytes, 8 + i % 13)));
        }
        quic_cid_table_remove(&t, id(7, bytes, 8 + 7), &b); /* not its own */
        assert_ptr_equal(quic_cid_table_find(&t, id(7, bytes, 8 + 7)), &a);
        quic_cid_table_remove(&t, id(7, bytes, 8 + 7), &a);
        assert_null(quic_cid_table_find(&t, id(7, bytes, 8 + 7)));
        quic_cid_table_remove_all(&t, &a);
        assert_null(a.cids);
        assert_int_equal(t.n, 2500);
        quic_cid_table_remove_all(&t, &b);
        assert_int_equal(t.n, 0);
        quic_cid_table_done(&t);
}

static void lengths_count(void **state) {
        uint8_t zeros[QUIC_CID_MAX + 1] = {};
        quic_cid_owner a = {};
        quic_cid_table t;

        (void) state;
        assert_int_equal(quic_cid_table_init(&t), 0);
        for (size_t n = 0; n <= QUIC_CID_MAX; n++) /* all of them nothing but zeros */
                assert_int_equal(quic_cid_table_add(&t, P2P_VIEW(zeros, n), &a), 0);
        assert_int_equal(quic_cid_table_add(&t, P2P_VIEW(zeros, QUIC_CID_MAX + 1), &a), -EINVAL);
        assert_null(quic_cid_table_find(&t, P2P_VIEW(zeros, QUIC_CID_MAX + 1)));
        quic_cid_table_remove_all(&t, &a);
        quic_cid_table_done(&t);
}

static void ids_can_be_inherited(void **state) {
        uint8_t bytes[QUIC_CID_MAX];
        quic_cid_owner conn = {}, tomb = { .is_tomb = true };
        quic_cid_table t;

        (void) state;
        assert_int_equal(quic_cid_table_init(&t), 0);
        for (uint32_t i = 0; i < 8; i++)
                assert_int_equal(quic_cid_table_add(&t, id(i, bytes, 8), &conn), 0);
        quic_cid_table_inherit(&conn, &tomb);
        quic_cid_table_remove_all(&t, &conn); /* has none */
        for (uint32_t i = 0; i < 8; i++)
                assert_ptr_equal(quic_cid_table_find(&t, id(i, bytes, 8)), &tomb);
        quic_cid_table_remove_all(&t, &tomb);
        quic_cid_table_done(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ids_are_found_until_they_are_removed),
                cmocka_unit_test(lengths_count),
                cmocka_unit_test(ids_can_be_inherited),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
