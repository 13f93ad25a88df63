/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* relay add, remove, list: the relays at which this node can be reached. */

#include <string.h>

#include "cli/reply.h"

int verb_relay_add(Context *context) {
        int r;

        r = remote_call(context, &remote_daemon, NULL, "AddRelay", "s", context->args[0]);
        if (r < 0)
                return r;
        say(context, "The relay is used from now on. How it is doing: peerupctl relay list");
        return 0;
}

int verb_relay_remove(Context *context) {
        int r;

        r = remote_call(context, &remote_daemon, NULL, "RemoveRelay", "sb", context->args[0],
                        (int) !!(context->options->given & OPTION_FORCE));
        if (r < 0)
                return r;
        say(context, "The relay is no longer used.");
        return 0;
}

static void add_relay(Table *table, const json_t *relay) {
        bool active = strcmp(json_text_at(relay, 2), "active") == 0;

        table_text(table, json_text_at(relay, 2));
        table_colour(table, active ? COLOUR_GREEN : COLOUR_YELLOW);
        table_time(table, json_number_at(relay, 5), NULL);
        table_text(table, json_text_at(relay, 0));
        table_text(table, json_text_at(relay, 1));
        table_text(table, active ? NULL : json_text_at(relay, 3));
        table_text(table, active ? NULL : json_text_at(relay, 4));
}

int verb_relay_list(Context *context) {
        static const Column columns[] = {
                { "state",   "STATE", false },  { "reserved_until", "RENEWED", false }, { "address", "ADDRESS", false },
                { "peer_id", NULL,    false },  { "error",  "ERROR",  false },          { "refusal", "REFUSAL", false },
        };
        _cleanup_(json_decrefp) json_t *list = NULL;
        _cleanup_(table_freep) Table *table = NULL;
        json_t *relay;
        size_t i;
        int r;

        r = remote_call_json(context, &remote_daemon, &list, "ListRelays", NULL);
        if (r < 0)
                return r;
        r = table_begin(columns, ELEMENTSOF(columns), &table);
        if (r < 0)
                return r;
        json_array_foreach(json_array_get(list, 0), i, relay)
                add_relay(table, relay);
        return table_show(table, context, "relay", "relays");
}
