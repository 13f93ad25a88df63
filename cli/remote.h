/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls to the daemon and the relay over D-Bus. Every function tells on stderr why it failed, and what to
 * do; its caller just returns.
 */

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

#include <p2p/macro.h>

#include "cli/options.h"

#define REMOTE_TIMEOUT (2 * USEC_PER_MINUTE) /* arbitrary: somebody types a password meanwhile */

/* An object on the bus, and the unit that is behind it. */
typedef struct Remote {
        const char *name, *path, *interface;
        const char *unit; /* for systemctl */
        const char *title;
} Remote;

extern const Remote remote_daemon, remote_relay;

/* What a verb is given. */
typedef struct Context {
        const Options *options;
        char **args; /* after the verb; as many as the verb takes */
        unsigned n_args;
        sd_bus *bus; /* NULL before the first call */
} Context;

void context_done(Context *context);
int context_connect(Context *context); /* context->bus is there afterwards */

/* A method call, ready for arguments; interactive authorization is allowed. */
int remote_message(Context *context, const Remote *remote, const char *member, sd_bus_message **ret);
/* Sends m and waits; ret may be NULL. */
int remote_send(Context *context, const Remote *remote, sd_bus_message *m, sd_bus_message **ret);
int remote_call(Context *context, const Remote *remote, sd_bus_message **ret, const char *member,
                const char *types, ...);
/* The same, with the reply's arguments as a JSON array, the caller's. */
int remote_call_json(Context *context, const Remote *remote, json_t **ret, const char *member,
                     const char *types, ...);
/* Every property, as an object. */
int remote_properties(Context *context, const Remote *remote, json_t **ret);
/* Whether somebody owns the name; quiet. 1, 0, or < 0: no bus. */
int remote_is_running(Context *context, const Remote *remote);

/* "cannot build the message: ..." */
int remote_message_failed(int error);
/* Tells what an error of the bus means. Returns error. */
int remote_explain(const Remote *remote, const sd_bus_error *e, int error);
