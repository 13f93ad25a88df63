/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Orphans stand in a queue by age: adopted at its end, and given up from its front when there are more than
 * the limit. Nobody else holds a pointer to one, so the loop may free it at any time.
 */

#include <assert.h>

#include "io/loop-private.h"
#include "io/orphan.h"

static void free_oldest(p2p_loop *loop) {
        p2p_orphan *oldest = P2P_LIST_ENTRY(p2p_list_first(&loop->orphans), p2p_orphan, orphans);

        oldest->free(oldest);
}

void p2p_orphan_adopt(p2p_orphan *orphan, p2p_loop *loop, void (*free_fn)(p2p_orphan *orphan)) {
        assert(loop && free_fn);

        if (loop->n_orphans >= P2P_ORPHANS_MAX)
                free_oldest(loop);

        *orphan = (p2p_orphan) { .loop = loop, .free = free_fn };
        p2p_list_init(&orphan->orphans);
        p2p_list_append(&loop->orphans, &orphan->orphans);
        loop->n_orphans++;
}

void p2p_orphan_leave(p2p_orphan *orphan) {
        assert(orphan->loop->n_orphans > 0);

        p2p_list_unlink(&orphan->orphans);
        orphan->loop->n_orphans--;
}

void loop_free_orphans(p2p_loop *loop) {
        while (loop->n_orphans > 0)
                free_oldest(loop);
}
