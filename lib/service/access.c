/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The set of authorized peers, kept true in three ways: by the D-Bus calls (which load anew), by a watch on
 * the file's directory, and by a timer on the wall clock for the next expiry. The timer is cancelled by the
 * kernel when the clock is set, so an expiry is neither missed nor early after a jump.
 *
 * Whatever the cause, the old set at the time of its last look and the new one now are compared, and who was
 * allowed and is no longer is told as lost.
 */

#include "service/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "service/file-watch.h"
#include "service/journal.h"

struct Access {
        p2p_loop *loop; /* borrowed */
        char *path;
        bool gating;
        AuthorizedKeys *keys;
        uint64_t seen_at; /* wall clock at the last look */
        FileWatch *file;
        int clock_fd;
        p2p_watch *clock;
        const AccessEvents *events; /* borrowed */
        void *userdata;
};

uint64_t access_now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

static void arm_clock(Access *a) {
        struct itimerspec at = {};
        uint64_t next = authorized_keys_next_expiry(a->keys, a->seen_at);

        if (next != USEC_INFINITY) {
                at.it_value.tv_sec = (time_t) (next / USEC_PER_SEC);
                at.it_value.tv_nsec = (long) (next % USEC_PER_SEC) * 1000 + 1;
        }
        (void) timerfd_settime(a->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL);
}

static bool is_same_line(const AuthorizedPeer *a, const AuthorizedPeer *b) {
        return p2p_peer_id_equal(&a->id, &b->id) && a->expires == b->expires &&
               strcmp(a->comment, b->comment) == 0 && strcmp(a->verified, b->verified) == 0 &&
               strcmp(a->group, b->group) == 0;
}

static bool is_same(const AuthorizedKeys *a, const AuthorizedKeys *b) {
        size_t n = a ? authorized_keys_count(a) : 0;

        if (n != (b ? authorized_keys_count(b) : 0))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!is_same_line(authorized_keys_at(a, i), authorized_keys_at(b, i)))
                        return false;
        return true;
}

/* Takes the new set, which may be the old one at a later time. */
static void look(Access *a, AuthorizedKeys *keys) {
        AuthorizedKeys *old = a->keys;
        uint64_t before = a->seen_at;

        a->keys = keys;
        a->seen_at = access_now();
        for (size_t i = 0; a->gating && old && i < authorized_keys_count(old); i++) {
                const p2p_peer_id *id = &authorized_keys_at(old, i)->id;

                if (authorized_keys_allow(old, id, before) && !authorized_keys_allow(keys, id, a->seen_at))
                        a->events->lost(id, access_check(a, id), a->userdata);
        }
        if (old != keys)
                authorized_keys_free(old);
        if (keys)
                arm_clock(a);
        a->events->changed(a->userdata);
}

/* 1: it says something else than before, 0: the same. */
static int read_keys(Access *a) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        AuthorizedKeys *keys;
        bool same;
        int r;

        r = authorized_keys_load(a->path, problems, &keys);
        if (problems)
                log_problems(a->path, problems);
        if (r < 0 && !a->keys)
                return log_error_errno(r, "Nobody is let in until %s can be read: %m", a->path);
        if (r < 0)
                return log_error_errno(r, "%s stays as it was read last: %m", a->path);
        same = is_same(a->keys, keys);
        look(a, keys);
        return !same;
}

/* What an API call has written comes by here too, read already: that is its record, not one more. */
static void on_file(void *userdata) {
        if (read_keys(userdata) > 0)
                audit(AUDIT_AUTH_CHANGE, AUDIT_TEXT("ACTION", "reload"), AUDIT_TEXT("SOURCE", "file"));
}

static void on_clock(unsigned events, void *userdata) {
        Access *a = userdata;
        uint64_t n;

        (void) events;
        if (read(a->clock_fd, &n, sizeof(n)) < 0 && errno == EAGAIN)
                return; /* otherwise it expired, or the clock was set (ECANCELED): look either way */
        if (a->keys)
                look(a, a->keys);
}

int access_new(p2p_loop *loop, const AccessEvents *events, void *userdata, Access **ret) {
        _cleanup_(access_freep) Access *a = NULL;
        int r;

        a = malloc(sizeof(*a));
        if (!a)
                return -ENOMEM;
        *a = (Access){ .loop = loop, .gating = true, .events = events, .userdata = userdata };
        a->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (a->clock_fd < 0)
                return -errno;
        r = p2p_watch_new(loop, a->clock_fd, P2P_READABLE, on_clock, a, &a->clock);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(a);
        return 0;
}

Access *access_free(Access *a) {
        if (!a)
                return NULL;
        p2p_watch_free(a->clock);
        if (a->clock_fd >= 0)
                (void) close(a->clock_fd);
        file_watch_free(a->file);
        authorized_keys_free(a->keys);
        free(a->path);
        free(a);
        return NULL;
}

int access_load(Access *a, const char *path, bool gating) {
        int r;

        a->gating = gating;
        if (!a->path || strcmp(a->path, path) != 0) {
                char *copy = strdup(path);

                if (!copy)
                        return -ENOMEM;
                free(a->path);
                a->path = copy;
                a->file = file_watch_free(a->file);
        }
        if (!gating) {
                a->file = file_watch_free(a->file);
                look(a, NULL);
                return 0;
        }
        if (!a->file) {
                r = file_watch_new(a->loop, a->path, on_file, a, &a->file);
                if (r < 0)
                        log_warning_errno(r, "Cannot watch %s, changes need a reload: %m", a->path);
        }
        r = read_keys(a);
        return P2P_MIN(r, 0);
}

bool access_gating(const Access *a) {
        return a->gating;
}

const char *access_path(const Access *a) {
        return a->path;
}

const AuthorizedKeys *access_keys(const Access *a) {
        return a->keys;
}

AccessVerdict access_check(const Access *a, const p2p_peer_id *peer) {
        if (!a->gating || authorized_keys_allow(a->keys, peer, access_now()))
                return ACCESS_ALLOWED;
        return a->keys && authorized_keys_find(a->keys, peer) ? ACCESS_EXPIRED : ACCESS_UNKNOWN;
}

const char *access_verdict_text(AccessVerdict verdict) {
        static const char *const texts[_ACCESS_VERDICT_MAX] = {
                [ACCESS_ALLOWED] = "authorized",
                [ACCESS_UNKNOWN] = "unknown",
                [ACCESS_EXPIRED] = "expired",
                [ACCESS_NOT_LISTED] = "not in allowed_peers",
        };

        return texts[verdict];
}
