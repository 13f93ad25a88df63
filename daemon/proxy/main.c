/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * peerup-proxy: started by peerup-proxy@NAME.socket at a first connection. Hands the listening socket to the
 * daemon together with $PEERUP_PEER and $PEERUP_SERVICE, and leaves when the daemon says that there is
 * nothing to do (architecture.md 2).
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "daemon/proxy/registration.h"
#include "service/bus.h"
#include "service/journal.h"

typedef struct Program {
        sd_event *event;
        sd_bus *bus;
        Registration *registration;
} Program;

static void on_status(const char *text, void *userdata) {
        (void) userdata;
        (void) sd_notifyf(false, "READY=1\nSTATUS=%s", text);
}

static void on_done(int code, void *userdata) {
        Program *p = userdata;

        (void) sd_event_exit(p->event, code);
}

static const RegistrationEvents events = { .status = on_status, .done = on_done };

static int on_bus_lost(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        (void) m, (void) error;
        log_error("The bus is gone");
        on_done(EXIT_FAILURE, userdata);
        return 0;
}

static int get_listener(void) {
        int n = sd_listen_fds(true);

        if (n == 1)
                return SD_LISTEN_FDS_START;
        if (n < 0)
                return log_error_errno(n, "Cannot take the socket: %m");
        log_error("One listening socket is wanted, and %d came: start peerup-proxy@NAME.socket instead", n);
        return -EINVAL;
}

static int get_argument(const char *variable, const char **ret) {
        const char *value = getenv(variable);

        if (!value || value[0] == '\0') {
                log_error("%s is not set: add the proxy with peerupctl proxy add, or set it in a drop-in",
                          variable);
                return -EINVAL;
        }
        *ret = value;
        return 0;
}

static int make_loop(Program *p) {
        sigset_t set;
        int r;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        r = sd_event_default(&p->event);
        if (r >= 0)
                r = sd_event_add_signal(p->event, NULL, SIGTERM, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_signal(p->event, NULL, SIGINT, NULL, NULL);
        return r;
}

static int join_bus(Program *p) {
        int r;

        r = bus_open(&p->bus);
        if (r >= 0)
                r = sd_bus_match_signal(p->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_bus_lost, p);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(p->bus, UINT64_MAX);
        if (r >= 0)
                r = sd_bus_attach_event(p->bus, p->event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

static int run(Program *p) {
        const char *peer, *service;
        int r, listener;

        if (get_argument("PEERUP_PEER", &peer) < 0 || get_argument("PEERUP_SERVICE", &service) < 0)
                return EXIT_REFUSED;
        listener = get_listener();
        if (listener < 0)
                return EXIT_REFUSED;
        r = make_loop(p);
        if (r < 0)
                return log_error_errno(r, "Cannot make a loop: %m");
        r = join_bus(p);
        if (r < 0)
                return log_error_errno(r, "Cannot reach the bus: %m");
        r = registration_new(p->bus, peer, service, listener, &events, p, &p->registration);
        if (r < 0)
                return log_error_errno(r, "Cannot register: %m");
        return sd_event_loop(p->event);
}

int main(int argc, char **argv) {
        Program program = {};
        int r;

        if (argc > 1) {
                bool version = strcmp(argv[1], "--version") == 0;

                fprintf(version ? stdout : stderr, "peerup-proxy " PEERUP_VERSION "%s\n",
                        version ? "" : ": systemd starts this; see peerup-proxy@.socket(8)");
                return version ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        journal_open("peerup-proxy", "proxy");
        r = run(&program);
        registration_free(program.registration);
        sd_bus_flush_close_unref(program.bus);
        sd_event_unref(program.event);
        journal_close();
        return r < 0 ? EXIT_FAILURE : r;
}
