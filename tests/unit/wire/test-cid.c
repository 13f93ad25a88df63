/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CIDs: the vectors of wire reference 2 and 19.6, and what is none. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/macro.h>

#include "tests/support/hex.h"
#include "wire/cid.h"

#define HASH "12208c85ce106c42facd4a06e0b5eedf63911afc99c12263c3a91aa6be06028c8e4f"
#define HASH2 "122004a769f0a511c63096d85ac15a1748cd119b266502c0a56ae244344061c21e22"

static int parse(const char *text, p2p_cid *ret) {
        static uint8_t buf[64];

        return p2p_cid_parse(P2P_VIEW_STR(text), buf, sizeof(buf), ret);
}

static void rendezvous_cids_parse(void **state) {
        p2p_cid cid;

        (void) state;
        assert_int_equal(parse("bafkreiemqxhba3cc7lguubxawxxn6y4rdl6jtqjcmpb2sgvgxydafdeoj4", &cid), 0);
        assert_int_equal(cid.version, 1);
        assert_int_equal(cid.codec, P2P_CID_RAW);
        assert_true(p2p_view_equal(cid.multihash, HEX(HASH)));
        assert_int_equal(parse("bafkreiaeu5u7bjiryyyjnwc2yfnbosgncgnsmzicycswvysegragdqq6ei", &cid), 0);
        assert_true(p2p_view_equal(cid.multihash, HEX(HASH2)));
}

static void both_versions_decode(void **state) {
        p2p_cid cid;

        (void) state;
        assert_int_equal(p2p_cid_decode(HEX("0155" HASH), &cid), 0);
        assert_int_equal(cid.version, 1);
        assert_int_equal(cid.codec, P2P_CID_RAW);
        assert_int_equal(p2p_cid_decode(HEX("0172"
                                            "0003aabbcc"),
                                        &cid),
                         0);
        assert_int_equal(cid.codec, P2P_CID_LIBP2P_KEY);
        assert_int_equal(p2p_cid_decode(HEX(HASH), &cid), 0);
        assert_int_equal(cid.version, 0);
        assert_int_equal(cid.codec, P2P_CID_DAG_PB);
        assert_int_equal(cid.multihash.n, 34);
}

static void a_qm_text_is_version_0(void **state) {
        p2p_cid cid;

        (void) state;
        assert_int_equal(parse("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", &cid), 0);
        assert_int_equal(cid.version, 0);
        assert_int_equal(cid.codec, P2P_CID_DAG_PB);
}

static void what_is_no_cid_is_refused(void **state) {
        static const char *const bytes[] = { "",          "01",        "0172",          "01721220",
                                             "0272" HASH, "0055" HASH, "0155" HASH "00" };
        static const char *const texts[] = {
                "",
                "b",
                "bafkreiemqxhba3cc7lguubxawxxn6y4rdl6jtqjcmpb2sgvgxydafdeoj", /* one short */
                "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5",              /* one short */
                "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx50",             /* 0 is not base58 */
                "f" HASH, /* version 0 has no multibase */
                "f0155" HASH "00",
                "hello",
        };
        p2p_cid cid;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bytes); i++)
                if (p2p_cid_decode(HEX(bytes[i]), &cid) != -EBADMSG)
                        fail_msg("%s", bytes[i]);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (parse(texts[i], &cid) >= 0)
                        fail_msg("%s", texts[i]);
        assert_int_equal(parse("f0155" HASH, &cid), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rendezvous_cids_parse),
                cmocka_unit_test(both_versions_decode),
                cmocka_unit_test(a_qm_text_is_version_0),
                cmocka_unit_test(what_is_no_cid_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
