/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The relays of the config. Their addresses go into the host's book for good, each relay gets one
 * reservation, which keeps itself alive (p2p/circuit.h); what changes is told to the observer, and to the
 * journal once per change of mind: a relay that stays away is not a line every eight seconds.
 *
 * Every peer may be behind every relay: a dial tries the circuit addresses of all of them beside what
 * identify told.
 */

#include "daemon/relays.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/peer.h"
#include "service/journal.h"

#define PATH_TTL_USEC                                                                                       \
        (10 * USEC_PER_MINUTE) /* renewed at each opening; a removed relay is forgotten after that */

typedef struct Relay {
        Relays *relays; /* borrowed */
        p2p_peer_id id;
        p2p_reservation *reservation;
        bool was_active;
        int told_error;
        unsigned told_status;
        p2p_list link;
} Relay;

typedef struct Address {
        char *text;
        p2p_addr *addr; /* without the /p2p/ID */
        Relay *relay;   /* borrowed */
} Address;

struct Relays {
        Manager *manager; /* borrowed */
        Address *addresses;
        unsigned n;
        p2p_list relays;
};

const char *relay_state_text(const RelayInfo *relay) {
        static const char *const texts[_P2P_RESERVATION_STATE_MAX] = {
                [P2P_RESERVATION_CONNECTING] = "connecting", [P2P_RESERVATION_RESERVING] = "reserving",
                [P2P_RESERVATION_ACTIVE] = "active", [P2P_RESERVATION_WAITING] = "waiting",
        };

        return texts[p2p_reservation_state_of(relay->reservation)];
}

const char *relay_failure_text(const RelayInfo *relay) {
        int error = p2p_reservation_error(relay->reservation);

        switch (error) {
        case -EKEYREJECTED:
                return "the relay does not let this machine in";
        case -EPROTONOSUPPORT:
                return "it is no relay, or has no way to connect in common with this machine";
        case -EPROTO:
        case -EBADMSG:
        case -EMSGSIZE:
                return "what answers there does not keep to the protocol";
        case -ENOKEY:
                return "nobody whom this machine trusts vouches for its certificate; see network: tls: "
                       "trust: in peerup.yaml(5)";
        case -EKEYEXPIRED:
                return "its certificate is not valid today; renew it there, or set the clock here";
        case -EREMCHG:
                return "its certificate is for another name than the address has";
        }
        return error < 0 ? strerror(-error) : "";
}

bool relay_is_active(const RelayInfo *relay) {
        return p2p_reservation_state_of(relay->reservation) == P2P_RESERVATION_ACTIVE;
}

static const char *address_of(const Relay *relay) {
        for (unsigned i = 0; i < relay->relays->n; i++)
                if (relay->relays->addresses[i].relay == relay)
                        return relay->relays->addresses[i].text;
        return "";
}

static void record(Relay *relay, bool active) {
        int error = p2p_reservation_error(relay->reservation);
        unsigned status = p2p_reservation_status(relay->reservation);

        if (active && !relay->was_active)
                audit(AUDIT_RELAY_RESERVED, AUDIT_PEER(&relay->id), AUDIT_TEXT("ADDR", address_of(relay)));
        else if (!active && error < 0 &&
                 (relay->was_active || error != relay->told_error || status != relay->told_status))
                audit(AUDIT_RELAY_LOST, AUDIT_PEER(&relay->id), AUDIT_TEXT("ADDR", address_of(relay)),
                      AUDIT_TEXT("REASON", status ? p2p_hop_status_name(status)
                                                  : relay_failure_text(&(RelayInfo){
                                                            .reservation = relay->reservation })));
        else
                return;
        relay->told_error = active ? 0 : error;
        relay->told_status = active ? 0 : status;
        relay->was_active = active;
}

static void on_changed(p2p_reservation *reservation, void *userdata) {
        Relay *relay = userdata;
        p2p_reservation_state state = p2p_reservation_state_of(reservation);

        if (state == P2P_RESERVATION_ACTIVE || state == P2P_RESERVATION_WAITING)
                record(relay, state == P2P_RESERVATION_ACTIVE);
        manager_changed(relay->relays->manager, MANAGER_RELAYS);
}

static Relay *relay_free(Relay *relay) {
        p2p_reservation_free(relay->reservation);
        p2p_list_unlink(&relay->link);
        free(relay);
        return NULL;
}

static Relay *relay_find(p2p_list *list, const p2p_peer_id *id) {
        Relay *relay;

        P2P_LIST_FOREACH(relay, list, Relay, link)
                if (p2p_peer_id_equal(&relay->id, id))
                        return relay;
        return NULL;
}

int relays_new(Manager *manager, Relays **ret) {
        Relays *rs;

        rs = malloc(sizeof(*rs));
        if (!rs)
                return -ENOMEM;
        *rs = (Relays){ .manager = manager };
        p2p_list_init(&rs->relays);
        *ret = rs;
        return 0;
}

static void free_addresses(Address *addresses, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                free(addresses[i].text);
                p2p_addr_free(addresses[i].addr);
        }
        free(addresses);
}

Relays *relays_free(Relays *rs) {
        Relay *relay;

        if (!rs)
                return NULL;
        P2P_LIST_FOREACH(relay, &rs->relays, Relay, link)
                relay_free(relay);
        free_addresses(rs->addresses, rs->n);
        free(rs);
        return NULL;
}

/* The relay of this address: an old one, one of this load, or a new one; linked into rs->relays. */
static int get_relay(Relays *rs, p2p_list *old, const p2p_peer_id *id, Relay **ret) {
        Relay *relay;

        relay = relay_find(&rs->relays, id);
        if (!relay) {
                relay = relay_find(old, id);
                if (relay) {
                        p2p_list_unlink(&relay->link);
                        p2p_host_forget_addrs(rs->manager->host, id);
                } else {
                        relay = malloc(sizeof(*relay));
                        if (!relay)
                                return -ENOMEM;
                        *relay = (Relay){ .relays = rs, .id = *id };
                        p2p_list_init(&relay->link);
                }
                p2p_list_append(&rs->relays, &relay->link);
        }
        *ret = relay;
        return 0;
}

static int add_address(Relays *rs, p2p_list *old, const ConfigAddr *from) {
        Address *a = &rs->addresses[rs->n];
        p2p_peer_id id;
        int r;

        r = p2p_addr_peer(from->addr, &id);
        if (r < 0)
                return r;
        *a = (Address){ .text = strdup(from->text) };
        if (!a->text)
                return -ENOMEM;
        rs->n++;
        r = p2p_addr_without_peer(from->addr, &a->addr);
        if (r < 0)
                return r;
        r = get_relay(rs, old, &id, &a->relay);
        if (r < 0)
                return r;
        return p2p_host_add_addr(rs->manager->host, &id, a->addr, USEC_INFINITY);
}

/* A relay that cannot be taken up is logged and left out; the others go on. */
static void reserve(Relays *rs) {
        Relay *relay;
        int r;

        P2P_LIST_FOREACH(relay, &rs->relays, Relay, link) {
                if (relay->reservation)
                        continue;
                r = p2p_reservation_new(rs->manager->circuit, &relay->id, on_changed, relay,
                                        &relay->reservation);
                if (r < 0) {
                        (void) log_error_errno(r, "Relay %s is left out: %m", address_of(relay));
                        for (unsigned i = 0; i < rs->n; i++)
                                if (rs->addresses[i].relay == relay)
                                        rs->addresses[i].relay = NULL;
                        relay_free(relay);
                }
        }
}

int relays_load(Relays *rs, const NodeConfig *config) {
        Address *addresses;
        p2p_list old;
        Relay *relay;
        int r;

        addresses = calloc(config->n_relays + 1, sizeof(*addresses));
        if (!addresses)
                return -ENOMEM;
        free_addresses(rs->addresses, rs->n);
        rs->addresses = addresses;
        rs->n = 0;
        p2p_list_init(&old);
        P2P_LIST_FOREACH(relay, &rs->relays, Relay, link) {
                p2p_list_unlink(&relay->link);
                p2p_list_append(&old, &relay->link);
        }
        for (size_t i = 0; i < config->n_relays; i++) {
                if (!config->relays[i].supported)
                        continue;
                r = add_address(rs, &old, &config->relays[i]);
                if (r < 0)
                        (void) log_error_errno(r, "Relay %s is left out: %m", config->relays[i].text);
        }
        P2P_LIST_FOREACH(relay, &old, Relay, link) {
                p2p_host_forget_addrs(rs->manager->host, &relay->id);
                relay_free(relay);
        }
        reserve(rs);
        manager_changed(rs->manager, MANAGER_RELAYS);
        return 0;
}

bool relays_at(const Relays *rs, unsigned i, RelayInfo *ret) {
        unsigned k = 0;

        for (unsigned j = 0; j < rs->n; j++)
                if (rs->addresses[j].relay && k++ == i) {
                        *ret = (RelayInfo){ .address = rs->addresses[j].text,
                                            .relay = &rs->addresses[j].relay->id,
                                            .reservation = rs->addresses[j].relay->reservation };
                        return true;
                }
        return false;
}

bool relays_contain(const Relays *rs, const p2p_peer_id *peer) {
        return relay_find((p2p_list *) &rs->relays, peer);
}

bool relays_any(const Relays *rs) {
        return rs->n > 0;
}

unsigned relays_n_active(const Relays *rs) {
        unsigned n = 0;
        Relay *relay;

        P2P_LIST_FOREACH(relay, (p2p_list *) &rs->relays, Relay, link)
        n += relay->reservation && p2p_reservation_state_of(relay->reservation) == P2P_RESERVATION_ACTIVE;
        return n;
}

void relays_add_paths(Relays *rs, const p2p_peer_id *peer) {
        Peer *connected = peer_find(rs->manager, peer);
        uint64_t now = p2p_loop_now(rs->manager->loop);

        if (connected && connected->paths_at > 0 && now - connected->paths_at < PATH_TTL_USEC / 2)
                return;
        if (connected)
                connected->paths_at = now; /* its path may die, and another one be wanted */
        for (unsigned i = 0; i < rs->n; i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *circuit = NULL;

                if (!rs->addresses[i].relay || p2p_peer_id_equal(&rs->addresses[i].relay->id, peer))
                        continue;
                if (p2p_addr_make_circuit(rs->addresses[i].addr, &rs->addresses[i].relay->id, &circuit) >= 0)
                        (void) p2p_host_add_addr(rs->manager->host, peer, circuit, PATH_TTL_USEC);
        }
}
