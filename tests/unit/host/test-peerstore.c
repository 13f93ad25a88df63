/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses of others: kept until they expire, and no more than the limits say. */

#include <errno.h>
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
        node us;
        p2p_peer_id peers[4];
} world;

static int setup(void **state) {
        p2p_host_limits limits = P2P_HOST_LIMITS_DEFAULT;
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        limits.peers_stored = 3;
        limits.addrs_per_peer = 3;
        node_start(&w->us, w->loop, 1, &(node_options){ .silent = true, .limits = &limits });
        for (unsigned i = 0; i < ELEMENTSOF(w->peers); i++) {
                p2p_identity *identity;
                uint8_t seed[32] = { (uint8_t) (i + 1) };

                assert_int_equal(p2p_identity_from_seed(seed, &identity), 0);
                w->peers[i] = *p2p_identity_peer_id(identity);
                p2p_identity_free(identity);
        }
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        node_stop(&w->us);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static int add(world *w, unsigned peer, unsigned port, unsigned seconds) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
        char text[64];

        (void) snprintf(text, sizeof(text), "/ip4/10.0.0.1/tcp/%u", port);
        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        return p2p_host_add_addr(w->us.host, &w->peers[peer], addr, seconds > 0 ? seconds * USEC_PER_SEC : USEC_INFINITY);
}

static size_t count(world *w, unsigned peer) {
        const p2p_addr *addrs[8];

        return peerstore_addrs(w->us.host, &w->peers[peer], addrs, ELEMENTSOF(addrs));
}

static bool knows(world *w, unsigned peer, unsigned port) {
        char expect[64], text[P2P_ADDR_TEXT_MAX];
        const p2p_addr *addrs[8];
        size_t n = peerstore_addrs(w->us.host, &w->peers[peer], addrs, ELEMENTSOF(addrs));

        (void) snprintf(expect, sizeof(expect), "/ip4/10.0.0.1/tcp/%u", port);
        for (size_t i = 0; i < n; i++)
                if (strcmp(p2p_addr_format(addrs[i], text), expect) == 0)
                        return true;
        return false;
}

static void an_address_is_kept_until_it_expires(void **state) {
        world *w = *state;

        assert_int_equal(add(w, 0, 1, 10), 0);
        assert_int_equal(add(w, 0, 2, 0), 0);
        p2p_loop_advance(w->loop, 9 * USEC_PER_SEC);
        assert_int_equal(count(w, 0), 2);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        assert_int_equal(count(w, 0), 1);
        assert_true(knows(w, 0, 2));
}

static void the_later_expiry_counts(void **state) {
        world *w = *state;

        assert_int_equal(add(w, 0, 1, 100), 0);
        assert_int_equal(add(w, 0, 1, 10), 0);
        assert_int_equal(count(w, 0), 1);
        p2p_loop_advance(w->loop, 99 * USEC_PER_SEC);
        assert_int_equal(count(w, 0), 1);
}

static void a_full_list_gives_up_what_expires_first(void **state) {
        world *w = *state;

        assert_int_equal(add(w, 0, 1, 30), 0);
        assert_int_equal(add(w, 0, 2, 10), 0);
        assert_int_equal(add(w, 0, 3, 20), 0);
        assert_int_equal(add(w, 0, 4, 5), -ENOBUFS);
        assert_int_equal(add(w, 0, 5, 40), 0);
        assert_int_equal(count(w, 0), 3);
        assert_false(knows(w, 0, 2));
        assert_true(knows(w, 0, 5));
}

static void a_full_store_gives_up_a_peer_but_none_that_is_configured(void **state) {
        world *w = *state;

        assert_int_equal(add(w, 0, 1, 0), 0);
        assert_int_equal(add(w, 1, 1, 60), 0);
        assert_int_equal(add(w, 2, 1, 0), 0);
        assert_int_equal(add(w, 3, 1, 60), 0);
        assert_int_equal(count(w, 1), 0);
        assert_int_equal(count(w, 0) + count(w, 2) + count(w, 3), 3);
        assert_int_equal(add(w, 3, 1, 0), 0);
        assert_int_equal(add(w, 1, 1, 60), -ENOBUFS);
        p2p_host_forget_addrs(w->us.host, &w->peers[0]);
        assert_int_equal(count(w, 0), 0);
        assert_int_equal(add(w, 1, 1, 60), 0);
}

static void the_name_of_another_peer_is_refused(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL, *named = NULL;
        world *w = *state;

        assert_int_equal(p2p_addr_parse("/ip4/10.0.0.1/tcp/1", &addr), 0);
        assert_int_equal(p2p_addr_with_peer(addr, &w->peers[1], &named), 0);
        assert_int_equal(p2p_host_add_addr(w->us.host, &w->peers[0], named, USEC_INFINITY), -EINVAL);
        assert_int_equal(p2p_host_add_addr(w->us.host, &w->peers[1], named, USEC_INFINITY), 0);
        assert_true(knows(w, 1, 1)); /* without its name */
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(an_address_is_kept_until_it_expires),
                T(the_later_expiry_counts),
                T(a_full_list_gives_up_what_expires_first),
                T(a_full_store_gives_up_a_peer_but_none_that_is_configured),
                T(the_name_of_another_peer_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
