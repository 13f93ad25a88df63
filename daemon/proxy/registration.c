/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * CreateProxy, then wait: for Idle, which is answered by CloseProxy and the end; for the daemon's leaving
 * the bus, after which the proxy registers anew when it is back. Meanwhile connections queue in the socket,
 * which is PID 1's.
 *
 * An answer that would not change (a wrong name, no permission) resets what is queued, so that nobody waits
 * for ever, and ends the program; the next connection starts it again.
 */

#include "daemon/proxy/registration.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/bus-names.h"
#include "service/journal.h"

#define DRAIN_MAX 8192 /* twice the backlog: whoever connects faster than this is refused by the next one */

struct Registration {
        sd_bus *bus;         /* borrowed */
        const char *peer;    /* borrowed */
        const char *service; /* borrowed */
        int listener;
        sd_bus_slot *call;
        sd_bus_slot *owner_match, *idle_match;
        char *id, *path; /* NULL: not registered */
        const RegistrationEvents *events;
        void *userdata;
};

static int begin(Registration *g);

/* Connections that nobody will serve: a reset instead of silence. */
static void reset_queued(Registration *g) {
        static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

        for (int i = 0; i < DRAIN_MAX; i++) {
                struct pollfd p = { .fd = g->listener, .events = POLLIN };
                int fd;

                if (poll(&p, 1, 0) <= 0)
                        return;
                fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC);
                if (fd < 0)
                        continue;
                (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
                (void) close(fd);
        }
}

static void forget(Registration *g) {
        g->call = sd_bus_slot_unref(g->call);
        free(TAKE_PTR(g->id));
        free(TAKE_PTR(g->path));
}

static void wait_for_daemon(Registration *g) {
        forget(g);
        g->events->status("Waiting for peerup-daemon; connections are queued", g->userdata);
}

/* The daemon is away, or went while it was asked: its name's return begins anew. */
static bool is_absence(const sd_bus_error *error) {
        static const char *const names[] = { SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                                             SD_BUS_ERROR_NO_REPLY };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (sd_bus_error_has_name(error, names[i]))
                        return true;
        return false;
}

static int on_created(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Registration *g = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(m);
        const char *id, *path;
        char text[512];

        (void) ret_error;
        if (error && is_absence(error)) {
                wait_for_daemon(g);
                return 0;
        }
        forget(g);
        if (error) {
                log_error("The daemon refuses to serve %s of %s: %s", g->service, g->peer, error->message);
                reset_queued(g);
                g->events->done(EXIT_REFUSED, g->userdata);
                return 0;
        }
        if (sd_bus_message_read(m, "so", &id, &path) >= 0) {
                g->id = strdup(id);
                g->path = strdup(path);
        }
        if (!g->id || !g->path) {
                g->events->done(EXIT_FAILURE, g->userdata);
                return 0;
        }
        (void) snprintf(text, sizeof(text), "Serving %s of %s", g->service, g->peer);
        g->events->status(text, g->userdata);
        return 0;
}

static int begin(Registration *g) {
        forget(g);
        /* Without a limit: the daemon asks nobody about us, and its end is a message too. */
        return sd_bus_call_method_async(g->bus, &g->call, BUS_DAEMON_NAME, BUS_DAEMON_PATH,
                                        BUS_MANAGER_INTERFACE, "CreateProxy", on_created, g, "ssh", g->peer,
                                        g->service, g->listener);
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *before, *after;
        Registration *g = userdata;
        int r;

        (void) error;
        r = sd_bus_message_read(m, "sss", &name, &before, &after);
        if (r < 0 || strcmp(name, BUS_DAEMON_NAME) != 0)
                return 0;
        if (after[0] == '\0') {
                wait_for_daemon(g);
                return 0;
        }
        r = begin(g);
        if (r < 0) {
                (void) log_error_errno(r, "Cannot register: %m");
                g->events->done(EXIT_FAILURE, g->userdata);
        }
        return 0;
}

static int on_closed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Registration *g = userdata;

        (void) m, (void) error;
        g->events->done(EXIT_SUCCESS, g->userdata);
        return 0;
}

/* What is accepted between the signal and the close stays served: closing ends the listener's service only.
 */
static int on_idle(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Registration *g = userdata;
        int r;

        (void) error;
        if (!g->path || strcmp(sd_bus_message_get_path(m), g->path) != 0)
                return 0;
        g->call = sd_bus_slot_unref(g->call);
        r = sd_bus_call_method_async(g->bus, &g->call, BUS_DAEMON_NAME, BUS_DAEMON_PATH,
                                     BUS_MANAGER_INTERFACE, "CloseProxy", on_closed, g, "sb", g->id, 0);
        if (r < 0)
                g->events->done(EXIT_FAILURE, g->userdata);
        return 0;
}

int registration_new(sd_bus *bus, const char *peer, const char *service, int listener,
                     const RegistrationEvents *events, void *userdata, Registration **ret) {
        _cleanup_(registration_freep) Registration *g = NULL;
        int r;

        g = malloc(sizeof(*g));
        if (!g)
                return -ENOMEM;
        *g = (Registration){ .bus = bus,
                             .peer = peer,
                             .service = service,
                             .listener = listener,
                             .events = events,
                             .userdata = userdata };
        r = sd_bus_match_signal(bus, &g->owner_match, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                "org.freedesktop.DBus", "NameOwnerChanged", on_owner_changed, g);
        if (r >= 0)
                r = sd_bus_match_signal(bus, &g->idle_match, BUS_DAEMON_NAME, NULL, BUS_PROXY_INTERFACE,
                                        "Idle", on_idle, g);
        if (r >= 0)
                r = begin(g);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(g);
        return 0;
}

Registration *registration_free(Registration *g) {
        if (!g)
                return NULL;
        forget(g);
        sd_bus_slot_unref(g->owner_match);
        sd_bus_slot_unref(g->idle_match);
        free(g);
        return NULL;
}
