/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the client's files share. */

#include <p2p/circuit.h>

#include "host/hook.h"
#include "protocol/circuit-message.h"
#include "protocol/circuit.pb-c.h"
#include "protocol/exchange.h"

#define ANSWER_TIMEOUT_USEC (60 * USEC_PER_SEC) /* hop, go-libp2p */

extern const p2p_transport p2p_circuit_transport; /* circuit.c */

struct p2p_circuit {
        p2p_host *host;
        p2p_list reservations;
        p2p_list dials, stops;
        p2p_hook hook;
};

struct p2p_reservation {
        p2p_circuit *circuit;
        p2p_peer_id relay;
        p2p_reservation_state state;
        p2p_reservation_fn changed;
        void *userdata;
        p2p_dial *dial;
        p2p_open *open;
        p2p_exchange *exchange;
        p2p_conn *conn; /* the one it was made on, pinned; NULL: none */
        p2p_timer next; /* refresh or retry */
        p2p_task news;
        uint64_t asked; /* when the relay was, last */
        unsigned n_failures;
        int error;
        unsigned status;
        uint64_t expires;
        p2p_circuit_limit limit;
        p2p_list reservations;
};

/* stop.c: answers relays that bring somebody. */
int p2p_stop_register(p2p_circuit *circuit);
void p2p_stop_unregister(p2p_circuit *circuit);
/* reservation.c */
void p2p_reservation_on_conn_closed(p2p_reservation *reservation, p2p_conn *conn);
void p2p_reservation_on_network_changed(p2p_reservation *reservation);
bool p2p_circuit_knows_relay(const p2p_circuit *circuit, const p2p_peer_id *relay);
