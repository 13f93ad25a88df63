/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Relay: a host with the hop service, and the key file that says who may use it. Knows no bus; whoever wants
 * to hear of changes sets `changed`.
 */

#include <p2p/circuit.h>
#include <p2p/identify.h>
#include <p2p/ping.h>

#include "service/access.h"
#include "service/config.h"

#define RELAY_CONFIG_PATH "/etc/peerup-relay/relay-server.yaml"

enum {
        RELAY_NEWS_NUMBERS = 1u << 0, /* of reservations or circuits */
        RELAY_NEWS_ADDRESSES = 1u << 1,
};

typedef struct Relay {
        p2p_loop *loop; /* borrowed */
        char *config_path;
        RelayConfig *config;
        p2p_identity *identity;
        Access *access;
        p2p_web_tls *web; /* of wss; may be NULL */
        p2p_host *host;
        p2p_identify *identify;
        p2p_ping *ping;
        p2p_hop *hop;
        p2p_timer trim; /* of the heap, after handshakes that came to nothing */
        bool by_call;   /* a key is going that D-Bus took out: that is recorded already */
        void (*changed)(unsigned news, void *userdata); /* RELAY_NEWS_* */
        void *changed_userdata;
} Relay;

/* config_path NULL: RELAY_CONFIG_PATH. Makes config and identity where there are none and listens. Logs why
 * it fails. -ENOTRECOVERABLE: config or key want a person. */
int relay_new(p2p_loop *loop, const char *config_path, Relay **ret);
Relay *relay_free(Relay *relay);
P2P_CLEANUP(Relay, relay_free);

/* The key file again; peers that are no longer in it are cut off. What was wrong is logged, valid lines
 * apply. */
int relay_reload_keys(Relay *relay);
/* Out of the key file, cut off and recorded. -ENOENT: it is not in there. */
int relay_deauthorize(Relay *relay, const p2p_peer_id *peer);
/* That, and the certificate of wss, which logs by itself. */
int relay_reload(Relay *relay);
/* Addresses to put into the config of a node: with ports and /p2p/ID. The caller frees each and the array.
 */
int relay_addresses(const Relay *relay, char ***ret, size_t *ret_n);
/* Ends the peer's connection, reservation and circuits. */
void relay_disconnect(Relay *relay, const p2p_peer_id *peer);
