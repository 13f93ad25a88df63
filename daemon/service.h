/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Service: a local TCP or UNIX socket that authorized peers may use as /peerup/NAME/1.0.0. */

#include "daemon/backend.h"
#include "daemon/manager.h"
#include "service/names.h"

#define SERVICE_PROTOCOL_MAX (SERVICE_NAME_MAX + 16u) /* "/peerup/" "/1.0.0" */
#define SERVICE_ADDRESS_MAX 264u                      /* of an endpoint's text */

struct Service {
        Manager *manager; /* borrowed */
        char name[SERVICE_NAME_MAX + 1];
        char protocol[SERVICE_PROTOCOL_MAX];
        char address[SERVICE_ADDRESS_MAX]; /* as given */
        Endpoint endpoint;
        bool transient;  /* not in the config */
        bool restricted; /* only `allowed`, even if that is empty */
        p2p_peer_id *allowed;
        size_t n_allowed;
        unsigned n_incoming;
        p2p_list incoming; /* its tunnels: they outlive it */
        p2p_list services;
        bool dirty; /* the observer's */
};

void service_format_protocol(const char *name,
                             char protocol[static SERVICE_PROTOCOL_MAX]); /* a valid name */

/* -EINVAL: the name; -EPERM: a reserved one; -EDESTADDRREQ: the address; -EEXIST; -ENOBUFS. allowed NULL:
 * every authorized peer. Copies everything. */
int service_new(Manager *manager, const char *name, const char *address, const p2p_peer_id *allowed,
                size_t n_allowed, bool transient, Service **ret);
/* New streams are refused at once; open tunnels go on. */
Service *service_free(Service *service);
P2P_CLEANUP(Service, service_free);

Service *service_find(const Manager *manager, const char *name);
void service_changed(Service *service);
bool service_allows(const Service *service, const p2p_peer_id *peer);
/* Address and list of a service that stays; open tunnels are not touched. */
int service_update(Service *service, const char *address, const p2p_peer_id *allowed, size_t n_allowed);
