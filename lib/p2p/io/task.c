/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Tasks: how news comes up.
 *
 * A task is a node in the loop's queue, so posting never fails. A turn first takes the whole queue aside
 * and then runs it from the front: what is posted meanwhile belongs to the next turn, and a task that is
 * cancelled meanwhile is gone from whichever list holds it. Of the slow ones each turn takes one, last. A task is off every list before it runs: its
 * memory may be freed by what it runs.
 */

#include <assert.h>

#include "io/loop-private.h"

void p2p_task_init(p2p_task *task, p2p_loop *loop, p2p_task_fn run, void *userdata) {
        assert(loop && run);

        *task = (p2p_task) { .loop = loop, .run = run, .userdata = userdata };
        p2p_list_init(&task->queue);
}

void p2p_task_post(p2p_task *task) {
        if (!task || !p2p_list_is_empty(&task->queue))
                return;

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

bool loop_serve_tasks(p2p_loop *loop) {
        p2p_list *slow = p2p_list_first(&loop->slow); /* posted before this turn's tasks */
        bool any = false;
        p2p_list *node;

        loop_splice(&loop->tasks_now, &loop->tasks);
        if (slow) {
                p2p_list_unlink(slow);
                p2p_list_append(&loop->tasks_now, slow);
        }
        while ((node = p2p_list_first(&loop->tasks_now))) {
                p2p_task *task = P2P_LIST_ENTRY(node, p2p_task, queue);

                p2p_list_unlink(node);
                task->run(task->userdata);
                any = true;
        }
        return any;
}
