/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Public, private or neither: both edges of every range of wire reference 1. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/addr.h>

enum { PUBLIC = 1, PRIVATE = 2, NEITHER = 4, LOOPBACK = 8 };

static const struct {
        const char *text;
        int expect;
} cases[] = {
        { "/ip4/8.8.8.8/tcp/1", PUBLIC },
        { "/ip4/8.8.8.8", PUBLIC },
        { "/ip4/9.255.255.255", PUBLIC },
        { "/ip4/10.0.0.0", PRIVATE },
        { "/ip4/10.255.255.255/udp/1/quic-v1", PRIVATE },
        { "/ip4/11.0.0.0", PUBLIC },
        { "/ip4/100.63.255.255", PUBLIC },
        { "/ip4/100.64.0.0", PRIVATE },
        { "/ip4/100.127.255.255", PRIVATE },
        { "/ip4/100.128.0.0", PUBLIC },
        { "/ip4/126.255.255.255", PUBLIC },
        { "/ip4/127.0.0.0", PRIVATE | LOOPBACK },
        { "/ip4/127.255.255.255", PRIVATE | LOOPBACK },
        { "/ip4/128.0.0.0", PUBLIC },
        { "/ip4/169.253.255.255", PUBLIC },
        { "/ip4/169.254.0.0", PRIVATE },
        { "/ip4/169.255.0.0", PUBLIC },
        { "/ip4/172.15.255.255", PUBLIC },
        { "/ip4/172.16.0.0", PRIVATE },
        { "/ip4/172.31.255.255", PRIVATE },
        { "/ip4/172.32.0.0", PUBLIC },
        { "/ip4/192.167.255.255", PUBLIC },
        { "/ip4/192.168.0.0", PRIVATE },
        { "/ip4/192.168.255.255", PRIVATE },
        { "/ip4/192.169.0.0", PUBLIC },
        { "/ip4/0.0.0.0", NEITHER },
        { "/ip4/0.255.255.255", NEITHER },
        { "/ip4/1.0.0.0", PUBLIC },
        { "/ip4/191.255.255.255", PUBLIC },
        { "/ip4/192.0.0.0", NEITHER },
        { "/ip4/192.0.0.63", NEITHER },
        { "/ip4/192.0.0.64", PUBLIC }, /* go-multiaddr 0.16 has a /26 here, whatever IANA says */
        { "/ip4/192.0.1.0", PUBLIC },
        { "/ip4/192.0.2.0", NEITHER },
        { "/ip4/192.0.2.255", NEITHER },
        { "/ip4/192.0.3.0", PUBLIC },
        { "/ip4/192.88.98.255", PUBLIC },
        { "/ip4/192.88.99.0", NEITHER },
        { "/ip4/192.88.99.255", NEITHER },
        { "/ip4/192.88.100.0", PUBLIC },
        { "/ip4/198.17.255.255", PUBLIC },
        { "/ip4/198.18.0.0", NEITHER },
        { "/ip4/198.19.255.255", NEITHER },
        { "/ip4/198.20.0.0", PUBLIC },
        { "/ip4/198.51.99.255", PUBLIC },
        { "/ip4/198.51.100.0", NEITHER },
        { "/ip4/198.51.100.255", NEITHER },
        { "/ip4/198.51.101.0", PUBLIC },
        { "/ip4/203.0.113.0", NEITHER },
        { "/ip4/203.0.113.255", NEITHER },
        { "/ip4/203.0.114.0", PUBLIC },
        { "/ip4/223.255.255.255", PUBLIC },
        { "/ip4/224.0.0.0", NEITHER },
        { "/ip4/239.255.255.255", NEITHER },
        { "/ip4/240.0.0.0", NEITHER },
        { "/ip4/255.255.255.255", NEITHER },
        { "/ip6/2000::/tcp/1", PUBLIC },
        { "/ip6/3fff:ffff::", PUBLIC },
        { "/ip6/1fff:ffff::", NEITHER },
        { "/ip6/4000::", NEITHER },
        { "/ip6/2001::1", PUBLIC },
        { "/ip6/2001:db7:ffff::", PUBLIC },
        { "/ip6/2001:db8::", NEITHER },
        { "/ip6/2001:db8:ffff::", NEITHER },
        { "/ip6/2001:db9::", PUBLIC },
        { "/ip6/2002:a00::1", PUBLIC },
        { "/ip6/3fff::1", PUBLIC },
        { "/ip6/64:ff9b::8.8.8.8", PUBLIC },
        { "/ip6/64:ff9b::10.0.0.1", PUBLIC },
        { "/ip6/64:ff9b::1:0:0", NEITHER }, /* beyond the /96 */
        { "/ip6/64:ff9b:1::1", PUBLIC },    /* the local use prefix */
        { "/ip6/64:ff9b:2::1", NEITHER },
        { "/ip6/100::1", NEITHER },
        { "/ip6/::", NEITHER },
        { "/ip6/::1", PRIVATE | LOOPBACK },
        { "/ip6/::2", NEITHER },
        { "/ip6/::ffff:8.8.8.8", NEITHER },
        { "/ip6/::ffff:10.0.0.1", NEITHER },
        { "/ip6/::ffff:127.0.0.1", NEITHER | LOOPBACK },
        { "/ip6/::ffff:128.0.0.1", NEITHER },
        { "/ip6/fbff::", NEITHER },
        { "/ip6/fc00::", PRIVATE },
        { "/ip6/fdff:ffff::", PRIVATE },
        { "/ip6/fe00::", NEITHER },
        { "/ip6/fe7f::", NEITHER },
        { "/ip6/fe80::1", PRIVATE },
        { "/ip6/febf::1", PRIVATE },
        { "/ip6/fec0::", NEITHER },
        { "/ip6/ff02::1", NEITHER },
        { "/ip6zone/eth0/ip6/fe80::1/tcp/1", PRIVATE },
        { "/ip6zone/lo/ip6/::1", PRIVATE | LOOPBACK },
        { "/ip6zone/eth0", NEITHER },
        { "/dns/example.com/tcp/1", PUBLIC },
        { "/dns4/example.com", PUBLIC },
        { "/dns6/example.com", PUBLIC },
        { "/dnsaddr/bootstrap.libp2p.io", PUBLIC },
        { "/dns/localhost", PRIVATE },
        { "/dns4/a.localhost", PRIVATE },
        { "/dns6/localhost", PRIVATE },
        { "/dnsaddr/localhost", PRIVATE },
        { "/dns/notlocalhost", PUBLIC },
        { "/dns/localhost.example.com", PUBLIC },
        { "/dns/local", NEITHER },
        { "/dns/printer.local", NEITHER },
        { "/dns/test", NEITHER },
        { "/dns/a.test", NEITHER },
        { "/dns/a.home.arpa", NEITHER },
        { "/dns/1.0.0.127.in-addr.arpa", NEITHER },
        { "/dns/1.ip6.arpa", NEITHER },
        { "/dns/a.invalid", NEITHER },
        { "/dns/contest", PUBLIC },
        { "/p2p-circuit", NEITHER },
        { "/unix/a", NEITHER },
        { "/memory/1", NEITHER },
        { "/tcp/1", NEITHER },
        { "/ip4/8.8.8.8/tcp/1/p2p/12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB/p2p-circuit",
          PUBLIC },
};

static void every_edge_of_every_range(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;

                if (p2p_addr_parse(cases[i].text, &addr) < 0)
                        fail_msg("%s does not parse", cases[i].text);
                if (p2p_addr_is_public(addr) != ((cases[i].expect & PUBLIC) != 0))
                        fail_msg("%s: public", cases[i].text);
                if (p2p_addr_is_private(addr) != ((cases[i].expect & PRIVATE) != 0))
                        fail_msg("%s: private", cases[i].text);
                if (p2p_addr_is_loopback(addr) != ((cases[i].expect & LOOPBACK) != 0))
                        fail_msg("%s: loopback", cases[i].text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(every_edge_of_every_range) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
