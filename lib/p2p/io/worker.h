/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One thread beside the loop, for the arithmetic that strangers ask for. It shares nothing: from
 * p2p_job_start() until `done` runs (or p2p_job_cancel() returns) what userdata points to belongs to `run`,
 * and `run` touches nothing else that changes; least of all the loop. Jobs run first in, first out. There is
 * no limit: whoever starts jobs has one.
 *
 * What is done for somebody who connects, until he was answered once, is a stranger's: those jobs come after
 * all others (but for one in nine), and the last one first. So a flood of hellos does not hold up who is
 * beyond it, and of more than can be answered some are answered at once, and not all of them too late. QUIC,
 * which has a queue of its own and hands over a few at a time (quic/conn-guest.c), makes no use of it.
 *
 * What we asked for ourselves (a dial) is our own: it is a slow task of the loop, which has more of the
 * processor than the thread. So is every job of a loop with a manual clock.
 */

#include <p2p/loop.h>

/* Embedded in its owner, who stays where it is while the job is busy. */
typedef struct p2p_job {
        p2p_loop *loop; /* borrowed */
        void (*run)(void *userdata);
        void (*done)(void *userdata);
        void *userdata;
        p2p_task deliver;
        p2p_list queue;
        bool stranger, own; /* set after init, while it is idle */
        bool busy, in_loop;
} p2p_job;

void p2p_job_init(p2p_job *job, p2p_loop *loop, void (*run)(void *userdata), void (*done)(void *userdata),
                  void *userdata);

/* `done` runs once, as a slow task, never inside the call; it may start the job again, and may free it. Not
 * while it is busy. An error: no thread could be had, and nothing runs. */
int p2p_job_start(p2p_job *job);

/* Afterwards it is neither queued nor running, which may mean to wait for `run`; `done` never runs. Fine
 * when idle, on an all-zero job too, and after the loop was freed: that cancels what is left. */
void p2p_job_cancel(p2p_job *job);

bool p2p_job_is_busy(const p2p_job *job);
