/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Peer ids: the vectors of wire reference 2 and 19.1 in every text form, and what is no id. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/macro.h>
#include <p2p/peer.h>

#include "tests/support/hex.h"
#include "wire/base.h"
#include "wire/peer-id.h"

#define HASH_A "00240801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define TEXT_A "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define HASH_B "002408011220d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737"
#define TEXT_B "12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxz"

static const struct {
        const char *text, *base58;
} forms[] = {
        { TEXT_A, TEXT_A },
        { TEXT_B, TEXT_B },
        { "bafzaajaiaejcaa5ba677htqqxyoxbxiy45f4bglh4tldbg5fbvpr3xegmqjfkmny", TEXT_A },
        { "BAFZAAJAIAEJCAA5BA677HTQQXYOXBXIY45F4BGLH4TLDBG5FBVPR3XEGMQJFKMNY", TEXT_A },
        { "bafzaajaiaejcahwr5d5ofrfbis4l5d6uwr57hu5tjodrypfm6yaq6dsc2r2pzyt6",
          "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq" },
        { "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
          "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N" },
        { "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe",
          "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N" },
        { "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk",
          "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk" },
        { "16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY",
          "16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY" },
        { "f0172" HASH_A, TEXT_A },
};

static void every_form_parses_to_one_text(void **state) {
        char text[P2P_PEER_ID_TEXT_MAX];
        p2p_peer_id id;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                if (p2p_peer_id_parse(forms[i].text, &id) < 0)
                        fail_msg("%s", forms[i].text);
                assert_string_equal(p2p_peer_id_format(&id, text), forms[i].base58);
        }
}

/* k51... and z...: the CID of A in the bases for which the reference has no text. */
static void base36_and_base58_cids_parse(void **state) {
        static const struct {
                char prefix;
                p2p_base base;
        } bases[] = {
                { 'k', P2P_BASE36 }, { 'z', P2P_BASE58 }, { 'u', P2P_BASE64_URL }, { 'm', P2P_BASE64 }
        };
        p2p_peer_id a, id;

        (void) state;
        assert_int_equal(p2p_peer_id_parse(TEXT_A, &a), 0);
        for (size_t i = 0; i < ELEMENTSOF(bases); i++) {
                char text[128];
                p2p_writer w = P2P_WRITER((uint8_t *) text, sizeof(text));

                p2p_write_u8(&w, (uint8_t) bases[i].prefix);
                p2p_base_encode(bases[i].base, HEX("0172" HASH_A), &w);
                p2p_write_u8(&w, 0);
                if (bases[i].prefix == 'k')
                        assert_memory_equal(text, "k51", 3); /* as IPNS shows them */
                assert_int_equal(p2p_peer_id_parse(text, &id), 0);
                assert_true(p2p_peer_id_equal(&a, &id));
        }
}

static void what_is_no_id_is_refused(void **state) {
        static const char *const bad[] = {
                "",
                "1",
                "11", /* the hash of nothing */
                "Qm",
                "notbase58",
                "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeS",   /* one short */
                "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSBB", /* one more */
                "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeS0",
                " 12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB",
                "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB\n",
                "z12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB",       /* multibase of no CID */
                "bafkreiemqxhba3cc7lguubxawxxn6y4rdl6jtqjcmpb2sgvgxydafdeoj4", /* the CID of something else:
                                                                                  raw */
                "f01721103aabbcc", /* SHA-1 */
                "9123",       /* a base that we lack */
                "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5",
        };
        p2p_peer_id id;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (p2p_peer_id_parse(bad[i], &id) != -EINVAL)
                        fail_msg("%s", bad[i]);
}

/* The longest id is the hash of a key of 42 bytes; 43 are hashed with SHA-256 instead. */
static void an_id_is_at_most_44_bytes(void **state) {
        uint8_t in[46] = { 0x00, 42 };
        char text[P2P_PEER_ID_TEXT_MAX];
        p2p_peer_id id, again;

        (void) state;
        memset(in + 2, 0xff, 42);
        assert_int_equal(p2p_peer_id_decode(P2P_VIEW(in, 44), &id), 0);
        assert_int_equal(p2p_peer_id_parse(p2p_peer_id_format(&id, text), &again), 0);
        assert_true(p2p_peer_id_equal(&id, &again));
        in[1] = 43;
        assert_int_equal(p2p_peer_id_decode(P2P_VIEW(in, 45), &id), -EBADMSG);

        {
                p2p_writer w = P2P_WRITER((uint8_t *) text, sizeof(text));

                p2p_base_encode(P2P_BASE58, P2P_VIEW(in, 45), &w);
                p2p_write_u8(&w, 0);
                assert_int_equal(p2p_peer_id_parse(text, &id), -EINVAL);
        }
        {
                p2p_writer w = P2P_WRITER((uint8_t *) text, sizeof(text));

                p2p_write_u8(&w, 'f');
                p2p_base_encode(P2P_BASE16, HEX("0172"), &w);
                p2p_base_encode(P2P_BASE16, P2P_VIEW(in, 45), &w);
                p2p_write_u8(&w, 0);
                assert_int_equal(p2p_peer_id_parse(text, &id), -EINVAL);
        }
}

static void bytes_decode_and_are_judged(void **state) {
        p2p_peer_id id, other;

        (void) state;
        assert_int_equal(p2p_peer_id_decode(HEX(HASH_A), &id), 0);
        assert_true(p2p_view_equal(p2p_peer_id_view(&id), HEX(HASH_A)));
        assert_int_equal(p2p_peer_id_parse(TEXT_A, &other), 0);
        assert_true(p2p_peer_id_equal(&id, &other));
        assert_int_equal(p2p_peer_id_decode((p2p_view){}, &id), -EBADMSG);
        assert_int_equal(p2p_peer_id_decode(HEX(HASH_A "00"), &id), -EBADMSG);
        assert_int_equal(p2p_peer_id_decode(HEX("0172" HASH_A), &id), -EBADMSG); /* a CID is no id */
        assert_int_equal(p2p_peer_id_decode(HEX("05aabb"), &id), -EBADMSG);
}

static void ids_have_a_total_order(void **state) {
        p2p_peer_id a, b, shorter;

        (void) state;
        assert_int_equal(p2p_peer_id_decode(HEX(HASH_A), &a), 0);
        assert_int_equal(p2p_peer_id_decode(HEX(HASH_B), &b), 0);
        shorter = a;
        shorter.n--;
        assert_int_equal(p2p_peer_id_compare(&a, &a), 0);
        assert_true(p2p_peer_id_compare(&a, &b) < 0);
        assert_true(p2p_peer_id_compare(&b, &a) > 0);
        assert_true(p2p_peer_id_compare(&shorter, &a) < 0);
        assert_true(p2p_peer_id_compare(&a, &shorter) > 0);
        assert_false(p2p_peer_id_equal(&a, &shorter));
        assert_false(p2p_peer_id_equal(&a, &b));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_form_parses_to_one_text),
                cmocka_unit_test(base36_and_base58_cids_parse),
                cmocka_unit_test(what_is_no_id_is_refused),
                cmocka_unit_test(an_id_is_at_most_44_bytes),
                cmocka_unit_test(bytes_decode_and_are_judged),
                cmocka_unit_test(ids_have_a_total_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
