/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* auth add, remove, list: who may connect to this node. */

#include "cli/reply.h"
#include "cli/when.h"

/* {expires: t, name: s}, what of it was given. */
static int append_options(const Options *options, sd_bus_message *m) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && options->expires)
                r = sd_bus_message_append(m, "{sv}", "expires", "t", options->expires);
        if (r >= 0 && options->name)
                r = sd_bus_message_append(m, "{sv}", "name", "s", options->name);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r;
}

static void say_until(const Context *context, const char *what, const char *whom) {
        char moment[WHEN_TEXT_MAX];

        if (context->options->expires)
                say(context, "%s %s until %s.", whom, what, time_format(context->options->expires, moment));
        else
                say(context, "%s %s.", whom, what);
}

int verb_auth_add(Context *context) {
        const Options *options = context->options;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = remote_message(context, &remote_daemon, "AuthorizePeer", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", context->args[0], options->comment ? options->comment : "");
        if (r >= 0)
                r = append_options(options, m);
        if (r < 0)
                return remote_message_failed(r);
        r = remote_send(context, &remote_daemon, m, NULL);
        if (r < 0)
                return r;
        say_until(context, "may connect", options->name ? options->name : context->args[0]);
        return 0;
}

int verb_auth_remove(Context *context) {
        int r;

        r = remote_call(context, &remote_daemon, NULL, "DeauthorizePeer", "sb", context->args[0], 1);
        if (r < 0)
                return r;
        say(context, "%s may no longer connect.", context->args[0]);
        return 0;
}

int verb_auth_list(Context *context) {
        static const Column columns[] = {
                { "name", "NAME", false },       { "peer_id", "PEER ID", false },
                { "expires", "EXPIRES", false }, { "verified", NULL, false },
                { "group", NULL, false },        { "comment", "COMMENT", false },
        };
        _cleanup_(json_decrefp) json_t *list = NULL, *properties = NULL;
        _cleanup_(table_freep) Table *table = NULL;
        json_t *peer;
        size_t i;
        int r;

        r = remote_call_json(context, &remote_daemon, &list, "ListAuthorizedPeers", NULL);
        if (r < 0)
                return r;
        r = remote_properties(context, &remote_daemon, &properties);
        if (r < 0)
                return r;
        r = table_begin(columns, ELEMENTSOF(columns), &table);
        if (r < 0)
                return r;
        json_array_foreach(json_array_get(list, 0), i, peer) {
                table_text(table, peer_name_of(json_object_get(properties, "Names"), json_text_at(peer, 0)));
                table_colour(table, COLOUR_BOLD);
                table_text(table, json_text_at(peer, 0));
                table_time(table, json_number_at(peer, 3), "never");
                table_text(table, json_text_at(peer, 2));
                table_text(table, json_text_at(peer, 4));
                table_text(table, json_text_at(peer, 1));
        }
        return table_show(table, context, "peer", "peers");
}
