/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Manager's properties and its table of methods; dbus/dev.peerup.daemon1.Manager.xml says what they
 * mean. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api-bus.h"
#include "daemon/relays.h"

static int get_peer_id(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Api *api = userdata;
        char text[P2P_PEER_ID_TEXT_MAX];

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "s",
                                     p2p_peer_id_format(p2p_host_peer_id(api->manager->host), text));
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        (void) bus, (void) path, (void) interface, (void) property, (void) userdata, (void) error;
        return sd_bus_message_append(reply, "s", PEERUP_VERSION);
}

static int get_start(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Api *api = userdata;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "t", api->manager->started);
}

static int get_connected_peers(sd_bus *bus, const char *path, const char *interface, const char *property,
                               sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Api *api = userdata;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "u", api->manager->n_peers);
}

static int get_names(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const NodeConfig *config = ((const Api *) userdata)->manager->config;
        char id[P2P_PEER_ID_TEXT_MAX];
        int r;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        r = sd_bus_message_open_container(reply, 'a', "{ss}");
        for (size_t i = 0; r >= 0 && i < config->n_names; i++)
                r = sd_bus_message_append(reply, "{ss}", config->names[i].name,
                                          p2p_peer_id_format(&config->names[i].peer, id));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_listen_addresses(sd_bus *bus, const char *path, const char *interface, const char *property,
                                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Api *api = userdata;
        char text[P2P_ADDR_TEXT_MAX];
        p2p_addr **addrs = NULL;
        size_t n = 0;
        int r, q;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        r = p2p_host_own_addrs(api->manager->host, &addrs, &n);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; i < n; i++) {
                if (r >= 0 && !p2p_addr_is_circuit(addrs[i]))
                        r = sd_bus_message_append(reply, "s", p2p_addr_format(addrs[i], text));
                p2p_addr_free(addrs[i]);
        }
        free(addrs);
        q = sd_bus_message_close_container(reply);
        return r < 0 ? r : q;
}

static int get_relay_addresses(sd_bus *bus, const char *path, const char *interface, const char *property,
                               sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Api *api = userdata;
        RelayInfo relay;
        char *text;
        int r;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        r = sd_bus_message_open_container(reply, 'a', "s");
        for (unsigned i = 0; r >= 0 && relays_at(api->manager->relays, i, &relay); i++) {
                if (!relay_is_active(&relay))
                        continue;
                if (asprintf(&text, "%s/p2p-circuit", relay.address) < 0)
                        return -ENOMEM;
                r = sd_bus_message_append(reply, "s", text);
                free(text);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_relays(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Api *api = userdata;
        char id[P2P_PEER_ID_TEXT_MAX];
        RelayInfo relay;
        int r;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        r = sd_bus_message_open_container(reply, 'a', "(ssb)");
        for (unsigned i = 0; r >= 0 && relays_at(api->manager->relays, i, &relay); i++)
                r = sd_bus_message_append(reply, "(ssb)", relay.address, p2p_peer_id_format(relay.relay, id),
                                          (int) relay_is_active(&relay));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* A node relays for nobody: the relay is a program of its own. */
static int get_relaying(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        (void) bus, (void) path, (void) interface, (void) property, (void) userdata, (void) error;
        return sd_bus_message_append(reply, "b", 0);
}

static int get_gating(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Api *api = userdata;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "b", (int) access_gating(api->manager->access));
}

static int format_endpoint(const Endpoint *e, char **ret) {
        int r;

        if (e->is_unix)
                r = asprintf(ret, "%s", e->path);
        else if (strchr(e->host, ':'))
                r = asprintf(ret, "[%s]:%u", e->host, e->port);
        else
                r = asprintf(ret, "%s:%u", e->host, e->port);
        return r < 0 ? -ENOMEM : 0;
}

static int get_configured_proxies(sd_bus *bus, const char *path, const char *interface, const char *property,
                                  sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const NodeConfig *config = ((const Api *) userdata)->manager->config;
        char *listen;
        int r;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        r = sd_bus_message_open_container(reply, 'a', "(ssss)");
        for (size_t i = 0; r >= 0 && i < config->n_proxies; i++) {
                r = format_endpoint(&config->proxies[i].listen, &listen);
                if (r < 0)
                        return r;
                r = sd_bus_message_append(reply, "(ssss)", config->proxies[i].name, config->proxies[i].peer,
                                          config->proxies[i].service, listen);
                free(listen);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

#define OPEN SD_BUS_VTABLE_UNPRIVILEGED /* each method asks polkit by itself */
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("ListPeers", SD_BUS_ARGS("b", all), SD_BUS_RESULT("a(ssaso)", peers),
                                method_list_peers, OPEN),
        SD_BUS_METHOD_WITH_ARGS("ListPaths", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssstssd)", paths),
                                method_list_paths, OPEN),
        SD_BUS_METHOD_WITH_ARGS("ListServices", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sssbo)", services),
                                method_list_services, OPEN),
        SD_BUS_METHOD_WITH_ARGS("ListProxies", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssssuo)", proxies),
                                method_list_proxies, OPEN),
        SD_BUS_METHOD_WITH_ARGS("ListRelays", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssssst)", relays),
                                method_list_relays, OPEN),
        SD_BUS_METHOD_WITH_ARGS("ListAuthorizedPeers", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sssts)", peers),
                                method_list_authorized_peers, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Resolve", SD_BUS_ARGS("s", name),
                                SD_BUS_RESULT("s", peer_id, "s", source, "o", path), method_resolve, OPEN),
        SD_BUS_METHOD_WITH_ARGS("AuthorizePeer", SD_BUS_ARGS("s", peer_id, "s", comment, "a{sv}", options),
                                SD_BUS_NO_RESULT, method_authorize_peer, OPEN),
        SD_BUS_METHOD_WITH_ARGS("DeauthorizePeer", SD_BUS_ARGS("s", peer, "b", disconnect), SD_BUS_NO_RESULT,
                                method_deauthorize_peer, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Ping", SD_BUS_ARGS("s", peer),
                                SD_BUS_RESULT("s", peer_id, "t", rtt_usec, "s", path), method_ping, OPEN),
        SD_BUS_METHOD_WITH_ARGS("CreateProxy", SD_BUS_ARGS("s", peer, "s", service, "h", listener),
                                SD_BUS_RESULT("s", id, "o", path), method_create_proxy, OPEN),
        SD_BUS_METHOD_WITH_ARGS("CloseProxy", SD_BUS_ARGS("s", id, "b", abort), SD_BUS_NO_RESULT,
                                method_close_proxy, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Connect", SD_BUS_ARGS("s", peer, "s", service, "h", socket),
                                SD_BUS_RESULT("t", tunnel), method_connect, OPEN),
        SD_BUS_METHOD_WITH_ARGS("OpenStream", SD_BUS_ARGS("s", peer, "s", service),
                                SD_BUS_RESULT("h", socket), method_open_stream, OPEN),
        SD_BUS_METHOD_WITH_ARGS("ExposeService", SD_BUS_ARGS("s", name, "s", address, "a{sv}", options),
                                SD_BUS_NO_RESULT, method_expose_service, OPEN),
        SD_BUS_METHOD_WITH_ARGS("UnexposeService", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT,
                                method_unexpose_service, OPEN),
        SD_BUS_METHOD_WITH_ARGS("SetServiceEnabled", SD_BUS_ARGS("s", name, "b", enabled), SD_BUS_NO_RESULT,
                                method_set_service_enabled, OPEN),
        SD_BUS_METHOD_WITH_ARGS("AddRelay", SD_BUS_ARGS("s", address), SD_BUS_NO_RESULT, method_add_relay,
                                OPEN),
        SD_BUS_METHOD_WITH_ARGS("RemoveRelay", SD_BUS_ARGS("s", address, "b", force), SD_BUS_NO_RESULT,
                                method_remove_relay, OPEN),
        SD_BUS_METHOD_WITH_ARGS("AddProxy", SD_BUS_ARGS("s", name, "s", peer, "s", service, "s", listen),
                                SD_BUS_NO_RESULT, method_add_proxy, OPEN),
        SD_BUS_METHOD_WITH_ARGS("RemoveProxy", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_remove_proxy,
                                OPEN),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload, OPEN),
        SD_BUS_PROPERTY("PeerID", "s", get_peer_id, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("StartTimestamp", "t", get_start, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("ConnectedPeers", "u", get_connected_peers, 0, CHANGES),
        SD_BUS_PROPERTY("Names", "a{ss}", get_names, 0, CHANGES),
        SD_BUS_PROPERTY("ListenAddresses", "as", get_listen_addresses, 0, CHANGES),
        SD_BUS_PROPERTY("RelayAddresses", "as", get_relay_addresses, 0, CHANGES),
        SD_BUS_PROPERTY("Relays", "a(ssb)", get_relays, 0, CHANGES),
        SD_BUS_PROPERTY("Relaying", "b", get_relaying, 0, CHANGES),
        SD_BUS_PROPERTY("Gating", "b", get_gating, 0, CHANGES),
        SD_BUS_PROPERTY("ConfiguredProxies", "a(ssss)", get_configured_proxies, 0, CHANGES),
        SD_BUS_SIGNAL_WITH_ARGS("PeerAdded", SD_BUS_ARGS("s", peer_id, "o", path), 0),
        SD_BUS_SIGNAL_WITH_ARGS("PeerRemoved", SD_BUS_ARGS("s", peer_id, "o", path), 0),
        SD_BUS_SIGNAL_WITH_ARGS(
                "TunnelClosed",
                SD_BUS_ARGS("t", tunnel, "s", peer, "s", service, "s", error, "t", bytes_in, "t", bytes_out),
                0),
        SD_BUS_VTABLE_END,
};
