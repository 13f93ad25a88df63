/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Values that are digests: peers, certificates, onions and garlics (wire reference 1). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include <p2p/addr.h>

#include "tests/support/hex.h"

#define ID_A "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define HASH_A "00240801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define QM "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
#define ONION                                                                                               \
        "vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd"    /* the address of torproject.org's    \
                                                                         vectors */
#define AAAA32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 32 zero bytes */

/* good: canonical text, or NULL where it is refused. */
static const struct {
        const char *text, *canonical;
} cases[] = {
        { "/p2p/" ID_A, "/p2p/" ID_A },
        { "/p2p/" QM, "/p2p/" QM },
        { "/p2p/bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe", "/p2p/" QM },
        { "/p2p/bafkreiemqxhba3cc7lguubxawxxn6y4rdl6jtqjcmpb2sgvgxydafdeoj4", NULL }, /* a raw CID */
        { "/p2p/11", NULL },
        { "/certhash/uEgEA", "/certhash/uEgEA" }, /* any code, its own length */
        { "/certhash/zABnLTmg", NULL },
        { "/certhash/f120100", "/certhash/uEgEA" },
        { "/certhash/mEgEA", "/certhash/uEgEA" },
        { "/certhash/EgEA", NULL }, /* no such base */
        { "/certhash/uEgIA", NULL },
        { "/onion3/" ONION ":1", "/onion3/" ONION ":1" },
        { "/onion3/" ONION ":65535/tcp/1", "/onion3/" ONION ":65535/tcp/1" },
        { "/onion3/" ONION ":0", NULL },
        { "/onion3/" ONION ":65536", NULL },
        { "/onion3/" ONION ":", NULL },
        { "/onion3/" ONION, NULL },
        { "/onion3/a" ONION ":1", NULL },
        { "/onion3/" AAAA32 ":1", NULL },
        { "/onion3/1ww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:1", NULL },
        { "/garlic32/" AAAA32, "/garlic32/" AAAA32 },
        { "/garlic32/" AAAA32 "aaaa", "/garlic32/" AAAA32 "aaaa" }, /* 35 bytes */
        { "/garlic32/" AAAA32 "aaa", NULL },                        /* 34 bytes */
        { "/garlic32/" AAAA32 "aaa1", NULL },
        { "/garlic32/" AAAA32 "aaaaa", NULL }, /* a digit too many */
        { "/garlic32/aaaa", NULL },
        { "/garlic64/AAAA", NULL },
};

static void digests_go_both_ways_or_are_refused(void **state) {
        char text[P2P_ADDR_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
                int r = p2p_addr_parse(cases[i].text, &addr);

                if (r != (cases[i].canonical ? 0 : -EINVAL))
                        fail_msg("%s: %d", cases[i].text, r);
                if (r == 0)
                        assert_string_equal(p2p_addr_format(addr, text), cases[i].canonical);
        }
}

static void sizes_of_garlic_are_judged(void **state) {
        static const struct {
                unsigned code;
                size_t n;
                int expect;
        } sizes[] = {
                { P2P_ADDR_GARLIC32, 31, -EBADMSG },  { P2P_ADDR_GARLIC32, 32, 0 },
                { P2P_ADDR_GARLIC32, 33, -EBADMSG },  { P2P_ADDR_GARLIC32, 34, -EBADMSG },
                { P2P_ADDR_GARLIC32, 35, 0 },         { P2P_ADDR_GARLIC32, 36, 0 },
                { P2P_ADDR_GARLIC64, 385, -EBADMSG }, { P2P_ADDR_GARLIC64, 386, 0 },
                { P2P_ADDR_GARLIC64, 387, 0 },        { P2P_ADDR_GARLIC64, 388, 0 },
        };
        char text[P2P_ADDR_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL, *again = NULL;
                uint8_t in[400] = { (uint8_t) (sizes[i].code | 0x80), (uint8_t) (sizes[i].code >> 7) };
                size_t head = 2;

                in[head++] = (uint8_t) (sizes[i].n < 128 ? sizes[i].n : sizes[i].n | 0x80);
                if (sizes[i].n >= 128)
                        in[head++] = (uint8_t) (sizes[i].n >> 7);
                memset(in + head, 0xfb, sizes[i].n);
                assert_int_equal(p2p_addr_decode(P2P_VIEW(in, head + sizes[i].n), &addr), sizes[i].expect);
                if (sizes[i].expect < 0)
                        continue;
                assert_int_equal(p2p_addr_parse(p2p_addr_format(addr, text), &again), 0);
                assert_true(p2p_addr_equal(addr, again));
        }
}

static void garlic64_is_padded(void **state) {
        char text[P2P_ADDR_TEXT_MAX];
        p2p_addr *addr = NULL;

        (void) state;
        memset(text, 'A', sizeof(text));
        memcpy(text, "/garlic64/", 10);
        memcpy(text + 10 + 516, "AA==", 5); /* 388 bytes */
        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        addr = p2p_addr_free(addr);
        memcpy(text + 10 + 516, "A===", 5);
        assert_int_equal(p2p_addr_parse(text, &addr), -EINVAL);
        memcpy(text + 10 + 516, "AA", 3);
        assert_int_equal(p2p_addr_parse(text, &addr), -EINVAL);
        memcpy(text + 10 + 516, "AA=", 4);
        assert_int_equal(p2p_addr_parse(text, &addr), -EINVAL);
}

static void a_peer_of_more_than_128_bytes_is_refused(void **state) {
        char hex[300], text[400];
        p2p_addr *addr = NULL;

        (void) state;
        memset(hex, '0', sizeof(hex));
        memcpy(hex, "0172007e", 8); /* CID, identity hash, 126 bytes: 128 with its head */
        hex[2 * (2 + 128)] = '\0';
        (void) snprintf(text, sizeof(text), "/p2p/f%s", hex);
        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        addr = p2p_addr_free(addr);

        memset(hex, '0', sizeof(hex));
        memcpy(hex, "0172007f", 8);
        hex[2 * (2 + 129)] = '\0';
        (void) snprintf(text, sizeof(text), "/p2p/f%s", hex);
        assert_int_equal(p2p_addr_parse(text, &addr), -EINVAL);
        assert_null(addr);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(digests_go_both_ways_or_are_refused),
                cmocka_unit_test(sizes_of_garlic_are_judged),
                cmocka_unit_test(garlic64_is_padded),
                cmocka_unit_test(a_peer_of_more_than_128_bytes_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
