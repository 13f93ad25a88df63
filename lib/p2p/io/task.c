/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Tasks: how news comes up.
 *
 * A task is a node in the loop's queue, so posting never fails. A turn first takes the whole queue aside
 * and then runs it from the front: what is posted meanwhile belongs to the next turn, and a task that is
 * cancelled meanwhile is gone from whichever list holds it. A task is off every list before it runs: its
 * memory may be freed by what it runs.
 *
 * Slow ones wait until nothing else does: one runs at the end of a turn that leaves no task behind, so that
 * news of whoever is in already, which climbs through a few turns, meets at most the one that was running
 * when it came. Those who are always busy do not shut the others out: after SLOW_WAIT_USEC one runs anyway.
 */

#include <assert.h>

#include "io/loop-private.h"

#define SLOW_WAIT_USEC 500u /* arbitrary: several times what a slow one takes */

void p2p_task_init(p2p_task *task, p2p_loop *loop, p2p_task_fn run, void *userdata) {
        assert(loop && run);

        *task = (p2p_task) { .loop = loop, .run = run, .userdata = userdata };
        p2p_list_init(&task->queue);
}

void p2p_task_post(p2p_task *task) {
        if (!task || !p2p_list_is_empty(&task->queue))
                return;

        if (task->slow && p2p_list_is_empty(&task->loop->slow))
                task->loop->slow_since = task->loop->now;
        p2p_list_append(task->slow ? &task->loop->slow : &task->loop->tasks, &task->queue);
}

void p2p_task_pass(p2p_task *task) {
        if (!task)
                return;
        if (task->slow) {
                p2p_task_post(task);
                return;
        }
        p2p_task_cancel(task);
        task->run(task->userdata);
}

void p2p_task_cancel(p2p_task *task) {
        if (!task->queue.next)
                return; /* all zero: never initialized */

        p2p_list_unlink(&task->queue);
}

static void run_first(p2p_list *queue) {
        p2p_task *task = P2P_LIST_ENTRY(p2p_list_first(queue), p2p_task, queue);

        p2p_list_unlink(&task->queue);
        task->run(task->userdata);
}

bool loop_serve_tasks(p2p_loop *loop) {
        bool any = false;

        loop_splice(&loop->tasks_now, &loop->tasks);
        for (; !p2p_list_is_empty(&loop->tasks_now); any = true)
                run_first(&loop->tasks_now);
        return any;
}

bool loop_serve_slow(p2p_loop *loop) {
        if (p2p_list_is_empty(&loop->slow))
                return false;
        if (!p2p_list_is_empty(&loop->tasks) && loop->now - loop->slow_since < SLOW_WAIT_USEC)
                return false;

        loop->slow_since = loop->now;
        run_first(&loop->slow);
        return true;
}
