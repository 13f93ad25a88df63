/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The object tree of the daemon: a name in a path is the object of that name, for as long as it is in its
 * list. Nothing is kept here, so nothing can be stale.
 */

#include "daemon/objects-bus.h"

#include <errno.h>
#include <stdlib.h>

char *object_path(const ObjectType *type, const char *name) {
        char *path;

        return sd_bus_path_encode(type->prefix, name, &path) < 0 ? NULL : path;
}

static int find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                sd_bus_error *error) {
        const Objects *o = userdata;
        char *name;
        int r;

        (void) bus, (void) interface, (void) error;
        r = sd_bus_path_decode(path, o->type->prefix, &name);
        if (r <= 0)
                return r;
        *ret = o->type->find(o->manager, name);
        free(name);
        return *ret != NULL;
}

static int enumerate(sd_bus *bus, const char *path, void *userdata, char ***ret, sd_bus_error *error) {
        const Objects *o = userdata;
        const p2p_list *head = o->type->list(o->manager);
        size_t n = 0;
        char **list;

        (void) bus, (void) path, (void) error;
        for (const p2p_list *i = head->next; i != head; i = i->next)
                n++;
        list = calloc(n + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        n = 0;
        for (const p2p_list *i = head->next; i != head; i = i->next) {
                list[n] = object_path(o->type, o->type->name(i));
                if (!list[n++]) {
                        while (n > 0)
                                free(list[--n]);
                        free(list);
                        return -ENOMEM;
                }
        }
        *ret = list;
        return 0;
}

int objects_add(Objects *objects, const ObjectType *type, const Manager *manager, sd_bus *bus) {
        int r;

        *objects = (Objects){ .type = type, .manager = manager };
        r = sd_bus_add_fallback_vtable(bus, NULL, type->prefix, type->interface, type->vtable, find,
                                       objects);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(bus, NULL, type->prefix, enumerate, objects);
}
