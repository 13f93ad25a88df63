/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Hop and stop messages as plain structs (wire reference 11.1) [specs/relay/circuit-v2]. Pure. */

#include <p2p/addr.h>
#include <p2p/circuit.h>

#define P2P_HOP_PROTOCOL "/libp2p/circuit/relay/0.2.0/hop"
#define P2P_STOP_PROTOCOL "/libp2p/circuit/relay/0.2.0/stop"
#define P2P_CIRCUIT_MESSAGE_MAX 4096u
#define P2P_CIRCUIT_ADDRS_MAX 32u /* looked at in a reservation */

typedef enum p2p_hop_type {
        P2P_HOP_RESERVE = 0,
        P2P_HOP_CONNECT = 1,
        P2P_HOP_STATUS = 2,
        _P2P_HOP_TYPE_MAX
} p2p_hop_type;
typedef enum p2p_stop_type { P2P_STOP_CONNECT = 0, P2P_STOP_STATUS = 1, _P2P_STOP_TYPE_MAX } p2p_stop_type;

/* Limits of 0 are no limits; both 0: the connection is not "limited". */
typedef struct p2p_circuit_limit {
        uint32_t duration_s;
        uint64_t data;
} p2p_circuit_limit;

typedef struct p2p_hop_message {
        p2p_hop_type type;
        bool has_peer, has_reservation;
        p2p_peer_id peer;
        unsigned status;
        p2p_circuit_limit limit;
        uint64_t expires;      /* of the reservation, Unix seconds */
        p2p_view voucher;      /* of the reservation: into the message that was parsed; n == 0: none */
        unsigned n_addrs;      /* of the reservation */
        p2p_addr *addrs[P2P_CIRCUIT_ADDRS_MAX]; /* owned; unparseable ones are left out */
} p2p_hop_message;

/* -EBADMSG: malformed, a bad peer, an unknown type. An absent type counts as RESERVE, as go-libp2p has
 * it. */
int p2p_hop_message_parse(p2p_view in, p2p_hop_message *ret);
void p2p_hop_message_done(p2p_hop_message *message);

typedef struct p2p_stop_message {
        p2p_stop_type type; /* absent counts as CONNECT */
        bool has_peer;
        p2p_peer_id peer;
        unsigned status;
        p2p_circuit_limit limit;
} p2p_stop_message;

int p2p_stop_message_parse(p2p_view in, p2p_stop_message *ret);
