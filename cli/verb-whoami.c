/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* whoami: asks the daemon, or, while none runs, the identity file that it would read. Never makes a key. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/offline.h"
#include "cli/reply.h"

static int show(const Context *context, const char *id) {
        static const Column columns[] = { { "peer_id", "Peer ID", false } };
        _cleanup_(table_freep) Table *table = NULL;
        int r;

        if (context->options->json == JSON_FORMAT_OFF) {
                puts(id);
                return 0;
        }
        r = table_begin(columns, ELEMENTSOF(columns), &table);
        if (r < 0)
                return r;
        table_text(table, id);
        return table_print_vertical(table, context->options);
}

int verb_whoami(Context *context) {
        _cleanup_(json_decrefp) json_t *properties = NULL;
        char id[P2P_PEER_ID_TEXT_MAX];
        int r;

        if (remote_is_running(context, &remote_daemon) > 0) {
                r = remote_properties(context, &remote_daemon, &properties);
                if (r < 0)
                        return r;
                return show(context, json_text(properties, "PeerID"));
        }
        r = offline_peer_id(OFFLINE_CONFIG_PATH, id);
        if (r < 0)
                return r;
        return show(context, id);
}
