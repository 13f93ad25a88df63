/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How much may be sent now, and when more. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "quic/quic-internal.h"

static void an_unknown_rate_limits_nothing(void **state) {
        quic_pacer p = {};

        (void) state;
        for (uint64_t now = 1; now < 1000; now++) {
                quic_pacer_update(&p, now, 0);
                assert_true(p.tokens >= 65536);
                p.tokens -= 100000;
                assert_int_equal(quic_pacer_wait(&p), 0);
        }
}

/* Whoever always comes when told to sends at the rate. */
static void the_rate_is_kept(void **state) {
        static const double rates[] = { 0.01, 1, 12.5, 400 }; /* bytes a usec: 80 kbit/s to 3.2 Gbit/s */

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rates); i++) {
                uint64_t now = 1000, begun;
                double sent = 0, expected;
                quic_pacer p = {};

                quic_pacer_update(&p, now, rates[i]);
                p.tokens = 0; /* the first burst is a gift */
                begun = now;
                while (now - begun < 20 * USEC_PER_SEC) {
                        now += P2P_MAX(quic_pacer_wait(&p), 1u);
                        quic_pacer_update(&p, now, rates[i]);
                        while (p.tokens > 0) {
                                p.tokens -= 1452;
                                sent += 1452;
                        }
                }
                expected = rates[i] * (double) (now - begun);
                assert_true(sent > 0.99 * expected - 1452 && sent < 1.01 * expected + 1452);
        }
}

/* Four milliseconds late: all of it is made up for. A second: no more than those four. */
static void lateness_is_forgiven_to_a_degree(void **state) {
        quic_pacer p = {};

        (void) state;
        quic_pacer_update(&p, 1000, 100);
        p.tokens = 0;
        quic_pacer_update(&p, 5000, 100);
        assert_int_equal(p.tokens, 400000);
        quic_pacer_update(&p, 1005000, 100);
        assert_int_equal(p.tokens, 400000);
        quic_pacer_update(&p, 1005001, 1); /* a batch at the least */
        assert_int_equal(p.tokens, 65536);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_unknown_rate_limits_nothing),
                cmocka_unit_test(the_rate_is_kept),
                cmocka_unit_test(lateness_is_forgiven_to_a_degree),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
