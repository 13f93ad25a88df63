/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which addresses are told: of the listeners, of the interfaces behind a wildcard, announced ones. The
 * machine's own are the truth.
 */

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/host-internal.h"
#include "tests/support/node.h"

typedef struct world {
        p2p_loop *loop;
        node n;
        p2p_hook hook;
        unsigned n_changed, n_networks;
        p2p_addr **addrs;
        size_t n_addrs;
} world;

static void on_changed(void *userdata) {
        ((world *) userdata)->n_changed++;
}

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->n, w->loop, 1, &(node_options){ .silent = true });
        w->hook = (p2p_hook){ .changed = on_changed, .userdata = w };
        p2p_host_add_hook(w->n.host, &w->hook);
        p2p_loop_settle(w->loop);
        w->n_changed = 0;
        *state = w;
        return 0;
}

static void forget(world *w) {
        for (size_t i = 0; i < w->n_addrs; i++)
                p2p_addr_free(w->addrs[i]);
        free(w->addrs);
        w->addrs = NULL;
        w->n_addrs = 0;
}

static int teardown(void **state) {
        world *w = *state;

        forget(w);
        p2p_hook_remove(&w->hook);
        node_stop(&w->n);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static p2p_addr *addr_of(const char *text) {
        p2p_addr *addr;

        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        return addr;
}

static void listen_on(world *w, const char *text) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(text);

        assert_int_equal(p2p_host_listen(w->n.host, addr), 0);
}

static int announce(world *w, const void *owner, const char *one, const char *two) {
        p2p_addr *addrs[2] = { one ? addr_of(one) : NULL, two ? addr_of(two) : NULL };
        int r;

        r = p2p_host_announce(w->n.host, owner, addrs, (one != NULL) + (two != NULL));
        p2p_addr_free(addrs[0]);
        p2p_addr_free(addrs[1]);
        p2p_loop_settle(w->loop);
        return r;
}

static void ask(world *w) {
        forget(w);
        assert_int_equal(p2p_host_own_addrs(w->n.host, &w->addrs, &w->n_addrs), 0);
}

static unsigned times(const world *w, const p2p_addr *addr) {
        unsigned n = 0;

        for (size_t i = 0; i < w->n_addrs; i++)
                n += p2p_addr_equal(w->addrs[i], addr);
        return n;
}

static unsigned times_text(const world *w, const char *text) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(text);

        return times(w, addr);
}

static void loopback_is_told_where_there_is_nothing_else(void **state) {
        world *w = *state;

        listen_on(w, "/ip4/127.0.0.1/tcp/0");
        ask(w);
        assert_int_equal(w->n_addrs, 1);
        assert_true(p2p_addr_equal(w->addrs[0], p2p_host_listen_addr(w->n.host, 0)));
}

/*
 * What getifaddrs() says of this machine is what must be told, with the listener's port: no more, no less.
 */
static void a_wildcard_is_every_interface(void **state) {
        static const struct { const char *any; int family; } cases[] = {
                { "/ip4/0.0.0.0/tcp/0", AF_INET }, { "/ip6/::/tcp/0", AF_INET6 },
        };
        world *w = *state;
        struct ifaddrs *all, *i;

        for (unsigned c = 0; c < ELEMENTSOF(cases); c++) {
                unsigned n_others = 0, n_loops = 0;
                struct sockaddr_storage bound;
                _cleanup_(p2p_addr_freep) p2p_addr *any = addr_of(cases[c].any);
                socklen_t n;

                if (p2p_host_listen(w->n.host, any) < 0 && cases[c].family == AF_INET6)
                        return; /* a machine without IPv6 */
                ask(w);
                assert_non_null(p2p_host_listen_addr(w->n.host, c));
                assert_int_equal(p2p_addr_to_tcp(p2p_host_listen_addr(w->n.host, c), &bound, &n), 0);
                assert_int_equal(getifaddrs(&all), 0);
                for (i = all; i; i = i->ifa_next) {
                        struct sockaddr_storage sa = {};
                        p2p_addr *addr;

                        if (!i->ifa_addr ||
                            i->ifa_addr->sa_family != cases[c].family || !(i->ifa_flags & IFF_UP))
                                continue;
                        memcpy(&sa, i->ifa_addr, n);
                        ((struct sockaddr_in *) &sa)->sin_port = ((struct sockaddr_in *) &bound)->sin_port;
                        assert_int_equal(p2p_addr_from_tcp((struct sockaddr *) &sa, &addr), 0);
                        if (cases[c].family == AF_INET6 &&
                            IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *) &sa)->sin6_addr))
                                assert_int_equal(times(w, addr), 0);
                        else if (p2p_addr_is_loopback(addr))
                                n_loops += times(w, addr);
                        else {
                                assert_int_equal(times(w, addr), 1);
                                n_others++;
                        }
                        p2p_addr_free(addr);
                }
                freeifaddrs(all);
                if (c == 0)
                        assert_int_equal(w->n_addrs, n_others > 0 ? n_others : n_loops);
                if (c == 0 && n_others > 0)
                        assert_int_equal(n_loops, 0);
                assert_int_equal(times_text(w, cases[c].any), 0); /* never as it is */
        }
}

static void sets_are_told_apart_by_owner(void **state) {
        static const char one, two;
        world *w = *state;

        listen_on(w, "/ip4/127.0.0.1/tcp/0");
        p2p_loop_settle(w->loop);
        w->n_changed = 0;
        assert_int_equal(announce(w, &one, "/ip4/45.79.0.1/tcp/1", "/dns4/a.example/tcp/2"), 0);
        assert_int_equal(announce(w, &two, "/ip4/45.79.0.2/tcp/1", NULL), 0);
        assert_int_equal(w->n_changed, 2);
        ask(w);
        assert_int_equal(w->n_addrs, 4); /* loopback is no less ours for what is announced beside it */
        assert_int_equal(announce(w, &one, "/ip4/45.79.0.3/tcp/1", NULL), 0); /* replaced as a whole */
        ask(w);
        assert_int_equal(w->n_addrs, 3);
        assert_int_equal(times_text(w, "/ip4/45.79.0.1/tcp/1"), 0);
        assert_int_equal(times_text(w, "/ip4/45.79.0.2/tcp/1"), 1);
        assert_int_equal(times_text(w, "/ip4/45.79.0.3/tcp/1"), 1);
        assert_int_equal(announce(w, &one, NULL, NULL), 0); /* taken back */
        ask(w);
        assert_int_equal(w->n_addrs, 2);
        assert_int_equal(w->n_changed, 4);
}

static void what_does_not_change_is_no_news(void **state) {
        static const char one;
        world *w = *state;

        assert_int_equal(announce(w, &one, NULL, NULL), 0); /* nothing, of an owner of nothing */
        assert_int_equal(w->n_changed, 0);
        assert_int_equal(announce(w, &one, "/ip4/45.79.0.1/tcp/1", "/ip4/45.79.0.2/tcp/1"), 0);
        assert_int_equal(announce(w, &one, "/ip4/45.79.0.1/tcp/1", "/ip4/45.79.0.2/tcp/1"), 0);
        assert_int_equal(w->n_changed, 1);
        assert_int_equal(announce(w, &one, "/ip4/45.79.0.1/tcp/1", "/ip4/45.79.0.3/tcp/1"), 0);
        assert_int_equal(w->n_changed, 2);
}

static void an_address_is_told_once(void **state) {
        static const char one, two;
        world *w = *state;

        assert_int_equal(announce(w, &one, "/ip4/45.79.0.1/tcp/1", "/ip4/45.79.0.1/tcp/1"), 0);
        assert_int_equal(announce(w, &two, "/ip4/45.79.0.1/tcp/1", NULL), 0);
        ask(w);
        assert_int_equal(w->n_addrs, 1);
}

static void sixty_four_are_told(void **state) {
        p2p_addr *addrs[65];
        world *w = *state;
        char text[64];

        for (unsigned i = 0; i < ELEMENTSOF(addrs); i++) {
                (void) snprintf(text, sizeof(text), "/ip4/45.79.0.1/tcp/%u", i + 1);
                addrs[i] = addr_of(text);
        }
        assert_int_equal(p2p_host_announce(w->n.host, w, addrs, 64), 0);
        ask(w);
        assert_int_equal(w->n_addrs, 64);
        assert_int_equal(p2p_host_announce(w->n.host, w, addrs, 65), 0);
        ask(w);
        assert_int_equal(w->n_addrs, 64);
        for (unsigned i = 0; i < ELEMENTSOF(addrs); i++)
                p2p_addr_free(addrs[i]);
}

static void sixteen_listeners_are_kept(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of("/ip4/127.0.0.1/tcp/0");
        _cleanup_(p2p_addr_freep) p2p_addr *other = addr_of("/ip4/127.0.0.1/udp/1/quic-v1/webtransport");
        world *w = *state;

        assert_int_equal(p2p_host_listen(w->n.host, other), -EAFNOSUPPORT);
        for (unsigned i = 0; i < 16; i++)
                assert_int_equal(p2p_host_listen(w->n.host, addr), 0);
        assert_int_equal(p2p_host_listen(w->n.host, addr), -ENOBUFS);
        assert_non_null(p2p_host_listen_addr(w->n.host, 15));
        assert_null(p2p_host_listen_addr(w->n.host, 16));
}

static void on_network_changed(void *userdata) {
        world *w = userdata;

        assert_int_equal(w->n_changed, 0); /* the other news follows */
        w->n_networks++;
}

static void another_network_is_news_of_our_addresses(void **state) {
        world *w = *state;

        w->hook.network_changed = on_network_changed;
        p2p_task_post(&w->n.host->network_changed); /* as io/network does */
        p2p_loop_settle(w->loop);
        assert_int_equal(w->n_networks, 1);
        assert_int_equal(w->n_changed, 1); /* which identify pushes */
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(loopback_is_told_where_there_is_nothing_else),
                T(a_wildcard_is_every_interface),
                T(sets_are_told_apart_by_owner),
                T(what_does_not_change_is_no_news),
                T(an_address_is_told_once),
                T(sixty_four_are_told),
                T(sixteen_listeners_are_kept),
                T(another_network_is_news_of_our_addresses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
