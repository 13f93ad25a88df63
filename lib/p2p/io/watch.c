/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Watches: readiness of file descriptors, through libevent.
 *
 * What libevent reports is only noted here; the watch joins a list, and its owner is called after the
 * wait, when the loop has read the clock. Freeing a watch takes it off that list, so a watch that is
 * freed by an earlier callback of the turn is not called. A watch is off the list before its callback
 * runs, and nothing of it is touched afterwards.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "io/loop-private.h"

struct p2p_watch {
        p2p_loop *loop; /* borrowed */
        struct event *event;
        int fd; /* borrowed */
        p2p_watch_fn fn;
        void *userdata;
        unsigned events; /* asked for */
        unsigned ready;  /* seen, not yet reported */
        p2p_list queue;
};

static void on_event(evutil_socket_t fd, short what, void *userdata) {
        p2p_watch *watch = userdata;

        (void) fd;
        if (what & EV_READ)
                watch->ready |= P2P_READABLE;
        if (what & EV_WRITE)
                watch->ready |= P2P_WRITABLE;
        if (watch->ready != 0 && p2p_list_is_empty(&watch->queue))
                p2p_list_append(&watch->loop->ready, &watch->queue);
}

static short to_libevent(unsigned events) {
        return EV_PERSIST |
               (events & P2P_READABLE ? EV_READ : 0) |
               (events & P2P_WRITABLE ? EV_WRITE : 0) |
               (events & P2P_EDGE ? EV_ET : 0);
}

/* libevent leaves the reason in errno, most of the time. */
static int failure(void) {
        return errno > 0 ? -errno : -ENOMEM;
}

static int arm(p2p_watch *watch) {
        if (!(watch->events & (P2P_READABLE | P2P_WRITABLE)))
                return 0;

        errno = 0;
        return event_add(watch->event, NULL) < 0 ? failure() : 0;
}

int p2p_watch_new(p2p_loop *loop, int fd, unsigned events, p2p_watch_fn fn, void *userdata,
                  p2p_watch **ret) {
        _cleanup_(p2p_watch_freep) p2p_watch *watch = NULL;
        int r;

        assert(loop && fn && fd >= 0);

        watch = malloc(sizeof(*watch));
        if (!watch)
                return -ENOMEM;
        *watch = (p2p_watch) { .loop = loop, .fd = fd, .fn = fn, .userdata = userdata, .events = events };
        p2p_list_init(&watch->queue);
        loop->n_watches++;

        watch->event = event_new(loop->base, fd, to_libevent(events), on_event, watch);
        if (!watch->event)
                return -ENOMEM;

        r = arm(watch);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(watch);
        return 0;
}

int p2p_watch_set(p2p_watch *watch, unsigned events) {
        int r;

        assert((events & P2P_EDGE) == (watch->events & P2P_EDGE));
        if (events == watch->events)
                return 0;

        (void) event_del(watch->event);
        watch->events = events;
        watch->ready &= events;
        if (watch->ready == 0)
                p2p_list_unlink(&watch->queue);

        r = event_assign(watch->event, watch->loop->base, watch->fd, to_libevent(events), on_event, watch);
        if (r < 0)
                return -EINVAL;
        return arm(watch);
}

p2p_watch *p2p_watch_free(p2p_watch *watch) {
        if (!watch)
                return NULL;

        p2p_list_unlink(&watch->queue);
        if (watch->event)
                event_free(watch->event);
        watch->loop->n_watches--;
        free(watch);
        return NULL;
}

bool loop_serve_watches(p2p_loop *loop) {
        bool any = false;
        p2p_list *node;

        loop_splice(&loop->ready_now, &loop->ready);
        while ((node = p2p_list_first(&loop->ready_now))) {
                p2p_watch *watch = P2P_LIST_ENTRY(node, p2p_watch, queue);
                unsigned events = watch->ready;

                p2p_list_unlink(node);
                watch->ready = 0;
                watch->fn(events, watch->userdata);
                any = true;
        }
        return any;
}
