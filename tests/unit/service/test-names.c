/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names and endpoints: what may stand in a unit file, an object path or a socket address. */

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <cmocka.h>

#include "service/endpoint.h"
#include "service/names.h"
#include "service/rfc3339.h"
#include "service/utf8.h"

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void names_follow_their_rules(void **state) {
        static const struct {
                const char *name;
                bool service, instance;
        } cases[] = {
                { "ssh", true, true },       { "a", true, true },     { "0", true, true },
                { "a-b", true, true },       { A63, true, true },     { A63 "a", false, true },
                { A63 "aa", false, false },  { "", false, false },    { "-a", false, false },
                { "a-", false, true },       { "A", false, true },    { "a_b", false, true },
                { "home.lan", false, true }, { ".a", false, false },  { "a b", false, false },
                { "a\n", false, false },     { "a/b", false, false }, { "\xc3\xa9", false, false },
                { "a@b", false, false },
        };

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                if (service_name_is_valid(cases[i].name) != cases[i].service ||
                    instance_name_is_valid(cases[i].name) != cases[i].instance ||
                    peer_name_is_valid(cases[i].name) != cases[i].instance)
                        fail_msg("'%s'", cases[i].name);
        assert_true(service_name_is_reserved("relay-pair"));
        assert_true(service_name_is_reserved("resume"));
        assert_false(service_name_is_reserved("ssh"));
}

static void endpoints_parse(void **state) {
        static const struct {
                const char *text;
                int r;
                bool is_unix;
                const char *host; /* or path */
                unsigned port;
        } cases[] = {
                { "localhost:22", 0, false, "localhost", 22 },
                { "127.0.0.1:0", 0, false, "127.0.0.1", 0 },
                { "[::1]:22", 0, false, "::1", 22 },
                { ":22", 0, false, "", 22 },
                { "host.example:65535", 0, false, "host.example", 65535 },
                { "/run/peerup/x.sock", 0, true, "/run/peerup/x.sock", 0 },
                { "unix:/run/x", 0, true, "/run/x", 0 },
                { "h:65536", -EINVAL, false, NULL, 0 },
                { "h:99999999999", -EINVAL, false, NULL, 0 },
                { "h:", -EINVAL, false, NULL, 0 },
                { "h", -EINVAL, false, NULL, 0 },
                { "", -EINVAL, false, NULL, 0 },
                { "h:+1", -EINVAL, false, NULL, 0 },
                { "[::1:22", -EINVAL, false, NULL, 0 },
                { "[x]:22", -EINVAL, false, NULL, 0 },
                { "::1:22", -EINVAL, false, NULL, 0 },
                { "a b:22", -EINVAL, false, NULL, 0 },
                { "-h:22", -EINVAL, false, NULL, 0 },
                { "a\nb:22", -EINVAL, false, NULL, 0 },
                { "[]:22", -EINVAL, false, NULL, 0 },
                { "/", -EINVAL, false, NULL, 0 },
                { "/a/", -EINVAL, false, NULL, 0 },
                { "/a//b", -EINVAL, false, NULL, 0 },
                { "/a/../b", -EINVAL, false, NULL, 0 },
                { "/a/..", -EINVAL, false, NULL, 0 },
                { "/a/./b", -EINVAL, false, NULL, 0 },
                { "/a/.", -EINVAL, false, NULL, 0 },
                { "/a\nb", -EINVAL, false, NULL, 0 },
                { "/a%i", -EINVAL, false, NULL, 0 },
                { "unix:run/x", -EINVAL, false, NULL, 0 },
                { "/" A63 "/" A63, -EINVAL, false, NULL, 0 },
        };

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                Endpoint e = {};
                int r = endpoint_parse(cases[i].text, &e);

                if (r != cases[i].r)
                        fail_msg("'%s': %d", cases[i].text, r);
                if (r < 0)
                        continue;
                assert_int_equal(e.is_unix, cases[i].is_unix);
                assert_string_equal(e.is_unix ? e.path : e.host, cases[i].host);
                assert_int_equal(e.port, cases[i].port);
        }
}

static void endpoints_become_addresses(void **state) {
        struct sockaddr_storage ss;
        socklen_t size;
        Endpoint e;

        (void) state;
        assert_int_equal(endpoint_parse("localhost:22", &e), 0);
        assert_int_equal(endpoint_sockaddr(&e, &ss, &size), 0);
        assert_int_equal(((struct sockaddr_in *) &ss)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
        assert_int_equal(((struct sockaddr_in *) &ss)->sin_port, htons(22));
        assert_int_equal(endpoint_parse(":80", &e), 0);
        assert_int_equal(endpoint_sockaddr(&e, &ss, &size), 0);
        assert_int_equal(ss.ss_family, AF_INET);
        assert_int_equal(endpoint_parse("[::1]:22", &e), 0);
        assert_int_equal(endpoint_sockaddr(&e, &ss, &size), 0);
        assert_int_equal(ss.ss_family, AF_INET6);
        assert_int_equal(size, sizeof(struct sockaddr_in6));
        assert_int_equal(endpoint_parse("/run/x", &e), 0);
        assert_int_equal(endpoint_sockaddr(&e, &ss, &size), 0);
        assert_string_equal(((struct sockaddr_un *) &ss)->sun_path, "/run/x");
        assert_false(endpoint_is_below_run(&e));
        assert_int_equal(endpoint_parse("/run/peerup/x", &e), 0);
        assert_true(endpoint_is_below_run(&e));
        assert_int_equal(endpoint_parse("host.example:1", &e), 0);
        assert_int_equal(endpoint_sockaddr(&e, &ss, &size), -ENOENT);
}

static void only_printable_characters_pass(void **state) {
        static const struct {
                const char *text;
                size_t size;
        } cases[] = {
                { "a", 1 },
                { " ", 1 },
                { "\xc3\xa9", 2 },
                { "\xe2\x82\xac", 3 },
                { "\xf0\x9f\x98\x80", 4 },
                { "\n", 0 },
                { "\x1b", 0 },
                { "\x7f", 0 },
                { "\xc2\x85", 0 },
                { "\x80", 0 },
                { "\xc3", 0 },
                { "\xc0\xaf", 0 },
                { "\xe0\x80\xaf", 0 },
                { "\xed\xa0\x80", 0 },
                { "\xf4\x90\x80\x80", 0 },
                { "\xff", 0 },
                { "\xe2\x80\xae", 0 },
                { "\xe2\x80\xa8", 0 },
                { "\xe2\x81\xa6", 0 },
                { "\xc3(", 0 },
        };

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                assert_int_equal(utf8_printable(cases[i].text, strlen(cases[i].text)), cases[i].size);
        assert_int_equal(utf8_printable("", 0), 0);
}

static void times_parse(void **state) {
        static const struct {
                const char *text;
                int r;
                uint64_t usec;
        } cases[] = {
                { "1970-01-01T00:00:00Z", 0, 0 },
                { "2026-12-31T23:59:59Z", 0, 1798761599000000 },
                { "2026-12-31T23:59:59.5Z", 0, 1798761599500000 },
                { "2026-12-31T23:59:59.123456789Z", 0, 1798761599123456 },
                { "2027-01-01T01:59:59+02:00", 0, 1798761599000000 },
                { "2026-12-31T18:29:59-05:30", 0, 1798761599000000 },
                { "2024-02-29T00:00:00Z", 0, 1709164800000000 },
                { "1969-12-31T23:59:59Z", 0, 0 },
                { "2026-02-29T00:00:00Z", -EINVAL, 0 },
                { "1900-02-29T00:00:00Z", -EINVAL, 0 },
                { "2026-13-01T00:00:00Z", -EINVAL, 0 },
                { "2026-00-01T00:00:00Z", -EINVAL, 0 },
                { "2026-12-31", -EINVAL, 0 },
                { "2026-12-31T23:59:60Z", -EINVAL, 0 },
                { "2026-12-31T24:00:00Z", -EINVAL, 0 },
                { "2026-12-31t00:00:00Z", -EINVAL, 0 },
                { "2026-12-31T00:00:00", -EINVAL, 0 },
                { "2026-12-31T00:00:00.Z", -EINVAL, 0 },
                { "2026-12-31T00:00:00+24:00", -EINVAL, 0 },
                { "2026-12-31T00:00:00Zx", -EINVAL, 0 },
                { "2026-12-31T00:00:00+0100", -EINVAL, 0 },
                { "26-12-31T00:00:00Z", -EINVAL, 0 },
                { "", -EINVAL, 0 },
        };
        char text[RFC3339_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                uint64_t usec = 0;
                int r = rfc3339_parse(cases[i].text, &usec);

                if (r != cases[i].r || usec != cases[i].usec)
                        fail_msg("'%s': %d %llu", cases[i].text, r, (unsigned long long) usec);
        }
        assert_string_equal(rfc3339_format(1798761599000000, text), "2026-12-31T23:59:59Z");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_follow_their_rules),
                cmocka_unit_test(endpoints_parse),
                cmocka_unit_test(endpoints_become_addresses),
                cmocka_unit_test(only_printable_characters_pass),
                cmocka_unit_test(times_parse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
