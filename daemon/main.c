/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * peerup-daemon: the node of peer-up. Order of a start: config and identity, host and listeners, bus; then
 * READY. Relays and peers come later and change only the status line.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "daemon/api-bus.h"
#include "daemon/manager-config.h"
#include "service/journal.h"
#include "service/loop-systemd.h"

typedef struct Program {
        MainLoop *loop;
        Manager *manager;
        Api *api;
        sd_bus *bus;
} Program;

static const char *const version = PEERUP_VERSION;

static int help(void) {
        printf("peerup-daemon [OPTIONS...]\n\n"
               "The node of peer-up: connects this machine to its peers and offers them its services.\n\n"
               "     --config=PATH   read this file instead of %s\n"
               "  -h --help          show this help\n"
               "     --version       show the version\n\n"
               "See peerup-daemon(8) and peerup.yaml(5).\n",
               MANAGER_CONFIG_PATH);
        return 0;
}

/* 1: go on, 0: done, < 0: wrong. */
static int parse_arguments(int argc, char **argv, const char **ret_config) {
        enum { ARG_CONFIG = 256, ARG_VERSION };
        static const struct option options[] = {
                { "config",  required_argument, NULL, ARG_CONFIG  },
                { "help",    no_argument,       NULL, 'h'         },
                { "version", no_argument,       NULL, ARG_VERSION },
                {},
        };
        int c;

        *ret_config = NULL;
        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case ARG_CONFIG:
                        *ret_config = optarg;
                        break;
                case 'h':
                        return help();
                case ARG_VERSION:
                        puts("peerup-daemon " PEERUP_VERSION);
                        return 0;
                default:
                        return -EINVAL;
                }
        if (optind < argc) {
                fprintf(stderr, "peerup-daemon: there are no arguments, only options: see --help\n");
                return -EINVAL;
        }
        return 1;
}

static void show_status(void *userdata) {
        Program *p = userdata;
        char *status;

        if (manager_format_status(p->manager, &status) < 0)
                return;
        main_loop_status(p->loop, "%s", status);
        free(status);
}

static void on_reload(void *userdata) {
        Program *p = userdata;
        char *reason = NULL; /* for the audit record; the journal has it already */

        if (manager_reload(p->manager, &reason) < 0)
                log_error("The old config stays in force");
        free(reason);
        manager_reload_certificate(p->manager);
        audit(AUDIT_LIFECYCLE, AUDIT_TEXT("ACTION", "reload"), AUDIT_TEXT("VERSION", version));
        show_status(p);
}

static int on_stop(void *userdata) {
        (void) userdata;
        audit(AUDIT_LIFECYCLE, AUDIT_TEXT("ACTION", "stopping"), AUDIT_TEXT("VERSION", version));
        return 0;
}

static int join_bus(Program *p) {
        int r;

        r = bus_open(&p->bus);
        if (r < 0)
                return log_error_errno(r, "Cannot reach the bus: %m");
        r = main_loop_attach_bus(p->loop, p->bus);
        if (r >= 0)
                r = api_new(p->manager, p->bus, show_status, p, &p->api);
        if (r >= 0)
                r = api_take_name(p->api);
        if (r == -EEXIST)
                log_error("Another peerup-daemon is running: it owns %s", BUS_DAEMON_NAME);
        else if (r == -EACCES || r == -EPERM)
                log_error("The bus does not let this user own %s: run as the user peerup: systemctl start "
                          "peerup",
                          BUS_DAEMON_NAME);
        else if (r < 0)
                (void) log_error_errno(r, "Cannot offer %s: %m", BUS_DAEMON_NAME);
        return r;
}

static int run(Program *p, const char *config) {
        int r;

        r = main_loop_new(&p->loop);
        if (r < 0)
                return log_error_errno(r, "Cannot make a loop: %m");
        r = manager_new(main_loop_p2p(p->loop), config, &p->manager);
        if (r < 0)
                return r;
        r = join_bus(p);
        if (r < 0)
                return r;
        main_loop_on_reload(p->loop, on_reload, p);
        main_loop_on_stop(p->loop, on_stop, p);
        show_status(p);
        main_loop_ready(p->loop);
        audit(AUDIT_LIFECYCLE, AUDIT_TEXT("ACTION", "ready"), AUDIT_TEXT("VERSION", version));
        return main_loop_run(p->loop);
}

int main(int argc, char **argv) {
        Program program = {};
        const char *config;
        int r;

        r = parse_arguments(argc, argv, &config);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        journal_open("peerup", "daemon");
        r = run(&program, config);
        api_free(program.api);
        sd_bus_flush_close_unref(program.bus);
        manager_free(program.manager);
        main_loop_free(program.loop);
        journal_close();
        return r == -ENOTRECOVERABLE ? EX_CONFIG : r < 0 ? EXIT_FAILURE : r;
}
