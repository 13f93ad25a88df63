/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The socket of an address, and that of an fd. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/listen-socket.h"

static int of(const char *text, ListenSocket *ret) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;

        if (p2p_addr_parse(text, &addr) < 0)
                fail_msg("%s", text);
        return listen_socket_of_addr(addr, ret);
}

static void addresses_have_sockets(void **state) {
        static const struct {
                const char *addr, *expect; /* NULL: none */
                int type;
        } cases[] = {
                { "/ip4/0.0.0.0/tcp/7777", "0.0.0.0:7777", SOCK_STREAM },
                { "/ip4/1.2.3.4/tcp/0", "1.2.3.4:0", SOCK_STREAM },
                { "/ip6/::/tcp/443/ws", "[::]:443", SOCK_STREAM },
                { "/ip6/2001:db8::1/tcp/443/wss", "[2001:db8::1]:443", SOCK_STREAM },
                { "/ip4/1.2.3.4/tcp/443/tls/ws", "1.2.3.4:443", SOCK_STREAM },
                { "/ip4/1.2.3.4/udp/65535/quic-v1", "1.2.3.4:65535", SOCK_DGRAM },
                { "/ip4/1.2.3.4/udp/1", NULL, 0 },
                { "/ip4/1.2.3.4/udp/1/quic", NULL, 0 },
                { "/dns4/example.org/tcp/1", NULL, 0 },
                { "/ip4/1.2.3.4", NULL, 0 },
        };
        char text[LISTEN_SOCKET_TEXT_MAX];
        ListenSocket s;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int r = of(cases[i].addr, &s);

                if (!cases[i].expect) {
                        assert_int_equal(r, -EAFNOSUPPORT);
                        continue;
                }
                assert_int_equal(r, 0);
                assert_int_equal(s.type, cases[i].type);
                assert_string_equal(listen_socket_format(&s, text), cases[i].expect);
        }
}

static void wildcards_cover_their_family(void **state) {
        static const struct {
                const char *a, *b;
                bool covers, equal;
        } cases[] = {
                { "/ip4/0.0.0.0/tcp/1", "/ip4/1.2.3.4/tcp/1", true, false },
                { "/ip4/1.2.3.4/tcp/1", "/ip4/0.0.0.0/tcp/1", false, false },
                { "/ip4/1.2.3.4/tcp/1/ws", "/ip4/1.2.3.4/tcp/1", true, true },
                { "/ip4/0.0.0.0/tcp/1", "/ip4/1.2.3.4/tcp/2", false, false },
                { "/ip4/0.0.0.0/tcp/1", "/ip4/1.2.3.4/udp/1/quic-v1", false, false },
                { "/ip6/::/tcp/1", "/ip6/::1/tcp/1", true, false },
                { "/ip6/::/tcp/1", "/ip4/1.2.3.4/tcp/1", false, false },
                { "/ip4/0.0.0.0/tcp/1", "/ip6/::/tcp/1", false, false },
                { "/ip4/0.0.0.0/tcp/1", "/ip6/::1/tcp/1", false, false },
        };
        ListenSocket a, b;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(of(cases[i].a, &a), 0);
                assert_int_equal(of(cases[i].b, &b), 0);
                if (listen_socket_covers(&a, &b) != cases[i].covers ||
                    listen_socket_equal(&a, &b) != cases[i].equal)
                        fail_msg("%s and %s", cases[i].a, cases[i].b);
        }
}

/* To loopback, or to every IPv6 address; to any port. */
static int bound(int family, int type, bool v6only) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT };
        int fd = socket(family, type | SOCK_CLOEXEC, 0), value = v6only;

        assert_true(fd >= 0);
        if (family == AF_INET6)
                assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, sizeof(value)), 0);
        if (family == AF_INET)
                assert_int_equal(bind(fd, (struct sockaddr *) &in, sizeof(in)), 0);
        else
                assert_int_equal(bind(fd, (struct sockaddr *) &in6, sizeof(in6)), 0);
        return fd;
}

static void fds_tell_what_they_are(void **state) {
        char text[LISTEN_SOCKET_TEXT_MAX];
        ListenSocket s;
        int fd;

        (void) state;
        fd = bound(AF_INET, SOCK_STREAM, false);
        assert_int_equal(listen_socket_of_fd(fd, &s), -EINVAL); /* does not listen */
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(listen_socket_of_fd(fd, &s), 0);
        assert_int_equal(s.type, SOCK_STREAM);
        assert_memory_equal(listen_socket_format(&s, text), "127.0.0.1:", strlen("127.0.0.1:"));
        close(fd);

        fd = bound(AF_INET6, SOCK_DGRAM, true);
        assert_int_equal(listen_socket_of_fd(fd, &s), 0);
        assert_int_equal(s.type, SOCK_DGRAM);
        assert_memory_equal(listen_socket_format(&s, text), "[::]:", strlen("[::]:"));
        close(fd);
}

static void what_no_address_can_name_is_refused(void **state) {
        ListenSocket s;
        int fds[2], fd;

        (void) state;
        fd = bound(AF_INET6, SOCK_DGRAM, false); /* takes IPv4 too */
        assert_int_equal(listen_socket_of_fd(fd, &s), -EINVAL);
        close(fd);
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* not bound */
        assert_int_equal(listen_socket_of_fd(fd, &s), -EINVAL);
        close(fd);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(listen_socket_of_fd(fds[0], &s), -EINVAL);
        close(fds[0]);
        close(fds[1]);
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(listen_socket_of_fd(fds[0], &s), -ENOTSOCK);
        close(fds[0]);
        close(fds[1]);
        assert_int_equal(listen_socket_of_fd(-1, &s), -ENOTSOCK);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_have_sockets),
                cmocka_unit_test(wildcards_cover_their_family),
                cmocka_unit_test(fds_tell_what_they_are),
                cmocka_unit_test(what_no_address_can_name_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
