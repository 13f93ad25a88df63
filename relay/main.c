/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* peerup-relay: a circuit relay for one's own machines. It runs as peerup-relay.service; peerup-relay(8). */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "relay/relay-bus.h"
#include "service/bus.h"
#include "service/journal.h"
#include "service/loop-systemd.h"

static const char help[] =
        "peerup-relay [OPTIONS...]\n\n"
        "The relay of peer-up: a place to meet for the machines in relay_authorized_keys.\n\n"
        "     --config=PATH   read this file instead of " RELAY_CONFIG_PATH "\n"
        "  -h --help          show this help\n"
        "     --version       show the version\n\n"
        "See peerup-relay(8).\n";

/* 0: go on; 1: done; < 0: wrong usage. */
static int parse_argv(int argc, char **argv, const char **ret_config) {
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'c':
                        *ret_config = optarg;
                        break;
                case 'h':
                        fputs(help, stdout);
                        return 1;
                case 'v':
                        puts("peerup-relay " PEERUP_VERSION);
                        return 1;
                default:
                        return -EINVAL;
                }
        if (optind < argc) {
                fprintf(stderr, "peerup-relay: unexpected argument '%s'; see --help\n", argv[optind]);
                return -EINVAL;
        }
        return 0;
}

static void on_reload(void *userdata) {
        Relay *relay = userdata;

        (void) relay_reload(relay); /* logs what is wrong */
        log_info("Key file read again; changes of %s need: systemctl restart peerup-relay",
                 relay->config_path);
}

static int run(const char *config_path) {
        _cleanup_(main_loop_freep) MainLoop *loop = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(relay_freep) Relay *relay = NULL;
        _cleanup_(relay_bus_freep) RelayBus *relay_bus = NULL;
        char text[P2P_PEER_ID_TEXT_MAX];
        int r;

        r = main_loop_new(&loop);
        if (r < 0)
                return log_error_errno(r, "Cannot make an event loop: %m");
        r = relay_new(main_loop_p2p(loop), config_path, &relay);
        if (r < 0)
                return r;
        r = bus_open(&bus);
        if (r >= 0)
                r = main_loop_attach_bus(loop, bus);
        if (r >= 0)
                r = relay_bus_new(relay, bus, &relay_bus);
        if (r < 0)
                return log_error_errno(
                        r, "Cannot be on the bus: %m; is dbus running, and no other peerup-relay?");

        main_loop_on_reload(loop, on_reload, relay);
        audit(AUDIT_LIFECYCLE, AUDIT_TEXT("ACTION", "ready"), AUDIT_TEXT("VERSION", PEERUP_VERSION));
        main_loop_status(loop, "Relaying as %s", p2p_peer_id_format(p2p_host_peer_id(relay->host), text));
        main_loop_ready(loop);
        r = main_loop_run(loop);
        audit(AUDIT_LIFECYCLE, AUDIT_TEXT("ACTION", "stopping"), AUDIT_TEXT("VERSION", PEERUP_VERSION));
        return r;
}

int main(int argc, char **argv) {
        const char *config_path = NULL;
        int r;

        r = parse_argv(argc, argv, &config_path);
        if (r != 0)
                return r < 0 ? 2 : EXIT_SUCCESS;
        journal_open("peerup-relay", "relay");
        r = run(config_path);
        journal_close();
        return r == -ENOTRECOVERABLE ? EX_CONFIG : r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
