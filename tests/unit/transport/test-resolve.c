/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Look-ups through a real name server on loopback: what is found, what is kept, every limit, and being freed
 * midway. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/dns-server.h"
#include "transport/resolve-private.h"
#include "transport/resolve.h"

#define PEER_A "QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN"
#define PEER_B "QmQCU2EcMqAqQPR2i9bChDtGNJchTbq5TbXJJ16u19uLTa"
#define LABEL60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const dns_record records[] = {
        { "four.test",               DNS_A,      "192.0.2.1"   },
        { "four.test",               DNS_A,      "192.0.2.2"   },
        { "six.test",                DNS_AAAA,   "2001:db8::1" },
        { "both.test",               DNS_A,      "192.0.2.3"   },
        { "both.test",               DNS_AAAA,   "2001:db8::3" },
        { "fails.test",              DNS_FAILS,  NULL          },
        { "silent.test",             DNS_SILENT, NULL          },

        { "_dnsaddr.plain.test",     DNS_TXT,    "v=spf1 -all" },
        { "_dnsaddr.plain.test",     DNS_TXT,    "dnsaddr=/ip4/192.0.2.4/tcp/4001/p2p/" PEER_A },
        { "_dnsaddr.plain.test",     DNS_TXT,    "dnsaddr=/ip4/192.0.2.4/tcp/4001/p2p/" PEER_A },
        { "_dnsaddr.plain.test",     DNS_TXT,    "dnsaddr=/no/such/thing" },
        { "_dnsaddr.plain.test",     DNS_TXT,    "dnsaddr=" },
        { "_dnsaddr.plain.test",     DNS_TXT,    "dnsaddr=/ip6/2001:db8::4/udp/4001/quic-v1/p2p/" PEER_B },
        { "_dnsaddr.plain.test",     DNS_TXT,    "dnsaddr=/ip4/192.0.2.5/tcp/4001" },

        { "_dnsaddr.nested.test",    DNS_TXT,    "dnsaddr=/dnsaddr/plain.test/p2p/" PEER_A },
        { "_dnsaddr.nested.test",    DNS_TXT,    "dnsaddr=/dns4/four.test/tcp/1/p2p/" PEER_B },
        { "_dnsaddr.nested.test",    DNS_TXT,    "dnsaddr=/dns4/none.test/tcp/1/p2p/" PEER_B },
        { "_dnsaddr.bare.test",      DNS_TXT,    "dnsaddr=/dnsaddr/plain.test" },
        { "_dnsaddr.mixed.test",     DNS_TXT,    "dnsaddr=/ip4/192.0.2.6/tcp/1" },
        { "_dnsaddr.mixed.test",     DNS_TXT,    "dnsaddr=/dns4/silent.test/tcp/1" },
        { "_dnsaddr.circle.test",    DNS_TXT,    "dnsaddr=/dnsaddr/circle.test" },

        { "_dnsaddr.depth5.test",    DNS_TXT,    "dnsaddr=/dnsaddr/depth4.test" },
        { "_dnsaddr.depth4.test",    DNS_TXT,    "dnsaddr=/dnsaddr/depth3.test" },
        { "_dnsaddr.depth3.test",    DNS_TXT,    "dnsaddr=/dnsaddr/depth2.test" },
        { "_dnsaddr.depth2.test",    DNS_TXT,    "dnsaddr=/dnsaddr/depth1.test" },
        { "_dnsaddr.depth1.test",    DNS_TXT,    "dnsaddr=/ip4/192.0.2.7/tcp/1" },

        /* More than one string of 255 bytes. */
        { "_dnsaddr.long.test",      DNS_TXT,    "dnsaddr=/dns4/" LABEL60 "." LABEL60 "." LABEL60 ".test"
                                                 "/tcp/1/ws/p2p/" PEER_A "/p2p-circuit/p2p/" PEER_B },
};

typedef struct fixture {
        p2p_loop *loop;
        dns_server *server;
        p2p_resolver *resolver;
        p2p_resolve *resolve;
        unsigned n_done;
        p2p_addr **addrs;
        size_t n_addrs;
        int error;
} fixture;

static void forget(fixture *f) {
        for (size_t i = 0; i < f->n_addrs; i++)
                p2p_addr_free(f->addrs[i]);
        free(f->addrs);
        f->addrs = NULL;
        f->n_addrs = 0;
        f->n_done = 0;
        f->error = 0;
}

static void on_done(p2p_addr **addrs, size_t n, int error, void *userdata) {
        fixture *f = userdata;

        assert_true((n > 0) == (error == 0));
        f->n_done++;
        f->addrs = addrs;
        f->n_addrs = n;
        f->error = error;
        f->resolve = NULL;
}

static void serve(fixture *f, const dns_record *table, size_t n) {
        p2p_resolver_free(f->resolver);
        dns_server_free(f->server);
        assert_int_equal(dns_server_new(f->loop, table, n, &f->server), 0);
        assert_int_equal(p2p_resolver_new(f->loop, dns_server_address(f->server), &f->resolver), 0);
}

static int setup(void **state) {
        fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        serve(f, records, ELEMENTSOF(records));
        *state = f;
        return 0;
}

static int teardown(void **state) {
        fixture *f = *state;

        forget(f);
        p2p_resolve_free(f->resolve);
        p2p_resolver_free(f->resolver);
        dns_server_free(f->server);
        p2p_loop_free(f->loop);
        free(f);
        return 0;
}

static void start(fixture *f, const char *text, const char *peer_text) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
        p2p_peer_id peer, *wanted = peer_text ? &peer : NULL;

        if (wanted)
                assert_int_equal(p2p_peer_id_parse(peer_text, &peer), 0);
        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        assert_int_equal(p2p_resolve_new(f->resolver, addr, wanted, on_done, f, &f->resolve), 0);
        assert_int_equal(f->n_done, 0); /* never before it returns */
}

static void look_up(fixture *f, const char *text, const char *peer_text) {
        forget(f);
        start(f, text, peer_text);
        while (f->n_done == 0)
                assert_true(p2p_loop_turn(f->loop, USEC_PER_SEC) >= 0);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->n_done, 1);
}

static bool is_found(const fixture *f, const char *text) {
        char buf[P2P_ADDR_TEXT_MAX];

        for (size_t i = 0; i < f->n_addrs; i++)
                if (strcmp(p2p_addr_format(f->addrs[i], buf), text) == 0)
                        return true;
        return false;
}

static void names_become_addresses(void **state) {
        static const struct {
                const char *ask, *peer;
                int error;
                const char *expect[5];
        } cases[] = {
                { "/ip4/192.0.2.9/tcp/1", NULL, 0, { "/ip4/192.0.2.9/tcp/1" } },
                { "/ip4/192.0.2.9/tcp/1", PEER_A, 0, { "/ip4/192.0.2.9/tcp/1" } },
                { "/dns4/four.test/tcp/1", NULL, 0, { "/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.2/tcp/1" } },
                { "/dns4/FOUR.test/tcp/1", NULL, 0, { "/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.2/tcp/1" } },
                { "/dns6/six.test/tcp/1", NULL, 0, { "/ip6/2001:db8::1/tcp/1" } },
                { "/dns/both.test/tcp/1", NULL, 0, { "/ip4/192.0.2.3/tcp/1", "/ip6/2001:db8::3/tcp/1" } },
                { "/dns4/both.test/tcp/1", NULL, 0, { "/ip4/192.0.2.3/tcp/1" } },
                { "/dns6/both.test/tcp/1", NULL, 0, { "/ip6/2001:db8::3/tcp/1" } },
                { "/dns/four.test/tcp/1", NULL, 0, { "/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.2/tcp/1" } },
                { "/dns6/six.test/tcp/1/p2p/" PEER_A, PEER_A, 0, { "/ip6/2001:db8::1/tcp/1/p2p/" PEER_A } },
                { "/dns6/six.test/tcp/1/ws", NULL, 0, { "/ip6/2001:db8::1/tcp/1/ws" } },
                { "/dns6/six.test/tcp/1/wss", NULL, 0, { "/ip6/2001:db8::1/tcp/1/tls/sni/six.test/ws" } },
                { "/dns6/six.test/tcp/1/tls/ws", NULL, 0, { "/ip6/2001:db8::1/tcp/1/tls/sni/six.test/ws" } },
                { "/dns6/six.test/tcp/1/wss/http-path/a%2Fb/p2p/" PEER_A, NULL, 0,
                  { "/ip6/2001:db8::1/tcp/1/tls/sni/six.test/ws/http-path/a%2Fb/p2p/" PEER_A } },
                { "/dns6/six.test/tcp/1/tls/sni/other.test/ws", NULL, 0, { "/ip6/2001:db8::1/tcp/1/tls/sni/other.test/ws" } },
                { "/dns6/six.test/udp/1/quic-v1", NULL, 0, { "/ip6/2001:db8::1/udp/1/quic-v1" } },
                { "/dns6/four.test/tcp/1", NULL, -ENOENT, {} },
                { "/dns4/none.test/tcp/1", NULL, -ENOENT, {} },
                { "/dns4/a\\.b/tcp/1", NULL, -ENOENT, {} },
                { "/dns4/fails.test/tcp/1", NULL, -EHOSTUNREACH, {} },

                { "/dnsaddr/plain.test", NULL, 0,
                  { "/ip4/192.0.2.4/tcp/4001/p2p/" PEER_A, "/ip6/2001:db8::4/udp/4001/quic-v1/p2p/" PEER_B,
                    "/ip4/192.0.2.5/tcp/4001" } },
                { "/dnsaddr/plain.test", PEER_A, 0, { "/ip4/192.0.2.4/tcp/4001/p2p/" PEER_A } },
                { "/dnsaddr/plain.test/p2p/" PEER_B, NULL, 0,
                  { "/ip6/2001:db8::4/udp/4001/quic-v1/p2p/" PEER_B } },
                { "/dnsaddr/plain.test/p2p/" PEER_B, PEER_A, -ENOENT, {} },
                { "/dnsaddr/nested.test", NULL, 0,
                  { "/ip4/192.0.2.4/tcp/4001/p2p/" PEER_A, "/ip4/192.0.2.1/tcp/1/p2p/" PEER_B,
                    "/ip4/192.0.2.2/tcp/1/p2p/" PEER_B } },
                { "/dnsaddr/nested.test", PEER_A, 0, { "/ip4/192.0.2.4/tcp/4001/p2p/" PEER_A } },
                { "/dnsaddr/bare.test", PEER_A, 0, { "/ip4/192.0.2.4/tcp/4001/p2p/" PEER_A } },
                { "/dnsaddr/nested.test/p2p/" PEER_B, PEER_B, 0,
                  { "/ip4/192.0.2.1/tcp/1/p2p/" PEER_B, "/ip4/192.0.2.2/tcp/1/p2p/" PEER_B } },
                { "/dnsaddr/none.test", NULL, -ENOENT, {} },
                { "/dnsaddr/long.test", NULL, 0,
                  { "/dns4/" LABEL60 "." LABEL60 "." LABEL60 ".test/tcp/1/ws/p2p/" PEER_A "/p2p-circuit/p2p/"
                    PEER_B } },
        };
        fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                size_t n = 0;

                look_up(f, cases[i].ask, cases[i].peer);
                if (f->error != cases[i].error)
                        fail_msg("%s: %d", cases[i].ask, f->error);
                for (; n < ELEMENTSOF(cases[i].expect) && cases[i].expect[n]; n++)
                        if (!is_found(f, cases[i].expect[n]))
                                fail_msg("%s: %s is missing", cases[i].ask, cases[i].expect[n]);
                if (f->n_addrs != n)
                        fail_msg("%s: %zu addresses", cases[i].ask, f->n_addrs);
        }
}

static void dnsaddr_within_dnsaddr_is_limited(void **state) {
        fixture *f = *state;

        assert_int_equal(P2P_RESOLVE_DEPTH_MAX, 4); /* go-libp2p */
        look_up(f, "/dnsaddr/depth4.test", NULL);
        assert_true(is_found(f, "/ip4/192.0.2.7/tcp/1"));
        look_up(f, "/dnsaddr/depth5.test", NULL);
        assert_int_equal(f->error, -EMSGSIZE);

        serve(f, records, ELEMENTSOF(records));
        look_up(f, "/dnsaddr/circle.test", NULL);
        assert_int_equal(f->error, -EMSGSIZE);
        assert_int_equal(dns_server_n_queries(f->server), P2P_RESOLVE_DEPTH_MAX);
}

/* n records of one name, each after a format with one number. */
static dns_record *many(const char *format, unsigned n, char (**ret_texts)[64]) {
        dns_record *table = calloc(n, sizeof(*table));
        char (*texts)[64] = calloc(n, sizeof(*texts));

        assert_true(table && texts);
        for (unsigned i = 0; i < n; i++) {
                (void) snprintf(texts[i], sizeof(texts[i]), format, i);
                table[i] = (dns_record) { "_dnsaddr.many.test", DNS_TXT, texts[i] };
        }
        *ret_texts = texts;
        return table;
}

static void addresses_of_one_look_up_are_limited(void **state) {
        fixture *f = *state;
        char (*texts)[64];
        dns_record *table;

        assert_int_equal(P2P_RESOLVE_ADDRS_MAX, 100); /* go-libp2p */
        table = many("dnsaddr=/ip4/192.0.2.1/tcp/%u", 2 * P2P_RESOLVE_ADDRS_MAX, &texts);
        serve(f, table, P2P_RESOLVE_ADDRS_MAX);
        look_up(f, "/dnsaddr/many.test", NULL);
        assert_int_equal(f->n_addrs, P2P_RESOLVE_ADDRS_MAX);
        assert_int_equal(dns_server_n_tcp_queries(f->server), 1); /* it did not fit into a datagram */
        serve(f, table, P2P_RESOLVE_ADDRS_MAX + 1);
        look_up(f, "/dnsaddr/many.test", NULL);
        assert_int_equal(f->n_addrs, P2P_RESOLVE_ADDRS_MAX);
        serve(f, table, 2 * P2P_RESOLVE_ADDRS_MAX);
        look_up(f, "/dnsaddr/many.test", NULL);
        assert_int_equal(f->n_addrs, P2P_RESOLVE_ADDRS_MAX);
        free(table);
        free(texts);
}

static void names_of_one_look_up_are_limited(void **state) {
        fixture *f = *state;
        char (*texts)[64];
        dns_record *table;

        assert_int_equal(P2P_RESOLVE_LOOKUPS_MAX, 32);
        table = many("dnsaddr=/dns4/%u.test/tcp/1", 2 * P2P_RESOLVE_LOOKUPS_MAX, &texts);
        serve(f, table, P2P_RESOLVE_LOOKUPS_MAX - 1);
        look_up(f, "/dnsaddr/many.test", NULL);
        assert_int_equal(dns_server_n_queries(f->server) - dns_server_n_tcp_queries(f->server),
                         P2P_RESOLVE_LOOKUPS_MAX);
        assert_int_equal(f->error, -ENOENT);
        serve(f, table, 2 * P2P_RESOLVE_LOOKUPS_MAX);
        look_up(f, "/dnsaddr/many.test", NULL);
        assert_int_equal(dns_server_n_queries(f->server) - dns_server_n_tcp_queries(f->server),
                         P2P_RESOLVE_LOOKUPS_MAX);
        assert_int_equal(f->error, -EMSGSIZE);
        free(table);
        free(texts);
}

static void silence_ends_at_the_deadline(void **state) {
        fixture *f = *state;

        assert_int_equal(P2P_RESOLVE_TIMEOUT_USEC, 5000000);
        start(f, "/dns4/silent.test/tcp/1", NULL);
        assert_int_equal(p2p_loop_advance(f->loop, P2P_RESOLVE_TIMEOUT_USEC - 1), 0);
        assert_int_equal(f->n_done, 0);
        assert_int_equal(p2p_loop_advance(f->loop, 1), 0);
        assert_int_equal(f->n_done, 1);
        assert_int_equal(f->error, -ETIMEDOUT);
        assert_int_equal(p2p_loop_advance(f->loop, USEC_PER_MINUTE), 0);
        assert_int_equal(f->n_done, 1);
}

static void what_was_found_by_the_deadline_is_the_answer(void **state) {
        fixture *f = *state;

        start(f, "/dnsaddr/mixed.test", NULL);
        for (unsigned i = 0; i < 1000 && dns_server_n_queries(f->server) < 2; i++)
                assert_true(p2p_loop_turn(f->loop, USEC_PER_MSEC) >= 0);
        assert_int_equal(p2p_loop_advance(f->loop, P2P_RESOLVE_TIMEOUT_USEC), 0);
        assert_int_equal(f->n_done, 1);
        assert_int_equal(f->n_addrs, 1);
        assert_true(is_found(f, "/ip4/192.0.2.6/tcp/1"));
}

static void a_freed_look_up_never_calls_back(void **state) {
        static const char *const cases[] = {
                "/ip4/192.0.2.9/tcp/1",
                "/dns4/four.test/tcp/1",
                "/dns/silent.test/tcp/1",
                "/dnsaddr/nested.test",
        };
        fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (unsigned turns = 0; turns < 6; turns++) {
                        forget(f);
                        start(f, cases[i], NULL);
                        for (unsigned j = 0; j < turns; j++)
                                (void) p2p_loop_turn(f->loop, 0);
                        if (f->n_done > 0)
                                break;
                        f->resolve = p2p_resolve_free(f->resolve);
                        assert_int_equal(p2p_loop_advance(f->loop, USEC_PER_MINUTE), 0);
                        assert_int_equal(f->n_done, 0);
                }
}

/* The queries of a freed look-up stay behind with c-ares while another one keeps its channel open. */
static void a_freed_look_up_leaves_its_neighbour_alone(void **state) {
        fixture *f = *state;
        p2p_resolve *first;

        start(f, "/dns4/four.test/tcp/1", NULL);
        first = f->resolve;
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        start(f, "/dns6/six.test/tcp/1", NULL);
        assert_int_equal(p2p_loop_turn(f->loop, 0), 1);
        if (f->n_done == 0)
                p2p_resolve_free(first);
        while (!is_found(f, "/ip6/2001:db8::1/tcp/1")) {
                if (f->n_done > 0)
                        forget(f);
                assert_true(p2p_loop_turn(f->loop, USEC_PER_SEC) >= 0);
        }
}

static void bad_settings_are_refused_at_once(void **state) {
        p2p_resolver *resolver = NULL;
        fixture *f = *state;

        assert_int_equal(p2p_resolver_new(f->loop, "not an address", &resolver), -EINVAL);
        assert_null(resolver);
        assert_null(p2p_resolver_free(NULL));
        assert_null(p2p_resolve_free(NULL));
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void a_name_that_is_asked_for_has_253_letters(void **state) {
        char name[DNS_NAME_SIZE_MAX];
        uint8_t letters[300];

        (void) state;
        memset(letters, 'a', sizeof(letters));
        assert_int_equal(dns_name("_dnsaddr.", P2P_VIEW(letters, 253 - 9), name), 0);
        assert_int_equal(strlen(name), 253);
        assert_int_equal(dns_name("_dnsaddr.", P2P_VIEW(letters, 254 - 9), name), -EINVAL);
        assert_int_equal(dns_name("", P2P_VIEW(letters, 254), name), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                test(names_become_addresses),
                test(dnsaddr_within_dnsaddr_is_limited),
                test(addresses_of_one_look_up_are_limited),
                test(names_of_one_look_up_are_limited),
                test(silence_ends_at_the_deadline),
                test(what_was_found_by_the_deadline_is_the_answer),
                test(a_freed_look_up_never_calls_back),
                test(a_freed_look_up_leaves_its_neighbour_alone),
                test(bad_settings_are_refused_at_once),
                cmocka_unit_test(a_name_that_is_asked_for_has_253_letters),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
