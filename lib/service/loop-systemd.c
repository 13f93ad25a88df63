/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two loops, one thread [architecture.md 3]. sd_event has things to do that its fd does not tell (deferred
 * and prepare sources, messages that a bus has already read), so each turn asks it to prepare and dispatch
 * until it has nothing left; only then may the p2p_loop wait, with sd_event's fd among its own. What a turn
 * of the p2p_loop queues on the bus is written by the sd_event at the start of the next, before anything
 * waits.
 */

#include "service/loop-systemd.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "service/heap-trim.h"
#include "service/journal.h"

#define DISPATCH_MAX                                                                                        \
        64u /* sd_event sources in a turn, so that a busy bus leaves the network its share; arbitrary */
#define STATUS_MAX 512u

struct MainLoop {
        p2p_loop *p2p;
        sd_event *event;
        p2p_watch *watch; /* of the sd_event's fd */
        p2p_timer watchdog;
        HeapTrim heap_trim;
        uint64_t watchdog_interval; /* 0: none */
        void (*reload)(void *userdata);
        void *reload_userdata;
        int (*stop)(void *userdata);
        void *stop_userdata;
        bool ready, exiting;
        int code;
        char status[STATUS_MAX];
};

static void on_event_ready(unsigned events, void *userdata) {
        (void) events; /* the next turn serves it */
        (void) userdata;
}

static void on_watchdog(void *userdata) {
        MainLoop *loop = userdata;

        (void) sd_notify(false, "WATCHDOG=1");
        (void) p2p_timer_set(&loop->watchdog, loop->watchdog_interval);
}

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        MainLoop *loop = userdata;

        (void) source;
        (void) info;
        (void) sd_notify(false, "STOPPING=1");
        if (!loop->stop || loop->stop(loop->stop_userdata) == 0)
                main_loop_exit(loop, 0);
        return 0;
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        MainLoop *loop = userdata;
        struct timespec ts;
        uint64_t now;

        (void) source;
        (void) info;
        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        now = (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
        (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now);
        if (loop->reload)
                loop->reload(loop->reload_userdata);
        (void) sd_notify(false, "READY=1");
        return 0;
}

static int add_signals(MainLoop *loop) {
        static const struct {
                int signal;
                sd_event_signal_handler_t handler;
        } signals[] = {
                { SIGTERM, on_stop_signal },
                { SIGINT, on_stop_signal },
                { SIGHUP, on_reload_signal },
        };
        sigset_t set;
        int r;

        sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&set, signals[i].signal);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                r = sd_event_add_signal(loop->event, NULL, signals[i].signal, signals[i].handler, loop);
                if (r < 0)
                        return r;
        }

        return 0;
}

int main_loop_new(MainLoop **ret) {
        _cleanup_(main_loop_freep) MainLoop *loop = calloc(1, sizeof(*loop));
        int r;

        if (!loop)
                return -ENOMEM;
        r = p2p_loop_new(&loop->p2p);
        if (r < 0)
                return r;
        p2p_timer_init(&loop->watchdog, loop->p2p, on_watchdog, loop);
        heap_trim_init(&loop->heap_trim, loop->p2p);
        r = sd_event_new(&loop->event);
        if (r < 0)
                return r;
        r = add_signals(loop);
        if (r < 0)
                return r;
        r = p2p_watch_new(loop->p2p, sd_event_get_fd(loop->event), P2P_READABLE, on_event_ready, loop,
                          &loop->watch);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(loop);
        return 0;
}

MainLoop *main_loop_free(MainLoop *loop) {
        if (!loop)
                return NULL;

        p2p_timer_stop(&loop->watchdog);
        heap_trim_done(&loop->heap_trim);
        p2p_watch_free(loop->watch);
        sd_event_unref(loop->event);
        p2p_loop_free(loop->p2p);
        free(loop);
        return NULL;
}

p2p_loop *main_loop_p2p(MainLoop *loop) {
        return loop->p2p;
}

sd_event *main_loop_event(MainLoop *loop) {
        return loop->event;
}

void main_loop_on_reload(MainLoop *loop, void (*reload)(void *userdata), void *userdata) {
        loop->reload = reload;
        loop->reload_userdata = userdata;
}

void main_loop_on_stop(MainLoop *loop, int (*stop)(void *userdata), void *userdata) {
        loop->stop = stop;
        loop->stop_userdata = userdata;
}

static int on_bus_lost(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        (void) m, (void) error;
        log_error("The bus is gone");
        main_loop_exit(userdata, EXIT_FAILURE);
        return 0;
}

int main_loop_attach_bus(MainLoop *loop, sd_bus *bus) {
        int r;

        r = sd_bus_match_signal(bus, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                "Disconnected", on_bus_lost, loop);
        return r < 0 ? r : sd_bus_attach_event(bus, loop->event, SD_EVENT_PRIORITY_NORMAL);
}

/* 1: something was served, there may be more. */
static int serve_event(MainLoop *loop) {
        int r;

        r = sd_event_prepare(loop->event);
        if (r == 0)
                r = sd_event_wait(loop->event, 0);
        if (r <= 0)
                return r;
        r = sd_event_dispatch(loop->event);

        return r < 0 ? r : 1;
}

int main_loop_turn(MainLoop *loop, uint64_t timeout_usec) {
        int r = 1;

        for (unsigned i = 0; i < DISPATCH_MAX && r > 0 && !loop->exiting; i++) {
                r = serve_event(loop);
                if (r < 0)
                        return r;
        }
        if (loop->exiting)
                return 1;
        heap_trim_note(&loop->heap_trim);
        r = p2p_loop_turn(loop->p2p, r > 0 ? 0 : timeout_usec);
        if (r < 0)
                return r;

        return loop->exiting;
}

int main_loop_run(MainLoop *loop) {
        int r;

        do
                r = main_loop_turn(loop, USEC_INFINITY);
        while (r == 0);

        return r < 0 ? r : loop->code;
}

void main_loop_exit(MainLoop *loop, int code) {
        if (loop->exiting)
                return;
        loop->exiting = true;
        loop->code = code;
}

void main_loop_ready(MainLoop *loop) {
        uint64_t usec;

        if (loop->ready)
                return;
        loop->ready = true;
        if (sd_watchdog_enabled(false, &usec) > 0) {
                loop->watchdog_interval = usec / 2;
                on_watchdog(loop);
        }
        (void) sd_notify(false, "READY=1");
}

void main_loop_status(MainLoop *loop, const char *format, ...) {
        char status[STATUS_MAX];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(status, sizeof(status), format, ap);
        va_end(ap);
        for (char *p = status; *p; p++)
                if (*p == '\n')
                        *p = ' ';
        if (strcmp(status, loop->status) == 0)
                return;
        strcpy(loop->status, status);
        (void) sd_notifyf(false, "STATUS=%s", status);
}
