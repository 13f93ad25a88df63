/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * proxies, proxy add, proxy remove: local sockets of systemd that lead to services of peers. The config says
 * which there are, a Proxy object exists while one is being served; both have the address on which it
 * listens.
 */

#include <errno.h>
#include <string.h>

#include <p2p/peer.h>

#include "cli/output.h"
#include "cli/reply.h"
#include "service/bus-names.h"
#include "service/endpoint.h"

static const Column columns[] = {
        { "name", "NAME", false },       { "peer", "PEER", false },
        { "service", "SERVICE", false }, { "listen", "LISTEN", false },
        { "state", "STATE", false },     { "connections", "CONNECTIONS", true },
        { "bytes_in", "IN", true },      { "bytes_out", "OUT", true },
        { "error", NULL, false },        { "error_timestamp", NULL, false },
};

/* Whether two texts are one address: localhost and 127.0.0.1 are. */
static bool same_address(const char *a, const char *b) {
        struct sockaddr_storage sa = {}, sb = {};
        socklen_t na, nb;
        Endpoint ea, eb;

        if (strcmp(a, b) == 0)
                return true;
        if (endpoint_parse(a, &ea) < 0 || endpoint_parse(b, &eb) < 0 ||
            endpoint_sockaddr(&ea, &sa, &na) < 0 || endpoint_sockaddr(&eb, &sb, &nb) < 0)
                return false;
        return na == nb && memcmp(&sa, &sb, na) == 0;
}

/* The object that serves the address, or NULL; its path in *ret_path. */
static const json_t *find_object(const json_t *objects, const char *listen, const char **ret_path) {
        const char *path;
        json_t *object;

        json_object_foreach((json_t *) objects, path,
                            object) if (same_address(json_text(object, "ListenAddress"), listen)) {
                *ret_path = path;
                return object;
        }
        return NULL;
}

/* Whether systemd says that nobody listens there: the user forgot to start or enable it. Without a systemd
 * to ask there is nothing to say. */
static bool is_stopped(Context *context, const char *name) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char unit[128];
        const char *path;
        char *state = NULL;
        bool stopped;

        (void) snprintf(unit, sizeof(unit), "peerup-proxy@%s.socket", name);
        if (sd_bus_call_method(context->bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                               "org.freedesktop.systemd1.Manager", "GetUnit", &error, &reply, "s", unit) < 0)
                return sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit");
        if (sd_bus_message_read(reply, "o", &path) < 0 ||
            sd_bus_get_property_string(context->bus, "org.freedesktop.systemd1", path,
                                       "org.freedesktop.systemd1.Unit", "ActiveState", NULL, &state) < 0)
                return false;
        stopped = strcmp(state, "inactive") == 0 || strcmp(state, "failed") == 0;
        free(state);
        return stopped;
}

typedef enum ProxyState { PROXY_ACTIVE, PROXY_FAILING, PROXY_IDLE, PROXY_STOPPED } ProxyState;

static ProxyState state_of(Context *context, const char *name, const json_t *object) {
        if (object)
                return *json_text(object, "LastError") ? PROXY_FAILING : PROXY_ACTIVE;
        return is_stopped(context, name) ? PROXY_STOPPED : PROXY_IDLE;
}

static void add_proxy(Table *table, const char *name, const char *peer, const char *service,
                      const char *listen, ProxyState state, const json_t *object) {
        static const struct {
                const char *text;
                Colour colour;
        } states[] = {
                [PROXY_ACTIVE] = { "active", COLOUR_GREEN },
                [PROXY_FAILING] = { "failing", COLOUR_RED },
                [PROXY_IDLE] = { "idle", COLOUR_FAINT },
                [PROXY_STOPPED] = { "stopped", COLOUR_YELLOW },
        };

        table_text(table, name);
        table_colour(table, COLOUR_BOLD);
        table_text(table, peer);
        table_text(table, service);
        table_text(table, listen);
        table_text(table, states[state].text);
        table_colour(table, states[state].colour);
        table_number(table, json_number(object, "Connections"));
        table_bytes(table, json_number(object, "BytesIn"));
        table_bytes(table, json_number(object, "BytesOut"));
        table_text(table, json_text(object, "LastError"));
        table_time(table, json_number(object, "LastErrorTimestamp"), NULL);
}

/* Configured ones first; then those that somebody serves without a line in the config. *ret_stopped: the
 * name of one that is. */
static void add_all(Context *context, Table *table, const json_t *configured, json_t *objects,
                    const char **ret_stopped) {
        const char *path, *name;
        ProxyState state;
        const json_t *found;
        json_t *entry, *object;
        size_t i;

        json_array_foreach(configured, i, entry) {
                found = find_object(objects, json_text_at(entry, 3), &path);
                name = json_text_at(entry, 0);
                state = state_of(context, name, found);
                if (state == PROXY_STOPPED)
                        *ret_stopped = name;
                add_proxy(table, name, json_text_at(entry, 1), json_text_at(entry, 2),
                          json_text_at(entry, 3), state, found);
                if (found)
                        (void) json_object_del(objects, path);
        }
        json_object_foreach(objects, path, object)
                add_proxy(table, NULL, json_text(object, "Peer"), json_text(object, "Service"),
                          json_text(object, "ListenAddress"), state_of(context, NULL, object), object);
}

/* Below the table: why the last connection came to nothing, and what to do. */
static void print_error(const char *listen, const char *error) {
        char *shown = text_printable(error);
        char *rest = shown ? strstr(shown, "; ") : NULL;

        if (rest)
                *rest = '\0';
        printf("\n%s%s: %s%s\n", colour_on(COLOUR_RED), listen, shown ? shown : "?", colour_off());
        if (rest)
                printf("        %s\n", rest + 2);
        free(shown);
}

int verb_proxies(Context *context) {
        _cleanup_(json_decrefp) json_t *properties = NULL, *objects = NULL, *failing = NULL;
        _cleanup_(table_freep) Table *table = NULL;
        const char *path, *stopped = NULL;
        json_t *object;
        int r;

        r = remote_properties(context, &remote_daemon, &properties);
        if (r < 0)
                return r;
        r = daemon_objects(context, BUS_PROXY_INTERFACE, &objects);
        if (r < 0)
                return r;
        r = table_begin(columns, ELEMENTSOF(columns), &table);
        if (r < 0)
                return r;
        failing = json_copy(objects);
        add_all(context, table, json_object_get(properties, "ConfiguredProxies"), objects, &stopped);
        r = table_show(table, context, "proxy", "proxies");
        if (r < 0 || context->options->json != JSON_FORMAT_OFF)
                return r;
        json_object_foreach(failing, path, object) if (*json_text(object, "LastError"))
                print_error(json_text(object, "ListenAddress"), json_text(object, "LastError"));
        if (stopped && !context->options->no_legend)
                printf("\nStart what is stopped, now and at each boot, as in:\n"
                       "        systemctl enable --now peerup-proxy@%s.socket\n"
                       "If one does not start: systemctl status peerup-proxy@%s.socket\n",
                       stopped, stopped);
        return 0;
}

/* Its generators make the socket unit. Where that fails the user is told what to type; the proxy is
 * configured. */
static void reload_systemd(Context *context) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_message_new_method_call(context->bus, &m, "org.freedesktop.systemd1",
                                           "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                           "Reload");
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(m, true);
        if (r >= 0)
                r = sd_bus_call(context->bus, m, REMOTE_TIMEOUT, &error, NULL);
        if (r < 0)
                (void) complain(r, "systemd was not reloaded: %s\nRun: systemctl daemon-reload",
                                error.message ? error.message : strerror(-r));
}

/* The proxy is made all the same: a name may come later. */
static void tell_unknown_peer(Context *context, const char *peer) {
        _cleanup_(json_decrefp) json_t *properties = NULL;
        p2p_peer_id id;

        if (p2p_peer_id_parse(peer, &id) >= 0 ||
            remote_properties(context, &remote_daemon, &properties) < 0 ||
            json_object_get(json_object_get(properties, "Names"), peer))
                return;
        say(context, "Nobody is called %s yet. Name that peer: peerupctl auth add ID --name %s", peer, peer);
}

int verb_proxy_add(Context *context) {
        const char *name = context->args[0];
        int r;

        r = remote_call(context, &remote_daemon, NULL, "AddProxy", "ssss", name, context->args[1],
                        context->args[2], context->options->listen);
        if (r < 0)
                return r;
        reload_systemd(context);
        say(context,
            "%s will lead to '%s' of %s. Start it:\n"
            "        systemctl start peerup-proxy@%s.socket",
            context->options->listen, context->args[2], context->args[1], name);
        tell_unknown_peer(context, context->args[1]);
        return 0;
}

int verb_proxy_remove(Context *context) {
        int r;

        r = remote_call(context, &remote_daemon, NULL, "RemoveProxy", "s", context->args[0]);
        if (r < 0)
                return r;
        reload_systemd(context);
        say(context,
            "The proxy is removed. To close its socket now:\n        systemctl stop peerup-proxy@%s.socket",
            context->args[0]);
        return 0;
}
