/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Peers and circuits in addresses. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/addr.h>

#include "tests/support/hex.h"

#define A "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define B "12D3KooWPqT2nMDSiXUSx5D7fasaxhxKigVhcqfkKqrLghCq9jxz"
#define DIRECT "/ip4/1.2.3.4/tcp/1"

static p2p_addr *addr_of(const char *text) {
        p2p_addr *addr = NULL;

        if (p2p_addr_parse(text, &addr) < 0)
                fail_msg("%s", text);
        return addr;
}

static p2p_peer_id id_of(const char *text) {
        p2p_peer_id id;

        assert_int_equal(p2p_peer_id_parse(text, &id), 0);
        return id;
}

static void assert_text(const p2p_addr *addr, const char *expect) {
        char text[P2P_ADDR_TEXT_MAX];

        assert_string_equal(p2p_addr_format(addr, text), expect);
}

static void the_peer_is_the_one_at_the_end(void **state) {
        static const struct {
                const char *text, *peer;
        } cases[] = {
                { DIRECT "/p2p/" A, A },
                { "/p2p/" A, A },
                { DIRECT "/p2p/" B "/p2p-circuit/p2p/" A, A },
                { DIRECT "/p2p/" B "/p2p-circuit", NULL },
                { DIRECT, NULL },
                { "/p2p/" B "/ws", NULL },
        };
        char text[P2P_PEER_ID_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(cases[i].text);
                p2p_peer_id id;

                assert_int_equal(p2p_addr_peer(addr, &id), cases[i].peer ? 0 : -ENOENT);
                if (cases[i].peer)
                        assert_string_equal(p2p_peer_id_format(&id, text), cases[i].peer);
        }
}

/* 43 bytes of key in the clear: legal in an address, no peer id. */
static void a_hash_that_is_no_id_is_no_peer(void **state) {
        uint8_t in[3 + 45] = { 0xa5, 0x03, 45, 0x00, 43 };
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
        p2p_peer_id id;

        (void) state;
        assert_int_equal(p2p_addr_decode(P2P_VIEW(in, sizeof(in)), &addr), 0);
        assert_int_equal(p2p_addr_peer(addr, &id), -ENOENT);
}

static void a_peer_is_taken_off_and_put_on(void **state) {
        static const struct {
                const char *text, *without, *with_a;
        } cases[] = {
                { DIRECT, DIRECT, DIRECT "/p2p/" A },
                { DIRECT "/p2p/" A, DIRECT, DIRECT "/p2p/" A },
                { DIRECT "/p2p/" B, DIRECT, DIRECT "/p2p/" A }, /* replaced */
                { DIRECT "/p2p/" B "/p2p-circuit", DIRECT "/p2p/" B "/p2p-circuit",
                  DIRECT "/p2p/" B "/p2p-circuit/p2p/" A },
                { "/p2p/" B, NULL, "/p2p/" A },
        };
        p2p_peer_id a = id_of(A);

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(cases[i].text), *without = NULL,
                                                   *with = NULL;

                assert_int_equal(p2p_addr_without_peer(addr, &without), cases[i].without ? 0 : -ENOENT);
                if (without)
                        assert_text(without, cases[i].without);
                assert_int_equal(p2p_addr_with_peer(addr, &a, &with), 0);
                assert_text(with, cases[i].with_a);
        }
}

static void circuits_are_split_at_the_last_one(void **state) {
        static const struct {
                const char *text, *addr, *relay; /* relay NULL: none */
        } cases[] = {
                { DIRECT "/p2p/" B "/p2p-circuit", DIRECT, B },
                { DIRECT "/p2p/" B "/p2p-circuit/p2p/" A, DIRECT, B },
                { "/p2p/" B "/p2p-circuit", NULL, B },
                { "/p2p/" B "/p2p-circuit/p2p/" A, NULL, B },
                { DIRECT "/p2p/" A "/p2p-circuit/p2p/" B "/p2p-circuit", DIRECT "/p2p/" A "/p2p-circuit",
                  B },
                { "/p2p-circuit", NULL, NULL },
                { "/p2p-circuit/p2p/" A, NULL, NULL },
                { DIRECT "/p2p-circuit/p2p/" A, NULL, NULL }, /* the relay is not named */
                { DIRECT "/p2p/" A, NULL, NULL },
                { DIRECT "/p2p/" B "/p2p-circuit/tcp/1", NULL, NULL },
        };
        char text[P2P_PEER_ID_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(cases[i].text), *relay_addr = NULL;
                p2p_peer_id relay;

                assert_int_equal(p2p_addr_split_circuit(addr, &relay_addr, &relay),
                                 cases[i].relay ? 0 : -ENOENT);
                if (!cases[i].relay)
                        continue;
                assert_string_equal(p2p_peer_id_format(&relay, text), cases[i].relay);
                assert_int_equal(relay_addr != NULL, cases[i].addr != NULL);
                if (relay_addr)
                        assert_text(relay_addr, cases[i].addr);
        }
}

static void a_circuit_is_seen_anywhere(void **state) {
        static const struct {
                const char *text;
                bool circuit;
        } cases[] = {
                { "/p2p-circuit", true },
                { DIRECT "/p2p/" B "/p2p-circuit/p2p/" A, true },
                { DIRECT "/p2p/" B "/p2p-circuit/tcp/1", true },
                { DIRECT "/p2p/" A, false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(cases[i].text);

                assert_int_equal(p2p_addr_is_circuit(addr), cases[i].circuit);
        }
}

static void circuits_are_made(void **state) {
        p2p_peer_id b = id_of(B);
        static const struct {
                const char *relay_addr, *expect;
        } cases[] = {
                { DIRECT, DIRECT "/p2p/" B "/p2p-circuit" },
                { DIRECT "/p2p/" B, DIRECT "/p2p/" B "/p2p-circuit" },
                { NULL, "/p2p/" B "/p2p-circuit" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *relay_addr = NULL, *addr = NULL;

                if (cases[i].relay_addr)
                        relay_addr = addr_of(cases[i].relay_addr);
                assert_int_equal(p2p_addr_make_circuit(relay_addr, &b, &addr), 0);
                assert_text(addr, cases[i].expect);
        }
}

static void what_grows_beyond_a_limit_is_refused(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *many = NULL, *large = NULL;
        uint8_t in[P2P_ADDR_SIZE_MAX] = "\xe1\x03\xfc\x07";
        p2p_peer_id a = id_of(A);
        p2p_addr *addr = NULL;

        (void) state;
        assert_int_equal(p2p_addr_decode(P2P_VIEW(in, sizeof(in)), &large), 0);
        assert_int_equal(p2p_addr_with_peer(large, &a, &addr), -EMSGSIZE);
        assert_int_equal(p2p_addr_make_circuit(large, &a, &addr), -EMSGSIZE);
        many = addr_of("/ws/ws/ws/ws/ws/ws/ws/ws/ws/ws/ws/ws/ws/ws/ws/ws/ws/ws/ws/ws");
        assert_int_equal(p2p_addr_with_peer(many, &a, &addr), -EMSGSIZE);
        assert_null(addr);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_peer_is_the_one_at_the_end),
                cmocka_unit_test(a_hash_that_is_no_id_is_no_peer),
                cmocka_unit_test(a_peer_is_taken_off_and_put_on),
                cmocka_unit_test(circuits_are_split_at_the_last_one),
                cmocka_unit_test(a_circuit_is_seen_anywhere),
                cmocka_unit_test(circuits_are_made),
                cmocka_unit_test(what_grows_beyond_a_limit_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
