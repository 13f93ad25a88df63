/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Api: the manager on the bus. One vtable per interface, in the file of its noun; the introspection XML in
 * dbus/ says what they mean. Object paths are built and found in one place per type.
 */

#include "daemon/failure.h"
#include "daemon/manager.h"
#include "daemon/objects-bus.h"
#include "service/bus-names.h"
#include "service/bus.h"
#include "service/polkit.h"

typedef struct Api {
        Manager *manager; /* borrowed */
        sd_bus *bus;      /* referenced; closed with the Api */
        BusClients *clients;
        Polkit *polkit;
        uid_t proxy_uid;
        unsigned changed; /* properties of the manager to tell about */
        p2p_timer flush;
        p2p_list requests;
        Objects peers, services, proxies;
        void (*on_flush)(void *userdata);
        void *userdata;
} Api;

/* Registers everything. on_flush runs after changes, at the pace at which they are told. */
int api_new(Manager *manager, sd_bus *bus, void (*on_flush)(void *userdata), void *userdata, Api **ret);
/* Last, so that whoever sees the name finds all of it. -EEXIST: somebody has it. */
int api_take_name(Api *api);
Api *api_free(Api *api);
P2P_CLEANUP(Api, api_free);

/* The Api of an object's manager: object vtables have the object as their userdata. */
static inline Api *api_of(const Manager *manager) {
        return manager->observer_userdata;
}

extern const sd_bus_vtable manager_vtable[];
extern const sd_bus_vtable peer_vtable[];
extern const sd_bus_vtable service_vtable[];
extern const sd_bus_vtable proxy_vtable[];

/* The caller frees. NULL: out of memory. */
char *peer_object_path(const Peer *peer);
char *service_object_path(const Service *service);
char *proxy_object_path(const Proxy *proxy);

void peer_emit_changed(Api *api, const Peer *peer);
void service_emit_changed(Api *api, const Service *service);
void proxy_emit_changed(Api *api, const Proxy *proxy);
void proxy_forget_owner(Proxy *proxy);

/* Methods of the manager, by noun. */
int method_list_peers(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_list_paths(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_list_authorized_peers(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_resolve(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_authorize_peer(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_deauthorize_peer(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_list_services(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_expose_service(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_unexpose_service(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_set_service_enabled(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_list_proxies(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_create_proxy(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_close_proxy(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_ping(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_connect(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_open_stream(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_list_relays(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_add_relay(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_remove_relay(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_add_proxy(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_remove_proxy(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_reload(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* Errors that several methods share. All return what a method returns. */
int api_no_such_peer(sd_bus_error *error, const char *text);
int api_config_error(sd_bus_error *error, int r, const char *what,
                     char *reason); /* takes reason, which may be NULL */
const char *api_failure_name(FailureKind kind);
/* Finds the peer of a name or an id: < 0 with the error set. */
int api_resolve(const Api *api, const char *text, p2p_peer_id *ret, sd_bus_error *error);
/* A caller's word may end up in a log line: 1-255 printable bytes. < 0 with the error set. */
int api_check_text(const char *text, const char *what, sd_bus_error *error);
