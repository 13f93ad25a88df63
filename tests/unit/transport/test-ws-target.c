/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* WebSocket addresses as targets of a dial (wire reference 1 and 15). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "transport/ws-target.h"

static void addresses_say_what_to_do(void **state) {
        static const struct { const char *addr, *tcp; bool tls; const char *name, *host, *path; } cases[] = {
                { "/ip4/192.0.2.1/tcp/80/ws", "/ip4/192.0.2.1/tcp/80", false, "192.0.2.1", "192.0.2.1", "" },
                { "/ip4/192.0.2.1/tcp/8080/ws", "/ip4/192.0.2.1/tcp/8080", false, "192.0.2.1", "192.0.2.1:8080", "" },
                { "/ip6/2001:db8::1/tcp/443/ws", "/ip6/2001:db8::1/tcp/443", false, "2001:db8::1", "[2001:db8::1]:443", "" },
                { "/ip6/2001:db8::1/tcp/80/ws", "/ip6/2001:db8::1/tcp/80", false, "2001:db8::1", "[2001:db8::1]", "" },
                { "/ip4/192.0.2.1/tcp/443/wss", "/ip4/192.0.2.1/tcp/443", true, "192.0.2.1", "192.0.2.1", "" },
                { "/ip4/192.0.2.1/tcp/80/tls/ws", "/ip4/192.0.2.1/tcp/80", true, "192.0.2.1", "192.0.2.1:80", "" },
                { "/ip4/192.0.2.1/tcp/443/tls/sni/example.com/ws", "/ip4/192.0.2.1/tcp/443", true, "example.com", "example.com", "" },
                { "/ip6/::1/tcp/4001/tls/sni/a-b.example/ws", "/ip6/::1/tcp/4001", true, "a-b.example", "a-b.example:4001", "" },
                { "/ip4/192.0.2.1/tcp/80/ws/http-path/p2p%2Fnode", "/ip4/192.0.2.1/tcp/80", false, "192.0.2.1", "192.0.2.1", "p2p/node" },
                { "/ip4/192.0.2.1/tcp/443/tls/sni/x.org/ws/http-path/%2Fx", "/ip4/192.0.2.1/tcp/443", true, "x.org", "x.org", "/x" },
                { "/ip4/192.0.2.1/tcp/80/ws/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5", "/ip4/192.0.2.1/tcp/80", false, "192.0.2.1", "192.0.2.1", "" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
                char text[P2P_ADDR_TEXT_MAX];
                p2p_ws_target t;

                print_message("%s\n", cases[i].addr);
                assert_int_equal(p2p_addr_parse(cases[i].addr, &addr), 0);
                assert_int_equal(p2p_ws_target_parse(addr, &t), 0);
                assert_string_equal(p2p_addr_format(t.tcp, text), cases[i].tcp);
                assert_int_equal(t.tls, cases[i].tls);
                assert_string_equal(t.name, cases[i].name);
                assert_string_equal(t.host, cases[i].host);
                assert_int_equal(t.path.n, strlen(cases[i].path));
                assert_memory_equal(t.path.data ?: (const uint8_t *) "", cases[i].path, t.path.n);
                p2p_ws_target_done(&t);
        }
}

static void others_are_none(void **state) {
        static const struct { const char *addr; int expect; } cases[] = {
                { "/ip4/192.0.2.1/tcp/80",                            -EAFNOSUPPORT },
                { "/ip4/192.0.2.1/udp/80/quic-v1",                    -EAFNOSUPPORT },
                { "/dns4/example.com/tcp/80/ws",                      -EAFNOSUPPORT },
                { "/ip4/192.0.2.1/tcp/443/tls",                       -EAFNOSUPPORT },
                { "/ip4/192.0.2.1/tcp/443/sni/a/ws",                  -EAFNOSUPPORT },
                { "/ip4/192.0.2.1/tcp/443/tls/sni/a b/ws",            -EINVAL       },
                { "/ip4/192.0.2.1/tcp/443/tls/sni/b\xc3\xbc" "cher.example/ws", -EINVAL },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
                p2p_ws_target t;

                print_message("%s\n", cases[i].addr);
                assert_int_equal(p2p_addr_parse(cases[i].addr, &addr), 0);
                assert_int_equal(p2p_ws_target_parse(addr, &t), cases[i].expect);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_say_what_to_do),
                cmocka_unit_test(others_are_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
