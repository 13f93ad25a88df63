/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Peer records and vouchers: wire reference 19.4 bit for bit, captures of go-libp2p 0.47, and impostors. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "crypto/envelope.h"
#include "tests/support/hex.h"

#define HASH_A "00240801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define HASH_B "002408011220d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737"
#define RECORD                                                                                              \
        "0a240801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8120203011a4d0a2600240" \
        "801"                                                                                               \
        "122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8108080a8b1e39fe7cb171a0a0a080" \
        "47f"                                                                                               \
        "000001060fa11a0d0a0b04c000020791020fa1cd032a4005c12499817b2861cb67dbfce62d2f0b661441ba6027c819582" \
        "b79"                                                                                               \
        "880e804f7d3e59d42466829a6ec97da8526a4dddd3d7f9dc2d328ca0b31e4eec3fa5f13e00"
#define VOUCHER                                                                                             \
        "0a2408011220d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737120203021a560a2600240" \
        "801"                                                                                               \
        "1220d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737122600240801122003a107bff3ce1" \
        "0be"                                                                                               \
        "1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b81890fecfaa062a40c61d910c67e12b82d3ead8b34f9086fdd" \
        "f1f"                                                                                               \
        "f1989b67f03644ad0dd62a73c46d4acb8ee1ae3581ad4ba82fd9d40c8af327ae804fec34f0a912d17a435ccc2701"
/* vectors/identify.json, "identify A asks B" */
#define CAPTURED_RECORD                                                                                     \
        "0a24080112202152f8d19b791d24453242e15f2eab6cb7cffa7b6a5ed30097960e069881db12120203011a3e0a2600240" \
        "801"                                                                                               \
        "12202152f8d19b791d24453242e15f2eab6cb7cffa7b6a5ed30097960e069881db1210d29bfdadb5c1fef4181a0a0a080" \
        "42d"                                                                                               \
        "4f0002060fa22a40414f8e2ffd5e32dcc3967a994005c543c2a43a2080a7d548ed86d7e52843d8f3fe61f18781a6a724c" \
        "442"                                                                                               \
        "3ec65adc938e7e9a2015b315a5709ebd73b36ad3e309"
/* vectors/relay.json, "RESERVE responder message 1" */
#define CAPTURED_VOUCHER                                                                                    \
        "0a24080112202012cb90ca60e8e5d8daf66e2272d2233e0486d557e8c66141ed8920177d7eb7120203021a560a2600240" \
        "801"                                                                                               \
        "12202012cb90ca60e8e5d8daf66e2272d2233e0486d557e8c66141ed8920177d7eb71226002408011220db995fe25169d" \
        "141"                                                                                               \
        "cab9bbba92baa01f9f2e1ece7df4cb2ac05190f37fcc1f9d1887fa84d8062a40c11f8f3dc1e40857b3b0e9bc8e0783a73" \
        "d10"                                                                                               \
        "44f2ea2e31d58c2a67dc4101d2a7523ddc5276344f3c36d44a87cb62f8cc51951b943c9fd4c71f1751e4fab9410f"

static p2p_identity *identity_of(uint8_t byte) {
        uint8_t seed[32];
        p2p_identity *id;

        for (uint8_t i = 0; i < 32; i++)
                seed[i] = byte == 0 ? i : byte; /* key A is 00 01 02 ... */
        assert_int_equal(p2p_identity_from_seed(seed, &id), 0);
        return id;
}

static void the_record_of_the_reference_is_sealed(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *a = identity_of(0);
        p2p_addr *addrs[2];
        uint8_t *out;
        size_t n;

        (void) state;
        assert_int_equal(p2p_addr_parse("/ip4/127.0.0.1/tcp/4001", &addrs[0]), 0);
        assert_int_equal(p2p_addr_parse("/ip4/192.0.2.7/udp/4001/quic-v1", &addrs[1]), 0);
        assert_int_equal(p2p_peer_record_seal(a, 1700000000000000000, addrs, 2, &out, &n), 0);
        assert_true(p2p_view_equal(P2P_VIEW(out, n), HEX(RECORD)));
        free(out);
        p2p_addr_free(addrs[0]);
        p2p_addr_free(addrs[1]);
}

static void records_are_opened(void **state) {
        static const struct {
                const char *hex, *peer;
                uint64_t seq;
                size_t n;
                const char *addrs[2];
        } cases[] = {
                { RECORD,
                  "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB",
                  1700000000000000000,
                  2,
                  { "/ip4/127.0.0.1/tcp/4001", "/ip4/192.0.2.7/udp/4001/quic-v1" } },
                { CAPTURED_RECORD,
                  "12D3KooWC4T1AXU2s2YBgGJ2FeaYVtsKoHZWJeubnWe9SnuSE7Zb",
                  1795240853074038226,
                  1,
                  { "/ip4/45.79.0.2/tcp/4002" } },
        };
        char text[P2P_ADDR_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_peer_record record;

                assert_int_equal(p2p_peer_record_open(HEX(cases[i].hex), &record), 0);
                assert_string_equal(p2p_peer_id_format(&record.peer, text), cases[i].peer);
                assert_true(record.seq == cases[i].seq);
                assert_int_equal(record.n_addrs, cases[i].n);
                for (size_t k = 0; k < record.n_addrs; k++)
                        assert_string_equal(p2p_addr_format(record.addrs[k], text), cases[i].addrs[k]);
                p2p_peer_record_done(&record);
        }
}

/* Seals any payload as a peer record of A and opens it. */
static int open_payload(const char *hex, p2p_peer_record *ret) {
        _cleanup_(p2p_identity_freep) p2p_identity *a = identity_of(0);
        uint8_t *out;
        size_t n;
        int r;

        assert_int_equal(p2p_envelope_seal(a, P2P_PEER_RECORD_DOMAIN, HEX("0301"), HEX(hex), &out, &n), 0);
        r = p2p_peer_record_open(P2P_VIEW(out, n), ret);
        free(out);
        return r;
}

static void unparseable_addresses_are_left_out(void **state) {
        p2p_peer_record record;

        (void) state;
        /* an unknown code, an empty address, a good one, a cut one */
        assert_int_equal(open_payload("0a26" HASH_A "1005"
                                      "1a040a02ff7f"
                                      "1a00"
                                      "1a040a02a202"
                                      "1a030a0104",
                                      &record),
                         0);
        assert_int_equal(record.n_addrs, 1);
        assert_true(p2p_view_equal(p2p_addr_view(record.addrs[0]), HEX("a202")));
        p2p_peer_record_done(&record);
        assert_int_equal(record.n_addrs, 0);
        assert_null(record.addrs);
}

static void an_empty_record_has_no_addresses(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *a = identity_of(0);
        p2p_peer_record record;
        uint8_t *out;
        size_t n;

        (void) state;
        assert_int_equal(p2p_peer_record_seal(a, 0, NULL, 0, &out, &n), 0);
        assert_int_equal(p2p_peer_record_open(P2P_VIEW(out, n), &record), 0);
        assert_int_equal(record.n_addrs, 0);
        assert_true(record.seq == 0);
        p2p_peer_record_done(&record);
        free(out);
}

static void records_that_are_wrong_are_refused(void **state) {
        static const struct {
                const char *why, *payload;
                int expect;
        } cases[] = {
                { "of another peer", "0a26" HASH_B "1005", -EKEYREJECTED },
                { "of nobody", "1005", -EBADMSG },
                { "of what is no peer",
                  "0a02aabb"
                  "1005",
                  -EBADMSG },
                { "no message", "0a", -EBADMSG },
                { "not canonical",
                  "1005"
                  "0a26" HASH_A,
                  -EBADMSG },
                { "nothing", "", -EBADMSG },
        };
        p2p_peer_record record;
        p2p_voucher voucher;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (open_payload(cases[i].payload, &record) != cases[i].expect)
                        fail_msg("%s", cases[i].why);
        assert_int_equal(p2p_peer_record_open(HEX(VOUCHER), &record), -EKEYREJECTED);
        assert_int_equal(p2p_voucher_open(HEX(RECORD), &voucher), -EKEYREJECTED);
}

static void records_beyond_8_kib_are_not_sealed(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *a = identity_of(0);
        p2p_addr *addrs[700], *addr;
        uint8_t *out = NULL;
        size_t n;

        (void) state;
        assert_int_equal(p2p_addr_parse("/ip4/127.0.0.1/tcp/4001", &addr), 0);
        for (size_t i = 0; i < ELEMENTSOF(addrs); i++)
                addrs[i] = addr;
        assert_int_equal(p2p_peer_record_seal(a, 1, addrs, 660, &out, &n), 0); /* 12 bytes each */
        free(out);
        out = NULL;
        assert_int_equal(p2p_peer_record_seal(a, 1, addrs, 700, &out, &n), -EMSGSIZE);
        assert_null(out);
        p2p_addr_free(addr);
}

static void the_voucher_of_the_reference_is_sealed(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *a = identity_of(0), *b = identity_of(0x11);
        uint8_t *out;
        size_t n;

        (void) state;
        assert_int_equal(p2p_voucher_seal(b, p2p_identity_peer_id(a), 1700003600, &out, &n), 0);
        assert_true(p2p_view_equal(P2P_VIEW(out, n), HEX(VOUCHER)));
        free(out);
}

static void vouchers_are_opened(void **state) {
        static const struct {
                const char *hex, *relay, *peer;
                uint64_t expires;
        } cases[] = {
                { VOUCHER, "12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxz",
                  "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB", 1700003600 },
                { CAPTURED_VOUCHER, "12D3KooWByZqYEvjf2mWz6Bhtn6iGoyV3JZ3gYDiXY6wok3NmD4i",
                  "12D3KooWQbb6k91VYokt5K45RdSVM4oyN3QhkCNwwfqy1L3DWbsz", 1795243271 },
        };
        char text[P2P_PEER_ID_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_voucher voucher;

                assert_int_equal(p2p_voucher_open(HEX(cases[i].hex), &voucher), 0);
                assert_string_equal(p2p_peer_id_format(&voucher.relay, text), cases[i].relay);
                assert_string_equal(p2p_peer_id_format(&voucher.peer, text), cases[i].peer);
                assert_true(voucher.expires == cases[i].expires);
        }
}

static void vouchers_that_are_wrong_are_refused(void **state) {
        static const struct {
                const char *why, *payload;
                int expect;
        } cases[] = {
                { "whole", "0a26" HASH_A "1226" HASH_B "1801", 0 },
                { "signed by the peer, not the relay", "0a26" HASH_B "1226" HASH_A "1801", -EKEYREJECTED },
                { "no relay", "1226" HASH_B "1801", -EBADMSG },
                { "no peer", "0a26" HASH_A "1801", -EBADMSG },
                { "no end", "0a26" HASH_A "1226" HASH_B, -EBADMSG },
                { "a relay that is none",
                  "0a02aabb"
                  "1226" HASH_B "1801",
                  -EBADMSG },
                { "a peer that is none",
                  "0a26" HASH_A "1202aabb"
                  "1801",
                  -EBADMSG },
                { "not canonical", "0a26" HASH_A "1226" HASH_B "188100", -EBADMSG },
                { "no message", "ff", -EBADMSG },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_identity_freep) p2p_identity *a = identity_of(0);
                p2p_voucher voucher;
                uint8_t *out;
                size_t n;

                assert_int_equal(p2p_envelope_seal(a, P2P_VOUCHER_DOMAIN, HEX("0302"), HEX(cases[i].payload),
                                                   &out, &n),
                                 0);
                if (p2p_voucher_open(P2P_VIEW(out, n), &voucher) != cases[i].expect)
                        fail_msg("%s", cases[i].why);
                free(out);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_record_of_the_reference_is_sealed),
                cmocka_unit_test(records_are_opened),
                cmocka_unit_test(unparseable_addresses_are_left_out),
                cmocka_unit_test(an_empty_record_has_no_addresses),
                cmocka_unit_test(records_that_are_wrong_are_refused),
                cmocka_unit_test(records_beyond_8_kib_are_not_sealed),
                cmocka_unit_test(the_voucher_of_the_reference_is_sealed),
                cmocka_unit_test(vouchers_are_opened),
                cmocka_unit_test(vouchers_that_are_wrong_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
