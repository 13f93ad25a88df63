/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The manager's observer on the bus. Objects that come and go are told at once; changes are gathered and
 * told at most every FLUSH_USEC: each object carries a dirty mark, the manager a set of properties. A node
 * at rest sends nothing.
 */

#include "daemon/api-bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/outgoing.h"
#include "daemon/peer.h"
#include "daemon/request-bus.h"
#include "daemon/service.h"
#include "service/journal.h"

#define FLUSH_USEC (200 * USEC_PER_MSEC)

static void schedule(Api *api) {
        if (!p2p_timer_is_set(&api->flush))
                (void) p2p_timer_set(&api->flush, FLUSH_USEC);
}

static void emit_manager(Api *api) {
        static const struct {
                unsigned flag;
                const char *name;
        } properties[] = {
                { MANAGER_CONNECTED_PEERS, "ConnectedPeers"    },
                { MANAGER_NAMES,           "Names"             },
                { MANAGER_ADDRESSES,       "ListenAddresses"   },
                { MANAGER_RELAYS,          "RelayAddresses"    },
                { MANAGER_RELAYS,          "Relays"            },
                { MANAGER_PROXIES,         "ConfiguredProxies" },
                { MANAGER_GATING,          "Gating"            },
        };
        char *names[ELEMENTSOF(properties) + 1];
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(properties); i++)
                if (api->changed & properties[i].flag)
                        names[n++] = (char *) properties[i].name;
        names[n] = NULL;
        api->changed = 0;
        if (n > 0)
                (void) sd_bus_emit_properties_changed_strv(api->bus, BUS_DAEMON_PATH, BUS_MANAGER_INTERFACE,
                                                           names);
}

static void on_flush(void *userdata) {
        Api *api = userdata;
        Service *service;
        Proxy *proxy;
        Peer *peer;

        emit_manager(api);
        P2P_LIST_FOREACH(peer, &api->manager->peers, Peer, peers)
                if (peer->dirty) {
                        peer->dirty = false;
                        peer_emit_changed(api, peer);
                }
        P2P_LIST_FOREACH(service, &api->manager->services, Service, services)
                if (service->dirty) {
                        service->dirty = false;
                        service_emit_changed(api, service);
                }
        P2P_LIST_FOREACH(proxy, &api->manager->proxies, Proxy, proxies)
                if (proxy->dirty) {
                        proxy->dirty = false;
                        proxy_emit_changed(api, proxy);
                }
        if (api->on_flush)
                api->on_flush(api->userdata);
}

/* ---- the observer ---- */
static void tell_object(Api *api, char *path, ObjectEvent event) {
        if (path && event == OBJECT_ADDED)
                (void) sd_bus_emit_object_added(api->bus, path);
        else if (path && event == OBJECT_REMOVED)
                (void) sd_bus_emit_object_removed(api->bus, path);
        free(path);
        schedule(api);
}

static void on_changed(unsigned properties, void *userdata) {
        Api *api = userdata;

        api->changed |= properties;
        schedule(api);
}

static void on_peer(Peer *peer, ObjectEvent event, void *userdata) {
        Api *api = userdata;
        char *path;

        if (event == OBJECT_CHANGED) {
                peer->dirty = true;
                schedule(api);
                return;
        }
        path = peer_object_path(peer);
        if (path)
                (void) sd_bus_emit_signal(api->bus, BUS_DAEMON_PATH, BUS_MANAGER_INTERFACE,
                                          event == OBJECT_ADDED ? "PeerAdded" : "PeerRemoved", "so",
                                          peer->text, path);
        tell_object(api, path, event);
}

static void on_service(Service *service, ObjectEvent event, void *userdata) {
        if (event == OBJECT_CHANGED) {
                service->dirty = true;
                schedule(userdata);
        } else
                tell_object(userdata, service_object_path(service), event);
}

static void on_proxy(Proxy *proxy, ObjectEvent event, void *userdata) {
        if (event == OBJECT_CHANGED) {
                proxy->dirty = true;
                schedule(userdata);
                return;
        }
        tell_object(userdata, proxy_object_path(proxy), event);
        if (event == OBJECT_REMOVED)
                proxy_forget_owner(proxy);
}

static void on_proxy_idle(Proxy *proxy, void *userdata) {
        Api *api = userdata;
        char *path;

        path = proxy_object_path(proxy);
        if (path)
                (void) sd_bus_emit_signal(api->bus, path, BUS_PROXY_INTERFACE, "Idle", NULL);
        free(path);
}

/* To its caller only: nothing on the bus for each connection of a proxy. */
static void on_connect_ended(Outgoing *o, const char *failure, void *userdata) {
        Api *api = userdata;
        sd_bus_message *m = NULL;
        char id[P2P_PEER_ID_TEXT_MAX];
        int r;

        r = sd_bus_message_new_signal(api->bus, &m, BUS_DAEMON_PATH, BUS_MANAGER_INTERFACE, "TunnelClosed");
        if (r >= 0)
                r = sd_bus_message_append(m, "tssstt", o->number, p2p_peer_id_format(&o->peer, id),
                                          o->service, failure ? failure : "", outgoing_bytes_in(o),
                                          outgoing_bytes_out(o));
        if (r >= 0)
                r = sd_bus_message_set_destination(m, o->caller);
        if (r >= 0)
                r = sd_bus_send(api->bus, m, NULL);
        if (r < 0)
                (void) log_debug_errno(r, "Cannot tell %s about the end of its tunnel: %m", o->caller);
        sd_bus_message_unref(m);
}

static const ManagerObserver observer = {
        .changed = on_changed,
        .peer = on_peer,
        .service = on_service,
        .proxy = on_proxy,
        .proxy_idle = on_proxy_idle,
        .connect_ended = on_connect_ended,
};

/* ---- registration ---- */
static int add_all(Api *api) {
        int r;

        r = sd_bus_add_object_manager(api->bus, NULL, BUS_DAEMON_PATH);
        if (r >= 0)
                r = sd_bus_add_object_vtable(api->bus, NULL, BUS_DAEMON_PATH, BUS_MANAGER_INTERFACE,
                                             manager_vtable, api);
        if (r >= 0)
                r = objects_add(&api->peers, &peer_objects, api->manager, api->bus);
        if (r >= 0)
                r = objects_add(&api->services, &service_objects, api->manager, api->bus);
        if (r >= 0)
                r = objects_add(&api->proxies, &proxy_objects, api->manager, api->bus);
        return r;
}

int api_new(Manager *manager, sd_bus *bus, void (*flushed)(void *userdata), void *userdata, Api **ret) {
        _cleanup_(api_freep) Api *api = NULL;
        int r;

        api = calloc(1, sizeof(*api));
        if (!api)
                return -ENOMEM;
        *api = (Api){
                .manager = manager, .bus = sd_bus_ref(bus), .on_flush = flushed, .userdata = userdata
        };
        api->proxy_uid = bus_user_uid("peerup-proxy");
        p2p_list_init(&api->requests);
        p2p_timer_init(&api->flush, manager->loop, on_flush, api);

        r = bus_clients_new(bus, &api->clients);
        if (r < 0)
                return r;
        r = polkit_new(bus, &api->polkit);
        if (r < 0)
                return r;
        if (api->proxy_uid != UID_NONE)
                polkit_restrict_user(api->polkit, api->proxy_uid);
        r = add_all(api);
        if (r < 0)
                return r;
        manager_observe(manager, &observer, api);

        *ret = TAKE_PTR(api);
        return 0;
}

int api_take_name(Api *api) {
        int r;

        r = sd_bus_request_name(api->bus, BUS_DAEMON_NAME, 0);
        return r < 0 ? r : 0;
}

Api *api_free(Api *api) {
        Request *request;
        Proxy *proxy;

        if (!api)
                return NULL;
        P2P_LIST_FOREACH(request, &api->requests, Request, requests)
                request_free(request);
        P2P_LIST_FOREACH(proxy, &api->manager->proxies, Proxy, proxies)
                proxy_free(proxy);
        manager_observe(api->manager, NULL, NULL);
        p2p_timer_stop(&api->flush);
        polkit_free(api->polkit);
        bus_clients_free(api->clients);
        sd_bus_flush_close_unref(api->bus);
        free(api);
        return NULL;
}

/* ---- shared by methods ---- */
int api_no_such_peer(sd_bus_error *error, const char *text) {
        return sd_bus_error_setf(
                error, BUS_ERROR_NO_SUCH_PEER,
                "No peer is called '%s': see peerupctl auth list, or name one: peerupctl auth add ID --name "
                "%s",
                text, text);
}

int api_resolve(const Api *api, const char *text, p2p_peer_id *ret, sd_bus_error *error) {
        int r;

        r = api_check_text(text, "peer", error);
        if (r < 0)
                return r;
        r = manager_resolve(api->manager, text, ret);
        return r < 0 ? api_no_such_peer(error, text) : 0;
}

int api_check_text(const char *text, const char *what, sd_bus_error *error) {
        size_t n = strnlen(text, 256);

        if (n == 0 || n > 255)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "%s: 1 to 255 bytes are wanted",
                                         what);
        for (size_t i = 0; i < n; i++)
                if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f)
                        return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                                 "%s: control characters are not allowed", what);
        return 0;
}

int api_config_error(sd_bus_error *error, int r, const char *what, char *reason) {
        static const struct {
                int error;
                const char *name;
        } names[] = {
                { -EINVAL, BUS_ERROR_CONFIG_INVALID         },
                { -ENOSPC, SD_BUS_ERROR_FAILED              },
                { -ENOMEM, SD_BUS_ERROR_NO_MEMORY           },
                { -EBUSY,  SD_BUS_ERROR_FAILED              },
                { -ENOBUFS, SD_BUS_ERROR_LIMITS_EXCEEDED    },
        };
        const char *name = SD_BUS_ERROR_FAILED;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (names[i].error == r)
                        name = names[i].name;
        r = sd_bus_error_setf(error, name, "%s: %s", what, reason ? reason : strerror(-r));
        free(reason);
        return r;
}

const char *api_failure_name(FailureKind kind) {
        static const char *const names[_FAILURE_KIND_MAX] = {
                [FAILURE_NOT_AUTHORIZED] = BUS_ERROR_NOT_AUTHORIZED_THERE,
                [FAILURE_REFUSED] = BUS_ERROR_SERVICE_REFUSED,
                [FAILURE_NO_SERVICE] = BUS_ERROR_SERVICE_UNKNOWN,
                [FAILURE_BACKEND] = BUS_ERROR_SERVICE_REFUSED,
                [FAILURE_LIMIT] = SD_BUS_ERROR_LIMITS_EXCEEDED,
                [FAILURE_WRONG_PEER] = BUS_ERROR_PEER_UNREACHABLE,
                [FAILURE_NO_COMMON_WAY] = BUS_ERROR_PEER_UNREACHABLE,
                [FAILURE_UNTRUSTED] = BUS_ERROR_PEER_UNREACHABLE,
                [FAILURE_OUT_OF_DATE] = BUS_ERROR_PEER_UNREACHABLE,
                [FAILURE_OTHER_NAME] = BUS_ERROR_PEER_UNREACHABLE,
                [FAILURE_NO_RELAY] = BUS_ERROR_PEER_UNREACHABLE,
                [FAILURE_UNREACHABLE] = BUS_ERROR_PEER_UNREACHABLE,
                [FAILURE_NO_PATH] = BUS_ERROR_PEER_UNREACHABLE,
                [FAILURE_RESET] = BUS_ERROR_SERVICE_REFUSED,
                [FAILURE_LOST] = BUS_ERROR_PEER_UNREACHABLE,
        };

        return names[kind];
}
