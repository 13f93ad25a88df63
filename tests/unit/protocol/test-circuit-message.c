/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hop and stop messages as go-libp2p 0.47 wrote them (wire reference 11.1), and what is not one. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/envelope.h"
#include "protocol/circuit-message.h"
#include "tests/support/hex.h"
#include "tests/unit/protocol/protocol-vectors.h"

static const char peer_a[] = "12D3KooWQbb6k91VYokt5K45RdSVM4oyN3QhkCNwwfqy1L3DWbsz";
static const char peer_b[] = "12D3KooWC4T1AXU2s2YBgGJ2FeaYVtsKoHZWJeubnWe9SnuSE7Zb";
static const char relay[] = "12D3KooWByZqYEvjf2mWz6Bhtn6iGoyV3JZ3gYDiXY6wok3NmD4i";

/* Without its length prefix. */
static p2p_view body(p2p_view v) {
        size_t prefix = v.data[0] & 0x80 ? 2 : 1;

        return P2P_VIEW(v.data + prefix, v.n - prefix);
}

static void assert_peer(const p2p_peer_id *id, const char *expect) {
        char text[P2P_PEER_ID_TEXT_MAX];

        assert_string_equal(p2p_peer_id_format(id, text), expect);
}

static void a_granted_reservation_is_understood(void **state _unused_) {
        char text[P2P_ADDR_TEXT_MAX], expect[P2P_ADDR_TEXT_MAX];
        p2p_hop_message m;
        p2p_voucher v;

        assert_int_equal(p2p_hop_message_parse(body(HEX(RESERVE_ANSWER)), &m), 0);
        assert_int_equal(m.type, P2P_HOP_STATUS);
        assert_int_equal(m.status, P2P_HOP_OK);
        assert_true(m.has_reservation);
        assert_int_equal(m.expires, 1795243271);
        assert_int_equal(m.limit.duration_s, 120);
        assert_int_equal(m.limit.data, 131072);
        assert_int_equal(m.n_addrs, 1);
        (void) snprintf(expect, sizeof(expect), "/ip4/45.79.0.10/tcp/4010/p2p/%s", relay);
        assert_string_equal(p2p_addr_format(m.addrs[0], text), expect);
        assert_int_equal(p2p_voucher_open(m.voucher, &v), 0);
        assert_peer(&v.relay, relay);
        assert_peer(&v.peer, peer_a);
        assert_int_equal(v.expires, 1795243271);
        p2p_hop_message_done(&m);
        assert_int_equal(m.n_addrs, 0);
}

static void requests_are_understood(void **state _unused_) {
        p2p_hop_message m;

        assert_int_equal(p2p_hop_message_parse(body(HEX(RESERVE_REQUEST)), &m), 0);
        assert_int_equal(m.type, P2P_HOP_RESERVE);
        assert_false(m.has_peer);
        assert_int_equal(p2p_hop_message_parse(body(HEX(CONNECT_REQUEST)), &m), 0);
        assert_int_equal(m.type, P2P_HOP_CONNECT);
        assert_true(m.has_peer);
        assert_peer(&m.peer, peer_a);
        assert_int_equal(p2p_hop_message_parse(body(HEX(CONNECT_ANSWER)), &m), 0);
        assert_int_equal(m.type, P2P_HOP_STATUS);
        assert_int_equal(m.status, P2P_HOP_OK);
        assert_int_equal(m.limit.duration_s, 120);
        assert_int_equal(m.limit.data, 131072);
        assert_false(m.has_reservation);
}

static void refusals_are_understood(void **state _unused_) {
        static const struct { const char *hex; unsigned status; const char *name; } cases[] = {
                { REFUSED_RESERVATION,    200, "RESERVATION_REFUSED"     },
                { REFUSED_RESOURCE_LIMIT, 201, "RESOURCE_LIMIT_EXCEEDED" },
                { REFUSED_PERMISSION,     202, "PERMISSION_DENIED"       },
                { REFUSED_NO_RESERVATION, 204, "NO_RESERVATION"          },
                { REFUSED_MALFORMED,      400, "MALFORMED_MESSAGE"       },
        };
        uint8_t bytes[64];
        p2p_hop_message m;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(p2p_hop_message_parse(body(hex_view(cases[i].hex, bytes, sizeof(bytes))), &m), 0);
                assert_int_equal(m.type, P2P_HOP_STATUS);
                assert_int_equal(m.status, cases[i].status);
                assert_string_equal(p2p_hop_status_name(m.status), cases[i].name);
        }
        assert_string_equal(p2p_hop_status_name(100), "OK");
        assert_string_equal(p2p_hop_status_name(203), "CONNECTION_FAILED");
        assert_string_equal(p2p_hop_status_name(401), "UNEXPECTED_MESSAGE");
        assert_string_equal(p2p_hop_status_name(12345), "UNUSED");
}

static void a_stop_message_has_its_own_numbers(void **state _unused_) {
        p2p_stop_message m;

        assert_int_equal(p2p_stop_message_parse(body(HEX(STOP_REQUEST)), &m), 0);
        assert_int_equal(m.type, P2P_STOP_CONNECT);
        assert_true(m.has_peer);
        assert_peer(&m.peer, peer_b);
        assert_int_equal(m.limit.duration_s, 120);
        assert_int_equal(m.limit.data, 131072);
        assert_int_equal(p2p_stop_message_parse(body(HEX(STOP_ANSWER)), &m), 0);
        assert_int_equal(m.type, P2P_STOP_STATUS);
        assert_int_equal(m.status, P2P_HOP_OK);
        assert_false(m.has_peer);
}

static void no_type_counts_as_the_first(void **state _unused_) {
        p2p_stop_message stop;
        p2p_hop_message hop;

        assert_int_equal(p2p_hop_message_parse(P2P_VIEW("", 0), &hop), 0);
        assert_int_equal(hop.type, P2P_HOP_RESERVE);
        assert_int_equal(p2p_stop_message_parse(P2P_VIEW("", 0), &stop), 0);
        assert_int_equal(stop.type, P2P_STOP_CONNECT);
}

static void bad_messages_are_refused(void **state _unused_) {
        static const struct { const char *why, *hex; } cases[] = {
                { "hop type 3",           "0803"             },
                { "negative type",        "08ffffffffffffffffff01" },
                { "peer without id",      "0801 1200"        },
                { "peer with an empty id", "0801 1202 0a00"  },
                { "peer that is no id",   "0801 1205 0a03 010203" },
                { "peer with a byte too many", "0801 1229 0a27 002408011220db995fe25169d141cab9bbba92baa01f9f2e1ece7df4cb2ac05190f37fcc1f9d00" },
                { "cut",                  "0801 1228 0a26"   },
                { "reservation without expiry", "0802 1a00 2864" },
                { "garbage",              "ffffffff"         },
                { "field 0",              "0001"             },
        };
        uint8_t bytes[128];
        p2p_hop_message m;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (p2p_hop_message_parse(hex_view(cases[i].hex, bytes, sizeof(bytes)), &m) != -EBADMSG)
                        fail_msg("%s", cases[i].why);
}

static void stop_type_2_is_refused(void **state _unused_) {
        p2p_stop_message m;

        assert_int_equal(p2p_stop_message_parse(HEX("0802"), &m), -EBADMSG);
        assert_int_equal(p2p_stop_message_parse(HEX("1205 0a03 010203"), &m), -EBADMSG);
}

static void more_than_4096_bytes_are_refused(void **state _unused_) {
        static uint8_t bytes[4097] = { 0x7a }; /* unknown field 15 of 4093 bytes */
        p2p_hop_message m;

        bytes[1] = 0xfd;
        bytes[2] = 0x1f;
        assert_int_equal(p2p_hop_message_parse(P2P_VIEW(bytes, 4096), &m), 0);
        bytes[1] = 0xfe;
        assert_int_equal(p2p_hop_message_parse(P2P_VIEW(bytes, 4097), &m), -EMSGSIZE);
}

/* STATUS OK with a reservation of n addresses, one in front of them unparseable. */
static p2p_view many_addrs(uint8_t *out, unsigned n) {
        size_t at = 0, body_n = 2 + 4 + 10 * n;

        memcpy(out, "\x08\x02\x1a", 3);
        out[3] = (uint8_t) (body_n | 0x80);
        out[4] = (uint8_t) (body_n >> 7);
        memcpy(out + 5, "\x08\x01\x12\x02\xff\xff", 6);
        for (at = 11; n-- > 0; at += 10)
                memcpy(out + at, "\x12\x08\x04\x01\x02\x03\x04\x06\x0f\xa1", 10);
        return P2P_VIEW(out, at);
}

static void addresses_are_cut_at_32(void **state _unused_) {
        uint8_t bytes[1024];
        p2p_hop_message m;

        assert_int_equal(p2p_hop_message_parse(many_addrs(bytes, 32), &m), 0);
        assert_int_equal(m.n_addrs, 32);
        p2p_hop_message_done(&m);
        assert_int_equal(p2p_hop_message_parse(many_addrs(bytes, 33), &m), 0);
        assert_int_equal(m.n_addrs, 32);
        p2p_hop_message_done(&m);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_granted_reservation_is_understood),
                cmocka_unit_test(requests_are_understood),
                cmocka_unit_test(refusals_are_understood),
                cmocka_unit_test(a_stop_message_has_its_own_numbers),
                cmocka_unit_test(no_type_counts_as_the_first),
                cmocka_unit_test(bad_messages_are_refused),
                cmocka_unit_test(stop_type_2_is_refused),
                cmocka_unit_test(more_than_4096_bytes_are_refused),
                cmocka_unit_test(addresses_are_cut_at_32),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
