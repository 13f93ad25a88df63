/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The worker: a thread of the loop's, made for the first job that needs it, joined when the loop is freed.
 *
 * A job is on one of four lists, or is the one that runs. `queued`, `strangers` and `finished` are of both
 * threads and under the lock, like `running`; a job on `posted` is the loop's alone again, and its task will
 * run. The thread writes to an eventfd when `finished` was empty; the loop watches its edges and takes the
 * whole list, so an edge that comes late finds nothing, and none can be lost.
 *
 * The thread has less of the processor than the loop: where both want the same core, whoever is in already
 * comes before those who are not. It blocks all signals, so the program's go where they went before.
 */

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/loop-private.h"
#include "io/worker.h"

#define NICENESS   10            /* arbitrary: a tenth of the share of a busy loop on the same core */
#define OTHERS_MAX 8u            /* arbitrary: those who never end shut no stranger out */
#define SLICE_NSEC 100000000ull  /* the longest there is */
#define STACK_SIZE (512u * 1024) /* resident as far as it is used: by the numbers of RSA of 8192 bits */

struct p2p_worker {
        p2p_watch *watch;
        int fd;
        p2p_list posted;
        pthread_t thread;
        bool has_thread;

        pthread_mutex_t lock;
        pthread_cond_t work; /* something was queued, or it is over */
        pthread_cond_t ran;  /* what was running is not any more */
        p2p_list queued, strangers, finished;
        unsigned n_others; /* that ran in a row */
        p2p_job *running;
        bool is_over;
};

/* ---- the thread */

/* The next job, or NULL when it is over. Under the lock. */
static p2p_job *wait_for_job(p2p_worker *w) {
        p2p_list *next;
        bool is_late;

        while (!w->is_over && p2p_list_is_empty(&w->queued) && p2p_list_is_empty(&w->strangers))
                (void) pthread_cond_wait(&w->work, &w->lock);
        if (w->is_over)
                return NULL;
        is_late = p2p_list_is_empty(&w->queued) ||
                  (w->n_others >= OTHERS_MAX && !p2p_list_is_empty(&w->strangers));
        w->n_others = is_late ? 0 : w->n_others + 1;
        next = is_late ? w->strangers.prev : w->queued.next;
        p2p_list_unlink(next);
        return P2P_LIST_ENTRY(next, p2p_job, queue);
}

static void wake_loop(p2p_worker *w) {
        const uint64_t one = 1;

        while (write(w->fd, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
}

/* Of this thread alone; a sandbox may refuse it. A longer slice than the loop's, so that the kernel gives
 * the core to the loop as soon as it wakes [tried, Linux 6.18: without, at a tick]; before Linux 6.12 it
 * means nothing. */
static void step_back(void) {
        struct {
                uint32_t size, policy;
                uint64_t flags;
                int32_t nice;
                uint32_t priority;
                uint64_t slice_nsec, deadline_nsec, period_nsec;
        } attr = { .size = sizeof(attr), .policy = SCHED_BATCH, .nice = NICENESS, .slice_nsec = SLICE_NSEC };

        if (syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
                (void) !nice(NICENESS);
}

static void *serve(void *userdata) {
        p2p_worker *w = userdata;
        bool was_empty;

        (void) pthread_setname_np(pthread_self(), "worker");
        step_back();

        (void) pthread_mutex_lock(&w->lock);
        while ((w->running = wait_for_job(w))) {
                (void) pthread_mutex_unlock(&w->lock);
                w->running->run(w->running->userdata);
                (void) pthread_mutex_lock(&w->lock);

                was_empty = p2p_list_is_empty(&w->finished);
                p2p_list_append(&w->finished, &w->running->queue);
                w->running = NULL;
                (void) pthread_cond_signal(&w->ran);
                (void) pthread_mutex_unlock(&w->lock); /* the loop may run at once, and must not wait */
                if (was_empty)
                        wake_loop(w);
                (void) sched_yield(); /* on one core, a tick is long: the loop does not wait for its end */
                (void) pthread_mutex_lock(&w->lock);
        }
        (void) pthread_mutex_unlock(&w->lock);
        return NULL;
}

/* ---- the loop */

static void on_finished(unsigned events _unused_, void *userdata) {
        p2p_worker *w = userdata;
        p2p_list all;
        p2p_job *job;

        p2p_list_init(&all);
        (void) pthread_mutex_lock(&w->lock);
        loop_splice(&all, &w->finished);
        (void) pthread_mutex_unlock(&w->lock);

        P2P_LIST_FOREACH(job, &all, p2p_job, queue)
                p2p_task_post(&job->deliver);
        loop_splice(&w->posted, &all);
}

static void on_deliver(void *userdata) {
        p2p_job *job = userdata;

        if (job->in_loop)
                job->run(job->userdata);
        p2p_list_unlink(&job->queue);
        job->busy = false;
        job->done(job->userdata);
}

static int make_thread(p2p_worker *w) {
        pthread_attr_t attr;
        sigset_t all, before;
        int r;

        r = pthread_attr_init(&attr);
        if (r != 0)
                return -r;
        (void) pthread_attr_setstacksize(&attr, STACK_SIZE);
        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&w->thread, &attr, serve, w);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attr);
        w->has_thread = r == 0;
        return r == EAGAIN ? -ENOMEM : -r; /* nobody's wake follows */
}

static int start_thread(p2p_worker *w, p2p_loop *loop) {
        int r;

        if (w->fd < 0)
                w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (w->fd < 0)
                return -errno;
        if (!w->watch) {
                r = p2p_watch_new(loop, w->fd, P2P_READABLE | P2P_EDGE, on_finished, w, &w->watch);
                if (r < 0)
                        return r;
        }
        return make_thread(w);
}

static void stop_thread(p2p_worker *w) {
        (void) pthread_mutex_lock(&w->lock);
        w->is_over = true;
        (void) pthread_cond_signal(&w->work);
        (void) pthread_mutex_unlock(&w->lock);
        (void) pthread_join(w->thread, NULL);
}

static void drop_all(p2p_list *jobs) {
        p2p_job *job;

        P2P_LIST_FOREACH(job, jobs, p2p_job, queue) {
                p2p_list_unlink(&job->queue);
                p2p_task_cancel(&job->deliver);
                job->busy = false;
        }
}

p2p_worker *loop_free_worker(p2p_worker *w) {
        if (!w)
                return NULL;
        if (w->has_thread)
                stop_thread(w);
        drop_all(&w->queued);
        drop_all(&w->strangers);
        drop_all(&w->finished);
        drop_all(&w->posted);
        p2p_watch_free(w->watch);
        if (w->fd >= 0)
                close(w->fd);
        (void) pthread_cond_destroy(&w->ran);
        (void) pthread_cond_destroy(&w->work);
        (void) pthread_mutex_destroy(&w->lock);
        free(w);
        return NULL;
}
P2P_CLEANUP(p2p_worker, loop_free_worker);

static int worker_new(p2p_worker **ret) {
        _cleanup_(loop_free_workerp) p2p_worker *w = NULL;

        w = malloc(sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (p2p_worker){ .fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER,
                           .ran = PTHREAD_COND_INITIALIZER };
        p2p_list_init(&w->posted);
        p2p_list_init(&w->queued);
        p2p_list_init(&w->strangers);
        p2p_list_init(&w->finished);

        *ret = TAKE_PTR(w);
        return 0;
}

/* ---- jobs */

void p2p_job_init(p2p_job *job, p2p_loop *loop, void (*run)(void *userdata), void (*done)(void *userdata),
                  void *userdata) {
        assert(loop && run && done);

        *job = (p2p_job){ .loop = loop, .run = run, .done = done, .userdata = userdata };
        p2p_list_init(&job->queue);
        p2p_task_init(&job->deliver, loop, on_deliver, job);
        job->deliver.slow = true;
}

static void start_in_thread(p2p_worker *w, p2p_job *job) {
        (void) pthread_mutex_lock(&w->lock);
        p2p_list_append(job->stranger ? &w->strangers : &w->queued, &job->queue);
        (void) pthread_cond_signal(&w->work);
        (void) pthread_mutex_unlock(&w->lock);
}

static void start_in_loop(p2p_worker *w, p2p_job *job) {
        p2p_list_append(&w->posted, &job->queue);
        p2p_task_post(&job->deliver);
}

int p2p_job_start(p2p_job *job) {
        p2p_loop *loop = job->loop;
        int r;

        assert(!job->busy);

        if (!loop->worker) {
                r = worker_new(&loop->worker);
                if (r < 0)
                        return r;
        }
        job->in_loop = loop->manual || job->own;
        if (!job->in_loop && !loop->worker->has_thread) {
                r = start_thread(loop->worker, loop);
                if (r < 0)
                        return r;
        }
        job->busy = true;
        (job->in_loop ? start_in_loop : start_in_thread)(loop->worker, job);
        return 0;
}

void p2p_job_cancel(p2p_job *job) {
        p2p_worker *w;

        if (!job->busy)
                return;
        w = job->loop->worker;
        (void) pthread_mutex_lock(&w->lock);
        while (w->running == job)
                (void) pthread_cond_wait(&w->ran, &w->lock);
        p2p_list_unlink(&job->queue);
        (void) pthread_mutex_unlock(&w->lock);
        p2p_task_cancel(&job->deliver);
        job->busy = false;
}

bool p2p_job_is_busy(const p2p_job *job) {
        return job->busy;
}
