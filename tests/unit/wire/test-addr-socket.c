/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses and sockets. */

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/un.h>
#include <cmocka.h>

#include <p2p/addr.h>

#define ID "/p2p/12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"

static p2p_addr *addr_of(const char *text) {
        p2p_addr *addr = NULL;

        if (p2p_addr_parse(text, &addr) < 0)
                fail_msg("%s", text);
        return addr;
}

static void tcp_addresses_become_sockets_and_back(void **state) {
        static const struct {
                const char *text, *back;
                int family;
                socklen_t size;
        } cases[] = {
                { "/ip4/192.0.2.1/tcp/4001", "/ip4/192.0.2.1/tcp/4001", AF_INET,
                  sizeof(struct sockaddr_in) },
                { "/ip4/192.0.2.1/tcp/4001" ID, "/ip4/192.0.2.1/tcp/4001", AF_INET,
                  sizeof(struct sockaddr_in) },
                { "/ip6/2001:db8::1/tcp/65535", "/ip6/2001:db8::1/tcp/65535", AF_INET6,
                  sizeof(struct sockaddr_in6) },
                { "/ip6/::ffff:192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/1", AF_INET6,
                  sizeof(struct sockaddr_in6) },
        };
        char text[P2P_ADDR_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(cases[i].text), *back = NULL;
                struct sockaddr_storage sa;
                socklen_t size;

                assert_int_equal(p2p_addr_to_tcp(addr, &sa, &size), 0);
                assert_int_equal(sa.ss_family, cases[i].family);
                assert_int_equal(size, cases[i].size);
                assert_int_equal(p2p_addr_from_tcp((struct sockaddr *) &sa, &back), 0);
                assert_string_equal(p2p_addr_format(back, text), cases[i].back);
        }
}

static void the_socket_has_the_port_in_network_order(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of("/ip4/127.0.0.1/tcp/4001");
        struct sockaddr_storage sa;
        struct sockaddr_in in;
        socklen_t size;

        (void) state;
        assert_int_equal(p2p_addr_to_tcp(addr, &sa, &size), 0);
        memcpy(&in, &sa, sizeof(in));
        assert_int_equal(ntohs(in.sin_port), 4001);
        assert_int_equal(ntohl(in.sin_addr.s_addr), INADDR_LOOPBACK);
}

static void anything_else_is_no_tcp_socket(void **state) {
        static const char *const others[] = {
                "/ip4/1.2.3.4",
                "/tcp/1",
                "/ip4/1.2.3.4/udp/1",
                "/ip4/1.2.3.4/tcp/1/ws",
                "/ip4/1.2.3.4/tcp/1/tls/ws" ID,
                "/ip4/1.2.3.4/udp/1/quic-v1",
                "/dns4/example.com/tcp/1",
                "/dnsaddr/example.com",
                "/ip4/1.2.3.4/tcp/1" ID "/p2p-circuit",
                "/ip4/1.2.3.4" ID,
                "/ip6zone/eth0/ip6/fe80::1/tcp/1",
                "/unix/a",
                ID,
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(others[i]);
                struct sockaddr_storage sa;
                socklen_t size;

                if (p2p_addr_to_tcp(addr, &sa, &size) != -EAFNOSUPPORT)
                        fail_msg("%s", others[i]);
        }
}

static void a_unix_socket_has_no_tcp_address(void **state) {
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        p2p_addr *addr = NULL;

        (void) state;
        assert_int_equal(p2p_addr_from_tcp((struct sockaddr *) &un, &addr), -EAFNOSUPPORT);
        assert_null(addr);
}

static void names_need_dns(void **state) {
        static const struct {
                const char *text;
                bool needs;
        } cases[] = {
                { "/dns/example.com/tcp/1", true },
                { "/dns4/example.com/tcp/1" ID, true },
                { "/dns6/example.com/tcp/1", true },
                { "/dnsaddr/example.com", true },
                { "/dnsaddr/example.com" ID, true },
                { "/dns4/example.com", false },
                { "/dns4/example.com/udp/1", false },
                { "/dns4/example.com/tcp/1/ws", true },
                { "/dns4/example.com/tcp/1" ID "/p2p-circuit",
                  false }, /* its relay's address does, once split off */
                { "/ip4/1.2.3.4/tcp/1", false },
                { "/sni/example.com", false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(cases[i].text);

                if (p2p_addr_needs_dns(addr) != cases[i].needs)
                        fail_msg("%s", cases[i].text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tcp_addresses_become_sockets_and_back),
                cmocka_unit_test(the_socket_has_the_port_in_network_order),
                cmocka_unit_test(anything_else_is_no_tcp_socket),
                cmocka_unit_test(a_unix_socket_has_no_tcp_address),
                cmocka_unit_test(names_need_dns),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
