/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the hop service share: the policy (hop.c), the table (hop-reservations.c), the pump
 * (hop-circuit.c). */

#include <p2p/circuit.h>

#include "host/hook.h"
#include "protocol/circuit-message.h"
#include "protocol/circuit.pb-c.h"
#include "protocol/exchange.h"

#define HOP_TIMEOUT_USEC (60 * USEC_PER_SEC)  /* go-libp2p: a hop message, a whole stop handshake */
#define STOP_OPEN_TIMEOUT_USEC (30 * USEC_PER_SEC)
#define HOP_REQUESTS_MAX 1024u                /* in flight; of one peer 64, as go-libp2p's service limit */
#define HOP_REQUESTS_PER_PEER_MAX 64u

typedef struct hop_reservation {
        p2p_peer_id peer;
        uint64_t due;     /* loop time */
        uint64_t expires; /* Unix seconds */
        uint8_t ip[16];   /* the source: IPv4 mapped, IPv6 cut to /56 */
        p2p_conn *conn;   /* pinned: how the peer is reached */
        p2p_list reservations;
} hop_reservation;

struct p2p_hop {
        p2p_host *host;
        p2p_hop_limits limits;
        const p2p_hop_events *events; /* borrowed, never NULL */
        void *userdata;
        p2p_hook hook;
        p2p_timer expiry;
        p2p_list reservations, requests, circuits;
        unsigned n_reservations, n_circuits;
};

/* ---- hop-reservations.c ---- */
hop_reservation *hop_find_reservation(p2p_hop *hop, const p2p_peer_id *peer);
/* Makes or renews. P2P_HOP_OK, or P2P_HOP_RESERVATION_REFUSED at a limit. */
unsigned hop_reserve(p2p_hop *hop, p2p_conn *conn, bool *ret_refresh, hop_reservation **ret);
void hop_release(p2p_hop *hop, hop_reservation *reservation, bool expired);
/* The connection of a reservation is going: another direct one takes its place, or the reservation ends. */
void hop_reservation_on_conn_closed(p2p_hop *hop, p2p_conn *conn);
void hop_schedule_expiry(p2p_hop *hop);
void hop_on_expiry(void *userdata);

/* ---- hop-circuit.c ---- */
unsigned hop_count_circuits(const p2p_hop *hop, const p2p_peer_id *peer);
/* Joins the two channels; takes both in any case. */
void hop_circuit_start(p2p_hop *hop, const p2p_peer_id *src, const p2p_peer_id *dst, p2p_channel *to_src,
                       p2p_channel *to_dst);
/* Ends the circuits of this peer, or all of them (NULL). */
void hop_circuits_end(p2p_hop *hop, const p2p_peer_id *peer);
