/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Gives free memory back to the kernel when a busy loop comes to rest.
 *
 * Bulk leaves the heap full of holes: between the small things that stay lie free pages that the allocator
 * keeps. Once HEAP_TRIM_TURNS turns went by, the first HEAP_TRIM_AFTER_USEC with fewer than HEAP_TRIM_BUSY
 * of them trim the heap, once; those with more of them only where HEAP_TRIM_HOLES lie free. A loop that
 * was never busy gets no timer from this and is never woken for it. Meanwhile the allocator keeps up to
 * HEAP_TRIM_KEPT at the end of its heap: by itself it would return and fetch what each turn of a bulk copy
 * frees and takes.
 */

#include <p2p/loop.h>
#include <p2p/macro.h>

#define HEAP_TRIM_TURNS 256u /* less work than that leaves little behind; arbitrary */
#define HEAP_TRIM_BUSY 1000u /* a hundred turns a second: still at work; arbitrary */
#define HEAP_TRIM_KEPT (512 * 1024) /* a window's worth, and half of what a flood may leave behind */
#define HEAP_TRIM_HOLES (1024 * 1024) /* bytes; worth a millisecond in ten seconds even while busy */
#define HEAP_TRIM_AFTER_USEC (10 * USEC_PER_SEC)

typedef struct HeapTrim {
        p2p_timer timer;
        unsigned turns;
} HeapTrim;

void heap_trim_init(HeapTrim *trim, p2p_loop *loop);
void heap_trim_done(HeapTrim *trim);
/* Once a turn. */
void heap_trim_note(HeapTrim *trim);
