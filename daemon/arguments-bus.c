/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Options of D-Bus methods. sd-bus has checked the message against the method's signature; what is in the
 * variants is new. */

#include "daemon/arguments-bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/names.h"

typedef struct OptionReader {
        const char *name, *type;
        int (*read)(sd_bus_message *m, void *options, sd_bus_error *error);
} OptionReader;

/* One entry, inside its dict entry. */
static int read_option(sd_bus_message *m, const OptionReader *readers, void *options, sd_bus_error *error) {
        const char *key, *type;
        int r;

        r = sd_bus_message_read(m, "s", &key);
        if (r >= 0)
                r = sd_bus_message_peek_type(m, NULL, &type);
        for (; r >= 0 && readers->name; readers++) {
                if (strcmp(readers->name, key) != 0)
                        continue;
                if (strcmp(readers->type, type) != 0)
                        return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                                 "Option %s has another type: %s", key, readers->type);
                r = sd_bus_message_enter_container(m, 'v', type);
                if (r >= 0)
                        r = readers->read(m, options, error);
                return r < 0 ? r : sd_bus_message_exit_container(m);
        }
        return r < 0 ? r
                     : sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "There is no option '%.64s'",
                                         key);
}

static int read_options(sd_bus_message *m, const OptionReader *readers, void *options, sd_bus_error *error) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_option(m, readers, options, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* ---- AuthorizePeer ---- */
static int read_expires(sd_bus_message *m, void *options, sd_bus_error *error) {
        uint64_t expires = 0;
        int r;

        r = sd_bus_message_read(m, "t", &expires);
        if (r >= 0)
                r = bus_check_expiry(expires, error);
        ((AuthorizeOptions *) options)->expires = expires;
        return r;
}

static int read_name(sd_bus_message *m, void *options, sd_bus_error *error) {
        const char *name = "";
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0 && !peer_name_is_valid(name))
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_NAME, "A name has " INSTANCE_NAME_RULE);
        ((AuthorizeOptions *) options)->name = name;
        return r;
}

int authorize_options_read(sd_bus_message *m, AuthorizeOptions *ret, sd_bus_error *error) {
        static const OptionReader readers[] = { { "expires", "t", read_expires },
                                                { "name", "s", read_name },
                                                {} };
        AuthorizeOptions options = { .expires = USEC_INFINITY };
        int r;

        r = read_options(m, readers, &options, error);
        if (r >= 0)
                *ret = options;
        return r;
}

/* ---- ExposeService ---- */
typedef struct Expose {
        const Api *api;
        ExposeOptions *options;
} Expose;

static int read_persistent(sd_bus_message *m, void *options, sd_bus_error *error) {
        int persistent = 0, r;

        (void) error;
        r = sd_bus_message_read(m, "b", &persistent);
        ((Expose *) options)->options->persistent = persistent;
        return r;
}

static int read_allowed(sd_bus_message *m, void *options, sd_bus_error *error) {
        const Expose *expose = options;
        ExposeOptions *o = expose->options;
        const char *text;
        int r;

        free(o->allowed);
        o->allowed = calloc(ARGUMENTS_ALLOWED_MAX, sizeof(*o->allowed));
        o->n_allowed = 0;
        r = o->allowed ? sd_bus_message_enter_container(m, 'a', "s") : -ENOMEM;
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &text)) > 0) {
                if (o->n_allowed == ARGUMENTS_ALLOWED_MAX)
                        return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                 "allowed-peers: at most %u", ARGUMENTS_ALLOWED_MAX);
                r = api_resolve(expose->api, text, &o->allowed[o->n_allowed], error);
                o->n_allowed += r >= 0;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int expose_options_read(const Api *api, sd_bus_message *m, ExposeOptions *options, sd_bus_error *error) {
        static const OptionReader readers[] = {
                { "persistent", "b", read_persistent }, { "allowed-peers", "as", read_allowed }, {},
        };
        Expose expose = { .api = api, .options = options };

        return read_options(m, readers, &expose, error);
}

void expose_options_done(ExposeOptions *o) {
        free(o->allowed);
}
