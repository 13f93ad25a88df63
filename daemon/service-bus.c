/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* dev.peerup.daemon1.Service, and the manager's methods about services. */

#include "daemon/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/arguments-bus.h"
#include "daemon/manager-config.h"

/* ---- objects ---- */
static void *find_object(const Manager *manager, const char *name) {
        return service_find(manager, name);
}

static const p2p_list *list_objects(const Manager *manager) {
        return &manager->services;
}

static const char *name_object(const p2p_list *node) {
        return P2P_LIST_ENTRY(node, const Service, services)->name;
}

const ObjectType service_objects = {
        .prefix = BUS_SERVICE_PREFIX,
        .interface = BUS_SERVICE_INTERFACE,
        .vtable = service_vtable,
        .find = find_object,
        .list = list_objects,
        .name = name_object,
};

char *service_object_path(const Service *service) {
        return object_path(&service_objects, service->name);
}

void service_emit_changed(Api *api, const Service *service) {
        char *path = service_object_path(service);

        if (path)
                (void) sd_bus_emit_properties_changed(api->bus, path, BUS_SERVICE_INTERFACE, "LocalAddress",
                                                      "Enabled", "Transient", "AllowedPeers", "Connections",
                                                      NULL);
        free(path);
}

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Service *service = userdata;

        (void) bus, (void) path, (void) interface, (void) error;
        return sd_bus_message_append(reply, "s", strcmp(property, "Name") == 0       ? service->name
                                                 : strcmp(property, "Protocol") == 0 ? service->protocol
                                                                                     : service->address);
}

static int get_enabled(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        (void) bus, (void) path, (void) interface, (void) property, (void) userdata, (void) error;
        return sd_bus_message_append(reply, "b", 1); /* a disabled one is no object */
}

static int get_transient(sd_bus *bus, const char *path, const char *interface, const char *property,
                         sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Service *service = userdata;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "b", (int) service->transient);
}

static int get_allowed(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Service *service = userdata;
        char id[P2P_PEER_ID_TEXT_MAX];
        int r;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < service->n_allowed; i++)
                r = sd_bus_message_append(reply, "s", p2p_peer_id_format(&service->allowed[i], id));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* ---- methods ---- */
static int unexpose(sd_bus_message *m, Api *api, const char *name, sd_bus_error *error) {
        char *reason = NULL;
        int r;

        r = manager_unexpose(api->manager, name, &reason);
        if (r == -ENOENT && !reason)
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_SERVICE,
                                         "There is no service '%s': see peerupctl services", name);
        if (r < 0)
                return api_config_error(error, r, "The service stays", reason);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_unexpose(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        char name[SERVICE_NAME_MAX + 1];
        Service *service = userdata;
        Api *api = api_of(service->manager);
        int r;

        r = authorize(m, ACTION_MANAGE_SERVICES, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        (void) strcpy(name, service->name); /* the object goes */
        return unexpose(m, api, name, error);
}

const sd_bus_vtable service_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Unexpose", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_unexpose,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Name", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Protocol", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("LocalAddress", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Enabled", "b", get_enabled, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Transient", "b", get_transient, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("AllowedPeers", "as", get_allowed, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Connections", "u", NULL, offsetof(Service, n_incoming),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

static int append_service(sd_bus_message *reply, const Service *s) {
        char *path = service_object_path(s);
        int r;

        if (!path)
                return -ENOMEM;
        r = sd_bus_message_append(reply, "(sssbo)", s->name, s->protocol, s->address, 1, path);
        free(path);
        return r;
}

/* What the config has and keeps to itself. */
static int append_disabled(sd_bus_message *reply, const Manager *manager) {
        char protocol[SERVICE_PROTOCOL_MAX];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < manager->config->n_services; i++) {
                const ConfigService *c = &manager->config->services[i];

                if (c->enabled || service_find(manager, c->name))
                        continue;
                service_format_protocol(c->name, protocol);
                r = sd_bus_message_append(reply, "(sssbo)", c->name, protocol, c->local_address, 0, "/");
        }
        return r;
}

int method_list_services(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        sd_bus_message *reply = NULL;
        Service *s;
        int r;

        r = authorize(m, ACTION_INSPECT, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sssbo)");
        P2P_LIST_FOREACH(s, &api->manager->services, Service, services)
                if (r >= 0)
                        r = append_service(reply, s);
        if (r >= 0)
                r = append_disabled(reply, api->manager);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_send(reply);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

/* With a reason r is of the file, and says nothing of the service. */
static int tell(sd_bus_error *error, int r, const char *name, char *reason) {
        switch (reason ? 0 : r) {
        case -EINVAL:
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_NAME,
                                         "A service's name has " SERVICE_NAME_RULE);
        case -EPERM:
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_NAME,
                                         "peer-up speaks '%s' itself: choose another name", name);
        case -EDESTADDRREQ:
                return sd_bus_error_setf(
                        error, BUS_ERROR_INVALID_ADDRESS,
                        "An address is host:port, :port or /path of a UNIX socket, as localhost:22");
        case -EEXIST:
                return sd_bus_error_setf(error, BUS_ERROR_SERVICE_EXISTS, "There is a service '%s' already: "
                                         "remove it first: peerupctl service remove %s", name, name);
        case -ENOBUFS:
                return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                         "There are %u services, which is the limit", SERVICES_MAX);
        }
        return api_config_error(error, r, "The service is not offered", reason);
}

int method_expose_service(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(expose_options_done) ExposeOptions options = {};
        Api *api = userdata;
        const char *name, *address;
        char *reason = NULL;
        int r;

        r = sd_bus_message_read(m, "ss", &name, &address);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_MANAGE_SERVICES, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = expose_options_read(api, m, &options, error);
        if (r < 0)
                return r;
        if (options.persistent && options.allowed && options.n_allowed == 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "allowed-peers is empty: nobody could use the service; "
                                         "leave it out for all authorized peers");
        r = manager_expose(api->manager, name, address, options.allowed, options.n_allowed,
                           options.persistent, &reason);
        if (r < 0)
                return tell(error, r, service_name_is_valid(name) ? name : "?", reason);
        return sd_bus_reply_method_return(m, NULL);
}

static int tell_enabled(sd_bus_error *error, int r, const char *name, bool enabled, char *reason) {
        switch (reason ? 0 : r) {
        case -ENOENT:
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_SERVICE,
                                         "There is no service '%s' in config.yaml: see peerupctl services",
                                         name);
        case -EDESTADDRREQ:
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_ADDRESS,
                                         "The local_address of '%s' in config.yaml is wrong: change it: "
                                         "peerupctl service remove %s; peerupctl service add %s ADDRESS",
                                         name, name, name);
        case -ENOBUFS:
                return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                         "There are %u services, which is the limit", SERVICES_MAX);
        }
        return api_config_error(error, r, enabled ? "The service is not offered" : "The service stays",
                                reason);
}

int method_set_service_enabled(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        char *reason = NULL;
        const char *name;
        int r, enabled;

        r = sd_bus_message_read(m, "sb", &name, &enabled);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_MANAGE_SERVICES, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (!service_name_is_valid(name))
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_NAME,
                                         "A service's name has " SERVICE_NAME_RULE);
        r = manager_set_service_enabled(api->manager, name, enabled, &reason);
        if (r < 0)
                return tell_enabled(error, r, name, enabled, reason);
        return sd_bus_reply_method_return(m, NULL);
}

int method_unexpose_service(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_MANAGE_SERVICES, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (!service_name_is_valid(name))
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_NAME,
                                         "A service's name has " SERVICE_NAME_RULE);
        return unexpose(m, api, name, error);
}
