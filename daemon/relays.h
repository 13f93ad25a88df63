/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Relays: a reservation at each relay of the config, and the ways to others that they give. */

#include "daemon/manager.h"

typedef struct RelayInfo {
        const char *address;      /* as in the config */
        const p2p_peer_id *relay;
        const p2p_reservation *reservation;
} RelayInfo;

const char *relay_state_text(const RelayInfo *relay); /* "active" ... */
const char *relay_failure_text(const RelayInfo *relay); /* of the last try; "" */
bool relay_is_active(const RelayInfo *relay);

int relays_new(Manager *manager, Relays **ret);
Relays *relays_free(Relays *relays);
P2P_CLEANUP(Relays, relays_free);

/* Makes them those of the config: reservations at relays that stay are kept. */
int relays_load(Relays *relays, const NodeConfig *config);

/* The i-th address; false beyond the end. Two addresses of one relay share its reservation. */
bool relays_at(const Relays *relays, unsigned i, RelayInfo *ret);
bool relays_contain(const Relays *relays, const p2p_peer_id *peer);
bool relays_any(const Relays *relays); /* the config names one */
unsigned relays_n_active(const Relays *relays);

/* Tells the host that this peer may be behind each of the relays. */
void relays_add_paths(Relays *relays, const p2p_peer_id *peer);
