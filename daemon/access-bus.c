/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager's methods that change who is authorized. */

#include <errno.h>
#include <stdlib.h>

#include "daemon/arguments-bus.h"
#include "daemon/manager-config.h"

static int tell(sd_bus_error *error, int r, const char *peer, const AuthorizeOptions *o, char *reason) {
        switch (reason ? 0 : r) { /* with a reason r is of the config, which has the name */
        case -EEXIST:
                return sd_bus_error_setf(
                        error, BUS_ERROR_ALREADY_AUTHORIZED,
                        "%s is authorized already: to change its name or expiry, first: peerupctl "
                        "auth remove %s",
                        peer, peer);
        case -ENOENT:
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_PEER,
                                         "%s is not authorized: see peerupctl auth list", peer);
        case -EPERM:
                return sd_bus_error_setf(
                        error, BUS_ERROR_GATING_DISABLED,
                        "Everybody may connect: enable_connection_gating "
                        "is false in config.yaml; remove that line and run systemctl reload peerup");
        case -ENOTUNIQ:
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_NAME,
                                         "The name %s is taken by another peer: choose another one",
                                         o ? o->name : "");
        }
        return api_config_error(error, r, "authorized_keys is as it was", reason);
}

int method_authorize_peer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        const char *text, *comment;
        AuthorizeOptions options;
        char *reason = NULL;
        p2p_peer_id peer;
        int r;

        r = sd_bus_message_read(m, "ss", &text, &comment);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_MANAGE_PEERS, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (p2p_peer_id_parse(text, &peer) < 0)
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_PEER_ID,
                                         "That is no peer id: peerupctl whoami on the other "
                                         "machine prints it (12D3KooW...)");
        if (p2p_peer_id_equal(&peer, p2p_host_peer_id(api->manager->host)))
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_PEER_ID,
                                         "That is the id of this machine: peerupctl whoami on the other "
                                         "machine prints the one that is wanted");
        r = authorize_options_read(m, &options, error);
        if (r < 0)
                return r;
        r = manager_authorize(api->manager, &peer, comment[0] ? comment : options.name, options.expires,
                              options.name, &reason);
        if (r < 0)
                return tell(error, r, text, &options, reason);
        return sd_bus_reply_method_return(m, NULL);
}

int method_deauthorize_peer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        const char *text;
        p2p_peer_id peer;
        int r, disconnect;

        r = sd_bus_message_read(m, "sb", &text, &disconnect);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_MANAGE_PEERS, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = api_resolve(api, text, &peer, error);
        if (r < 0)
                return r;
        r = manager_deauthorize(api->manager, &peer, disconnect);
        if (r < 0)
                return tell(error, r, text, NULL, NULL);
        return sd_bus_reply_method_return(m, NULL);
}
