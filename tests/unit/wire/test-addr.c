/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Multiaddrs as a whole: the vectors of wire reference 19.2 both ways, the forms that are refused, the
 * limits. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include <p2p/addr.h>

#include "tests/support/hex.h"

#define ID_A "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define ID_B "12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxz"
#define HASH_A "00240801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define HASH_B "002408011220d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737"

static const struct {
        const char *text, *hex;
} vectors[] = {
        { "/ip4/127.0.0.1/tcp/4001", "047f000001060fa1" },
        { "/ip4/192.0.2.7/udp/4001/quic-v1", "04c000020791020fa1cd03" },
        { "/ip6/2001:db8::1/udp/443/quic-v1", "2920010db8000000000000000000000001910201bbcd03" },
        { "/ip4/127.0.0.1/tcp/8080/ws", "047f000001061f90dd03" },
        { "/dns4/example.com/tcp/443/wss", "360b6578616d706c652e636f6d0601bbde03" },
        { "/dns/example.com/tcp/443/tls/sni/example.com/ws",
          "350b6578616d706c652e636f6d0601bbc003c1030b6578616d706c652e636f6ddd03" },
        { "/dnsaddr/bootstrap.libp2p.io", "3813626f6f7473747261702e6c69627032702e696f" },
        { "/ip4/127.0.0.1/tcp/4001/p2p/" ID_A, "047f000001060fa1a50326" HASH_A },
        { "/ip4/198.51.100.1/udp/4001/quic-v1/p2p/" ID_B "/p2p-circuit/p2p/" ID_A,
          "04c633640191020fa1cd03a50326" HASH_B "a202a50326" HASH_A },
        { "/p2p-circuit", "a202" },
        { "/ip4/1.2.3.4/udp/4001/quic-v1/webtransport/certhash/"
          "uEiAGKYQy6AZrKeIiO8wjqpUEtWrlCPq_NDVQiGm5wxkOIg",
          "040102030491020fa1cd03d103d20322122006298432e8066b29e2223bcc23aa9504b56ae508fabf3435508869b9c3190"
          "e22" },
        { "/unix/tmp/p2p.sock", "90030d2f746d702f7032702e736f636b" },
};

static void vectors_of_the_reference_go_both_ways(void **state) {
        char text[P2P_ADDR_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *parsed = NULL, *decoded = NULL;

                if (p2p_addr_parse(vectors[i].text, &parsed) < 0)
                        fail_msg("%s", vectors[i].text);
                assert_true(p2p_view_equal(p2p_addr_view(parsed), HEX(vectors[i].hex)));
                if (p2p_addr_decode(HEX(vectors[i].hex), &decoded) < 0)
                        fail_msg("%s", vectors[i].hex);
                assert_string_equal(p2p_addr_format(decoded, text), vectors[i].text);
                assert_true(p2p_addr_equal(parsed, decoded));
        }
}

static void bad_texts_are_refused(void **state) {
        static const char *const bad[] = {
                /* wire reference 19.2 */
                "/ip4/1.2.3",
                "/ip4/256.0.0.1",
                "/tcp/65536",
                "/ip4/1.2.3.4/tcp",
                "/p2p/notbase58",
                "/foo/1",
                "ip4/1.2.3.4",
                /* wire reference 1 */
                "",
                "/",
                "//",
                "///",
                "/ip4/01.2.3.4",
                "/ip6/fe80::1%eth0",
                "/ip4/1.2.3.4//tcp/1",
                "//ip4/1.2.3.4",
                "/ip4/1.2.3.4/tcp/1/garbage",
                "/ip4/1.2.3.4/tcp/1 ",
                " /ip4/1.2.3.4",
                "/dns",
                "/dns/",
                "/dns4//tcp/1",
                "/IP4/1.2.3.4",
                "/tcp/-1",
                "/tcp/+1",
                "/tcp/0x10",
                "/tcp/1e3",
                "/tcp/",
                "/tcp/ 1",
                "/p2p",
                "/p2p/",
                "/ip4",
                "/ip4/",
                "/ip6/1::2::3",
                "/ip4/1.2.3.4.5",
                "/unix",
                "/unix/",
                "/unix//",
                "/memory/x",
                "/certhash/u",
                "/certhash/1",
                "/http-path/",
                "/http-path/%",
                "/http-path/%2",
                "/http-path/%zz",
                "/ip6zone/",
                "/ipcidr/256",
                "/ip4/1.2.3.4\n",
                "/dns/a\tb",
                "/dns/a\x7f",
                "/dns/\xff\xfe",
                "/4/1.2.3.4",
        };
        p2p_addr *addr = NULL;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (p2p_addr_parse(bad[i], &addr) != -EINVAL)
                        fail_msg("%s", bad[i]);
        assert_null(addr);
}

static void bad_bytes_are_refused(void **state) {
        static const char *const bad[] = {
                /* wire reference 19.2 */
                "04", "047f0000", "0601", "a50300", "a50305aabb", "ff7f",
                /* wire reference 1 */
                "", "047f00000106",                  /* no port */
                "047f000001060fa1ff",                /* something behind it */
                "8400 7f000001",                     /* a code that is not minimal */
                "35830061 6263",                     /* a length that is not minimal */
                "3500",                              /* an empty name */
                "3503612f62",                        /* a slash in a name */
                "35026100",                          /* NUL in a name */
                "3503610a62",                        /* a line end in a name */
                "350461",                            /* a name cut short */
                "2a00",                              /* an empty zone */
                "2a03612f62",                        /* a slash in a zone */
                "90030161",                          /* a path that does not begin with a slash */
                "9003012f",                          /* nothing but a slash */
                "9003032f612f",                      /* a slash at the end */
                "9003022f61060fa1",                  /* something behind a path */
                "d20300", "d20302 1220",             /* a certificate hash without its digest */
                "e10300",                            /* an empty http path */
                "01", "00", "8080808080808080808004" /* unknown codes, a long one */
        };
        p2p_addr *addr = NULL;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (p2p_addr_decode(HEX(bad[i]), &addr) != -EBADMSG)
                        fail_msg("%s", bad[i]);
        assert_null(addr);
}

static void odd_but_good_texts_have_a_canonical_form(void **state) {
        static const struct {
                const char *text, *canonical;
        } cases[] = {
                { "/ip4/1.2.3.4/", "/ip4/1.2.3.4" },
                { "/ip4/1.2.3.4///", "/ip4/1.2.3.4" },
                { "/tcp/01", "/tcp/1" },
                { "/tcp/0000000000000000000080", "/tcp/80" },
                { "/tcp/0", "/tcp/0" },
                { "/tcp/65535", "/tcp/65535" },
                { "/ip6/2001:0DB8:0:0:0:0:0:1", "/ip6/2001:db8::1" },
                { "/ip6/::FFFF:1.2.3.4", "/ip6/::ffff:1.2.3.4" },
                { "/ipfs/" ID_A, "/p2p/" ID_A },
                { "/p2p/bafzaajaiaejcaa5ba677htqqxyoxbxiy45f4bglh4tldbg5fbvpr3xegmqjfkmny", "/p2p/" ID_A },
                { "/ip6zone/eth0/ip6/fe80::1/tcp/1", "/ip6zone/eth0/ip6/fe80::1/tcp/1" },
                { "/unix/a/b/tcp/1", "/unix/a/b/tcp/1" },
                { "/unix//a/", "/unix//a" },
                { "/dns/EXAMPLE.com", "/dns/EXAMPLE.com" },
        };
        char text[P2P_ADDR_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;

                if (p2p_addr_parse(cases[i].text, &addr) < 0)
                        fail_msg("%s", cases[i].text);
                assert_string_equal(p2p_addr_format(addr, text), cases[i].canonical);
        }
}

static void an_address_is_at_most_1024_bytes(void **state) {
        uint8_t in[1024 + 1];
        p2p_addr *addr = NULL;
        char text[P2P_ADDR_TEXT_MAX], again[P2P_ADDR_TEXT_MAX];
        p2p_addr *back = NULL;

        (void) state;
        /* http-path is the one value without a limit of its own: e1 03, a length of two bytes, and the path
         */
        memset(in, 0xff, sizeof(in));
        memcpy(in, "\xe1\x03\xfc\x07", 4); /* 1020 */
        assert_int_equal(p2p_addr_decode(P2P_VIEW(in, 1024), &addr), 0);
        assert_int_equal(strlen(p2p_addr_format(addr, text)),
                         strlen("/http-path/") + 3 * 1020); /* the longest text */
        assert_int_equal(p2p_addr_parse(text, &back), 0);
        assert_string_equal(p2p_addr_format(back, again), text);
        p2p_addr_free(back);
        addr = p2p_addr_free(addr);

        in[2] = 0xfd;
        assert_int_equal(p2p_addr_decode(P2P_VIEW(in, 1024 + 1), &addr), -EMSGSIZE);
        (void) strcat(text, "a");
        assert_int_equal(p2p_addr_parse(text, &addr), -EINVAL);
        assert_null(addr);
}

static void a_text_is_at_most_4095_characters(void **state) {
        static char text[4096 + 1];
        p2p_addr *addr = NULL;

        (void) state;
        memset(text, '/', sizeof(text) - 1);
        memcpy(text, "/tcp/1", 6);
        assert_int_equal(p2p_addr_parse(text, &addr), -EINVAL); /* 4096 */
        text[4095] = '\0';
        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        p2p_addr_free(addr);
}

static void an_address_has_at_most_20_components(void **state) {
        char text[256] = "";
        uint8_t in[2 * (20 + 1)];
        p2p_addr *addr = NULL;

        (void) state;
        for (size_t i = 0; i < sizeof(in); i += 2)
                memcpy(in + i, "\xdd\x03", 2);
        assert_int_equal(p2p_addr_decode(P2P_VIEW(in, sizeof(in) - 2), &addr), 0);
        assert_int_equal(p2p_addr_n_components(addr), 20);
        addr = p2p_addr_free(addr);
        assert_int_equal(p2p_addr_decode(P2P_VIEW(in, sizeof(in)), &addr), -EMSGSIZE);

        for (unsigned i = 0; i < 20; i++)
                (void) strcat(text, "/ws");
        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        addr = p2p_addr_free(addr);
        (void) strcat(text, "/ws");
        assert_int_equal(p2p_addr_parse(text, &addr), -EINVAL);
        assert_null(addr);
}

static void components_are_given_by_index(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
        p2p_addr_component c;

        (void) state;
        assert_int_equal(p2p_addr_parse("/dns4/example.com/tcp/443/tls/ws", &addr), 0);
        assert_int_equal(p2p_addr_n_components(addr), 4);
        assert_true(p2p_addr_component_at(addr, 0, &c));
        assert_int_equal(c.code, P2P_ADDR_DNS4);
        assert_true(p2p_view_equal(c.value, P2P_VIEW_STR("example.com")));
        assert_true(p2p_addr_component_at(addr, 1, &c));
        assert_int_equal(c.code, P2P_ADDR_TCP);
        assert_true(p2p_view_equal(c.value, HEX("01bb")));
        assert_true(p2p_addr_component_at(addr, 3, &c));
        assert_int_equal(c.code, P2P_ADDR_WS);
        assert_int_equal(c.value.n, 0);
        assert_false(p2p_addr_component_at(addr, 4, &c));
}

static void a_copy_is_equal_and_its_own(void **state) {
        p2p_addr *addr, *copy;

        (void) state;
        assert_int_equal(p2p_addr_parse("/ip4/1.2.3.4/tcp/1", &addr), 0);
        assert_int_equal(p2p_addr_dup(addr, &copy), 0);
        assert_true(p2p_addr_equal(addr, copy));
        assert_null(p2p_addr_free(addr));
        assert_int_equal(p2p_addr_n_components(copy), 2);
        p2p_addr_free(copy);
        assert_null(p2p_addr_free(NULL));
}

static void wss_and_tls_ws_are_one(void **state) {
        static const struct {
                const char *a, *b;
                bool equal;
        } cases[] = {
                { "/ip4/1.2.3.4/tcp/1/wss", "/ip4/1.2.3.4/tcp/1/tls/ws", true },
                { "/ip4/1.2.3.4/tcp/1/wss/p2p/" ID_A, "/ip4/1.2.3.4/tcp/1/tls/ws/p2p/" ID_A, true },
                { "/ip4/1.2.3.4/tcp/1/ws", "/ip4/1.2.3.4/tcp/1/wss", false },
                { "/ip4/1.2.3.4/tcp/1/tls/sni/a/ws", "/ip4/1.2.3.4/tcp/1/wss", false },
                { "/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/2", false },
                { "/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/1/ws", false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *a = NULL, *b = NULL;

                assert_int_equal(p2p_addr_parse(cases[i].a, &a), 0);
                assert_int_equal(p2p_addr_parse(cases[i].b, &b), 0);
                assert_int_equal(p2p_addr_equal(a, b), cases[i].equal);
                assert_int_equal(p2p_addr_equal(b, a), cases[i].equal);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(vectors_of_the_reference_go_both_ways),
                cmocka_unit_test(bad_texts_are_refused),
                cmocka_unit_test(bad_bytes_are_refused),
                cmocka_unit_test(odd_but_good_texts_have_a_canonical_form),
                cmocka_unit_test(an_address_is_at_most_1024_bytes),
                cmocka_unit_test(a_text_is_at_most_4095_characters),
                cmocka_unit_test(an_address_has_at_most_20_components),
                cmocka_unit_test(components_are_given_by_index),
                cmocka_unit_test(a_copy_is_equal_and_its_own),
                cmocka_unit_test(wss_and_tls_ws_are_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
