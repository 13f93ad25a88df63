/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What loop.c, task.c, timer.c, watch.c and worker.c share, and nobody else sees. */

#include <event2/event.h>

#include <p2p/loop.h>

typedef struct p2p_worker p2p_worker;

struct p2p_loop {
        struct event_base *base;
        struct event *alarm; /* readiness of alarm_fd: the one thing that ends a wait by time */
        int alarm_fd;        /* a timerfd on CLOCK_BOOTTIME */
        uint64_t alarm_due;  /* what alarm_fd is set to; USEC_INFINITY: nothing */
        uint64_t now;
        bool manual;
        bool in_turn;

        p2p_list tasks;     /* posted: run at the end of the next turn that gets to tasks */
        p2p_list tasks_now; /* being run in this turn */
        p2p_list slow;      /* posted slow ones: at most the first is run in a turn */
        uint64_t slow_since; /* how long the first of them has been the first */

        p2p_timer **timers; /* a heap by (due, order) */
        unsigned n_timers, n_timers_allocated;
        uint64_t timer_order;

        p2p_list ready;     /* watches with events to report */
        p2p_list ready_now; /* being reported in this turn */
        unsigned n_watches;

        p2p_list orphans; /* by age */
        unsigned n_orphans;

        p2p_worker *worker; /* NULL before the first job */

        uint8_t *scratch;
};

void loop_free_orphans(p2p_loop *loop);
p2p_worker *loop_free_worker(p2p_worker *worker);

/* Each serves what is due in this turn and says whether there was anything. */
bool loop_serve_watches(p2p_loop *loop);
bool loop_serve_timers(p2p_loop *loop);
bool loop_serve_tasks(p2p_loop *loop);
bool loop_serve_slow(p2p_loop *loop);

/* When the first timer is due; USEC_INFINITY: none is set. */
uint64_t loop_timers_due(const p2p_loop *loop);

/* Moves all of `from` behind what is in `to`. */
static inline void loop_splice(p2p_list *to, p2p_list *from) {
        if (p2p_list_is_empty(from))
                return;
        from->next->prev = to->prev;
        to->prev->next = from->next;
        from->prev->next = to;
        to->prev = from->prev;
        p2p_list_init(from);
}
