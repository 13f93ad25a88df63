/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The verbs: one row each, of one or two words. */

#include "cli/remote.h"

typedef struct Verb {
        const char *name;             /* "status", "auth add" */
        unsigned min, max;            /* arguments */
        const char *arguments;        /* for people: "PEER SERVICE" */
        unsigned options;             /* OPTION_* that it takes */
        unsigned required;            /* of these, what it must have */
        int (*run)(Context *context); /* an exit status, or < 0 after it has told why */
        const char *help;
} Verb;

/* Finds and checks the words of a command line, and runs them. Returns the exit status: 0, 1 (it failed) or
 * 2 (wrong usage). */
int command_main(int argc, char **argv);

/* How many letters to change, swap, add or take out to make b of a. Pure. */
unsigned edit_distance(const char *a, const char *b);

int verb_status(Context *context);
int verb_whoami(Context *context);
int verb_peers(Context *context);
int verb_services(Context *context);
int verb_service_add(Context *context);
int verb_service_remove(Context *context);
int verb_service_enable(Context *context);
int verb_service_disable(Context *context);
int verb_proxies(Context *context);
int verb_proxy_add(Context *context);
int verb_proxy_remove(Context *context);
int verb_auth_add(Context *context);
int verb_auth_remove(Context *context);
int verb_auth_list(Context *context);
int verb_relay_add(Context *context);
int verb_relay_remove(Context *context);
int verb_relay_list(Context *context);
int verb_ping(Context *context);
int verb_connect(Context *context);
int verb_relay_server_status(Context *context);
int verb_relay_server_authorize(Context *context);
int verb_relay_server_deauthorize(Context *context);
int verb_relay_server_list_peers(Context *context);
