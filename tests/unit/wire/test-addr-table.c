/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every row of the multiaddr table of wire reference 1: name, code, its bytes, the size of its value; and
 * its limits. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/support/hex.h"
#include "wire/addr-table.h"

static const struct {
        const char *name;
        unsigned code;
        const char *uvarint;
        int size;
} rows[] = {
        { "ip4", 4, "04", 4 },
        { "tcp", 6, "06", 2 },
        { "ip6", 41, "29", 16 },
        { "ip6zone", 42, "2a", P2P_ADDR_VARIABLE },
        { "ipcidr", 43, "2b", 1 },
        { "dns", 53, "35", P2P_ADDR_VARIABLE },
        { "dns4", 54, "36", P2P_ADDR_VARIABLE },
        { "dns6", 55, "37", P2P_ADDR_VARIABLE },
        { "dnsaddr", 56, "38", P2P_ADDR_VARIABLE },
        { "udp", 273, "9102", 2 },
        { "p2p-circuit", 290, "a202", 0 },
        { "unix", 400, "9003", P2P_ADDR_VARIABLE },
        { "p2p", 421, "a503", P2P_ADDR_VARIABLE },
        { "tls", 448, "c003", 0 },
        { "sni", 449, "c103", P2P_ADDR_VARIABLE },
        { "noise", 454, "c603", 0 },
        { "quic", 460, "cc03", 0 },
        { "quic-v1", 461, "cd03", 0 },
        { "webtransport", 465, "d103", 0 },
        { "certhash", 466, "d203", P2P_ADDR_VARIABLE },
        { "ws", 477, "dd03", 0 },
        { "wss", 478, "de03", 0 },
        { "http", 480, "e003", 0 },
        { "http-path", 481, "e103", P2P_ADDR_VARIABLE },
        { "webrtc-direct", 280, "9802", 0 },
        { "webrtc", 281, "9902", 0 },
        { "garlic64", 446, "be03", P2P_ADDR_VARIABLE },
        { "garlic32", 447, "bf03", P2P_ADDR_VARIABLE },
        { "onion3", 445, "bd03", 37 },
        { "memory", 777, "8906", 8 },
};

static void every_row_of_the_reference_is_there(void **state) {
        uint8_t buf[8];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const p2p_addr_protocol *p = p2p_addr_protocol_by_code(rows[i].code);
                p2p_writer w = P2P_WRITER(buf, sizeof(buf));

                if (!p)
                        fail_msg("%s", rows[i].name);
                assert_string_equal(p->name, rows[i].name);
                assert_int_equal(p->size, rows[i].size);
                assert_ptr_equal(p2p_addr_protocol_by_name(P2P_VIEW_STR(rows[i].name)), p);
                p2p_write_uvarint(&w, p->code);
                assert_true(p2p_view_equal(P2P_VIEW(buf, w.n), HEX(rows[i].uvarint)));
                /* What has a value can be read and written. */
                assert_int_equal(p->parse != NULL, p->size != 0);
                assert_int_equal(p->format != NULL, p->size != 0);
        }
}

static void ipfs_is_the_old_name_of_p2p(void **state) {
        (void) state;
        assert_ptr_equal(p2p_addr_protocol_by_name(P2P_VIEW_STR("ipfs")), p2p_addr_protocol_by_code(421));
        assert_string_equal(p2p_addr_protocol_by_code(421)->name, "p2p");
}

static void the_unknown_is_not_found(void **state) {
        static const char *const names[] = { "", "foo", "IP4", "ip", "ip44", "4" };
        static const uint64_t codes[] = { 0, 1, 5, 7, 420, 422, UINT64_MAX, 4 + (UINT64_C(1) << 32) };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_null(p2p_addr_protocol_by_name(P2P_VIEW_STR(names[i])));
        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                assert_null(p2p_addr_protocol_by_code(codes[i]));
}

static void a_fixed_value_has_its_size(void **state) {
        static const uint8_t zeros[64];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const p2p_addr_protocol *p = p2p_addr_protocol_by_code(rows[i].code);
                size_t n = (size_t) p->size;

                if (p->size == P2P_ADDR_VARIABLE) {
                        assert_int_equal(p2p_addr_protocol_check(p, (p2p_view){}), -EBADMSG);
                        continue;
                }
                assert_int_equal(p2p_addr_protocol_check(p, P2P_VIEW(zeros, n + 1)), -EBADMSG);
                if (n > 0)
                        assert_int_equal(p2p_addr_protocol_check(p, P2P_VIEW(zeros, n - 1)), -EBADMSG);
                if (p->code != P2P_ADDR_ONION3) /* its port must not be 0 */
                        assert_int_equal(p2p_addr_protocol_check(p, P2P_VIEW(zeros, n)), 0);
        }
}

static void a_dns_name_is_at_most_255_characters(void **state) {
        static const unsigned codes[] = { P2P_ADDR_DNS, P2P_ADDR_DNS4, P2P_ADDR_DNS6, P2P_ADDR_DNSADDR,
                                          P2P_ADDR_SNI };
        uint8_t name[256];

        (void) state;
        memset(name, 'a', sizeof(name));
        for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
                const p2p_addr_protocol *p = p2p_addr_protocol_by_code(codes[i]);

                assert_int_equal(p2p_addr_protocol_check(p, P2P_VIEW(name, 255)), 0);
                assert_int_equal(p2p_addr_protocol_check(p, P2P_VIEW(name, 256)), -EMSGSIZE);
        }
}

static void a_p2p_value_is_at_most_128_bytes(void **state) {
        const p2p_addr_protocol *p = p2p_addr_protocol_by_code(P2P_ADDR_P2P);
        uint8_t hash[129] = { 0x00, 126 };

        (void) state;
        assert_int_equal(p2p_addr_protocol_check(p, P2P_VIEW(hash, 128)), 0);
        hash[1] = 127;
        assert_int_equal(p2p_addr_protocol_check(p, P2P_VIEW(hash, 129)), -EMSGSIZE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_row_of_the_reference_is_there),
                cmocka_unit_test(ipfs_is_the_old_name_of_p2p),
                cmocka_unit_test(the_unknown_is_not_found),
                cmocka_unit_test(a_fixed_value_has_its_size),
                cmocka_unit_test(a_dns_name_is_at_most_255_characters),
                cmocka_unit_test(a_p2p_value_is_at_most_128_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
