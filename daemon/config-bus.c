/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager's methods about relays, configured proxies and the config as a whole. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api-bus.h"
#include "daemon/manager-config.h"
#include "daemon/relays.h"

static int append_relay(sd_bus_message *reply, const Manager *manager, const RelayInfo *relay) {
        uint64_t expires = p2p_reservation_expires(relay->reservation);
        unsigned status = p2p_reservation_status(relay->reservation);
        char id[P2P_PEER_ID_TEXT_MAX];

        (void) manager;
        return sd_bus_message_append(reply, "(ssssst)", relay->address, p2p_peer_id_format(relay->relay, id),
                                     relay_state_text(relay), relay_failure_text(relay),
                                     status ? p2p_hop_status_name(status) : "",
                                     relay_is_active(relay) ? expires * USEC_PER_SEC : UINT64_C(0));
}

int method_list_relays(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        sd_bus_message *reply = NULL;
        RelayInfo relay;
        int r;

        r = authorize(m, ACTION_INSPECT, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssssst)");
        for (unsigned i = 0; r >= 0 && relays_at(api->manager->relays, i, &relay); i++)
                r = append_relay(reply, api->manager, &relay);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_send(reply);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

/* What the edits have in common: 0 is an empty reply, an errno without a reason the error of the table. */
typedef struct EditError {
        int error;
        const char *name, *text;
} EditError;

static int finish(sd_bus_message *m, int r, const EditError *errors, size_t n, char *reason,
                  sd_bus_error *error) {
        if (r >= 0)
                return sd_bus_reply_method_return(m, NULL);
        for (size_t i = 0; i < n && !reason; i++)
                if (errors[i].error == r)
                        return sd_bus_error_set(error, errors[i].name, errors[i].text);
        return api_config_error(error, r, "config.yaml is as it was", reason);
}

int method_add_relay(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const EditError errors[] = {
                { -EEXIST, BUS_ERROR_RELAY_EXISTS,
                  "That relay is configured already: see peerupctl relay list" },
        };
        Api *api = userdata;
        const char *address;
        char *reason = NULL;
        int r;

        r = sd_bus_message_read(m, "s", &address);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_MANAGE_CONFIG, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = manager_add_relay(api->manager, address, &reason);
        return finish(m, r, errors, ELEMENTSOF(errors), reason, error);
}

int method_remove_relay(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const EditError errors[] = {
                { -ENOENT, BUS_ERROR_NO_SUCH_RELAY, "There is no such relay: see peerupctl relay list" },
                { -EBUSY, BUS_ERROR_LAST_RELAY,
                  "That is the last relay, nobody could reach this machine from outside; "
                  "peerupctl relay remove --force removes it all the same" },
        };
        Api *api = userdata;
        const char *address;
        char *reason = NULL;
        int r, force;

        r = sd_bus_message_read(m, "sb", &address, &force);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_MANAGE_CONFIG, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = manager_remove_relay(api->manager, address, force, &reason);
        return finish(m, r, errors, ELEMENTSOF(errors), reason, error);
}

int method_add_proxy(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const EditError errors[] = {
                { -EEXIST, BUS_ERROR_PROXY_EXISTS, "There is a proxy of that name: see peerupctl proxies" },
        };
        const char *name, *peer, *service, *listen;
        Api *api = userdata;
        char *reason = NULL;
        int r;

        r = sd_bus_message_read(m, "ssss", &name, &peer, &service, &listen);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_MANAGE_CONFIG, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = manager_add_proxy(api->manager, name, peer, service, listen, &reason);
        return finish(m, r, errors, ELEMENTSOF(errors), reason, error);
}

int method_remove_proxy(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const EditError errors[] = {
                { -ENOENT, BUS_ERROR_NO_SUCH_PROXY,
                  "There is no proxy of that name: see peerupctl proxies" },
        };
        Api *api = userdata;
        const char *name;
        char *reason = NULL;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_MANAGE_CONFIG, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = manager_remove_proxy(api->manager, name, &reason);
        return finish(m, r, errors, ELEMENTSOF(errors), reason, error);
}

int method_reload(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        char *reason = NULL;
        int r;

        r = authorize(m, ACTION_MANAGE_CONFIG, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = manager_reload(api->manager, &reason);
        manager_reload_certificate(api->manager);
        if (r < 0)
                return api_config_error(error, r, "The old config stays in force", reason);
        return sd_bus_reply_method_return(m, NULL);
}
