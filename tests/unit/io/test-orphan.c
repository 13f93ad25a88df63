/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Orphans: the oldest makes room, and the loop takes the rest along. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/orphan.h"

static p2p_orphan *last_freed;
static unsigned n_freed;

static void free_orphan(p2p_orphan *orphan) {
        p2p_orphan_leave(orphan);
        last_freed = orphan;
        n_freed++;
}

static void the_oldest_makes_room_and_the_loop_frees_the_rest(void **state) {
        p2p_orphan *orphans = calloc(P2P_ORPHANS_MAX + 2, sizeof(*orphans));
        p2p_loop *loop;

        (void) state;
        assert_non_null(orphans);
        assert_int_equal(P2P_ORPHANS_MAX, 1024);
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        for (unsigned i = 0; i < P2P_ORPHANS_MAX; i++)
                p2p_orphan_adopt(&orphans[i], loop, free_orphan);
        assert_int_equal(n_freed, 0);

        p2p_orphan_adopt(&orphans[P2P_ORPHANS_MAX], loop, free_orphan);
        assert_int_equal(n_freed, 1);
        assert_ptr_equal(last_freed, &orphans[0]);
        p2p_orphan_leave(&orphans[1]); /* done by itself */
        p2p_orphan_adopt(&orphans[P2P_ORPHANS_MAX + 1], loop, free_orphan);
        assert_int_equal(n_freed, 1);

        p2p_loop_free(loop);
        assert_int_equal(n_freed, 1 + P2P_ORPHANS_MAX);
        assert_ptr_equal(last_freed, &orphans[P2P_ORPHANS_MAX + 1]);
        free(orphans);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_oldest_makes_room_and_the_loop_frees_the_rest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
