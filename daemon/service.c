/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Services: the name, the backend's address, and who may use it. The protocol id is always
 * /peerup/NAME/1.0.0, as in the original (protocols.md 2); names that peer-up itself speaks are refused
 * (protocols.md 0).
 */

#include "daemon/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/incoming.h"

static void notify(Service *service, ObjectEvent event) {
        const Manager *m = service->manager;

        if (m->observer && m->observer->service)
                m->observer->service(service, event, m->observer_userdata);
}

void service_format_protocol(const char *name, char protocol[static SERVICE_PROTOCOL_MAX]) {
        (void) snprintf(protocol, SERVICE_PROTOCOL_MAX, "/peerup/%.*s/1.0.0", (int) SERVICE_NAME_MAX, name);
}

static void on_stream(p2p_stream *stream, void *userdata) {
        incoming_begin(userdata, stream);
}

int service_update(Service *s, const char *address, const p2p_peer_id *allowed, size_t n_allowed) {
        p2p_peer_id *copy = NULL;
        Endpoint endpoint;

        if (strlen(address) >= sizeof(s->address) || endpoint_parse(address, &endpoint) < 0 ||
            (!endpoint.is_unix && endpoint.port == 0))
                return -EDESTADDRREQ;
        if (n_allowed > 0) {
                copy = malloc(n_allowed * sizeof(*copy));
                if (!copy)
                        return -ENOMEM;
                memcpy(copy, allowed, n_allowed * sizeof(*copy));
        }
        (void) strcpy(s->address, address);
        s->endpoint = endpoint;
        free(s->allowed);
        s->allowed = copy;
        s->n_allowed = n_allowed;
        s->restricted = allowed;
        return 0;
}

int service_new(Manager *manager, const char *name, const char *address, const p2p_peer_id *allowed,
                size_t n_allowed, bool transient, Service **ret) {
        Service *s;
        int r;

        if (!service_name_is_valid(name))
                return -EINVAL;
        if (service_name_is_reserved(name))
                return -EPERM;
        if (service_find(manager, name))
                return -EEXIST;
        if (manager->n_services >= SERVICES_MAX)
                return -ENOBUFS;
        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (Service){ .manager = manager, .transient = transient };
        (void) strcpy(s->name, name);
        service_format_protocol(name, s->protocol);
        p2p_list_init(&s->incoming);
        p2p_list_init(&s->services);

        r = service_update(s, address, allowed, n_allowed);
        if (r >= 0)
                r = p2p_host_handle(manager->host, s->protocol, on_stream, s);
        if (r < 0) {
                free(s->allowed);
                free(s);
                return r;
        }
        p2p_list_append(&manager->services, &s->services);
        manager->n_services++;
        notify(s, OBJECT_ADDED);
        *ret = s;
        return 0;
}

Service *service_free(Service *s) {
        if (!s)
                return NULL;
        notify(s, OBJECT_REMOVED);
        p2p_host_unhandle(s->manager->host, s->protocol);
        incoming_forget_service(s);
        p2p_list_unlink(&s->services);
        s->manager->n_services--;
        free(s->allowed);
        free(s);
        return NULL;
}

Service *service_find(const Manager *manager, const char *name) {
        Service *s;

        P2P_LIST_FOREACH(s, &manager->services, Service, services)
                if (strcmp(s->name, name) == 0)
                        return s;
        return NULL;
}

void service_changed(Service *service) {
        notify(service, OBJECT_CHANGED);
}

bool service_allows(const Service *s, const p2p_peer_id *peer) {
        if (!s->restricted)
                return true;
        for (size_t i = 0; i < s->n_allowed; i++)
                if (p2p_peer_id_equal(&s->allowed[i], peer))
                        return true;
        return false;
}
