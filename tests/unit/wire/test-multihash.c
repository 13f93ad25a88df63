/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Multihashes, and which of them can be a peer (wire reference 2). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/macro.h>

#include "tests/support/hex.h"
#include "wire/multihash.h"

#define DIGEST32 "8c85ce106c42facd4a06e0b5eedf63911afc99c12263c3a91aa6be06028c8e4f" /* 19.6 */

static void codes_lengths_and_digests_are_told_apart(void **state) {
        p2p_multihash hash;

        (void) state;
        assert_int_equal(p2p_multihash_decode(HEX("1220" DIGEST32), &hash), 0);
        assert_int_equal(hash.code, P2P_MULTIHASH_SHA2_256);
        assert_true(p2p_view_equal(hash.digest, HEX(DIGEST32)));
        assert_int_equal(p2p_multihash_decode(HEX("0003aabbcc"), &hash), 0);
        assert_int_equal(hash.code, P2P_MULTIHASH_IDENTITY);
        assert_int_equal(p2p_multihash_decode(HEX("a0e40200"), &hash),
                         0); /* a code of three bytes, no digest */
        assert_int_equal(hash.code, 0xb220);
        assert_int_equal(hash.digest.n, 0);
}

static void bad_multihashes_are_refused(void **state) {
        static const char *const bad[] = {
                "",         "12",         "1220",
                "1203aabb", "1202aabbcc", "920012",
                "1280 00",  "00ff",       "00ffffffffffffffff7f",
        };
        p2p_multihash hash;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (p2p_multihash_decode(HEX(bad[i]), &hash) != -EBADMSG)
                        fail_msg("%s", bad[i]);
}

static void only_identity_and_sha256_are_peers(void **state) {
        static const struct {
                const char *hex;
                int expect;
        } cases[] = {
                { "1220" DIGEST32, 0 },
                { "0003aabbcc", 0 },
                { "0000", -EBADMSG },               /* the id of an empty key */
                { "121f00" DIGEST32, -EBADMSG },    /* not its length */
                { "1203aabbcc", -EBADMSG },         /* a cut digest */
                { "1120" DIGEST32, -EBADMSG },      /* SHA-1 */
                { "1320" DIGEST32, -EBADMSG },      /* SHA-512 */
                { "1220" DIGEST32 "00", -EBADMSG }, /* something behind it */
                { "015512200000", -EBADMSG },       /* a CID */
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (p2p_multihash_check_peer(HEX(cases[i].hex)) != cases[i].expect)
                        fail_msg("%s", cases[i].hex);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(codes_lengths_and_digests_are_told_apart),
                cmocka_unit_test(bad_multihashes_are_refused),
                cmocka_unit_test(only_identity_and_sha256_are_peers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
