/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Identities: the key files of wire reference 19.1, the old form, and what must not load (section 2). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/identity.h>

#include "tests/support/hex.h"

#define SEED_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define PUBLIC_A "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define PUBLIC_B "d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737"
#define FILE_A "08011240" SEED_A PUBLIC_A
#define ID_A "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define SPEC                                                                                                \
        "080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d1ed1e8fae2c4a144b8be"      \
        "8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
#define SPEC_ECDSA                                                                                          \
        "08031279307702010104203e5b1fe9712e6c314942a750bd67485de3c1efe85b1bfb520ae8f9ae3dfa4a4ca00a06"      \
        "082a8648ce3d030107a14403420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc901d8e6ecda02"      \
        "0e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62"
#define SPEC_SECP256K1 "0802122053dadf1d5a164d6b4acdb15e24aa4c5b1d3461bdbd42abedb0a4404d56ced8fb"

static void seeds_give_the_keys_of_the_reference(void **state) {
        static const struct {
                const char *seed, *public_key, *id;
        } cases[] = {
                { SEED_A, PUBLIC_A, ID_A },
                { "1111111111111111111111111111111111111111111111111111111111111111", PUBLIC_B,
                  "12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxz" },
                /* the hosts of the captures */
                { "4141414141414141414141414141414141414141414141414141414141414141", NULL,
                  "12D3KooWQbb6k91VYokt5K45RdSVM4oyN3QhkCNwwfqy1L3DWbsz" },
                { "4242424242424242424242424242424242424242424242424242424242424242", NULL,
                  "12D3KooWC4T1AXU2s2YBgGJ2FeaYVtsKoHZWJeubnWe9SnuSE7Zb" },
                { "5252525252525252525252525252525252525252525252525252525252525252", NULL,
                  "12D3KooWByZqYEvjf2mWz6Bhtn6iGoyV3JZ3gYDiXY6wok3NmD4i" },
        };
        char text[P2P_PEER_ID_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_identity_freep) p2p_identity *id = NULL;

                assert_int_equal(p2p_identity_from_seed(HEX(cases[i].seed).data, &id), 0);
                if (cases[i].public_key)
                        assert_memory_equal(p2p_identity_public_key(id)->ed25519,
                                            HEX(cases[i].public_key).data, 32);
                assert_string_equal(p2p_peer_id_format(p2p_identity_peer_id(id), text), cases[i].id);
        }
}

static void key_files_load_and_are_written_back(void **state) {
        static const struct {
                const char *file, *id;
        } cases[] = {
                { FILE_A, ID_A },
                { SPEC, "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq" },
        };
        uint8_t out[P2P_PRIVATE_KEY_MAX];
        char text[P2P_PEER_ID_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_identity_freep) p2p_identity *id = NULL;
                p2p_key_type type;

                assert_int_equal(p2p_identity_decode(HEX(cases[i].file), &id, &type), 0);
                assert_int_equal(type, P2P_KEY_ED25519);
                assert_string_equal(p2p_peer_id_format(p2p_identity_peer_id(id), text), cases[i].id);
                assert_true(p2p_view_equal(p2p_identity_encode(id, out), HEX(cases[i].file)));
        }
}

/* One's own file may be written by anybody's protobuf: what go-libp2p reads is read, and written back in one
 * form. */
static void other_spellings_load(void **state) {
        static const struct {
                const char *why, *file;
        } cases[] = {
                { "96 bytes, the old form", "08011260" SEED_A PUBLIC_A PUBLIC_A },
                { "fields reordered", "1240" SEED_A PUBLIC_A "0801" },
                { "an unknown field", FILE_A "1801" },
                { "a length that is not minimal", "080112c000" SEED_A PUBLIC_A },
        };
        uint8_t out[P2P_PRIVATE_KEY_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_identity_freep) p2p_identity *id = NULL;

                if (p2p_identity_decode(HEX(cases[i].file), &id, NULL) < 0)
                        fail_msg("%s", cases[i].why);
                assert_true(p2p_view_equal(p2p_identity_encode(id, out), HEX(FILE_A)));
        }
}

static void what_is_no_key_of_ours_does_not_load(void **state) {
        static const struct {
                const char *why, *file;
                int expect;
                p2p_key_type type;
        } cases[] = {
                { "nothing", "", -EBADMSG, _P2P_KEY_TYPE_MAX },
                { "no type", "1240" SEED_A PUBLIC_A, -EBADMSG, _P2P_KEY_TYPE_MAX },
                { "no data", "0801", -EBADMSG, _P2P_KEY_TYPE_MAX },
                { "an unknown type", "08041240" SEED_A PUBLIC_A, -EBADMSG, _P2P_KEY_TYPE_MAX },
                { "no data bytes", "08011200", -EBADMSG, P2P_KEY_ED25519 },
                { "32 bytes", "08011220" SEED_A, -EBADMSG, P2P_KEY_ED25519 },
                { "65 bytes", "08011241" SEED_A PUBLIC_A "00", -EBADMSG, P2P_KEY_ED25519 },
                { "cut short", "08011240" SEED_A, -EBADMSG, _P2P_KEY_TYPE_MAX },
                { "the public half of another", "08011240" SEED_A PUBLIC_B, -EKEYREJECTED, P2P_KEY_ED25519 },
                { "another repeated", "08011260" SEED_A PUBLIC_A PUBLIC_B, -EKEYREJECTED, P2P_KEY_ED25519 },
                { "another first", "08011260" SEED_A PUBLIC_B PUBLIC_A, -EKEYREJECTED, P2P_KEY_ED25519 },
                { "ECDSA", SPEC_ECDSA, -EPROTONOSUPPORT, P2P_KEY_ECDSA },
                { "secp256k1", SPEC_SECP256K1, -EPROTONOSUPPORT, P2P_KEY_SECP256K1 },
                { "RSA", "08001203aabbcc", -EPROTONOSUPPORT, P2P_KEY_RSA },
                { "text", "2d2d2d2d2d424547494e", -EBADMSG, _P2P_KEY_TYPE_MAX },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_identity *id = NULL;
                p2p_key_type type;

                if (p2p_identity_decode(HEX(cases[i].file), &id, &type) != cases[i].expect ||
                    type != cases[i].type)
                        fail_msg("%s", cases[i].why);
                assert_null(id);
        }
}

static void a_private_key_is_at_most_8_kib(void **state) {
        uint8_t in[8193] = { 0x08, 0x00, 0x12, 0xfb, 0x3f }; /* 8187 bytes of data */
        p2p_identity *id = NULL;
        p2p_key_type type;

        (void) state;
        assert_int_equal(p2p_identity_decode(P2P_VIEW(in, 8192), &id, &type), -EPROTONOSUPPORT);
        in[3] = 0xfc;
        assert_int_equal(p2p_identity_decode(P2P_VIEW(in, 8193), &id, &type), -EBADMSG);
        assert_null(id);
}

static void generated_identities_differ(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *a = NULL, *b = NULL, *again = NULL;
        uint8_t out[P2P_PRIVATE_KEY_MAX];

        (void) state;
        assert_int_equal(p2p_identity_generate(&a), 0);
        assert_int_equal(p2p_identity_generate(&b), 0);
        assert_false(p2p_peer_id_equal(p2p_identity_peer_id(a), p2p_identity_peer_id(b)));
        assert_int_equal(p2p_identity_decode(p2p_identity_encode(a, out), &again, NULL), 0);
        assert_true(p2p_peer_id_equal(p2p_identity_peer_id(a), p2p_identity_peer_id(again)));
}

/* The signature of wire reference 19.4 over its signed bytes. */
static void signatures_are_those_of_the_reference(void **state) {
        p2p_view message = HEX(
                "126c69627032702d706565722d7265636f72640203014d0a2600240801122003a107bff3ce10be1d70dd18e74b"
                "c09967e4d6309ba50d5f1ddc8664125531b8108080a8b1e39fe7cb171a0a0a08047f000001060fa11a0d0a0b04"
                "c000020791020fa1cd03");
        _cleanup_(p2p_identity_freep) p2p_identity *id = NULL;
        uint8_t signature[P2P_SIGNATURE_SIZE];

        (void) state;
        assert_int_equal(p2p_identity_from_seed(HEX(SEED_A).data, &id), 0);
        p2p_identity_sign(id, message, signature);
        assert_true(p2p_view_equal(P2P_VIEW(signature, sizeof(signature)),
                                   HEX("05c12499817b2861cb67dbfce62d2f0b661441ba6027c819582b79880e804f7d"
                                       "3e59d42466829a6ec97da8526a4dddd3d7f9dc2d328ca0b31e4eec3fa5f13e00")));
        assert_int_equal(p2p_public_key_verify(p2p_identity_public_key(id), message,
                                               P2P_VIEW(signature, sizeof(signature))),
                         0);
}

/* RFC 8032 section 7.1, test 1 */
static void nothing_can_be_signed(void **state) {
        p2p_view seed = HEX("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        _cleanup_(p2p_identity_freep) p2p_identity *id = NULL;
        uint8_t signature[P2P_SIGNATURE_SIZE];

        (void) state;
        assert_int_equal(p2p_identity_from_seed(seed.data, &id), 0);
        p2p_identity_sign(id, (p2p_view){}, signature);
        assert_true(p2p_view_equal(P2P_VIEW(signature, sizeof(signature)),
                                   HEX("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                                       "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")));
        assert_int_equal(p2p_public_key_verify(p2p_identity_public_key(id), (p2p_view){},
                                               P2P_VIEW(signature, sizeof(signature))),
                         0);
}

static void nothing_can_be_freed(void **state) {
        (void) state;
        assert_null(p2p_identity_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(seeds_give_the_keys_of_the_reference),
                cmocka_unit_test(key_files_load_and_are_written_back),
                cmocka_unit_test(other_spellings_load),
                cmocka_unit_test(what_is_no_key_of_ours_does_not_load),
                cmocka_unit_test(a_private_key_is_at_most_8_kib),
                cmocka_unit_test(generated_identities_differ),
                cmocka_unit_test(signatures_are_those_of_the_reference),
                cmocka_unit_test(nothing_can_be_signed),
                cmocka_unit_test(nothing_can_be_freed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
