/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Public keys: the vectors of wire reference 19.1, and every rule of section 2. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/identity.h>

#include "tests/support/hex.h"

#define RAW_A "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define KEY_A "08011220" RAW_A
#define SPEC_ED25519 "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
#define SPEC_ECDSA                                                                                          \
        "0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44a" \
        "b"                                                                                                 \
        "f3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62"
#define SPEC_SECP256K1 "08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99"

static void vectors_of_the_reference_give_their_ids(void **state) {
        static const struct {
                const char *key, *id;
        } cases[] = {
                { KEY_A, "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB" },
                { SPEC_ED25519, "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq" },
        };
        uint8_t buf[P2P_PUBLIC_KEY_MAX];
        char text[P2P_PEER_ID_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_public_key key, back;
                p2p_key_type type;
                p2p_peer_id id;

                assert_int_equal(p2p_public_key_decode(HEX(cases[i].key), &key, &type), 0);
                assert_int_equal(type, P2P_KEY_ED25519);
                assert_true(p2p_view_equal(p2p_public_key_encode(&key, buf), HEX(cases[i].key)));
                p2p_public_key_peer_id(&key, &id);
                assert_string_equal(p2p_peer_id_format(&id, text), cases[i].id);
                assert_int_equal(p2p_peer_id_public_key(&id, &back), 0);
                assert_memory_equal(&back, &key, sizeof(key));
        }
}

static void other_keys_are_named(void **state) {
        static const struct {
                const char *key;
                p2p_key_type type;
                const char *name;
        } cases[] = {
                { SPEC_ECDSA, P2P_KEY_ECDSA, "ECDSA" },
                { SPEC_SECP256K1, P2P_KEY_SECP256K1, "secp256k1" },
                { "08001203aabbcc", P2P_KEY_RSA, "RSA" },
        };
        p2p_public_key key;
        p2p_key_type type;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(p2p_public_key_decode(HEX(cases[i].key), &key, &type), -EPROTONOSUPPORT);
                assert_int_equal(type, cases[i].type);
                assert_string_equal(p2p_key_type_name(type), cases[i].name);
                assert_int_equal(p2p_public_key_decode(HEX(cases[i].key), &key, NULL), -EPROTONOSUPPORT);
        }
        assert_string_equal(p2p_key_type_name(P2P_KEY_ED25519), "Ed25519");
        assert_string_equal(p2p_key_type_name(_P2P_KEY_TYPE_MAX), "unknown");
        assert_string_equal(p2p_key_type_name((p2p_key_type) -1), "unknown");
}

/* go-libp2p accepts the first four of these and hashes its own encoding of them; we take the canonical form
 * only. */
static void anything_but_the_canonical_form_is_refused(void **state) {
        static const struct {
                const char *why, *key;
        } cases[] = {
                { "fields reordered", "1220" RAW_A "0801" },
                { "an unknown field", KEY_A "1801" },
                { "an unknown field in front", "1801" KEY_A },
                { "a length that is not minimal", "080112a000" RAW_A },
                { "a type that is not minimal", "0881001220" RAW_A },
                { "a type twice", "0801" KEY_A },
                { "no type", "1220" RAW_A },
                { "no data", "0801" },
                { "nothing", "" },
                { "an unknown type", "08041220" RAW_A },
                { "a negative type", "08ffffffffffffffffff011220" RAW_A },
                { "no data bytes", "08011200" },
                { "31 bytes", "0801121fa107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8" },
                { "33 bytes", "0801122100" RAW_A },
                { "64 bytes", "08011240" RAW_A RAW_A },
                { "cut short", "08011220a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8" },
                { "something behind it", KEY_A "00" },
                { "a private key",
                  "08011240000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" RAW_A },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_public_key key;
                p2p_key_type type;

                if (p2p_public_key_decode(HEX(cases[i].key), &key, &type) != -EBADMSG)
                        fail_msg("%s", cases[i].why);
        }
}

/* An RSA key of 8192 bits fits. */
static void a_key_is_at_most_1126_bytes(void **state) {
        uint8_t in[1127] = { 0x08, 0x00, 0x12, 0xe1, 0x08 }; /* 1121 bytes of data */
        p2p_public_key key;
        p2p_key_type type;

        (void) state;
        assert_int_equal(p2p_public_key_decode(P2P_VIEW(in, 1126), &key, &type), -EPROTONOSUPPORT);
        in[3] = 0xe2;
        assert_int_equal(p2p_public_key_decode(P2P_VIEW(in, 1127), &key, &type), -EMSGSIZE);
        assert_int_equal(type, _P2P_KEY_TYPE_MAX);
}

static void only_an_inlined_key_comes_back_out_of_an_id(void **state) {
        static const struct {
                const char *text;
                int expect;
        } cases[] = {
                { "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk", -EPROTONOSUPPORT }, /* a hash */
                { "16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY",
                  -EPROTONOSUPPORT },            /* secp256k1 */
                { "f01720003aabbcc", -EBADMSG }, /* no key */
        };
        p2p_public_key key;
        p2p_peer_id id;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(p2p_peer_id_parse(cases[i].text, &id), 0);
                assert_int_equal(p2p_peer_id_public_key(&id, &key), cases[i].expect);
        }
        id = (p2p_peer_id){};
        assert_int_equal(p2p_peer_id_public_key(&id, &key), -EBADMSG);
}

/* RFC 8032 section 7.1, test 2 */
static void signatures_are_verified(void **state) {
        p2p_view raw = HEX("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        p2p_view signature = HEX("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                                 "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
        uint8_t bad[P2P_SIGNATURE_SIZE];
        p2p_public_key key;

        (void) state;
        memcpy(key.ed25519, raw.data, raw.n);
        assert_int_equal(p2p_public_key_verify(&key, HEX("72"), signature), 0);
        assert_int_equal(p2p_public_key_verify(&key, HEX("73"), signature), -EKEYREJECTED);
        assert_int_equal(p2p_public_key_verify(&key, (p2p_view){}, signature), -EKEYREJECTED);
        assert_int_equal(p2p_public_key_verify(&key, HEX("72"), P2P_VIEW(signature.data, 63)),
                         -EKEYREJECTED);
        assert_int_equal(p2p_public_key_verify(&key, HEX("72"), (p2p_view){}), -EKEYREJECTED);
        for (size_t i = 0; i < sizeof(bad); i++) {
                memcpy(bad, signature.data, sizeof(bad));
                bad[i] ^= 1;
                assert_int_equal(p2p_public_key_verify(&key, HEX("72"), P2P_VIEW(bad, sizeof(bad))),
                                 -EKEYREJECTED);
        }
        key.ed25519[0] ^= 1;
        assert_int_equal(p2p_public_key_verify(&key, HEX("72"), signature), -EKEYREJECTED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(vectors_of_the_reference_give_their_ids),
                cmocka_unit_test(other_keys_are_named),
                cmocka_unit_test(anything_but_the_canonical_form_is_refused),
                cmocka_unit_test(a_key_is_at_most_1126_bytes),
                cmocka_unit_test(only_an_inlined_key_comes_back_out_of_an_id),
                cmocka_unit_test(signatures_are_verified),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
