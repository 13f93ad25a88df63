/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* relay add, remove, list: the relays at which this node can be reached. */

#include <errno.h>
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

static bool is_active(const json_t *relay) {
        return strcmp(json_text_at(relay, 2), "active") == 0;
}

static void add_relay(Table *table, const json_t *relay) {
        const char *error = is_active(relay) ? "" : json_text_at(relay, 3);
        const char *refusal = is_active(relay) ? "" : json_text_at(relay, 4);

        table_text(table, json_text_at(relay, 2));
        table_colour(table, is_active(relay) ? COLOUR_GREEN : COLOUR_YELLOW);
        table_time(table, json_number_at(relay, 5), NULL);
        table_add(table, *error ? json_string(error) : json_null(), *refusal ? refusal : error);
        table_text(table, refusal);
        table_text(table, json_text_at(relay, 1));
        table_text(table, json_text_at(relay, 0));
}

/* Below the table: what to do about relays that do not serve us. One that does not know us may just hang up.
 */
static void print_remedies(const json_t *relays, const char *own_id) {
        bool refused = false, silent = false;
        json_t *relay;
        size_t i;

        json_array_foreach(relays, i, relay) {
                const char *error = json_text_at(relay, 3);

                if (is_active(relay) || (!*error && !*json_text_at(relay, 4)))
                        continue;
                if (strcmp(json_text_at(relay, 4), "PERMISSION_DENIED") == 0 ||
                    strstr(error, "does not let this machine in") ||
                    strcmp(error, strerror(ECONNRESET)) == 0)
                        refused = true;
                else
                        silent = true;
        }
        if (refused)
                printf("\nIf a relay does not let this machine in, run there:\n"
                       "        peerupctl relay-server authorize %s\n",
                       own_id);
        if (silent)
                printf("\nIf a relay does not answer, look there:\n"
                       "        systemctl status peerup-relay; peerupctl relay-server status\n");
}

int verb_relay_list(Context *context) {
        static const Column columns[] = {
                { "state", "STATE", false }, { "reserved_until", "RESERVED", false },
                { "error", "ERROR", false }, { "refusal", NULL, false },
                { "peer_id", NULL, false },  { "address", "ADDRESS", false },
        };
        _cleanup_(json_decrefp) json_t *list = NULL, *properties = NULL;
        _cleanup_(table_freep) Table *table = NULL;
        json_t *relay;
        size_t i;
        int r;

        r = remote_call_json(context, &remote_daemon, &list, "ListRelays", NULL);
        if (r < 0)
                return r;
        r = remote_properties(context, &remote_daemon, &properties);
        if (r < 0)
                return r;
        r = table_begin(columns, ELEMENTSOF(columns), &table);
        if (r < 0)
                return r;
        json_array_foreach(json_array_get(list, 0), i, relay) add_relay(table, relay);
        r = table_show(table, context, "relay", "relays");
        if (r >= 0 && context->options->json == JSON_FORMAT_OFF && !context->options->no_legend)
                print_remedies(json_array_get(list, 0), json_text(properties, "PeerID"));
        return r;
}
