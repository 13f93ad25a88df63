/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Objects: what is on the bus under a prefix of its own, one for each node of a list of the manager's. A
 * noun says where its list is and what its nodes are called; paths, finding and listing are the same for
 * all.
 */

#include <systemd/sd-bus.h>

#include "daemon/manager.h"

typedef struct ObjectType {
        const char *prefix, *interface;
        const sd_bus_vtable *vtable; /* its userdata is the object */
        void *(*find)(const Manager *manager, const char *name); /* NULL: none */
        const p2p_list *(*list)(const Manager *manager);
        const char *(*name)(const p2p_list *node);
} ObjectType;

typedef struct Objects {
        const ObjectType *type;
        const Manager *manager; /* borrowed */
} Objects;

extern const ObjectType peer_objects, service_objects, proxy_objects;

/* Registers *objects, which must outlive the bus connection. */
int objects_add(Objects *objects, const ObjectType *type, const Manager *manager, sd_bus *bus);
/* The caller frees. NULL: out of memory. */
char *object_path(const ObjectType *type, const char *name);
