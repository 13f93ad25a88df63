/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager's methods that change who is authorized. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api-bus.h"
#include "daemon/manager-config.h"
#include "service/names.h"

typedef struct AuthorizeOptions {
        uint64_t expires;
        const char *name; /* NULL: none */
} AuthorizeOptions;

static int read_options(sd_bus_message *m, AuthorizeOptions *ret, sd_bus_error *error) {
        AuthorizeOptions o = { .expires = USEC_INFINITY };
        const char *key;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r < 0)
                        return r;
                if (strcmp(key, "expires") == 0)
                        r = sd_bus_message_read(m, "v", "t", &o.expires);
                else if (strcmp(key, "name") == 0)
                        r = sd_bus_message_read(m, "v", "s", &o.name);
                else
                        return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                                 "There is no option '%.64s': expires (t) and name (s) are known", key);
                if (r < 0)
                        return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "Option %s has another type: expires is t, name is s", key);
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        if (o.expires == 0)
                o.expires = USEC_INFINITY;
        *ret = o;
        return 0;
}

static int check_options(const AuthorizeOptions *o, sd_bus_error *error) {
        if (o->name && !peer_name_is_valid(o->name))
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_NAME, "A name has " INSTANCE_NAME_RULE);
        if (o->expires <= access_now())
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "The expiry is in the past");
        if (o->expires != USEC_INFINITY && o->expires / USEC_PER_SEC > UINT64_C(253402300799)) /* the end of 9999 */
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "The expiry is beyond the year 9999");
        return 0;
}

static int tell(sd_bus_error *error, int r, const char *peer, const AuthorizeOptions *o, char *reason) {
        switch (r) {
        case -EEXIST:
                return sd_bus_error_setf(error, BUS_ERROR_ALREADY_AUTHORIZED, "%s is authorized already", peer);
        case -ENOENT:
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_PEER, "%s is not authorized: see peerupctl auth list", peer);
        case -EPERM:
                return sd_bus_error_setf(error, BUS_ERROR_GATING_DISABLED, "Everybody may connect: enable_connection_gating "
                                         "is false in config.yaml; remove that line and run systemctl reload peerup");
        case -ENOTUNIQ:
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_NAME,
                                         "The name %s is taken by another peer: choose another one", o ? o->name : "");
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
        r = read_options(m, &options, error);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_MANAGE_PEERS, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (p2p_peer_id_parse(text, &peer) < 0)
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_PEER_ID, "That is no peer id: peerupctl whoami on the other "
                                         "machine prints it (12D3KooW...)");
        r = check_options(&options, error);
        if (r < 0)
                return r;
        r = manager_authorize(api->manager, &peer, comment[0] ? comment : options.name, options.expires, options.name, &reason);
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
