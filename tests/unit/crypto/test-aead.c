/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ChaCha20-Poly1305 with a counter: the first transport frame of wire reference 19.3, and what must not
 * open. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "crypto/aead.h"
#include "tests/support/hex.h"

#define KEY "71450360256dab81ef74655ddb36cc0fd18d3f2663912719571535c9f2185abd"
#define PLAIN "132f6d756c746973747265616d2f312e302e300a"
#define SEALED "1e005699303f8ca42872f7e493a0a24e8e598b147f46deefdafc77bedc0b8da72ad5d6f7"

static void the_first_frame_of_the_reference_is_sealed_in_place(void **state) {
        uint8_t buf[64];
        p2p_view plain = HEX(PLAIN);

        (void) state;
        memcpy(buf, plain.data, plain.n);
        p2p_aead_seal(HEX(KEY).data, 0, (p2p_view){}, buf, plain.n, buf + plain.n);
        assert_true(p2p_view_equal(P2P_VIEW(buf, plain.n + P2P_AEAD_TAG_SIZE), HEX(SEALED)));
}

static void and_opened(void **state) {
        uint8_t buf[64];
        p2p_view sealed = HEX(SEALED);
        size_t n = sealed.n - P2P_AEAD_TAG_SIZE;

        (void) state;
        memcpy(buf, sealed.data, sealed.n);
        assert_int_equal(p2p_aead_open(HEX(KEY).data, 0, (p2p_view){}, buf, n, buf + n), 0);
        assert_true(p2p_view_equal(P2P_VIEW(buf, n), HEX(PLAIN)));
}

static void every_bit_of_the_counter_counts(void **state) {
        uint8_t first[8], again[8], tag[P2P_AEAD_TAG_SIZE];

        (void) state;
        memset(first, 0, sizeof(first));
        p2p_aead_seal(HEX(KEY).data, 0, (p2p_view){}, first, sizeof(first), tag);
        for (unsigned bit = 0; bit < 64; bit++) {
                memset(again, 0, sizeof(again));
                p2p_aead_seal(HEX(KEY).data, UINT64_C(1) << bit, (p2p_view){}, again, sizeof(again), tag);
                assert_memory_not_equal(first, again, sizeof(first));
        }
}

static void whatever_was_changed_does_not_open(void **state) {
        uint8_t ad[] = { 1, 2, 3 }, sealed[4 + P2P_AEAD_TAG_SIZE] = "data", buf[sizeof(sealed)],
                key[P2P_AEAD_KEY_SIZE];

        (void) state;
        memset(key, 7, sizeof(key));
        p2p_aead_seal(key, 9, P2P_VIEW(ad, sizeof(ad)), sealed, 4, sealed + 4);
        for (size_t i = 0; i < sizeof(sealed); i++) {
                memcpy(buf, sealed, sizeof(buf));
                buf[i] ^= 1;
                assert_int_equal(p2p_aead_open(key, 9, P2P_VIEW(ad, sizeof(ad)), buf, 4, buf + 4), -EBADMSG);
                assert_memory_equal(buf, "\0\0\0\0", 4);
        }
        memcpy(buf, sealed, sizeof(buf));
        assert_int_equal(p2p_aead_open(key, 10, P2P_VIEW(ad, sizeof(ad)), buf, 4, buf + 4), -EBADMSG);
        memcpy(buf, sealed, sizeof(buf));
        assert_int_equal(p2p_aead_open(key, 9, P2P_VIEW(ad, 2), buf, 4, buf + 4), -EBADMSG);
        memcpy(buf, sealed, sizeof(buf));
        assert_int_equal(p2p_aead_open(key, 9, P2P_VIEW(ad, sizeof(ad)), buf, 3, buf + 4), -EBADMSG);
        memcpy(buf, sealed, sizeof(buf));
        assert_int_equal(p2p_aead_open(key, 9, P2P_VIEW(ad, sizeof(ad)), buf, 4, buf + 4), 0);
        assert_memory_equal(buf, "data", 4);
}

static void nothing_can_be_sealed(void **state) {
        uint8_t key[P2P_AEAD_KEY_SIZE] = {}, tag[P2P_AEAD_TAG_SIZE];

        (void) state;
        p2p_aead_seal(key, 1, (p2p_view){}, NULL, 0, tag);
        assert_int_equal(p2p_aead_open(key, 1, (p2p_view){}, NULL, 0, tag), 0);
        tag[0] ^= 1;
        assert_int_equal(p2p_aead_open(key, 1, (p2p_view){}, NULL, 0, tag), -EBADMSG);
}

/* Against another implementation (OpenSSL's) with the nonces written out: four zeros, then the counter. */
static void the_counter_is_little_endian(void **state) {
        static const struct {
                uint64_t counter;
                const char *sealed;
        } cases[] = {
                { 1, "37649185e4686b8c50192a73d085abc0e71369f1" }, /* 00000000 0100000000000000 */
                { 0x0102030405060708,
                  "326a96fd6c8a747a47f3c6b07a5705439b0ca1d1" }, /* 00000000 0807060504030201 */
        };
        uint8_t key[P2P_AEAD_KEY_SIZE] = {};

        (void) state;
        for (size_t i = 0; i < 2; i++) {
                uint8_t buf[4 + P2P_AEAD_TAG_SIZE] = "data";

                p2p_aead_seal(key, cases[i].counter, (p2p_view){}, buf, 4, buf + 4);
                assert_true(p2p_view_equal(P2P_VIEW(buf, sizeof(buf)), HEX(cases[i].sealed)));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first_frame_of_the_reference_is_sealed_in_place),
                cmocka_unit_test(and_opened),
                cmocka_unit_test(every_bit_of_the_counter_counts),
                cmocka_unit_test(whatever_was_changed_does_not_open),
                cmocka_unit_test(nothing_can_be_sealed),
                cmocka_unit_test(the_counter_is_little_endian),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
