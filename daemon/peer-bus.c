/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* dev.peerup.daemon1.Peer, and the manager's methods about peers and who is authorized. */

#include <errno.h>
#include <stdlib.h>

#include "daemon/api-bus.h"
#include "daemon/manager-config.h"
#include "daemon/peer.h"

/* ---- objects ---- */
static void *find_object(const Manager *manager, const char *name) {
        return peer_find_text(manager, name);
}

static const p2p_list *list_objects(const Manager *manager) {
        return &manager->peers;
}

static const char *name_object(const p2p_list *node) {
        return P2P_LIST_ENTRY(node, const Peer, peers)->text;
}

const ObjectType peer_objects = {
        .prefix = BUS_PEER_PREFIX,
        .interface = BUS_PEER_INTERFACE,
        .vtable = peer_vtable,
        .find = find_object,
        .list = list_objects,
        .name = name_object,
};

char *peer_object_path(const Peer *peer) {
        return object_path(&peer_objects, peer->text);
}

void peer_emit_changed(Api *api, const Peer *peer) {
        char *path = peer_object_path(peer);

        if (path)
                (void) sd_bus_emit_properties_changed(
                        api->bus, path, BUS_PEER_INTERFACE, "Name", "PathType", "Address", "Transport",
                        "Stack", "Security", "Muxer", "IPVersion", "Limited", "Authorized", "AgentVersion",
                        "ConnectedTimestamp", NULL);
        free(path);
}

/* ---- properties: of the connection that a new stream would take ---- */
static const char *address_text(const p2p_conn *conn, char text[static P2P_ADDR_TEXT_MAX]) {
        const p2p_addr *addr = conn ? p2p_conn_remote(conn) : NULL;

        text[0] = '\0';
        return addr ? p2p_addr_format(addr, text) : text;
}

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Peer *peer = userdata;
        const p2p_conn *conn = peer_conn(peer);
        char address[P2P_ADDR_TEXT_MAX];
        const char *text = "";

        (void) bus, (void) path, (void) interface, (void) error;
        if (property[0] == 'I' && property[1] == 'd')
                text = peer->text;
        else if (property[0] == 'N')
                text = manager_find_name(peer->manager, &peer->id);
        else if (!conn)
                text = "";
        else if (property[0] == 'P')
                text = peer_path_type(conn);
        else if (property[0] == 'T')
                text = peer_transport(conn);
        else if (property[0] == 'S' && property[1] == 't')
                text = peer_stack(conn);
        else if (property[0] == 'S')
                text = p2p_conn_security(conn);
        else if (property[0] == 'M')
                text = p2p_conn_muxer(conn);
        else if (property[0] == 'I')
                text = peer_ip_version(conn);
        else if (property[1] == 'g')
                text = p2p_conn_agent(conn);
        else
                text = address_text(conn, address);
        return sd_bus_message_append(reply, "s", text ? text : "");
}

static int get_limited(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const p2p_conn *conn = peer_conn(userdata);

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "b", (int) (conn && p2p_conn_is_limited(conn)));
}

static int get_authorized(sd_bus *bus, const char *path, const char *interface, const char *property,
                          sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Peer *peer = userdata;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(
                reply, "b", (int) (access_check(peer->manager->access, &peer->id) == ACCESS_ALLOWED));
}

static int get_number(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Peer *peer = userdata;
        const p2p_conn *conn = peer_conn(peer);
        uint64_t value = 0;

        (void) bus, (void) path, (void) interface, (void) error;
        if (conn)
                value = property[0] == 'R' ? p2p_conn_rtt(conn)
                                           : manager_realtime(peer->manager, p2p_conn_opened_at(conn));
        return sd_bus_message_append(reply, "t", value);
}

const sd_bus_vtable peer_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("PathType", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Address", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Transport", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Stack", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Security", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Muxer", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("IPVersion", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Limited", "b", get_limited, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Authorized", "b", get_authorized, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("AgentVersion", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("ConnectedTimestamp", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("RTTUSec", "t", get_number, 0, 0),
        SD_BUS_VTABLE_END,
};

/* ---- lists ---- */
static int append_peer(sd_bus_message *reply, const Peer *peer) {
        p2p_conn *best = peer_conn(peer);
        char text[P2P_ADDR_TEXT_MAX];
        char *path;
        int r;

        path = peer_object_path(peer);
        if (!path)
                return -ENOMEM;
        r = sd_bus_message_open_container(reply, 'r', "ssaso");
        if (r >= 0)
                r = sd_bus_message_append(reply, "ss", peer->text, best ? p2p_conn_agent(best) : "");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (p2p_conn *conn = p2p_host_first_conn(peer->manager->host); r >= 0 && conn;
             conn = p2p_conn_next(conn))
                if (p2p_peer_id_equal(p2p_conn_peer(conn), &peer->id))
                        r = sd_bus_message_append(reply, "s", address_text(conn, text));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "o", path);
        free(path);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Begins the reply of a list. 1: go on. */
static int begin_list(sd_bus_message *m, Api *api, const char *type, sd_bus_message **ret,
                      sd_bus_error *error) {
        sd_bus_message *reply = NULL;
        int r;

        r = authorize(m, ACTION_INSPECT, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', type);
        if (r < 0) {
                sd_bus_message_unref(reply);
                return r;
        }
        *ret = reply;
        return 1;
}

static int end_list(sd_bus_message *reply, int r) {
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_send(reply);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

int method_list_peers(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        sd_bus_message *reply;
        Peer *peer;
        int r, all;

        r = sd_bus_message_read(m, "b", &all);
        if (r < 0)
                return r;
        r = begin_list(m, api, "(ssaso)", &reply, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        P2P_LIST_FOREACH(peer, &api->manager->peers, Peer, peers) {
                p2p_conn *conn = peer_conn(peer);

                if (r >= 0 && (all || (conn && peer_is_peerup(conn))))
                        r = append_peer(reply, peer);
        }
        return end_list(reply, r);
}

int method_list_paths(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        char id[P2P_PEER_ID_TEXT_MAX], address[P2P_ADDR_TEXT_MAX];
        sd_bus_message *reply;
        int r;

        r = begin_list(m, api, "(ssstssd)", &reply, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        for (p2p_conn *conn = p2p_host_first_conn(api->manager->host); r >= 0 && conn;
             conn = p2p_conn_next(conn))
                r = sd_bus_message_append(reply, "(ssstssd)", p2p_peer_id_format(p2p_conn_peer(conn), id),
                                          peer_path_type(conn), address_text(conn, address),
                                          manager_realtime(api->manager, p2p_conn_opened_at(conn)),
                                          peer_transport(conn), peer_ip_version(conn),
                                          (double) p2p_conn_rtt(conn) / USEC_PER_MSEC);
        return end_list(reply, r);
}

int method_list_authorized_peers(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        const AuthorizedKeys *keys = access_keys(api->manager->access);
        char id[P2P_PEER_ID_TEXT_MAX];
        sd_bus_message *reply;
        int r;

        r = begin_list(m, api, "(sssts)", &reply, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        for (size_t i = 0; r >= 0 && keys && i < authorized_keys_count(keys); i++) {
                const AuthorizedPeer *p = authorized_keys_at(keys, i);

                r = sd_bus_message_append(reply, "(sssts)", p2p_peer_id_format(&p->id, id), p->comment,
                                          p->verified,
                                          p->expires == USEC_INFINITY ? UINT64_C(0) : p->expires, p->group);
        }
        return end_list(reply, r);
}

int method_resolve(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Api *api = userdata;
        char text[P2P_PEER_ID_TEXT_MAX];
        const char *name;
        p2p_peer_id id;
        char *path = NULL;
        Peer *peer;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_INSPECT, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = api_resolve(api, name, &id, error);
        if (r < 0)
                return r;
        peer = peer_find(api->manager, &id);
        if (peer)
                path = peer_object_path(peer);
        r = sd_bus_reply_method_return(m, "sso", p2p_peer_id_format(&id, text),
                                       manager_resolve(api->manager, name, &id) > 0 ? "local_config"
                                                                                    : "peer_id",
                                       path ? path : "/");
        free(path);
        return r;
}
