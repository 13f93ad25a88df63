/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every method: read, ask polkit, act, reply. Changes are told at most four times a second. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/relay-bus.h"
#include "service/authorized-keys.h"
#include "service/bus-names.h"
#include "service/bus.h"
#include "service/journal.h"
#include "service/polkit.h"

#define NEWS_INTERVAL_USEC (250 * USEC_PER_MSEC)

struct RelayBus {
        Relay *relay;  /* borrowed */
        sd_bus *bus;   /* borrowed */
        Polkit *polkit;
        sd_bus_slot *slot;
        p2p_timer news;
        unsigned waiting; /* RELAY_NEWS_* for it */
};

static int parse_peer(const char *text, p2p_peer_id *ret, sd_bus_error *error) {
        if (p2p_peer_id_parse(text, ret) >= 0)
                return 0;
        return sd_bus_error_setf(error, BUS_ERROR_INVALID_PEER_ID,
                                 "'%s' is not a peer id; 'peerupctl whoami' on that machine prints it",
                                 text);
}

static int parse_other_peer(const Relay *relay, const char *text, p2p_peer_id *ret, sd_bus_error *error) {
        int r;

        r = parse_peer(text, ret, error);
        if (r < 0 || !p2p_peer_id_equal(ret, p2p_host_peer_id(relay->host)))
                return r;
        return sd_bus_error_setf(error, BUS_ERROR_INVALID_PEER_ID,
                                 "That is the id of the relay; 'peerupctl whoami' on the machine that is to "
                                 "use it prints the one that is wanted");
}

static int gated(const Relay *relay, sd_bus_error *error) {
        if (relay->config->gating)
                return 0;
        return sd_bus_error_setf(
                error, BUS_ERROR_GATING_DISABLED,
                "This relay is open to everybody; set security.enable_connection_gating: true in %s",
                relay->config_path);
}

/* ---- lists ---- */
static int append_reservations(RelayBus *b, sd_bus_message *reply) {
        p2p_hop_reservation_info info;
        char text[P2P_PEER_ID_TEXT_MAX];
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(stu)");
        for (unsigned i = 0; r >= 0 && p2p_hop_reservation_at(b->relay->hop, i, &info); i++)
                r = sd_bus_message_append(reply, "(stu)", p2p_peer_id_format(&info.peer, text),
                                          info.expires * USEC_PER_SEC, info.n_circuits);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_circuits(RelayBus *b, sd_bus_message *reply) {
        char src[P2P_PEER_ID_TEXT_MAX], dst[P2P_PEER_ID_TEXT_MAX];
        p2p_circuit_report c;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(sstt)");
        for (unsigned i = 0; r >= 0 && p2p_hop_circuit_at(b->relay->hop, i, &c); i++)
                r = sd_bus_message_append(reply, "(sstt)", p2p_peer_id_format(&c.src, src),
                                          p2p_peer_id_format(&c.dst, dst), c.bytes_to_dst, c.bytes_to_src);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_authorized(RelayBus *b, sd_bus_message *reply) {
        const AuthorizedKeys *keys = access_keys(b->relay->access);
        char text[P2P_PEER_ID_TEXT_MAX];
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(sst)");
        for (size_t i = 0; r >= 0 && keys && i < authorized_keys_count(keys); i++) {
                const AuthorizedPeer *p = authorized_keys_at(keys, i);

                r = sd_bus_message_append(reply, "(sst)", p2p_peer_id_format(&p->id, text), p->comment,
                                          p->expires == USEC_INFINITY ? (uint64_t) 0 : p->expires);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_list(sd_bus_message *m, RelayBus *b, sd_bus_error *error,
                      int (*append)(RelayBus *b, sd_bus_message *reply)) {
        sd_bus_message *reply = NULL;
        int r;

        r = authorize(m, ACTION_RELAY_INSPECT, UID_NONE, b->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = append(b, reply);
        if (r >= 0)
                r = sd_bus_send(b->bus, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int method_list_reservations(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return reply_list(m, userdata, error, append_reservations);
}

static int method_list_circuits(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return reply_list(m, userdata, error, append_circuits);
}

static int method_list_authorized(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return reply_list(m, userdata, error, append_authorized);
}

/* ---- keys ---- */
static int read_options(sd_bus_message *m, uint64_t *ret_expires, sd_bus_error *error) {
        const char *name;
        int r;

        *ret_expires = 0;
        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0 && strcmp(name, "expires") != 0)
                        return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "Unknown option '%s'",
                                                 name);
                if (r >= 0)
                        r = sd_bus_message_read(m, "v", "t", ret_expires);
                if (r >= 0)
                        r = bus_check_expiry(*ret_expires, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int file_error(int r, const Relay *relay, sd_bus_error *error) {
        return sd_bus_error_set_errnof(error, -r, "%s was not changed: %m", access_path(relay->access));
}

static int method_authorize_peer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *text, *comment;
        char when[RFC3339_TEXT_MAX];
        AuthorizedAttribute expiry = { .key = "expires" };
        RelayBus *b = userdata;
        uint64_t expires;
        p2p_peer_id peer;
        int r;

        r = sd_bus_message_read(m, "ss", &text, &comment);
        if (r >= 0)
                r = read_options(m, &expires, error);
        if (r >= 0)
                r = parse_other_peer(b->relay, text, &peer, error);
        if (r >= 0)
                r = gated(b->relay, error);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_RELAY_MANAGE_PEERS, UID_NONE, b->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        if (expires > 0)
                expiry.value = rfc3339_format(expires, when);
        r = authorized_keys_add(access_path(b->relay->access), &peer, comment, &expiry, expires > 0);
        if (r == -EEXIST)
                return sd_bus_error_setf(
                        error, BUS_ERROR_ALREADY_AUTHORIZED,
                        "%s is authorized already: to change its comment or expiry, first: peerupctl "
                        "relay-server deauthorize %s",
                        text, text);
        if (r < 0)
                return file_error(r, b->relay, error);
        audit(AUDIT_AUTH_CHANGE, AUDIT_PEER(&peer), AUDIT_TEXT("ACTION", "add"),
              AUDIT_TEXT("SOURCE", "api"));
        (void) relay_reload_keys(b->relay);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_deauthorize_peer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        RelayBus *b = userdata;
        const char *text;
        p2p_peer_id peer;
        int disconnect, r;

        r = sd_bus_message_read(m, "sb", &text, &disconnect);
        if (r >= 0)
                r = parse_peer(text, &peer, error);
        if (r >= 0)
                r = gated(b->relay, error);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_RELAY_MANAGE_PEERS, UID_NONE, b->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = relay_deauthorize(b->relay, &peer);
        if (r == -ENOENT)
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_PEER, "%s is not authorized here", text);
        if (r < 0)
                return file_error(r, b->relay, error);
        if (disconnect)
                relay_disconnect(b->relay, &peer);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_reload(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        RelayBus *b = userdata;
        int r;

        r = authorize(m, ACTION_RELAY_MANAGE_PEERS, UID_NONE, b->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = relay_reload(b->relay);
        if (r < 0)
                return sd_bus_error_set_errnof(error, -r, "%s was not read: %m; the journal says why",
                                               access_path(b->relay->access));
        return sd_bus_reply_method_return(m, NULL);
}

/* ---- properties ---- */
static int get_peer_id(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                       const char *property _unused_, sd_bus_message *reply, void *userdata,
                       sd_bus_error *error _unused_) {
        char text[P2P_PEER_ID_TEXT_MAX];
        RelayBus *b = userdata;

        return sd_bus_message_append(reply, "s", p2p_peer_id_format(p2p_host_peer_id(b->relay->host), text));
}

static int get_version(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                       const char *property _unused_, sd_bus_message *reply, void *userdata _unused_,
                       sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "s", PEERUP_VERSION);
}

static int get_addresses(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                         const char *property _unused_, sd_bus_message *reply, void *userdata,
                         sd_bus_error *error _unused_) {
        RelayBus *b = userdata;
        char **texts;
        size_t n;
        int r;

        r = relay_addresses(b->relay, &texts, &n);
        if (r < 0)
                return r;
        r = sd_bus_message_append_strv(reply, texts);
        for (size_t i = 0; i < n; i++)
                free(texts[i]);
        free(texts);
        return r;
}

static int get_reservations(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                            const char *property _unused_, sd_bus_message *reply, void *userdata,
                            sd_bus_error *error _unused_) {
        RelayBus *b = userdata;

        return sd_bus_message_append(reply, "u", p2p_hop_n_reservations(b->relay->hop));
}

static int get_circuits(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                        const char *property _unused_, sd_bus_message *reply, void *userdata,
                        sd_bus_error *error _unused_) {
        RelayBus *b = userdata;

        return sd_bus_message_append(reply, "u", p2p_hop_n_circuits(b->relay->hop));
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("ListReservations", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(stu)", reservations),
                                method_list_reservations, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListCircuits", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sstt)", circuits),
                                method_list_circuits, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListAuthorizedPeers", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sst)", peers),
                                method_list_authorized, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("AuthorizePeer", SD_BUS_ARGS("s", peer_id, "s", comment, "a{sv}", options),
                                SD_BUS_NO_RESULT, method_authorize_peer, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("DeauthorizePeer", SD_BUS_ARGS("s", peer_id, "b", disconnect),
                                SD_BUS_NO_RESULT, method_deauthorize_peer, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Reload", NULL, NULL, method_reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("PeerID", "s", get_peer_id, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("ListenAddresses", "as", get_addresses, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Reservations", "u", get_reservations, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Circuits", "u", get_circuits, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

/* ---- news ---- */
static void on_news(void *userdata) {
        RelayBus *b = userdata;
        unsigned news = b->waiting;

        b->waiting = 0;
        if (news & RELAY_NEWS_NUMBERS)
                (void) sd_bus_emit_properties_changed(b->bus, BUS_RELAY_PATH, BUS_RELAY_MANAGER_INTERFACE,
                                                      "Reservations", "Circuits", NULL);
        if (news & RELAY_NEWS_ADDRESSES)
                (void) sd_bus_emit_properties_changed(b->bus, BUS_RELAY_PATH, BUS_RELAY_MANAGER_INTERFACE,
                                                      "ListenAddresses", NULL);
}

static void on_changed(unsigned news, void *userdata) {
        RelayBus *b = userdata;

        b->waiting |= news;
        if (!p2p_timer_is_set(&b->news))
                (void) p2p_timer_set(&b->news, NEWS_INTERVAL_USEC);
}

int relay_bus_new(Relay *relay, sd_bus *bus, RelayBus **ret) {
        _cleanup_(relay_bus_freep) RelayBus *b = NULL;
        int r;

        b = calloc(1, sizeof(*b));
        if (!b)
                return -ENOMEM;
        b->relay = relay;
        b->bus = bus;
        p2p_timer_init(&b->news, relay->loop, on_news, b);
        r = polkit_new(bus, &b->polkit);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, &b->slot, BUS_RELAY_PATH, BUS_RELAY_MANAGER_INTERFACE,
                                             vtable, b);
        if (r >= 0)
                r = sd_bus_request_name(bus, BUS_RELAY_NAME, 0);
        if (r < 0)
                return r;
        relay->changed = on_changed;
        relay->changed_userdata = b;
        *ret = TAKE_PTR(b);
        return 0;
}

RelayBus *relay_bus_free(RelayBus *b) {
        if (!b)
                return NULL;
        b->relay->changed = NULL;
        p2p_timer_stop(&b->news);
        sd_bus_slot_unref(b->slot);
        polkit_free(b->polkit);
        free(b);
        return NULL;
}
