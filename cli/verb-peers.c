/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* peers: who has a connection to this node, and over which path a new stream would go. */

#include <string.h>

#include "cli/reply.h"
#include "service/bus-names.h"

static const Column columns[] = {
        { "name", "NAME", false },      { "path", "PATH", false },       { "stack", NULL, false },
        { "security", NULL, false },    { "muxer", NULL, false },        { "ip_version", NULL, false },
        { "limited", NULL, false },     { "rtt_usec", "RTT", true },     { "since", "CONNECTED", false },
        { "authorized", "ALLOWED", false }, { "agent", "AGENT", false }, { "peer_id", "PEER ID", false },
        { "address", "ADDRESS", false },
};

static void add_peer(Table *table, const json_t *peer) {
        char path[PEER_PATH_TEXT_MAX];
        bool relayed = strcmp(json_text(peer, "PathType"), "RELAYED") == 0;

        table_text(table, json_text(peer, "Name"));
        table_colour(table, COLOUR_BOLD);
        table_add(table, json_string(json_text(peer, "PathType")), peer_path_format(peer, path));
        table_colour(table, relayed ? COLOUR_YELLOW : COLOUR_GREEN);
        table_text(table, json_text(peer, "Stack"));
        table_text(table, json_text(peer, "Security"));
        table_text(table, json_text(peer, "Muxer"));
        table_text(table, json_text(peer, "IPVersion"));
        table_boolean(table, json_flag(peer, "Limited"));
        table_rtt(table, json_number(peer, "RTTUSec"));
        table_time(table, json_number(peer, "ConnectedTimestamp"), NULL);
        table_boolean(table, json_flag(peer, "Authorized"));
        table_text(table, json_text(peer, "AgentVersion"));
        table_text(table, json_text(peer, "Id"));
        table_text(table, json_text(peer, "Address"));
}

int verb_peers(Context *context) {
        _cleanup_(json_decrefp) json_t *list = NULL, *objects = NULL;
        _cleanup_(table_freep) Table *table = NULL;
        json_t *entry, *peer;
        size_t i;
        int r;

        r = remote_call_json(context, &remote_daemon, &list, "ListPeers", "b",
                             (int) !!(context->options->given & OPTION_ALL));
        if (r < 0)
                return r;
        r = daemon_objects(context, BUS_PEER_INTERFACE, &objects);
        if (r < 0)
                return r;
        r = table_begin(columns, ELEMENTSOF(columns), &table);
        if (r < 0)
                return r;
        json_array_foreach(json_array_get(list, 0), i, entry) {
                peer = json_object_get(objects, json_text_at(entry, 3));
                if (peer) /* it may have left between the two calls */
                        add_peer(table, peer);
        }
        return table_show(table, context, "peer", "peers");
}
