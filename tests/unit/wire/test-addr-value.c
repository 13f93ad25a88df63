/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Values of addresses, numbers, names and paths, through whole addresses (wire reference 1). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/addr.h>

#include "tests/support/hex.h"

/* hex NULL: refused. canonical NULL: as the text. */
static const struct {
        const char *text, *hex, *canonical;
} cases[] = {
        { "/ip4/0.0.0.0", "0400000000", NULL },
        { "/ip4/255.255.255.255", "04ffffffff", NULL },
        { "/ip4/::ffff:1.2.3.4", "0401020304", "/ip4/1.2.3.4" },
        { "/ip4/::1", NULL, NULL },
        { "/ip4/1.2.3.04", NULL, NULL },
        { "/ip4/1.2.3.-4", NULL, NULL },
        { "/ip4/0x7f.0.0.1", NULL, NULL },
        { "/ip4/1.2.3.4000000000000000000000000000000000000000000000000", NULL, NULL },
        { "/ip6/::", "2900000000000000000000000000000000", NULL },
        { "/ip6/::1", "2900000000000000000000000000000001", NULL },
        { "/ip6/::102:304", "2900000000000000000000000001020304", NULL },
        { "/ip6/::1.2.3.4", "2900000000000000000000000001020304", "/ip6/::102:304" },
        { "/ip6/::ffff:1.2.3.4", "2900000000000000000000ffff01020304", NULL },
        { "/ip6/1.2.3.4", "2900000000000000000000ffff01020304", "/ip6/::ffff:1.2.3.4" },
        { "/ip6/64:ff9b::102:304", "290064ff9b000000000000000001020304", NULL },
        { "/ip6/1:0:0:2:0:0:0:3", "2900010000000000020000000000000003", "/ip6/1:0:0:2::3" },
        { "/ip6/1:2:0:4:5:6:7:8", "2900010002000000040005000600070008", NULL },
        { "/ip6/1:2:3:4:5:6:7:8:9", NULL, NULL },
        { "/ip6/12345::", NULL, NULL },
        { "/ip6/::g", NULL, NULL },
        { "/ip6/[::1]", NULL, NULL },
        { "/ip6/1:2:3:4:5:6:7", NULL, NULL },
        { "/udp/65535", "9102ffff", NULL },
        { "/udp/65536", NULL, NULL },
        { "/tcp/99999999999999999999999999", NULL, NULL },
        { "/ipcidr/0", "2b00", NULL },
        { "/ipcidr/255", "2bff", NULL },
        { "/ipcidr/256", NULL, NULL },
        { "/ip4/10.0.0.0/ipcidr/8", "040a0000002b08", NULL },
        { "/memory/0", "89060000000000000000", NULL },
        { "/memory/18446744073709551615", "8906ffffffffffffffff", NULL },
        { "/memory/18446744073709551616", NULL, NULL },
        { "/ip6zone/eth0", "2a0465746830", NULL },
        { "/dns6/a", "370161", NULL },
        { "/dns/gr\xc3\xbc\xc3\x9f.example", "350e6772c3bcc39f2e6578616d706c65", NULL },
        { "/dns/\xc0\xaf", NULL, NULL },
        { "/dns/a\x1b[2Jb", NULL, NULL },
        { "/unix/\x01", NULL, NULL },
        { "/sni/example.com", "c1030b6578616d706c652e636f6d", NULL },
        { "/http-path/a", "e1030161", NULL },
        { "/http-path/a%2Fb+c%00%ff", "e10307612f62206300ff", "/http-path/a%2Fb+c%00%FF" },
        { "/http-path/-_.~", "e103042d5f2e7e", NULL },
        { "/http-path/%2b%C3%BC", "e103032bc3bc", "/http-path/%2B%C3%BC" },
        { "/http-path/%4", NULL, NULL },
        { "/http-path/%g0", NULL, NULL },
        { "/http-path/%0g", NULL, NULL },
};

static void values_go_both_ways_or_are_refused(void **state) {
        char text[P2P_ADDR_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL, *again = NULL;
                int r = p2p_addr_parse(cases[i].text, &addr);

                if (r != (cases[i].hex ? 0 : -EINVAL))
                        fail_msg("%s: %d", cases[i].text, r);
                if (r < 0)
                        continue;
                if (!p2p_view_equal(p2p_addr_view(addr), HEX(cases[i].hex)))
                        fail_msg("%s: other bytes", cases[i].text);
                assert_int_equal(p2p_addr_decode(HEX(cases[i].hex), &again), 0);
                assert_string_equal(p2p_addr_format(again, text), cases[i].canonical ?: cases[i].text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(values_go_both_ways_or_are_refused) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
