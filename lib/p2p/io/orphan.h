/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Orphans: what outlives its owner for a bounded time, such as a socket that still delivers. The loop is
 * their guardian: it frees what is left when it ends, and the oldest when there are too many.
 */

#include <p2p/loop.h>

#define P2P_ORPHANS_MAX 1024u /* arbitrary: a file descriptor each */

typedef struct p2p_orphan {
        p2p_loop *loop; /* borrowed */
        p2p_list orphans;
        void (*free)(struct p2p_orphan *orphan); /* must begin with p2p_orphan_leave() */
} p2p_orphan;

void p2p_orphan_adopt(p2p_orphan *orphan, p2p_loop *loop, void (*free_fn)(p2p_orphan *orphan));
void p2p_orphan_leave(p2p_orphan *orphan);
