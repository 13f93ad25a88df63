/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* relay-server status, authorize, deauthorize, list-peers: the relay on this machine. */

#include <errno.h>
#include <string.h>

#include "cli/reply.h"
#include "cli/when.h"

static const Column status_columns[] = {
        { "peer_id", "Peer ID", false },     { "version", "Version", false },
        { "addresses", "Addresses", false }, { "reservations", "Reservations", false },
        { "circuits", "Circuits", false },
};

/* What a user gives to "relay add": addresses that end in our id. */
static json_t *whole_addresses(const json_t *addresses, const char *id) {
        json_t *whole = json_array(), *address;
        size_t i;

        json_array_foreach(addresses, i, address) {
                const char *text = json_string_value(address);

                if (text)
                        (void) json_array_append_new(whole, strstr(text, "/p2p/")
                                                                    ? json_string(text)
                                                                    : json_sprintf("%s/p2p/%s", text, id));
        }
        return whole;
}

int verb_relay_server_status(Context *context) {
        _cleanup_(json_decrefp) json_t *properties = NULL, *addresses = NULL;
        _cleanup_(table_freep) Table *table = NULL;
        int r;

        r = remote_properties(context, &remote_relay, &properties);
        if (r < 0)
                return r;
        r = table_begin(status_columns, ELEMENTSOF(status_columns), &table);
        if (r < 0)
                return r;
        addresses = whole_addresses(json_object_get(properties, "ListenAddresses"),
                                    json_text(properties, "PeerID"));
        table_text(table, json_text(properties, "PeerID"));
        table_text(table, json_text(properties, "Version"));
        table_list(table, addresses);
        table_number(table, json_number(properties, "Reservations"));
        table_number(table, json_number(properties, "Circuits"));
        pager_open(context->options);
        return table_print_vertical(table, context->options);
}

int verb_relay_server_authorize(Context *context) {
        const Options *options = context->options;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char moment[WHEN_TEXT_MAX];
        int r;

        r = remote_message(context, &remote_relay, "AuthorizePeer", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", context->args[0], options->comment ? options->comment : "");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && options->expires)
                r = sd_bus_message_append(m, "{sv}", "expires", "t", options->expires);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r < 0)
                return remote_message_failed(r);
        r = remote_send(context, &remote_relay, m, NULL);
        if (r < 0)
                return r;
        say(context, "%s may use this relay%s%s.", context->args[0], options->expires ? " until " : "",
            options->expires ? time_format(options->expires, moment) : "");
        return 0;
}

int verb_relay_server_deauthorize(Context *context) {
        int r;

        r = remote_call(context, &remote_relay, NULL, "DeauthorizePeer", "sb", context->args[0], 1);
        if (r < 0)
                return r;
        say(context, "%s may no longer use this relay.", context->args[0]);
        return 0;
}

/* The entry of a peer in ListReservations, or NULL. */
static const json_t *find_reservation(const json_t *reservations, const char *id) {
        json_t *reservation;
        size_t i;

        json_array_foreach(reservations, i, reservation) if (strcmp(json_text_at(reservation, 0), id) ==
                                                             0) return reservation;
        return NULL;
}

int verb_relay_server_list_peers(Context *context) {
        static const Column columns[] = {
                { "peer_id", "PEER ID", false },         { "expires", "EXPIRES", false },
                { "reserved_until", "RESERVED", false }, { "circuits", "CIRCUITS", true },
                { "comment", "COMMENT", false },
        };
        _cleanup_(json_decrefp) json_t *peers = NULL, *reservations = NULL;
        _cleanup_(table_freep) Table *table = NULL;
        json_t *peer;
        size_t i;
        int r;

        r = remote_call_json(context, &remote_relay, &peers, "ListAuthorizedPeers", NULL);
        if (r < 0)
                return r;
        r = remote_call_json(context, &remote_relay, &reservations, "ListReservations", NULL);
        if (r < 0)
                return r;
        r = table_begin(columns, ELEMENTSOF(columns), &table);
        if (r < 0)
                return r;
        json_array_foreach(json_array_get(peers, 0), i, peer) {
                const json_t *reservation =
                        find_reservation(json_array_get(reservations, 0), json_text_at(peer, 0));

                table_text(table, json_text_at(peer, 0));
                table_time(table, json_number_at(peer, 2), "never");
                table_time(table, json_number_at(reservation, 1), NULL);
                table_number(table, json_number_at(reservation, 2));
                table_text(table, json_text_at(peer, 1));
        }
        return table_show(table, context, "peer", "peers");
}
