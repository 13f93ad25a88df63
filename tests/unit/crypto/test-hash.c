/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SHA-256: vectors of FIPS 180-2 and of wire reference 19.6, whole and in pieces. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/macro.h>

#include "crypto/hash.h"
#include "tests/support/hex.h"

static const struct {
        const char *in, *digest;
} vectors[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "peerup", "8c85ce106c42facd4a06e0b5eedf63911afc99c12263c3a91aa6be06028c8e4f" },
        { "peerup-default-network", "04a769f0a511c63096d85ac15a1748cd119b266502c0a56ae244344061c21e22" },
};

static void vectors_hash_in_one_piece(void **state) {
        uint8_t out[P2P_SHA256_SIZE];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                p2p_sha256_of(P2P_VIEW_STR(vectors[i].in), out);
                assert_true(p2p_view_equal(P2P_VIEW(out, sizeof(out)), HEX(vectors[i].digest)));
        }
}

static void any_split_gives_the_same(void **state) {
        p2p_view in = P2P_VIEW_STR(vectors[2].in);
        uint8_t out[P2P_SHA256_SIZE];

        (void) state;
        for (size_t k = 0; k <= in.n; k++) {
                p2p_sha256 hash;

                p2p_sha256_init(&hash);
                p2p_sha256_update(&hash, P2P_VIEW(in.data, k));
                p2p_sha256_update(&hash, (p2p_view){});
                p2p_sha256_update(&hash, P2P_VIEW(in.data + k, in.n - k));
                p2p_sha256_done(&hash, out);
                assert_true(p2p_view_equal(P2P_VIEW(out, sizeof(out)), HEX(vectors[2].digest)));
        }
}

static void a_copy_goes_its_own_way(void **state) {
        p2p_sha256 a, b;
        uint8_t out[P2P_SHA256_SIZE];

        (void) state;
        p2p_sha256_init(&a);
        p2p_sha256_update(&a, P2P_VIEW_STR("a"));
        b = a;
        p2p_sha256_update(&a, P2P_VIEW_STR("xyz"));
        p2p_sha256_update(&b, P2P_VIEW_STR("bc"));
        p2p_sha256_done(&b, out);
        assert_true(p2p_view_equal(P2P_VIEW(out, sizeof(out)), HEX(vectors[1].digest)));
}

static void a_finished_hash_is_wiped(void **state) {
        static const p2p_sha256 zero;
        uint8_t out[P2P_SHA256_SIZE];
        p2p_sha256 hash;

        (void) state;
        p2p_sha256_init(&hash);
        p2p_sha256_done(&hash, out);
        assert_memory_equal(&hash, &zero, sizeof(hash));
}

static void the_digest_may_overwrite_its_input(void **state) {
        uint8_t buf[64] = "abc";

        (void) state;
        p2p_sha256_of(P2P_VIEW(buf, 3), buf);
        assert_true(p2p_view_equal(P2P_VIEW(buf, P2P_SHA256_SIZE), HEX(vectors[1].digest)));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(vectors_hash_in_one_piece),
                cmocka_unit_test(any_split_gives_the_same),
                cmocka_unit_test(a_copy_goes_its_own_way),
                cmocka_unit_test(a_finished_hash_is_wiped),
                cmocka_unit_test(the_digest_may_overwrite_its_input),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
