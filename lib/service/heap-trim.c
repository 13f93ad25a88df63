/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * malloc_trim(3) costs a walk over the free chunks and a page fault for each page that is wanted again: so
 * while there is work, only for what a flood leaves behind. The count goes on past HEAP_TRIM_TURNS, hence
 * the timer is set once, and begins anew after a trim.
 */

#include "service/heap-trim.h"

#include <malloc.h>

static void arm(HeapTrim *trim) {
        trim->turns = p2p_timer_set(&trim->timer, HEAP_TRIM_AFTER_USEC) < 0 ? 0 : HEAP_TRIM_TURNS;
}

static void on_timer(void *userdata) {
        HeapTrim *trim = userdata;

        bool is_busy = trim->turns - HEAP_TRIM_TURNS >= HEAP_TRIM_BUSY;

        if (!is_busy || mallinfo2().fordblks >= HEAP_TRIM_HOLES)
                (void) malloc_trim(0);
        trim->turns = 0;
        if (is_busy)
                arm(trim);
}

void heap_trim_init(HeapTrim *trim, p2p_loop *loop) {
        /* The worker's thread and a lookup's take from the same heap: one to trim. */
        (void) mallopt(M_ARENA_MAX, 1);
        (void) mallopt(M_TRIM_THRESHOLD, HEAP_TRIM_KEPT);
        /* No longer adapted to what is freed, once the above is set. */
        (void) mallopt(M_MMAP_THRESHOLD, HEAP_TRIM_KEPT);
        *trim = (HeapTrim){};
        p2p_timer_init(&trim->timer, loop, on_timer, trim);
}

void heap_trim_done(HeapTrim *trim) {
        p2p_timer_stop(&trim->timer);
}

void heap_trim_note(HeapTrim *trim) {
        if (++trim->turns == HEAP_TRIM_TURNS)
                arm(trim);
}
