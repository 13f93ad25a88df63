/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One walk over a message by its own signature, so that verbs read replies by name and index. Numbers beyond
 * 2^63 - 1 come out as that.
 */

#include "cli/bus-json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#define DEPTH_MAX 64u /* D-Bus specification: 32 arrays and 32 structs */

static int read_value(sd_bus_message *m, char type, const char *contents, unsigned depth, json_t **ret);

static json_t *json_unsigned(uint64_t n) {
        return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t) n);
}

typedef union Basic {
        uint8_t y;
        int b; /* also of i */
        int16_t n;
        uint16_t q;
        int32_t i;
        uint32_t u;
        int64_t x;
        uint64_t t;
        double d;
        const char *s;
} Basic;

static json_t *basic_to_json(char type, const Basic *v) {
        switch (type) {
        case SD_BUS_TYPE_BYTE:
                return json_integer(v->y);
        case SD_BUS_TYPE_BOOLEAN:
                return json_boolean(v->b);
        case SD_BUS_TYPE_INT16:
                return json_integer(v->n);
        case SD_BUS_TYPE_UINT16:
                return json_integer(v->q);
        case SD_BUS_TYPE_INT32:
                return json_integer(v->i);
        case SD_BUS_TYPE_UINT32:
                return json_integer(v->u);
        case SD_BUS_TYPE_INT64:
                return json_integer(v->x);
        case SD_BUS_TYPE_UINT64:
                return json_unsigned(v->t);
        case SD_BUS_TYPE_DOUBLE:
                return json_real(v->d);
        default:
                return json_string(v->s); /* also paths and signatures */
        }
}

static int read_basic(sd_bus_message *m, char type, json_t **ret) {
        Basic v = {};
        int r;

        if (type == SD_BUS_TYPE_UNIX_FD)
                return -EOPNOTSUPP;
        if (!strchr("ybnqiuxtdsog", type))
                return -EBADMSG;
        r = sd_bus_message_read_basic(m, type, &v);
        if (r < 0)
                return r;
        *ret = basic_to_json(type, &v);
        return *ret ? 0 : -ENOMEM;
}

/* What is left of the container that m is in. */
static int read_items(sd_bus_message *m, unsigned depth, json_t *array) {
        const char *contents;
        json_t *item;
        char type;
        int r;

        while ((r = sd_bus_message_peek_type(m, &type, &contents)) > 0) {
                r = read_value(m, type, contents, depth, &item);
                if (r < 0)
                        return r;
                if (json_array_append_new(array, item) < 0)
                        return -ENOMEM;
        }
        return r;
}

/* An array of dictionary entries whose keys are strings or paths. */
static int read_entries(sd_bus_message *m, unsigned depth, json_t *object) {
        const char *contents, *key;
        json_t *value;
        char type;
        int r;

        while ((r = sd_bus_message_peek_type(m, &type, &contents)) > 0) {
                r = sd_bus_message_enter_container(m, type, contents);
                if (r < 0)
                        return r;
                r = sd_bus_message_read_basic(m, contents[0], &key);
                if (r < 0)
                        return r;
                r = sd_bus_message_peek_type(m, &type, &contents);
                if (r <= 0)
                        return -EBADMSG;
                r = read_value(m, type, contents, depth, &value);
                if (r < 0)
                        return r;
                if (json_object_set_new(object, key, value) < 0)
                        return -ENOMEM;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r;
}

static int read_container(sd_bus_message *m, char type, const char *contents, unsigned depth, json_t **ret) {
        bool dictionary = type == SD_BUS_TYPE_ARRAY && contents[0] == '{' &&
                          (contents[1] == SD_BUS_TYPE_STRING || contents[1] == SD_BUS_TYPE_OBJECT_PATH);
        json_t *container;
        int r;

        r = sd_bus_message_enter_container(m, type, contents);
        if (r < 0)
                return r;
        container = dictionary ? json_object() : json_array();
        if (!container)
                return -ENOMEM;
        r = dictionary ? read_entries(m, depth, container) : read_items(m, depth, container);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0) {
                json_decref(container);
                return r;
        }
        *ret = container;
        return 0;
}

static int read_value(sd_bus_message *m, char type, const char *contents, unsigned depth, json_t **ret) {
        json_t *held, *value = NULL;
        int r;

        if (depth >= DEPTH_MAX)
                return -ELOOP;
        if (!contents)
                return read_basic(m, type, ret);
        r = read_container(m, type, contents, depth + 1, &value);
        if (r < 0)
                return r;
        if (type == SD_BUS_TYPE_VARIANT) { /* an array of one */
                held = json_incref(json_array_get(value, 0));
                json_decref(value);
                value = held;
        }
        *ret = value;
        return 0;
}

int bus_message_to_json(sd_bus_message *m, json_t **ret) {
        json_t *array = json_array();
        int r;

        if (!array)
                return -ENOMEM;
        r = read_items(m, 0, array);
        if (r < 0) {
                json_decref(array);
                return r;
        }
        *ret = array;
        return 0;
}
