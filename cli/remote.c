/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Calls wait in sd_bus_call(): peerupctl does one thing at a time. A password is asked for by an agent of
 * polkit where a user has none of his own (agent.c).
 */

#include "cli/remote.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "cli/agent.h"
#include "cli/bus-json.h"
#include "cli/output.h"
#include "service/bus-names.h"
#include "service/bus.h"

const Remote remote_daemon = { BUS_DAEMON_NAME, BUS_DAEMON_PATH, BUS_MANAGER_INTERFACE, "peerup",
                               "the daemon" };
const Remote remote_relay = { BUS_RELAY_NAME, BUS_RELAY_PATH, BUS_RELAY_MANAGER_INTERFACE, "peerup-relay",
                              "the relay" };

void context_done(Context *context) {
        context->bus = sd_bus_flush_close_unref(context->bus);
        agent_close();
}

int context_connect(Context *context) {
        int r;

        if (context->bus)
                return 0;
        r = bus_open(&context->bus);
        if (r < 0)
                return complain(r,
                                "cannot reach the system bus: %s\nIs this machine run by systemd? See: "
                                "systemctl status dbus",
                                strerror(-r));
        return 0;
}

int remote_message_failed(int error) {
        if (error == -EINVAL)
                return complain(error, "that is no valid UTF-8 text, or too long");
        return complain(error, "cannot write the message: %s", strerror(-error));
}

int remote_message(Context *context, const Remote *remote, const char *member, sd_bus_message **ret) {
        sd_bus_message *m;
        int r;

        r = context_connect(context);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(context->bus, &m, remote->name, remote->path, remote->interface,
                                           member);
        if (r < 0)
                return remote_message_failed(r);
        r = sd_bus_message_set_allow_interactive_authorization(m, true);
        if (r < 0) {
                sd_bus_message_unref(m);
                return remote_message_failed(r);
        }
        *ret = m;
        return 0;
}

int remote_send(Context *context, const Remote *remote, sd_bus_message *m, sd_bus_message **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        agent_open();
        r = sd_bus_call(context->bus, m, REMOTE_TIMEOUT, &error, ret);
        if (r < 0)
                return remote_explain(remote, &error, r);
        return 0;
}

static int remote_callv(Context *context, const Remote *remote, sd_bus_message **ret, const char *member,
                        const char *types, va_list ap) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = remote_message(context, remote, member, &m);
        if (r < 0)
                return r;
        if (types) {
                r = sd_bus_message_appendv(m, types, ap);
                if (r < 0)
                        return remote_message_failed(r);
        }
        return remote_send(context, remote, m, ret);
}

int remote_call(Context *context, const Remote *remote, sd_bus_message **ret, const char *member,
                const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = remote_callv(context, remote, ret, member, types, ap);
        va_end(ap);
        return r;
}

static int reply_to_json(const Remote *remote, sd_bus_message *reply, json_t **ret) {
        int r;

        r = bus_message_to_json(reply, ret);
        if (r < 0)
                return complain(r, "cannot read the answer of %s: %s", remote->title, strerror(-r));
        return 0;
}

int remote_call_json(Context *context, const Remote *remote, json_t **ret, const char *member,
                     const char *types, ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        va_list ap;
        int r;

        va_start(ap, types);
        r = remote_callv(context, remote, &reply, member, types, ap);
        va_end(ap);
        if (r < 0)
                return r;
        return reply_to_json(remote, reply, ret);
}

int remote_properties(Context *context, const Remote *remote, json_t **ret) {
        _cleanup_(json_decrefp) json_t *args = NULL;
        Remote properties = *remote;
        int r;

        properties.interface = "org.freedesktop.DBus.Properties";
        r = remote_call_json(context, &properties, &args, "GetAll", "s", remote->interface);
        if (r < 0)
                return r;
        *ret = json_incref(json_array_get(args, 0));
        return 0;
}

int remote_is_running(Context *context, const Remote *remote) {
        int r;

        r = context->bus ? 0 : bus_open(&context->bus);
        if (r < 0)
                return r;
        r = sd_bus_get_name_creds(context->bus, remote->name, 0, NULL);
        if (r == -ENXIO || r == -ESRCH)
                return 0;
        return r < 0 ? r : 1;
}
