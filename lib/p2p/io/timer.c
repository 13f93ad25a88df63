/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Timers: a binary heap of pointers, ordered by due time and, among equals, by when they were set.
 *
 * Each timer knows its place in the heap, so that changing or stopping one is O(log n). A timer is out
 * of the heap before it runs: its memory may be freed by what it runs. One that is set while timers run
 * is younger than all that this turn serves, and waits for the next turn even if it is due at once: no
 * timer can hold a turn captive.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "io/loop-private.h"

#define TIMERS_MIN 16u

static bool is_before(const p2p_timer *a, const p2p_timer *b) {
        return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void place(p2p_loop *loop, unsigned i, p2p_timer *timer) {
        loop->timers[i] = timer;
        timer->index = i;
}

/* Finds the place of a timer, given that all others stand in order and that place i is free. */
static void sift(p2p_loop *loop, unsigned i, p2p_timer *timer) {
        while (i > 0) {
                unsigned parent = (i - 1) / 2;

                if (!is_before(timer, loop->timers[parent]))
                        break;
                place(loop, i, loop->timers[parent]);
                i = parent;
        }
        for (;;) {
                unsigned child = 2 * i + 1;

                if (child >= loop->n_timers)
                        break;
                if (child + 1 < loop->n_timers && is_before(loop->timers[child + 1], loop->timers[child]))
                        child++;
                if (!is_before(loop->timers[child], timer))
                        break;
                place(loop, i, loop->timers[child]);
                i = child;
        }
        place(loop, i, timer);
}

static int make_room(p2p_loop *loop) {
        unsigned n = loop->n_timers_allocated > 0 ? 2 * loop->n_timers_allocated : TIMERS_MIN;
        p2p_timer **timers;

        if (loop->n_timers < loop->n_timers_allocated)
                return 0;

        timers = reallocarray(loop->timers, n, sizeof(*timers));
        if (!timers)
                return -ENOMEM;

        loop->timers = timers;
        loop->n_timers_allocated = n;
        return 0;
}

void p2p_timer_init(p2p_timer *timer, p2p_loop *loop, p2p_task_fn run, void *userdata) {
        assert(loop && run);

        *timer = (p2p_timer) { .loop = loop, .run = run, .userdata = userdata, .due = USEC_INFINITY };
}

int p2p_timer_set(p2p_timer *timer, uint64_t after_usec) {
        p2p_loop *loop = timer->loop;
        unsigned i = timer->index;
        int r;

        if (after_usec >= USEC_INFINITY - loop->now) {
                p2p_timer_stop(timer);
                return 0;
        }

        if (timer->due == USEC_INFINITY) {
                r = make_room(loop);
                if (r < 0)
                        return r;
                i = loop->n_timers++;
        }

        timer->due = loop->now + after_usec;
        timer->order = loop->timer_order++;
        sift(loop, i, timer);
        return 0;
}

void p2p_timer_stop(p2p_timer *timer) {
        p2p_loop *loop = timer->loop;
        p2p_timer *last;

        if (!p2p_timer_is_set(timer))
                return;

        last = loop->timers[--loop->n_timers];
        if (last != timer)
                sift(loop, timer->index, last);
        timer->due = USEC_INFINITY;
}

bool p2p_timer_is_set(const p2p_timer *timer) {
        return timer->loop && timer->due != USEC_INFINITY;
}

uint64_t loop_timers_due(const p2p_loop *loop) {
        return loop->n_timers > 0 ? loop->timers[0]->due : USEC_INFINITY;
}

bool loop_serve_timers(p2p_loop *loop) {
        const uint64_t order = loop->timer_order;
        bool any = false;

        while (loop->n_timers > 0) {
                p2p_timer *timer = loop->timers[0];

                if (timer->due > loop->now || timer->order >= order)
                        break;
                p2p_timer_stop(timer);
                timer->run(timer->userdata);
                any = true;
        }
        return any;
}
