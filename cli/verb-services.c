/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* services, service add, remove, enable, disable: what this node offers to its peers. */

#include <errno.h>
#include <string.h>

#include "cli/reply.h"
#include "service/bus-names.h"

static const Column columns[] = {
        { "name", "NAME", false },         { "address", "ADDRESS", false },
        { "enabled", "ENABLED", false },   { "connections", "CONNECTIONS", true },
        { "protocol", NULL, false },       { "transient", NULL, false },
        { "allowed_peers", "FOR", false },
};

/* Peer ids as names where they have one; nobody in the list means everybody who is let in. */
static void add_allowed(Table *table, const json_t *allowed, const json_t *names) {
        _cleanup_(json_decrefp) json_t *shown = json_array();
        const char *name;
        json_t *id;
        size_t i;

        if (json_array_size(allowed) == 0) {
                table_add(table, json_array(), "every authorized peer");
                return;
        }
        json_array_foreach(allowed, i, id) {
                name = peer_name_of(names, json_string_value(id));
                (void) json_array_append_new(shown, json_string(name ? name : json_string_value(id)));
        }
        table_list(table, shown);
}

static void add_service(Table *table, const json_t *service, const json_t *names) {
        table_text(table, json_text(service, "Name"));
        table_colour(table, COLOUR_BOLD);
        table_text(table, json_text(service, "LocalAddress"));
        table_boolean(table, json_flag(service, "Enabled"));
        table_number(table, json_number(service, "Connections"));
        table_text(table, json_text(service, "Protocol"));
        table_boolean(table, json_flag(service, "Transient"));
        add_allowed(table, json_object_get(service, "AllowedPeers"), names);
}

/* Those of the config that are disabled are no objects. */
static int add_disabled(Context *context, Table *table) {
        _cleanup_(json_decrefp) json_t *list = NULL;
        json_t *service;
        size_t i;
        int r;

        r = remote_call_json(context, &remote_daemon, &list, "ListServices", NULL);
        if (r < 0)
                return r;
        json_array_foreach(json_array_get(list, 0), i, service) {
                if (json_is_true(json_array_get(service, 3)))
                        continue;
                table_text(table, json_text_at(service, 0));
                table_colour(table, COLOUR_FAINT);
                table_text(table, json_text_at(service, 2));
                table_boolean(table, false);
                table_number(table, 0);
                table_text(table, json_text_at(service, 1));
                table_boolean(table, false);
                table_add(table, json_array(), "nobody, until peerupctl service enable");
        }
        return 0;
}

int verb_services(Context *context) {
        _cleanup_(json_decrefp) json_t *objects = NULL, *properties = NULL;
        _cleanup_(table_freep) Table *table = NULL;
        const char *path;
        json_t *service;
        int r;

        r = daemon_objects(context, BUS_SERVICE_INTERFACE, &objects);
        if (r < 0)
                return r;
        r = remote_properties(context, &remote_daemon, &properties);
        if (r < 0)
                return r;
        r = table_begin(columns, ELEMENTSOF(columns), &table);
        if (r < 0)
                return r;
        json_object_foreach(objects, path, service)
                add_service(table, service, json_object_get(properties, "Names"));
        r = add_disabled(context, table);
        if (r < 0)
                return r;
        return table_show(table, context, "service", "services");
}

/* {persistent: b, allowed-peers: as} */
static int append_options(const Options *options, sd_bus_message *m) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "persistent", "b", 1);
        if (r < 0 || options->n_allow == 0)
                return r < 0 ? r : sd_bus_message_close_container(m);
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "allowed-peers");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (unsigned i = 0; r >= 0 && i < options->n_allow; i++)
                r = sd_bus_message_append(m, "s", options->allow[i]);
        for (int i = 0; r >= 0 && i < 4; i++) /* as, v, {sv}, a{sv} */
                r = sd_bus_message_close_container(m);
        return r;
}

int verb_service_add(Context *context) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = remote_message(context, &remote_daemon, "ExposeService", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", context->args[0], context->args[1]);
        if (r >= 0)
                r = append_options(context->options, m);
        if (r < 0)
                return remote_message_failed(r);
        r = remote_send(context, &remote_daemon, m, NULL);
        if (r < 0)
                return r;
        say(context, "%s can now use '%s', which is %s here.",
            context->options->n_allow == 0 ? "Peers" : "The peers named", context->args[0],
            context->args[1]);
        return 0;
}

int verb_service_remove(Context *context) {
        int r;

        r = remote_call(context, &remote_daemon, NULL, "UnexposeService", "s", context->args[0]);
        if (r < 0)
                return r;
        say(context, "'%s' is no longer offered.", context->args[0]);
        return 0;
}

static int set_enabled(Context *context, bool enabled) {
        return remote_call(context, &remote_daemon, NULL, "SetServiceEnabled", "sb", context->args[0],
                           (int) enabled);
}

int verb_service_enable(Context *context) {
        int r;

        r = set_enabled(context, true);
        if (r < 0)
                return r;
        say(context, "'%s' is offered to peers.", context->args[0]);
        return 0;
}

int verb_service_disable(Context *context) {
        int r;

        r = set_enabled(context, false);
        if (r < 0)
                return r;
        say(context, "'%s' is not offered until: peerupctl service enable %s", context->args[0],
            context->args[0]);
        return 0;
}
