/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A reply is JSON by the time a verb sees it (bus-json.h). A value that is missing, because the daemon is
 * older or newer, is an empty one, not an error.
 */

#include "cli/reply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "service/bus-names.h"

const char *json_text(const json_t *object, const char *key) {
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

uint64_t json_number(const json_t *object, const char *key) {
        json_int_t n = json_integer_value(json_object_get(object, key));

        return n < 0 ? 0 : (uint64_t) n;
}

bool json_flag(const json_t *object, const char *key) {
        return json_is_true(json_object_get(object, key));
}

const char *json_text_at(const json_t *array, size_t i) {
        const char *text = json_string_value(json_array_get(array, i));

        return text ? text : "";
}

uint64_t json_number_at(const json_t *array, size_t i) {
        json_int_t n = json_integer_value(json_array_get(array, i));

        return n < 0 ? 0 : (uint64_t) n;
}

int daemon_objects(Context *context, const char *interface, json_t **ret) {
        static const Remote manager = { BUS_DAEMON_NAME, BUS_DAEMON_PATH,
                                        "org.freedesktop.DBus.ObjectManager", "peerup", "the daemon" };
        _cleanup_(json_decrefp) json_t *args = NULL, *found = json_object();
        json_t *interfaces, *properties;
        const char *path;
        int r;

        r = remote_call_json(context, &manager, &args, "GetManagedObjects", NULL);
        if (r < 0)
                return r;
        json_object_foreach(json_array_get(args, 0), path, interfaces) {
                properties = json_object_get(interfaces, interface);
                if (properties && json_object_set(found, path, properties) < 0)
                        return complain(-ENOMEM, "out of memory");
        }
        if (!found)
                return complain(-ENOMEM, "out of memory");
        *ret = TAKE_PTR(found);
        return 0;
}

const char *peer_name_of(const json_t *names, const char *id) {
        const char *name;
        json_t *value;

        json_object_foreach((json_t *) names, name,
                            value) if (json_is_string(value) &&
                                       strcmp(json_string_value(value), id) == 0) return name;
        return NULL;
}

const char *peer_path_format(const json_t *peer, char text[static PEER_PATH_TEXT_MAX]) {
        const char *stack = json_text(peer, "Stack"), *security = json_text(peer, "Security");
        bool told = *security == '/' && strcmp(json_text(peer, "Muxer"), "/quic-v1") != 0;
        const char *end = told ? strchrnul(security + 1, '/') : security;

        (void) snprintf(text, PEER_PATH_TEXT_MAX, "%s%s%s%s%.*s", json_text(peer, "PathType"),
                        *stack ? " " : "", stack, told ? "+" : "", told ? (int) (end - security - 1) : 0,
                        told ? security + 1 : "");
        return text;
}

int table_begin(const Column *columns, size_t n_columns, Table **ret) {
        Table *table = table_new(columns, n_columns);

        if (!table)
                return complain(-ENOMEM, "out of memory");
        *ret = table;
        return 0;
}

int table_show(const Table *table, const Context *context, const char *one, const char *many) {
        pager_open(context->options);
        return table_print(table, context->options, one, many);
}

void say(const Context *context, const char *format, ...) {
        va_list ap;

        if (context->options->json != JSON_FORMAT_OFF)
                return;
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
}
