/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* status: one look at this node, and at what is wrong with it. */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/reply.h"
#include "cli/when.h"
#include "service/bus-names.h"

static const Column columns[] = {
        { "peer_id", "Peer ID", false },
        { "version", "Version", false },
        { "started", "Running", false },
        { "gating", "Access", false },
        { "connected_peers", "Connected", false },
        { "paths", "Paths", false },
        { "listen_addresses", "Listening", false },
        { "relay_addresses", "Reachable at", false },
        { "relays", "Relays", false },
        { "services", "Services", false },
        { "proxies", "Proxies", false },
        { "proxy_errors", "Failing", false },
};

static void add_started(Table *table, uint64_t usec) {
        char text[2 * WHEN_TEXT_MAX], moment[WHEN_TEXT_MAX], ago[WHEN_TEXT_MAX];
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        (void) snprintf(text, sizeof(text), "since %s; %s", time_format(usec, moment),
                        relative_format(usec,
                                        (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000,
                                        ago));
        table_add(table, json_integer((json_int_t) usec), text);
}

/* "ADDRESS: active", "ADDRESS: waiting (permission denied)": the state that an entry of ListRelays is in. */
static json_t *relay_lines(const json_t *relays) {
        json_t *lines = json_array(), *relay;
        size_t i;

        json_array_foreach(relays, i, relay) {
                const char *reason =
                        *json_text_at(relay, 4) ? json_text_at(relay, 4) : json_text_at(relay, 3);
                bool told = *reason && strcmp(json_text_at(relay, 2), "active") != 0;

                (void) json_array_append_new(lines, json_sprintf("%s: %s%s%s%s", json_text_at(relay, 0),
                                                                 json_text_at(relay, 2), told ? " (" : "",
                                                                 told ? reason : "", told ? ")" : ""));
        }
        return lines;
}

/* "NAME: DIRECT quic-v1" of each connected peer that has a name. */
static json_t *path_lines(const json_t *peers) {
        json_t *lines = json_array(), *peer;
        char text[PEER_PATH_TEXT_MAX];
        const char *path;

        json_object_foreach((json_t *) peers, path, peer) if (*json_text(peer, "Name"))(void)
                json_array_append_new(lines, json_sprintf("%s: %s", json_text(peer, "Name"),
                                                          peer_path_format(peer, text)));
        return lines;
}

/* What the last connection through each proxy failed of, where it failed. */
static json_t *proxy_errors(const json_t *proxies) {
        json_t *lines = json_array(), *proxy;
        const char *path;

        json_object_foreach((json_t *) proxies, path, proxy) if (*json_text(proxy, "LastError"))(void)
                json_array_append_new(lines, json_sprintf("%s: %s", json_text(proxy, "ListenAddress"),
                                                          json_text(proxy, "LastError")));
        return lines;
}

static void add_lines(Table *table, json_t *lines, Colour colour) {
        table_list(table, lines);
        table_colour(table, colour);
        json_decref(lines);
}

static void add_node(Table *table, const json_t *properties, const json_t *peers) {
        bool gating = json_flag(properties, "Gating");

        table_text(table, json_text(properties, "PeerID"));
        table_text(table, json_text(properties, "Version"));
        add_started(table, json_number(properties, "StartTimestamp"));
        table_add(table, json_boolean(gating),
                  gating ? "authorized peers only"
                         : "ANYBODY (the config says enable_connection_gating: false)");
        table_colour(table, gating ? COLOUR_NONE : COLOUR_RED);
        table_number(table, json_number(properties, "ConnectedPeers"));
        add_lines(table, path_lines(peers), COLOUR_NONE);
        table_list(table, json_object_get(properties, "ListenAddresses"));
        table_list(table, json_object_get(properties, "RelayAddresses"));
}

int verb_status(Context *context) {
        _cleanup_(json_decrefp) json_t *properties = NULL, *relays = NULL, *services = NULL, *proxies = NULL,
                                            *peers = NULL;
        _cleanup_(table_freep) Table *table = NULL;
        int r;

        r = remote_properties(context, &remote_daemon, &properties);
        if (r < 0)
                return r;
        r = remote_call_json(context, &remote_daemon, &relays, "ListRelays", NULL);
        if (r < 0)
                return r;
        r = daemon_objects(context, BUS_SERVICE_INTERFACE, &services);
        if (r < 0)
                return r;
        r = daemon_objects(context, BUS_PROXY_INTERFACE, &proxies);
        if (r < 0)
                return r;
        r = daemon_objects(context, BUS_PEER_INTERFACE, &peers);
        if (r < 0)
                return r;
        r = table_begin(columns, ELEMENTSOF(columns), &table);
        if (r < 0)
                return r;
        add_node(table, properties, peers);
        add_lines(table, relay_lines(json_array_get(relays, 0)), COLOUR_NONE);
        table_number(table, json_object_size(services));
        table_number(table, json_array_size(json_object_get(properties, "ConfiguredProxies")));
        add_lines(table, proxy_errors(proxies), COLOUR_RED);
        pager_open(context->options);
        return table_print_vertical(table, context->options);
}
