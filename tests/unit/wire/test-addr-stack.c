/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which stack an address asks for, and what becomes of it at another socket address. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include <p2p/addr.h>

#define ID "/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"

static p2p_addr *addr_of(const char *text) {
        p2p_addr *addr;

        if (p2p_addr_parse(text, &addr) < 0)
                fail_msg("%s", text);
        return addr;
}

static void stacks_are_told_apart(void **state) {
        static const struct {
                const char *text;
                p2p_stack stack;
        } cases[] = {
                { "/ip4/1.2.3.4/tcp/1",                             P2P_STACK_TCP     },
                { "/ip6/::1/tcp/1" ID,                              P2P_STACK_TCP     },
                { "/dns4/example.com/tcp/1",                        P2P_STACK_TCP     },
                { "/ip4/1.2.3.4/udp/1/quic-v1",                     P2P_STACK_QUIC    },
                { "/dns/example.com/udp/1/quic-v1" ID,              P2P_STACK_QUIC    },
                { "/ip4/1.2.3.4/tcp/1/ws",                          P2P_STACK_WS      },
                { "/ip4/1.2.3.4/tcp/1/ws/http-path/a%2Fb",          P2P_STACK_WS      },
                { "/dns4/example.com/tcp/443/wss" ID,               P2P_STACK_WSS     },
                { "/dns4/example.com/tcp/443/tls/ws",               P2P_STACK_WSS     },
                { "/ip6/::1/tcp/443/tls/sni/example.com/ws",        P2P_STACK_WSS     },
                { "/ip4/1.2.3.4/tcp/1" ID "/p2p-circuit",           P2P_STACK_CIRCUIT },
                { "/ip4/1.2.3.4/udp/1/quic-v1" ID "/p2p-circuit",   P2P_STACK_CIRCUIT },
                { "/ip4/1.2.3.4",                                   P2P_STACK_OTHER   },
                { "/ip4/1.2.3.4/udp/1",                             P2P_STACK_OTHER   },
                { "/ip4/1.2.3.4/udp/1/quic",                        P2P_STACK_OTHER   },
                { "/ip4/1.2.3.4/udp/1/quic-v1/webtransport",        P2P_STACK_OTHER   },
                { "/ip4/1.2.3.4/tcp/1/http-path/a",                 P2P_STACK_OTHER   },
                { "/ip4/1.2.3.4/tcp/1/tls",                         P2P_STACK_OTHER   },
                { "/ip4/1.2.3.4/tcp/1/tls/sni/example.com",         P2P_STACK_OTHER   },
                { "/tcp/1",                                         P2P_STACK_OTHER   },
                { "/unix/a",                                        P2P_STACK_OTHER   },
                { "/dnsaddr/example.com",                           P2P_STACK_OTHER   },
                { ID,                                               P2P_STACK_OTHER   },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(cases[i].text);

                if (p2p_addr_stack(addr) != cases[i].stack)
                        fail_msg("%s", cases[i].text);
        }
}

static void what_follows_the_port_stays(void **state) {
        static const struct {
                const char *text, *expect;
        } cases[] = {
                { "/ip4/0.0.0.0/udp/0/quic-v1",     "/ip4/192.0.2.1/udp/4001/quic-v1"     },
                { "/ip6/::/tcp/0/tls/ws" ID,        "/ip4/192.0.2.1/tcp/4001/tls/ws" ID   },
                { "/dns4/example.com/tcp/1/ws",     "/ip4/192.0.2.1/tcp/4001/ws"          },
                { "/ip4/0.0.0.0/tcp/1",             "/ip4/192.0.2.1/tcp/4001"             },
        };
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(4001) };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(4001) };
        const struct sockaddr *forms[] = { (struct sockaddr *) &in, (struct sockaddr *) &in6 };

        (void) state;
        assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &in.sin_addr), 1);
        assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr), 1);
        for (size_t i = 0; i < ELEMENTSOF(cases) * 2; i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(cases[i / 2].text), *moved = NULL;
                char text[P2P_ADDR_TEXT_MAX];

                assert_int_equal(p2p_addr_with_socket(addr, forms[i % 2], &moved), 0);
                assert_string_equal(p2p_addr_format(moved, text), cases[i / 2].expect);
        }
}

static void what_has_no_port_cannot_move(void **state) {
        static const char *const cases[] = { "/ip4/1.2.3.4", "/unix/a", ("/ip4/1.2.3.4" ID) };
        struct sockaddr_in in = { .sin_family = AF_INET };
        struct sockaddr_storage ss;
        socklen_t n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(cases[i]);
                p2p_addr *moved;

                assert_int_equal(p2p_addr_with_socket(addr, (struct sockaddr *) &in, &moved), -EAFNOSUPPORT);
                assert_int_equal(p2p_addr_to_socket(addr, &ss, &n), -EAFNOSUPPORT);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(stacks_are_told_apart),
                cmocka_unit_test(what_follows_the_port_stays),
                cmocka_unit_test(what_has_no_port_cannot_move),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
