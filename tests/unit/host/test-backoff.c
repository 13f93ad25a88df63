/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* 5 s + n^2 s, at most 5 min [wire reference 20]; forgotten in time; a bounded memory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "host/backoff.h"

static const p2p_peer_id alice = { .n = 3, .data = { 1, 2, 3 } }, bob = { .n = 3, .data = { 1, 2, 4 } };

static p2p_addr *addr_of(unsigned port) {
        char text[64];
        p2p_addr *addr;

        (void) snprintf(text, sizeof(text), "/ip4/45.79.0.1/tcp/%u", port);
        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        return addr;
}

/* When it ends, found second by second. */
static unsigned seconds_on(const backoff *b, const p2p_peer_id *peer, const p2p_addr *addr, uint64_t now) {
        unsigned s = 0;

        while (backoff_is_on(b, peer, addr, now + s * USEC_PER_SEC))
                s++;
        return s;
}

static void it_grows_to_five_minutes(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(1);
        static const unsigned expected[] = { 5, 6, 9, 14, 21 };
        uint64_t now = USEC_PER_SEC;
        unsigned s = 0;
        backoff b;

        (void) state;
        backoff_init(&b);
        for (unsigned i = 0; i < 30; i++) {
                backoff_failed(&b, &alice, addr, now);
                s = seconds_on(&b, &alice, addr, now);
                if (i < ELEMENTSOF(expected))
                        assert_int_equal(s, expected[i]);
                now += s * USEC_PER_SEC;
        }
        assert_int_equal(s, 300);
        backoff_done(&b);
}

static void it_is_of_one_peer_at_one_address(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(1), *other = addr_of(2);
        backoff b;

        (void) state;
        backoff_init(&b);
        backoff_failed(&b, &alice, addr, 1);
        assert_true(backoff_is_on(&b, &alice, addr, 1));
        assert_false(backoff_is_on(&b, &alice, other, 1));
        assert_false(backoff_is_on(&b, &bob, addr, 1));
        backoff_failed(&b, &bob, addr, 1);
        backoff_forget_peer(&b, &alice);
        assert_false(backoff_is_on(&b, &alice, addr, 1));
        assert_true(backoff_is_on(&b, &bob, addr, 1));
        backoff_done(&b);
        assert_false(backoff_is_on(&b, &bob, addr, 1));
}

static void an_old_failure_does_not_count(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(1);
        uint64_t now = USEC_PER_SEC;
        backoff b;

        (void) state;
        backoff_init(&b);
        backoff_failed(&b, &alice, addr, now);
        backoff_failed(&b, &alice, addr, now); /* 6 s */
        now += 12 * USEC_PER_SEC;
        backoff_failed(&b, &alice, addr, now);
        assert_int_equal(seconds_on(&b, &alice, addr, now), 9);
        now += 18 * USEC_PER_SEC + 1;
        backoff_failed(&b, &alice, addr, now);
        assert_int_equal(seconds_on(&b, &alice, addr, now), 5);
        backoff_done(&b);
}

static void the_eldest_makes_room(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *first = addr_of(1), *second = addr_of(2);
        backoff b;

        (void) state;
        backoff_init(&b);
        backoff_failed(&b, &alice, first, 1);
        for (unsigned i = 2; i <= 256; i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *addr = addr_of(i);

                backoff_failed(&b, &alice, addr, 1);
        }
        assert_true(backoff_is_on(&b, &alice, first, 1));
        backoff_failed(&b, &alice, first, 1); /* now it is the youngest */
        backoff_failed(&b, &bob, first, 1);
        assert_int_equal(b.n, 256);
        assert_true(backoff_is_on(&b, &alice, first, 1));
        assert_false(backoff_is_on(&b, &alice, second, 1));
        backoff_done(&b);
        assert_int_equal(b.n, 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_grows_to_five_minutes),
                cmocka_unit_test(it_is_of_one_peer_at_one_address),
                cmocka_unit_test(an_old_failure_does_not_count),
                cmocka_unit_test(the_eldest_makes_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
