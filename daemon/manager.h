/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Manager: everything that one node is. It owns the host and the objects that D-Bus shows (peers, services,
 * proxies), and knows no bus: whoever wants to hear of changes is its observer.
 */

#include <p2p/circuit.h>
#include <p2p/host.h>
#include <p2p/identify.h>
#include <p2p/ping.h>

#include "service/access.h"
#include "daemon/refusals.h"
#include "service/config.h"

typedef struct Manager Manager;
typedef struct Peer Peer;
typedef struct Service Service;
typedef struct Proxy Proxy;
typedef struct Outgoing Outgoing;
typedef struct Relays Relays;
typedef struct Pingpong Pingpong;

/* Properties of the manager that changed. */
enum {
        MANAGER_CONNECTED_PEERS = 1 << 0,
        MANAGER_NAMES = 1 << 1,
        MANAGER_ADDRESSES = 1 << 2, /* what the node tells others */
        MANAGER_RELAYS = 1 << 3,    /* relays, and the circuit addresses they give */
        MANAGER_PROXIES = 1 << 4,   /* of the config */
        MANAGER_GATING = 1 << 5,
};

typedef enum ObjectEvent {
        OBJECT_ADDED,
        OBJECT_CHANGED,
        OBJECT_REMOVED, /* about to be freed */
} ObjectEvent;

/* Called from wherever a change happens: an observer notes it and acts from the loop. All but `changed` may
 * be NULL. */
typedef struct ManagerObserver {
        void (*changed)(unsigned properties, void *userdata);
        void (*peer)(Peer *peer, ObjectEvent event, void *userdata);
        void (*service)(Service *service, ObjectEvent event, void *userdata);
        void (*proxy)(Proxy *proxy, ObjectEvent event, void *userdata);
        void (*proxy_idle)(Proxy *proxy, void *userdata);
        /* A tunnel of Connect ended; failure is NULL after an ordinary end. */
        void (*connect_ended)(Outgoing *outgoing, const char *failure, void *userdata);
} ManagerObserver;

#define TUNNELS_MAX                                                                                         \
        49152u /* outgoing and incoming together: what the fds of the unit (65536) leave room for */
#define PROXIES_MAX 1024u
#define SERVICES_MAX 96u   /* below what one node may register with the host (P2P_PROTOCOLS_MAX) */

struct Manager {
        p2p_loop *loop; /* borrowed */
        char *config_path;
        NodeConfig *config;
        p2p_identity *identity;
        p2p_web_tls *web; /* of wss; may be NULL */
        p2p_host *host;
        p2p_identify *identify;
        p2p_ping *ping;
        p2p_circuit *circuit;
        Access *access;
        Relays *relays;
        Pingpong *pingpong;
        Refusals refusals;
        uint8_t *scratch; /* of all tunnels */
        uint64_t started; /* realtime, usec */
        uint64_t last_number;
        const p2p_peer_id *spared; /* while its authorization is taken away: what we dialled stays */
        bool by_call; /* a D-Bus call changes authorized_keys, and makes the record itself */
        p2p_timer trim;    /* gives memory back some time after things went away */
        unsigned n_tunnels, n_peers, n_services, n_proxies;
        p2p_list peers, services, proxies, outgoing, incoming;
        const ManagerObserver *observer; /* borrowed; NULL: nobody */
        void *observer_userdata;
};

/* config_path NULL: the default place. Makes identity and config where there are none, listens, starts the
 * relays. Logs why it fails. -ENOTRECOVERABLE: config or key want a person. */
int manager_new(p2p_loop *loop, const char *config_path, Manager **ret);
Manager *manager_free(Manager *manager);
P2P_CLEANUP(Manager, manager_free);

void manager_observe(Manager *manager, const ManagerObserver *observer, void *userdata);
void manager_changed(Manager *manager, unsigned properties);

/* Something that took memory went away: a tunnel, a connection, a refused stranger. Cheap. */
void manager_note_end(Manager *manager);

/* One line: what `systemctl status` shows. The caller's. */
int manager_format_status(const Manager *manager, char **ret);

/* A name of the config (exactly) or a peer id in text: 1 by name, 0 by id, -ENXIO neither. */
int manager_resolve(const Manager *manager, const char *text, p2p_peer_id *ret);
/* The name of a peer, or NULL; borrowed from the config. */
const char *manager_find_name(const Manager *manager, const p2p_peer_id *peer);

/* Closes what unauthorized peers opened to us: after gating was switched on. */
void manager_enforce(Manager *manager);

/* usec since 1970, of a moment of the loop's clock. */
uint64_t manager_realtime(const Manager *manager, uint64_t loop_time);
