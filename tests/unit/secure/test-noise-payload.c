/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The libp2p payload of the Noise handshake (wire reference 5, 19.3). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "secure/noise-payload.h"
#include "tests/support/hex.h"
#include "wire/writer.h"

/* Wire reference 19.3, the responder's: identity seed 11x32, and the static key that it signed. */
#define STATIC "04f5f29162c31a8defa18e6e742224ee806fc1718a278be859ba5620402b8f3a"
#define KEY "0a2408011220d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737"
#define SIGNATURE_BYTES                                                  \
        "1b302b4958e907ae8f1b773cbaa5e57a84a256506c04a9f16bb9bd551c2b4d68" \
        "9cc55359560a1c56066d7e7e63d62bc4c401ec726e5a83a62d2fcc0d37e73f03"
#define SIGNATURE "1240" SIGNATURE_BYTES
#define YAMUX "120c2f79616d75782f312e302e30"
#define MUXERS "220e" YAMUX
#define PEER "12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxz"

static const char *const yamux_only[] = { "/yamux/1.0.0", NULL };

static int open_bytes(p2p_view in, const char *const *muxers, bool initiator, p2p_peer_id *peer, const char **muxer) {
        return p2p_noise_payload_open(in, HEX(STATIC).data, muxers, initiator, peer, muxer);
}

static void the_payload_of_the_reference_is_ours(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *id = NULL;
        uint8_t seed[32], *out;
        size_t n;

        (void) state;
        memset(seed, 0x11, sizeof(seed));
        assert_int_equal(p2p_identity_from_seed(seed, &id), 0);
        assert_int_equal(p2p_noise_payload_encode(id, HEX(STATIC).data, yamux_only, &out, &n), 0);
        assert_true(p2p_view_equal(P2P_VIEW(out, n), HEX(KEY SIGNATURE MUXERS)));
        free(out);
}

static void good_payloads_name_their_peer(void **state) {
        static const struct { const char *why, *in; bool agreed; } cases[] = {
                { "the reference's",              KEY SIGNATURE MUXERS,                     true  },
                { "no extensions",                KEY SIGNATURE,                            false },
                { "empty extensions",             KEY SIGNATURE "2200",                     false },
                { "another order",                MUXERS SIGNATURE KEY,                     true  },
                { "the old field 3",              KEY SIGNATURE "1a03010203" MUXERS,        true  },
                { "unknown fields",               KEY "2801" "320101" SIGNATURE MUXERS,     true  },
                { "a webtransport hash",          KEY SIGNATURE "2211" "0a0161" YAMUX,      true  },
                { "another muxer",                KEY SIGNATURE "2206" "12042f617879",      false },
                { "yamux with a NUL and more",    KEY SIGNATURE "2210" "120e2f79616d75782f312e302e300078", false },
                { "yamux, but less",              KEY SIGNATURE "220d" "120b2f79616d75782f312e302e", false },
                { "the key twice, the last wins", "0a020801" KEY SIGNATURE MUXERS,          true  },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[P2P_PEER_ID_TEXT_MAX];
                const char *muxer = "unset";
                uint8_t in[512];
                p2p_peer_id peer;
                int r;

                r = open_bytes(hex_view(cases[i].in, in, sizeof(in)), yamux_only, true, &peer, &muxer);
                if (r < 0 || (muxer == yamux_only[0]) != cases[i].agreed || (!cases[i].agreed && muxer))
                        fail_msg("%s: %d", cases[i].why, r);
                assert_string_equal(p2p_peer_id_format(&peer, text), PEER);
        }
}

static void bad_payloads_are_refused(void **state) {
        static const struct { const char *why, *in; int error; } cases[] = {
                { "empty",                     "",                                           -EBADMSG         },
                { "no key",                    SIGNATURE MUXERS,                             -EBADMSG         },
                { "no signature",              KEY MUXERS,                                   -EBADMSG         },
                { "cut",                       KEY "1240" "1b302b",                          -EBADMSG         },
                { "a group",                   KEY SIGNATURE "2b",                           -EBADMSG         },
                { "an empty key",              "0a00" SIGNATURE,                             -EBADMSG         },
                { "an empty signature",        KEY "1200",                                   -EKEYREJECTED    },
                { "a short signature",         KEY "123f"
                  "1b302b4958e907ae8f1b773cbaa5e57a84a256506c04a9f16bb9bd551c2b4d68"
                  "9cc55359560a1c56066d7e7e63d62bc4c401ec726e5a83a62d2fcc0d37e73f",          -EKEYREJECTED    },
                { "a flipped signature",       KEY "1240"
                  "1b302b4958e907ae8f1b773cbaa5e57a84a256506c04a9f16bb9bd551c2b4d68"
                  "9cc55359560a1c56066d7e7e63d62bc4c401ec726e5a83a62d2fcc0d37e73f02",        -EKEYREJECTED    },
                { "another's key",
                  "0a240801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8" SIGNATURE,
                                                                                             -EKEYREJECTED    },
                { "a secp256k1 key",
                  "0a250802122103" "7777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99" SIGNATURE,
                                                                                             -EPROTONOSUPPORT },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *muxer;
                uint8_t in[512];
                p2p_peer_id peer;
                int r;

                r = open_bytes(hex_view(cases[i].in, in, sizeof(in)), yamux_only, true, &peer, &muxer);
                if (r != cases[i].error)
                        fail_msg("%s: %d", cases[i].why, r);
        }
}

static void a_signature_of_another_static_key_is_refused(void **state) {
        uint8_t other[32] = { 1 };
        const char *muxer;
        p2p_peer_id peer;

        (void) state;
        assert_int_equal(p2p_noise_payload_open(HEX(KEY SIGNATURE MUXERS), other, yamux_only, true, &peer, &muxer),
                         -EKEYREJECTED);
}

/* Both sides choose the first of the initiator's list that the responder has too. */
static void both_sides_choose_by_the_initiators_order(void **state) {
        static const char *const ours[] = { "/a", "/b", "/c", NULL };
        const char *theirs = KEY SIGNATURE "2208" "12022f63" "12022f62"; /* /c, then /b */
        const char *muxer;
        p2p_peer_id peer;
        uint8_t in[512];
        p2p_view v = hex_view(theirs, in, sizeof(in));

        (void) state;
        assert_int_equal(open_bytes(v, ours, true, &peer, &muxer), 0);
        assert_ptr_equal(muxer, ours[1]);
        assert_int_equal(open_bytes(v, ours, false, &peer, &muxer), 0);
        assert_ptr_equal(muxer, ours[2]);
        assert_int_equal(open_bytes(v, NULL, false, &peer, &muxer), 0);
        assert_null(muxer);
}

/* n muxers of which the last is yamux. */
static p2p_view with_muxers(size_t n, uint8_t *buf, size_t size) {
        static uint8_t list[8192], all[8192];
        p2p_writer l = P2P_WRITER(list, sizeof(list)), e = P2P_WRITER(all, sizeof(all)), w = P2P_WRITER(buf, size);
        p2p_view v;

        for (size_t i = 0; i + 1 < n; i++)
                p2p_write_bytes(&l, HEX("1201" "78"));
        p2p_write_bytes(&l, HEX(YAMUX));
        assert_int_equal(p2p_writer_finish(&l, &v), 0);
        p2p_write_u8(&e, 0x22);
        p2p_write_prefixed(&e, v);
        assert_int_equal(p2p_writer_finish(&e, &v), 0);
        p2p_write_bytes(&w, HEX(KEY SIGNATURE));
        p2p_write_bytes(&w, v);
        assert_int_equal(p2p_writer_finish(&w, &v), 0);
        return v;
}

static void a_list_of_more_than_100_muxers_counts_as_none(void **state) {
        const char *muxer;
        p2p_peer_id peer;
        uint8_t in[4096];

        (void) state;
        for (unsigned initiator = 0; initiator < 2; initiator++) {
                assert_int_equal(open_bytes(with_muxers(100, in, sizeof(in)), yamux_only, initiator, &peer, &muxer), 0);
                assert_ptr_equal(muxer, yamux_only[0]);
                assert_int_equal(open_bytes(with_muxers(101, in, sizeof(in)), yamux_only, initiator, &peer, &muxer), 0);
                assert_null(muxer);
        }
}

static void a_payload_is_at_most_4096_bytes(void **state) {
        static uint8_t in[8192];
        p2p_writer w = P2P_WRITER(in, sizeof(in));
        static const uint8_t filler[4096];
        const char *muxer;
        p2p_peer_id peer;
        size_t n = 4096 - 38 - 66 - 3;

        (void) state;
        p2p_write_bytes(&w, HEX(KEY SIGNATURE));
        p2p_write_u8(&w, 0x32); /* an unknown field */
        p2p_write_prefixed(&w, P2P_VIEW(filler, n));
        assert_int_equal(w.n, 4096);
        assert_int_equal(open_bytes(P2P_VIEW(in, w.n), yamux_only, true, &peer, &muxer), 0);

        w = P2P_WRITER(in, sizeof(in));
        p2p_write_bytes(&w, HEX(KEY SIGNATURE));
        p2p_write_u8(&w, 0x32);
        p2p_write_prefixed(&w, P2P_VIEW(filler, n + 1));
        assert_int_equal(open_bytes(P2P_VIEW(in, w.n), yamux_only, true, &peer, &muxer), -EMSGSIZE);
}

static void too_many_muxers_of_ours_are_misuse(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *id = NULL;
        const char *many[P2P_NOISE_MUXERS_MAX + 2] = {};
        uint8_t *out;
        size_t n;

        (void) state;
        assert_int_equal(p2p_identity_generate(&id), 0);
        for (unsigned i = 0; i <= P2P_NOISE_MUXERS_MAX; i++)
                many[i] = "/x";
        assert_int_equal(p2p_noise_payload_encode(id, HEX(STATIC).data, many, &out, &n), -EINVAL);
        many[P2P_NOISE_MUXERS_MAX] = NULL;
        assert_int_equal(p2p_noise_payload_encode(id, HEX(STATIC).data, many, &out, &n), 0);
        free(out);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_payload_of_the_reference_is_ours),
                cmocka_unit_test(good_payloads_name_their_peer),
                cmocka_unit_test(bad_payloads_are_refused),
                cmocka_unit_test(a_signature_of_another_static_key_is_refused),
                cmocka_unit_test(both_sides_choose_by_the_initiators_order),
                cmocka_unit_test(a_list_of_more_than_100_muxers_counts_as_none),
                cmocka_unit_test(a_payload_is_at_most_4096_bytes),
                cmocka_unit_test(too_many_muxers_of_ours_are_misuse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
