/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Identify messages as go-libp2p 0.47 wrote them, merged and judged (wire reference 10). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/identify.h>

#include "protocol/identify-message.h"
#include "tests/support/hex.h"
#include "tests/unit/protocol/protocol-vectors.h"

static p2p_view body(p2p_view v) {
        return P2P_VIEW(v.data + 2, v.n - 2); /* all of them have two bytes of length */
}

static p2p_peer_id peer(const char *text) {
        p2p_peer_id id;

        assert_int_equal(p2p_peer_id_parse(text, &id), 0);
        return id;
}
#define PEER_A peer("12D3KooWQbb6k91VYokt5K45RdSVM4oyN3QhkCNwwfqy1L3DWbsz")
#define PEER_B peer("12D3KooWC4T1AXU2s2YBgGJ2FeaYVtsKoHZWJeubnWe9SnuSE7Zb")

static void assert_addr(const p2p_addr *addr, const char *expect) {
        char text[P2P_ADDR_TEXT_MAX];

        assert_string_equal(p2p_addr_format(addr, text), expect);
}

/* How many addresses are believed of the peer at this remote address; the first must be `first`. */
static size_t believed(const p2p_identify_info *info, const p2p_peer_id *id, const char *remote_text, const char *first) {
        _cleanup_(p2p_addr_freep) p2p_addr *remote = NULL;
        p2p_addr **addrs;
        size_t n;

        assert_int_equal(p2p_addr_parse(remote_text, &remote), 0);
        assert_int_equal(p2p_identify_info_addrs(info, id, remote, &addrs, &n), 0);
        if (first)
                assert_addr(addrs[0], first);
        for (size_t i = 0; i < n; i++)
                p2p_addr_free(addrs[i]);
        free(addrs);
        return n;
}

static void a_message_of_go_is_understood(void **state _unused_) {
        p2p_identify_info info = {};
        p2p_peer_id a = PEER_A, b = PEER_B;

        assert_int_equal(p2p_identify_info_merge(&info, body(HEX(IDENTIFY_OF_B))), 0);
        assert_string_equal(info.agent, "golden-b/1.0");
        assert_int_equal(info.n_protocols, 4);
        assert_string_equal(info.protocols[0], "/ipfs/id/1.0.0");
        assert_string_equal(info.protocols[3], "/libp2p/circuit/relay/0.2.0/stop");
        assert_int_equal(info.n_listen_addrs, 1);
        assert_addr(info.listen_addrs[0], "/ip4/45.79.0.2/tcp/4002");
        assert_addr(info.observed, "/ip4/45.79.0.1/tcp/4001");
        assert_true(p2p_identify_info_is_signed(&info, &b));
        assert_false(p2p_identify_info_is_signed(&info, &a));
        assert_int_equal(believed(&info, &b, "/ip4/45.79.0.2/tcp/4002", "/ip4/45.79.0.2/tcp/4002"), 1);
        p2p_identify_info_done(&info);
        assert_null(info.agent);
}

static void a_record_may_come_in_a_second_message(void **state _unused_) {
        p2p_identify_info info = {};
        p2p_peer_id b = PEER_B;

        assert_int_equal(p2p_identify_info_merge(&info, body(HEX(IDENTIFY_LARGE_OF_B))), 0);
        assert_int_equal(info.n_protocols, 74);
        assert_false(p2p_identify_info_is_signed(&info, &b));
        assert_int_equal(p2p_identify_info_merge(&info, body(HEX(IDENTIFY_RECORD_OF_B))), 0);
        assert_int_equal(info.n_protocols, 74);
        assert_true(p2p_identify_info_is_signed(&info, &b));
        assert_string_equal(info.agent, "golden-b/1.0"); /* what the second does not say stays */
        p2p_identify_info_done(&info);
}

static void a_later_message_replaces_scalars_and_appends_lists(void **state _unused_) {
        p2p_identify_info info = {};

        assert_int_equal(p2p_identify_info_merge(&info, body(HEX(IDENTIFY_OF_A))), 0);
        assert_int_equal(p2p_identify_info_merge(&info, body(HEX(IDENTIFY_OF_B))), 0);
        assert_string_equal(info.agent, "golden-b/1.0");
        assert_int_equal(info.n_protocols, 3 + 4);
        assert_int_equal(info.n_listen_addrs, 2);
        p2p_identify_info_done(&info);
}

static void the_record_of_another_gives_no_addresses(void **state _unused_) {
        p2p_identify_info info = {};
        p2p_peer_id a = PEER_A;

        assert_int_equal(p2p_identify_info_merge(&info, body(HEX(IDENTIFY_OF_B))), 0);
        assert_int_equal(believed(&info, &a, "/ip4/45.79.0.2/tcp/4002", NULL), 0);
        p2p_identify_info_done(&info);
}

static void a_record_with_a_bad_signature_gives_no_addresses(void **state _unused_) {
        p2p_identify_info info = {};
        p2p_peer_id b = PEER_B;

        assert_int_equal(p2p_identify_info_merge(&info, body(HEX(IDENTIFY_OF_B))), 0);
        info.record[info.n_record - 1] ^= 1;
        assert_int_equal(believed(&info, &b, "/ip4/45.79.0.2/tcp/4002", NULL), 0);
        p2p_identify_info_done(&info);
}

static void without_a_parseable_record_the_plain_addresses_count(void **state _unused_) {
        p2p_identify_info info = {};
        p2p_peer_id b = PEER_B;

        assert_int_equal(p2p_identify_info_merge(&info, body(HEX(IDENTIFY_OF_B))), 0);
        info.n_record = 5;
        assert_int_equal(believed(&info, &b, "/ip4/45.79.0.2/tcp/4002", "/ip4/45.79.0.2/tcp/4002"), 1);
        info.n_record = 0;
        free(TAKE_PTR(info.record));
        assert_int_equal(believed(&info, &b, "/ip4/45.79.0.2/tcp/4002", "/ip4/45.79.0.2/tcp/4002"), 1);
        p2p_identify_info_done(&info);
}

/* 127.0.0.1, 10.0.0.1, 45.79.0.2, 192.0.2.1 (documentation), and one that is cut. */
#define FOUR_ADDRS "1208 047f000001060fa1 1208 040a000001060fa1 1208 042d4f0002060fa1 1208 04c0000201060fa1 1203 047f00"

static void where_the_peer_is_decides_what_is_believed(void **state _unused_) {
        static const struct { const char *remote, *first; size_t n; } cases[] = {
                { "/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/4001", 4 },
                { "/ip4/10.0.0.9/tcp/1",  "/ip4/10.0.0.1/tcp/4001",  3 },
                { "/ip4/8.8.8.8/tcp/1",   "/ip4/45.79.0.2/tcp/4001", 1 },
                { "/ip4/192.0.2.9/tcp/1", "/ip4/127.0.0.1/tcp/4001", 4 },
        };
        p2p_identify_info info = {};
        p2p_peer_id b = PEER_B;

        assert_int_equal(p2p_identify_info_merge(&info, HEX(FOUR_ADDRS)), 0);
        assert_int_equal(info.n_listen_addrs, 4);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (believed(&info, &b, cases[i].remote, cases[i].first) != cases[i].n)
                        fail_msg("%s", cases[i].remote);
        p2p_identify_info_done(&info);
}

/* n times the field of this tag with `size` bytes of 'x'. */
static p2p_view repeat(uint8_t *out, uint8_t tag, unsigned n, size_t size) {
        size_t at = 0;

        while (n-- > 0) {
                out[at++] = tag;
                out[at++] = (uint8_t) (size & 0x7f) | (size > 0x7f ? 0x80 : 0);
                if (size > 0x7f)
                        out[at++] = (uint8_t) (size >> 7);
                memset(out + at, 'x', size);
                at += size;
        }
        return P2P_VIEW(out, at);
}

static void protocols_are_cut_at_512(void **state _unused_) {
        p2p_identify_info info = {};
        uint8_t bytes[8192];

        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(p2p_identify_info_merge(&info, repeat(bytes, 0x1a, 200, 4)), 0);
        assert_int_equal(info.n_protocols, 512);
        p2p_identify_info_done(&info);
}

static void addresses_are_cut_at_128(void **state _unused_) {
        p2p_identify_info info = {};
        uint8_t bytes[8192];
        size_t n = 0;

        for (unsigned i = 0; i < 129; i++, n += 10)
                memcpy(bytes + n, "\x12\x08\x04\x01\x02\x03\x04\x06\x0f\xa1", 10);
        assert_int_equal(p2p_identify_info_merge(&info, P2P_VIEW(bytes, n)), 0);
        assert_int_equal(info.n_listen_addrs, 128);
        p2p_identify_info_done(&info);
}

static void long_strings_are_cut_or_left_out(void **state _unused_) {
        p2p_identify_info info = {};
        uint8_t bytes[1024];

        assert_int_equal(p2p_identify_info_merge(&info, repeat(bytes, 0x1a, 1, 256)), 0);
        assert_int_equal(p2p_identify_info_merge(&info, repeat(bytes, 0x1a, 1, 257)), 0);
        assert_int_equal(info.n_protocols, 1);
        assert_int_equal(p2p_identify_info_merge(&info, repeat(bytes, 0x32, 1, 300)), 0);
        assert_int_equal(strlen(info.agent), 256);
        p2p_identify_info_done(&info);
}

/* They end in logs, in terminals, and on D-Bus, which refuses a whole reply for one byte that is no UTF-8. */
static void text_is_made_fit_to_be_shown(void **state _unused_) {
        static const struct {
                const char *in, *agent;
        } cases[] = {
                { "peerup/1.0 \xc3\xa9", "peerup/1.0 \xc3\xa9" }, { "a\x1b[2Jb", "a?[2Jb" }, { "a\nb", "a?b" },
                { "a\xff\xc3", "a??" }, { "a\xc2\x9b" "b", "a??b" }, { "\x7f", "?" }, { "", "" },
        };
        uint8_t bytes[1024];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_identify_info info = {};
                size_t n = strlen(cases[i].in);

                bytes[0] = 0x32;
                bytes[1] = (uint8_t) n;
                memcpy(bytes + 2, cases[i].in, n);
                assert_int_equal(p2p_identify_info_merge(&info, P2P_VIEW(bytes, n + 2)), 0);
                assert_string_equal(info.agent, cases[i].agent);
                bytes[0] = 0x1a;
                assert_int_equal(p2p_identify_info_merge(&info, P2P_VIEW(bytes, n + 2)), 0);
                assert_int_equal(info.n_protocols, strcmp(cases[i].in, cases[i].agent) == 0); /* a name is not bent */
                p2p_identify_info_done(&info);
        }
}

static void a_cut_agent_is_whole_characters(void **state _unused_) {
        p2p_identify_info info = {};
        uint8_t bytes[303] = { 0x32, 0xac, 0x02, 'x' };

        for (size_t i = 4; i < sizeof(bytes); i++)
                bytes[i] = i % 2 ? 0xa9 : 0xc3; /* x and 149.5 times e acute: 257 bytes end between two */
        bytes[302] = 'y';
        assert_int_equal(p2p_identify_info_merge(&info, P2P_VIEW(bytes, sizeof(bytes))), 0);
        assert_int_equal(strlen(info.agent), 255);
        assert_memory_equal(info.agent + 253, "\xc3\xa9", 2);
        p2p_identify_info_done(&info);
}

static void a_message_beyond_8_KiB_or_cut_is_refused(void **state _unused_) {
        static uint8_t bytes[8300];
        p2p_identify_info info = {};
        p2p_view v;

        assert_int_equal(p2p_identify_info_merge(&info, repeat(bytes, 0x7a, 1, 8189)), 0);
        v = repeat(bytes, 0x7a, 1, 8190);
        assert_int_equal(v.n, 8193);
        assert_int_equal(p2p_identify_info_merge(&info, v), -EMSGSIZE);
        v = body(HEX(IDENTIFY_OF_B));
        v.n--;
        assert_int_equal(p2p_identify_info_merge(&info, v), -EBADMSG);
        p2p_identify_info_done(&info);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_message_of_go_is_understood),
                cmocka_unit_test(a_record_may_come_in_a_second_message),
                cmocka_unit_test(a_later_message_replaces_scalars_and_appends_lists),
                cmocka_unit_test(the_record_of_another_gives_no_addresses),
                cmocka_unit_test(a_record_with_a_bad_signature_gives_no_addresses),
                cmocka_unit_test(without_a_parseable_record_the_plain_addresses_count),
                cmocka_unit_test(where_the_peer_is_decides_what_is_believed),
                cmocka_unit_test(protocols_are_cut_at_512),
                cmocka_unit_test(addresses_are_cut_at_128),
                cmocka_unit_test(long_strings_are_cut_or_left_out),
                cmocka_unit_test(text_is_made_fit_to_be_shown),
                cmocka_unit_test(a_cut_agent_is_whole_characters),
                cmocka_unit_test(a_message_beyond_8_KiB_or_cut_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
