/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QUIC connections, ours to ours (wire reference 7): who is let in, what is told, how they end. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "quic/quic.h"
#include "tests/support/quic-pair.h"

static void both_sides_prove_who_they_are(void **state) {
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        assert_int_equal(p.a.error, 0);
        assert_non_null(p.a.session);
        assert_non_null(p.b.session);
        assert_true(p2p_peer_id_equal(&p.a.peer, p2p_identity_peer_id(p.b.identity)));
        assert_true(p2p_peer_id_equal(&p.b.peer, p2p_identity_peer_id(p.a.identity)));
        assert_int_equal(p2p_quic_n_half_open(p.b.transport), 0);
        quic_pair_done(&p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_sides_prove_who_they_are),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
