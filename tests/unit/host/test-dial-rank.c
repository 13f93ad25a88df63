/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When each address starts. The tables are go-libp2p 0.47's rules [wire reference 20, network.md 4.2],
 * then ours. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "host/dial-rank.h"

#define RELAY "/p2p/12D3KooWPsH15PHubznxENrJPrQSSUPbbGaBvwFVJZwXFSsokZDN/p2p-circuit"
#define RELAY_2 "/p2p/12D3KooWGFdVsFpsVN4M55wfb7DrjWmVSwmrFuRE5Q7iqbi2gLmD/p2p-circuit"

typedef struct row {
        const char *addr;
        bool near, doubtful;
        unsigned msec;
} row;

typedef struct scene {
        const char *what;
        row rows[8];
} scene;

static void check(const scene *s) {
        dial_place places[8] = {};
        p2p_addr *addrs[8] = {};
        size_t n = 0;

        for (; n < 8 && s->rows[n].addr; n++) {
                assert_int_equal(p2p_addr_parse(s->rows[n].addr, &addrs[n]), 0);
                places[n] = (dial_place){
                        .addr = addrs[n], .near = s->rows[n].near, .doubtful = s->rows[n].doubtful
                };
        }
        dial_rank(places, n);
        for (size_t i = 0; i < n; i++)
                if (places[i].delay != s->rows[i].msec * USEC_PER_MSEC)
                        fail_msg("%s: %s starts at %llu us, not %u ms", s->what, s->rows[i].addr,
                                 (unsigned long long) places[i].delay, s->rows[i].msec);
        for (size_t i = 0; i < n; i++)
                p2p_addr_free(addrs[i]);
}

static void as_go_ranks_them(void **state) {
        static const scene scenes[] = {
                { "one alone", { { "/ip4/45.79.0.1/tcp/1", .msec = 0 } } },
                { "QUIC, then TCP",
                  { { "/ip4/45.79.0.1/tcp/1", .msec = 250 }, { "/ip4/45.79.0.1/udp/1/quic-v1", .msec = 0 } } },
                { "IPv6, then IPv4, then the rest",
                  { { "/ip4/45.79.0.2/udp/2/quic-v1", .msec = 500 },
                    { "/ip4/45.79.0.1/udp/1/quic-v1", .msec = 250 },
                    { "/ip6/2600::1/udp/1/quic-v1", .msec = 0 },
                    { "/ip6/2600::2/udp/2/quic-v1", .msec = 500 },
                    { "/ip6/2600::1/tcp/1", .msec = 750 },
                    { "/ip4/45.79.0.1/tcp/1", .msec = 1000 },
                    { "/ip4/45.79.0.1/tcp/2", .msec = 1250 } } },
                { "of one family the rest is no third",
                  { { "/ip4/45.79.0.1/tcp/3", .msec = 250 },
                    { "/ip4/45.79.0.1/tcp/1", .msec = 0 },
                    { "/ip4/45.79.0.1/tcp/2", .msec = 250 } } },
                { "private ones are quicker, and start beside the public ones",
                  { { "/ip4/10.0.0.1/udp/1/quic-v1", .msec = 0 },
                    { "/ip4/10.0.0.1/tcp/1", .msec = 30 },
                    { "/ip4/45.79.0.1/udp/1/quic-v1", .msec = 0 },
                    { "/ip4/45.79.0.1/tcp/1", .msec = 250 } } },
                { "WebSocket last",
                  { { "/ip4/45.79.0.1/tcp/443/tls/ws", .msec = 500 },
                    { "/ip4/45.79.0.1/tcp/1", .msec = 250 },
                    { "/ip4/45.79.0.1/udp/1/quic-v1", .msec = 0 } } },
                { "WebSocket alone", { { "/ip4/45.79.0.1/tcp/80/ws", .msec = 0 } } },
                { "a circuit waits for a public address",
                  { { "/ip4/45.79.0.1/tcp/1", .msec = 0 }, { "/ip4/45.79.0.9/tcp/1" RELAY, .msec = 500 } } },
                { "and not for a private one",
                  { { "/ip4/10.0.0.1/tcp/1", .msec = 0 }, { "/ip4/45.79.0.9/tcp/1" RELAY, .msec = 0 } } },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(scenes); i++)
                check(&scenes[i]);
}

static void what_is_near_leads(void **state) {
        static const scene scenes[] = {
                { "the LAN first, whatever is public",
                  { { "/ip4/45.79.0.1/udp/1/quic-v1", .msec = 100 },
                    { "/ip4/10.0.0.1/udp/1/quic-v1", .near = true, .msec = 0 },
                    { "/ip4/10.0.0.1/tcp/1", .near = true, .msec = 30 },
                    { "/ip4/192.168.7.1/tcp/1", .msec = 100 },
                    { "/ip4/45.79.0.9/tcp/1" RELAY, .msec = 500 } } },
                { "a public address may be the LAN's",
                  { { "/ip6/2600::1/tcp/1", .near = true, .msec = 0 }, { "/ip4/45.79.0.1/tcp/1", .msec = 100 } } },
                { "a relay that is connected",
                  { { "/ip4/45.79.0.9/tcp/1" RELAY, .msec = 250 },
                    { "/ip4/45.79.0.8/tcp/1" RELAY_2, .near = true, .msec = 0 } } },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(scenes); i++)
                check(&scenes[i]);
}

static void what_is_doubtful_comes_last(void **state) {
        static const scene scenes[] = {
                { "a second after all others, in the usual order",
                  { { "/ip4/45.79.0.1/udp/1/quic-v1", .doubtful = true, .msec = 1000 },
                    { "/ip4/45.79.0.2/tcp/1", .doubtful = true, .msec = 1250 },
                    { "/ip4/45.79.0.1/tcp/1", .msec = 0 } } },
                { "after a circuit, too: nothing public is to be expected",
                  { { "/ip4/45.79.0.1/tcp/1", .doubtful = true, .msec = 1000 },
                    { "/ip4/45.79.0.9/tcp/1" RELAY, .msec = 0 } } },
                { "where all are, none is",
                  { { "/ip4/45.79.0.1/udp/1/quic-v1", .doubtful = true, .msec = 0 },
                    { "/ip4/45.79.0.1/tcp/1", .doubtful = true, .msec = 250 } } },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(scenes); i++)
                check(&scenes[i]);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(as_go_ranks_them),
                cmocka_unit_test(what_is_near_leads),
                cmocka_unit_test(what_is_doubtful_comes_last),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
