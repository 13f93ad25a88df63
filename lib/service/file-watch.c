/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * inotify on directories, never on the file: a file that is replaced by rename takes its watches with it. Up
 * to two of them: where the name is, and where its target is if the name is a link. They are set anew after
 * every change, since a change may be of the link.
 */

#include "service/file-watch.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "service/atomic-file.h"

#define INTERESTING                                                                                         \
        (IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |     \
         IN_DELETE_SELF | IN_MOVE_SELF)
#define RETRY (30 * USEC_PER_SEC)

typedef struct Place {
        int wd; /* -1: none */
        char name[NAME_MAX + 1];
} Place;

struct FileWatch {
        p2p_loop *loop; /* borrowed */
        char *path;
        int fd;
        Place places[2]; /* the name, its target */
        p2p_watch *watch;
        p2p_timer settle, retry;
        uint64_t first; /* change that was not told yet */
        void (*changed)(void *userdata);
        void *userdata;
};

static int add_place(FileWatch *w, Place *place, const char *path) {
        char directory[PATH_MAX], name[PATH_MAX];
        int wd;

        if (strlen(path) >= PATH_MAX)
                return -ENAMETOOLONG;
        strcpy(directory, path);
        strcpy(name, path);
        wd = inotify_add_watch(w->fd, dirname(directory), INTERESTING | IN_ONLYDIR);
        if (wd < 0)
                return -errno;

        place->wd = wd;
        (void) snprintf(place->name, sizeof(place->name), "%s", basename(name));
        return 0;
}

static void drop_places(FileWatch *w, const Place old[static 2]) {
        for (unsigned i = 0; i < 2; i++)
                if (old[i].wd >= 0 && old[i].wd != w->places[0].wd && old[i].wd != w->places[1].wd)
                        (void) inotify_rm_watch(w->fd, old[i].wd);
}

/* Watching a directory twice is one watch with one wd, so adding first and dropping after never loses an
 * event. */
static int set_places(FileWatch *w) {
        Place old[2] = { w->places[0], w->places[1] };
        char target[PATH_MAX];
        int r;

        w->places[0].wd = w->places[1].wd = -1;
        r = add_place(w, &w->places[0], w->path);
        if (r >= 0 && realpath(w->path, target))
                (void) add_place(w, &w->places[1], target);
        drop_places(w, old);

        return r;
}

static bool is_ours(FileWatch *w, const struct inotify_event *event) {
        for (unsigned i = 0; i < 2; i++) {
                if (event->wd != w->places[i].wd)
                        continue;
                if (event->len == 0 || strcmp(event->name, w->places[i].name) == 0)
                        return true;
        }

        return event->mask & IN_Q_OVERFLOW;
}

static void note_change(FileWatch *w) {
        uint64_t now = p2p_loop_now(w->loop), left;

        if (!p2p_timer_is_set(&w->settle))
                w->first = now;
        left = w->first + FILE_WATCH_SETTLE_MAX > now ? w->first + FILE_WATCH_SETTLE_MAX - now : 0;
        (void) p2p_timer_set(&w->settle, P2P_MIN(left, FILE_WATCH_SETTLE));
}

static void on_readable(unsigned events, void *userdata) {
        _Alignas(struct inotify_event) char buffer[4096];
        FileWatch *w = userdata;
        bool ours = false;
        ssize_t n;

        (void) events;
        while ((n = read(w->fd, buffer, sizeof(buffer))) > 0)
                for (char *p = buffer; p < buffer + n;) {
                        const struct inotify_event *event = (const struct inotify_event *) p;

                        ours = ours || is_ours(w, event);
                        p += sizeof(*event) + event->len;
                }
        if (ours)
                note_change(w);
}

static void on_settled(void *userdata) {
        FileWatch *w = userdata;

        if (set_places(w) < 0)
                (void) p2p_timer_set(&w->retry, RETRY);
        w->changed(w->userdata); /* may free the watch */
}

static void on_retry(void *userdata) {
        FileWatch *w = userdata;

        if (set_places(w) < 0)
                (void) p2p_timer_set(&w->retry, RETRY);
        else
                note_change(w);
}

int file_watch_new(p2p_loop *loop, const char *path, void (*changed)(void *userdata), void *userdata,
                   FileWatch **ret) {
        _cleanup_(file_watch_freep) FileWatch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        *w = (FileWatch){ .loop = loop, .fd = -1, .changed = changed, .userdata = userdata };
        w->places[0].wd = w->places[1].wd = -1;
        p2p_timer_init(&w->settle, loop, on_settled, w);
        p2p_timer_init(&w->retry, loop, on_retry, w);
        w->path = strdup(path);
        if (!w->path)
                return -ENOMEM;
        w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (w->fd < 0)
                return -errno;
        r = set_places(w);
        if (r < 0)
                return r;
        r = p2p_watch_new(loop, w->fd, P2P_READABLE, on_readable, w, &w->watch);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(w);
        return 0;
}

FileWatch *file_watch_free(FileWatch *w) {
        if (!w)
                return NULL;

        p2p_timer_stop(&w->settle);
        p2p_timer_stop(&w->retry);
        p2p_watch_free(w->watch);
        closep(&w->fd);
        free(w->path);
        free(w);
        return NULL;
}
