/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * dev.peerup.daemon1.Proxy, and the manager's methods about proxies. A proxy belongs to who passed its
 * listener and ends when that caller leaves the bus; its open connections go on.
 */

#include "daemon/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/api-bus.h"
#include "daemon/manager-config.h"

typedef struct Owner {
        Proxy *proxy; /* borrowed */
        BusClientLink link;
} Owner;

/* ---- objects ---- */
static void *find_object(const Manager *manager, const char *name) {
        return proxy_find(manager, name);
}

static const p2p_list *list_objects(const Manager *manager) {
        return &manager->proxies;
}

static const char *name_object(const p2p_list *node) {
        return P2P_LIST_ENTRY(node, const Proxy, proxies)->id;
}

const ObjectType proxy_objects = {
        .prefix = BUS_PROXY_PREFIX,
        .interface = BUS_PROXY_INTERFACE,
        .vtable = proxy_vtable,
        .find = find_object,
        .list = list_objects,
        .name = name_object,
};

char *proxy_object_path(const Proxy *proxy) {
        return object_path(&proxy_objects, proxy->id);
}

void proxy_emit_changed(Api *api, const Proxy *proxy) {
        char *path = proxy_object_path(proxy);

        if (path)
                (void) sd_bus_emit_properties_changed(api->bus, path, BUS_PROXY_INTERFACE, "Connections",
                                                      "BytesIn", "BytesOut", "LastError",
                                                      "LastErrorTimestamp", NULL);
        free(path);
}

static Owner *owner_free(Owner *owner) {
        if (!owner)
                return NULL;
        bus_client_unlink(&owner->link);
        free(owner);
        return NULL;
}

void proxy_forget_owner(Proxy *proxy) {
        owner_free(proxy->owner);
        proxy->owner = NULL;
}

static void on_owner_gone(void *userdata) {
        Owner *owner = userdata;

        proxy_free(owner->proxy); /* and the owner with it */
}

static int set_owner(Api *api, Proxy *proxy, sd_bus_message *m) {
        Owner *owner;
        int r;

        owner = calloc(1, sizeof(*owner));
        if (!owner)
                return -ENOMEM;
        owner->proxy = proxy;
        r = bus_client_link(api->clients, m, &owner->link, on_owner_gone, owner);
        if (r < 0) {
                free(owner);
                return r;
        }
        proxy->owner = owner;
        return 0;
}

/* ---- properties ---- */
static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Proxy *p = userdata;
        const char *text = p->listen;

        (void) bus, (void) path, (void) interface, (void) error;
        if (strcmp(property, "Id") == 0)
                text = p->id;
        else if (strcmp(property, "Peer") == 0)
                text = p->peer;
        else if (strcmp(property, "Service") == 0)
                text = p->service;
        else if (strcmp(property, "LastError") == 0)
                text = p->last_error ? p->last_error : "";
        return sd_bus_message_append(reply, "s", text);
}

static int get_connections(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "u", proxy_connections(userdata));
}

static int get_number(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Proxy *p = userdata;
        uint64_t in, out;

        (void) bus, (void) path, (void) interface, (void) error;
        proxy_bytes(p, &in, &out);
        return sd_bus_message_append(reply, "t", strcmp(property, "BytesIn") == 0    ? in
                                                 : strcmp(property, "BytesOut") == 0 ? out
                                                                                     : p->last_error_at);
}

/* ---- methods ---- */
static int close_proxy(sd_bus_message *m, Proxy *proxy, bool abort) {
        if (abort)
                proxy_abort_all(proxy, "the proxy was closed");
        proxy_free(proxy);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_close(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Proxy *proxy = userdata;
        Api *api = api_of(proxy->manager);
        int r, abort;

        r = sd_bus_message_read(m, "b", &abort);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_CONNECT, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return close_proxy(m, proxy, abort);
}

const sd_bus_vtable proxy_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Close", SD_BUS_ARGS("b", abort), SD_BUS_NO_RESULT, method_close,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Id", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Peer", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Service", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("ListenAddress", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Connections", "u", get_connections, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("BytesIn", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("BytesOut", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("LastError", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("LastErrorTimestamp", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_SIGNAL("Idle", "", 0),
        SD_BUS_VTABLE_END,
};

int method_list_proxies(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        sd_bus_message *reply = NULL;
        Proxy *p;
        int r;

        r = authorize(m, ACTION_INSPECT, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssssuo)");
        P2P_LIST_FOREACH(p, &api->manager->proxies, Proxy, proxies) {
                char *path = proxy_object_path(p);

                if (r >= 0)
                        r = path ? sd_bus_message_append(reply, "(ssssuo)", p->id, p->peer, p->service,
                                                         p->listen, proxy_connections(p), path)
                                 : -ENOMEM;
                free(path);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_send(reply);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int tell(sd_bus_error *error, int r, const char *peer) {
        switch (r) {
        case -EINVAL:
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_NAME,
                                         "A service's name has " SERVICE_NAME_RULE);
        case -ENXIO:
                return api_no_such_peer(error, peer);
        case -ENOTSOCK:
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "A listening stream socket is wanted");
        case -ENOBUFS:
                return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                         "There are %u proxies, which is the limit", PROXIES_MAX);
        }
        return r;
}

int method_create_proxy(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *peer, *service;
        Api *api = userdata;
        char *path;
        Proxy *proxy;
        int r, fd;

        r = sd_bus_message_read(m, "ssh", &peer, &service, &fd);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_CONNECT, api->proxy_uid, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = api_check_text(peer, "peer", error);
        if (r < 0)
                return r;
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the message's */
        if (fd < 0)
                return -errno;
        r = proxy_new(api->manager, peer, service, fd, &proxy);
        if (r < 0) {
                (void) close(fd);
                return tell(error, r, peer);
        }
        r = set_owner(api, proxy, m);
        path = r < 0 ? NULL : proxy_object_path(proxy);
        if (!path) {
                proxy_free(proxy);
                return r < 0 ? tell(error, r, peer) : -ENOMEM;
        }
        r = sd_bus_reply_method_return(m, "so", proxy->id, path);
        free(path);
        return r;
}

int method_close_proxy(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        const char *id;
        Proxy *proxy;
        int r, abort;

        r = sd_bus_message_read(m, "sb", &id, &abort);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_CONNECT, api->proxy_uid, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        proxy = proxy_find(api->manager, id);
        if (!proxy)
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_PROXY,
                                         "There is no such proxy: see peerupctl proxies");
        return close_proxy(m, proxy, abort);
}
