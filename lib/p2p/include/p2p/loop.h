/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The event loop: readiness of file descriptors, timers, and tasks.
 *
 * Calls go down, tasks come up. Upward news is a p2p_task embedded in its sender and posted here; it runs
 * from the loop on an empty stack, so a callback may free anything, its own object included. Tasks run first
 * in, first out after the I/O of a turn; what they post runs in the next turn. Single-threaded.
 *
 * One-shot operations, x_new(..., done, userdata, &handle): `done` runs exactly once, from the loop, never
 * before x_new() returned. The operation has freed itself by then: the callee only forgets its handle. If
 * the handle is freed first, `done` never runs.
 */

#include <stdbool.h>
#include <stdint.h>

#include <p2p/list.h>

typedef struct p2p_loop p2p_loop;
typedef struct p2p_watch p2p_watch;

int p2p_loop_new(p2p_loop **ret);

/* A loop whose clock stands still until p2p_loop_advance(): for tests. It watches fds like any other. */
int p2p_loop_new_manual(p2p_loop **ret);

/* Everything that uses the loop must be gone before. */
p2p_loop *p2p_loop_free(p2p_loop *loop);
P2P_CLEANUP(p2p_loop, p2p_loop_free);

/* CLOCK_BOOTTIME in microseconds, read once a turn: time spent asleep counts. */
uint64_t p2p_loop_now(const p2p_loop *loop);

/* One turn: waits at most timeout_usec (USEC_INFINITY: until something happens; 0: polls), serves ready fds,
 * due timers, then the tasks posted so far. With tasks pending it never waits. Returns 1 if anything was
 * served, 0 if not (a wait may end early). Not from within a callback. */
int p2p_loop_turn(p2p_loop *loop, uint64_t timeout_usec);

/* Turns until nothing is pending without waiting (no task posted, no fd ready): for tests. */
int p2p_loop_settle(p2p_loop *loop);

/* Manual clock only: moves time forward and runs what became due, in order of due time, settling between. */
int p2p_loop_advance(p2p_loop *loop, uint64_t usec);

/* Scratch memory lent for the duration of one call, never across a return to the loop: P2P_SCRATCH_SIZE
 * bytes. The slots keep a muxer (0), the channel below it (1) and the transport (2) apart. */
#define P2P_SCRATCH_SIZE (256u * 1024u)
uint8_t *p2p_loop_scratch(p2p_loop *loop, unsigned slot);

/* ---- tasks ---- */
typedef void (*p2p_task_fn)(void *userdata);

typedef struct p2p_task {
        p2p_loop *loop; /* borrowed */
        p2p_task_fn run;
        void *userdata;
        p2p_list queue;
        bool slow; /* set after init, while it is not posted */
} p2p_task;

/* Slow tasks are for everything that strangers can have done for them: an accept, each step of a handshake.
 * One runs a turn, last, and only when no other task is left (or it has waited for half a millisecond):
 * however many come at once, who is in already waits for one of them at most. So each does one step of about
 * a tenth of a millisecond (two curve multiplications) and posts itself again for the next. */
void p2p_task_init(p2p_task *task, p2p_loop *loop, p2p_task_fn run, void *userdata);
void p2p_task_post(p2p_task *task);   /* twice is once; NULL is fine */
/* Passes news up without a turn of the loop: runs the task at once (a slow one is posted), and no later. The
 * last thing that a task of the layer below does; what it runs may free that layer. NULL is fine. */
void p2p_task_pass(p2p_task *task);
void p2p_task_cancel(p2p_task *task); /* fine when never posted; on an all-zero task too */

/* ---- timers ---- */
typedef struct p2p_timer {
        p2p_loop *loop; /* borrowed */
        p2p_task_fn run;
        void *userdata;
        uint64_t due;    /* USEC_INFINITY: off */
        uint64_t order;  /* the loop's: first set, first run, where the due time is equal */
        unsigned index;  /* the loop's: place in its heap */
} p2p_timer;

void p2p_timer_init(p2p_timer *timer, p2p_loop *loop, p2p_task_fn run, void *userdata);
/* One shot, from now; replaces what was set. Runs like a task: on an empty stack. -ENOMEM possible. */
int p2p_timer_set(p2p_timer *timer, uint64_t after_usec);
void p2p_timer_stop(p2p_timer *timer); /* fine when off; on an all-zero timer too */
bool p2p_timer_is_set(const p2p_timer *timer);

/* ---- file descriptors ---- */
enum {
        P2P_READABLE = 1 << 0,
        P2P_WRITABLE = 1 << 1,
        P2P_EDGE = 1 << 2, /* report each edge once instead of the level: registered once, never toggled */
};

typedef void (*p2p_watch_fn)(unsigned events, void *userdata);

/* The fd stays the caller's and must outlive the watch. The callback runs from the loop. */
int p2p_watch_new(p2p_loop *loop, int fd, unsigned events, p2p_watch_fn fn, void *userdata, p2p_watch **ret);
int p2p_watch_set(p2p_watch *watch, unsigned events); /* same P2P_EDGE as before */
p2p_watch *p2p_watch_free(p2p_watch *watch);
P2P_CLEANUP(p2p_watch, p2p_watch_free);
