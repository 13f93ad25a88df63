/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The a{sv} of the methods that take options: read, named and bounded; what is unknown or of another type is
 * an error. */

#include "daemon/api-bus.h"

#define ARGUMENTS_ALLOWED_MAX 1024u /* peers of one call; arbitrary */

typedef struct AuthorizeOptions {
        uint64_t expires; /* USEC_INFINITY: never */
        const char *name; /* NULL: none; the message's */
} AuthorizeOptions;

/* What was read is also in range: a name that may be one, an expiry in the future. */
int authorize_options_read(sd_bus_message *m, AuthorizeOptions *ret, sd_bus_error *error);

typedef struct ExposeOptions {
        p2p_peer_id *allowed; /* NULL: everybody */
        size_t n_allowed;
        bool persistent;
} ExposeOptions;

/* Names among allowed-peers are resolved. Set to {} before, done() after, also on errors. */
int expose_options_read(const Api *api, sd_bus_message *m, ExposeOptions *options, sd_bus_error *error);
void expose_options_done(ExposeOptions *options);
