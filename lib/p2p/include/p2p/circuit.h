/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Circuit relay v2: the client (transport, stop handler, reservations) and the hop service
 * [specs/relay/circuit-v2]. */

#include <p2p/host.h>

/* ---- client ---- */
typedef struct p2p_circuit p2p_circuit;
typedef struct p2p_reservation p2p_reservation;

/* Registers the transport for /p2p-circuit addresses and the stop protocol with the host, which must outlive
 * it. */
int p2p_circuit_new(p2p_host *host, p2p_circuit **ret);
p2p_circuit *p2p_circuit_free(p2p_circuit *circuit); /* after its reservations */
P2P_CLEANUP(p2p_circuit, p2p_circuit_free);

typedef enum p2p_reservation_state {
        P2P_RESERVATION_CONNECTING,
        P2P_RESERVATION_RESERVING,
        P2P_RESERVATION_ACTIVE,
        P2P_RESERVATION_WAITING, /* after a failure, until the next try */
        _P2P_RESERVATION_STATE_MAX,
} p2p_reservation_state;

/* Runs from the loop at each change of state or error, and each time that the reservation was refreshed. */
typedef void (*p2p_reservation_fn)(p2p_reservation *reservation, void *userdata);

/* Holds a reservation at the relay for as long as it lives: connects (the relay's addresses are in the
 * peerstore), reserves, refreshes before expiry, and begins again with backoff and jitter (at most 8 s) when
 * the relay is lost or refuses. Announces the circuit addresses that it gives. */
int p2p_reservation_new(p2p_circuit *circuit, const p2p_peer_id *relay, p2p_reservation_fn changed,
                        void *userdata, p2p_reservation **ret);
p2p_reservation *p2p_reservation_free(p2p_reservation *reservation);
P2P_CLEANUP(p2p_reservation, p2p_reservation_free);

const p2p_peer_id *p2p_reservation_relay(const p2p_reservation *reservation);
p2p_reservation_state p2p_reservation_state_of(const p2p_reservation *reservation);
/* Of the last try; 0. -EKEYREJECTED: the relay does not let us in. */
int p2p_reservation_error(const p2p_reservation *reservation);
unsigned p2p_reservation_status(const p2p_reservation *reservation); /* the hop status of the last refusal; 0 */
uint64_t p2p_reservation_expires(const p2p_reservation *reservation); /* Unix seconds; 0 */
/* Limits that the relay told: 0 = none. */
void p2p_reservation_limit(const p2p_reservation *reservation, uint32_t *ret_duration_s, uint64_t *ret_data);
/* Tries again now. */
void p2p_reservation_retry(p2p_reservation *reservation);

/* ---- the hop service ---- */
enum {
        P2P_HOP_UNUSED = 0, P2P_HOP_OK = 100, P2P_HOP_RESERVATION_REFUSED = 200, P2P_HOP_RESOURCE_LIMIT_EXCEEDED = 201,
        P2P_HOP_PERMISSION_DENIED = 202, P2P_HOP_CONNECTION_FAILED = 203, P2P_HOP_NO_RESERVATION = 204,
        P2P_HOP_MALFORMED_MESSAGE = 400, P2P_HOP_UNEXPECTED_MESSAGE = 401,
};
const char *p2p_hop_status_name(unsigned status);

typedef struct p2p_hop p2p_hop;

typedef struct p2p_hop_limits {
        unsigned reservations;          /* 128 */
        unsigned reservations_per_ip;   /* 8; of one IPv4 address or IPv6 /56 */
        unsigned circuits_per_peer;     /* 16, at either end */
        unsigned circuits;              /* in all; 4096 */
        uint64_t reservation_ttl_usec;  /* 1 h */
        uint64_t duration_usec;         /* of a circuit; 0: unlimited */
        uint64_t data;                  /* bytes per direction of a circuit; 0: unlimited. With both 0 no Limit is sent. */
        size_t buffer;                  /* bytes per direction; a floor of 2048 */
} p2p_hop_limits;

typedef struct p2p_circuit_report {
        p2p_peer_id src, dst;
        uint64_t bytes_to_dst, bytes_to_src;
        uint64_t duration_usec;
        int error;          /* 0: both ends closed; -EDQUOT the data limit; -ETIME the time limit; -ECONNRESET ... */
        unsigned status;    /* hop status: OK for a circuit that ran */
} p2p_circuit_report;

typedef struct p2p_hop_events {
        /* May src reserve (dst NULL) or connect to dst? NULL: everybody who is connected. */
        bool (*allow)(const p2p_peer_id *src, const p2p_peer_id *dst, void *userdata);
        void (*reserved)(const p2p_peer_id *peer, const p2p_addr *remote, bool refresh, void *userdata);
        void (*refused)(const p2p_peer_id *peer, const p2p_peer_id *dst, unsigned status, void *userdata); /* dst NULL: RESERVE */
        void (*released)(const p2p_peer_id *peer, bool expired, void *userdata);
        void (*circuit_opened)(const p2p_peer_id *src, const p2p_peer_id *dst, void *userdata);
        void (*circuit_closed)(const p2p_circuit_report *report, void *userdata);
} p2p_hop_events;

/* events may be NULL. Reservation addresses told to clients are those of p2p_host_own_addrs(). */
int p2p_hop_new(p2p_host *host, const p2p_hop_limits *limits, const p2p_hop_events *events, void *userdata,
                p2p_hop **ret);
p2p_hop *p2p_hop_free(p2p_hop *hop);
P2P_CLEANUP(p2p_hop, p2p_hop_free);

unsigned p2p_hop_n_reservations(const p2p_hop *hop);
unsigned p2p_hop_n_circuits(const p2p_hop *hop);
/* Ends the peer's reservation and circuits now (after its deauthorization). */
void p2p_hop_drop_peer(p2p_hop *hop, const p2p_peer_id *peer);

typedef struct p2p_hop_reservation_info {
        p2p_peer_id peer;
        uint64_t expires; /* Unix seconds */
        unsigned n_circuits;
} p2p_hop_reservation_info;
/* Walks the reservations; false at the end. */
bool p2p_hop_reservation_at(const p2p_hop *hop, unsigned i, p2p_hop_reservation_info *ret);
/* The running circuits, likewise: report without an end yet. */
bool p2p_hop_circuit_at(const p2p_hop *hop, unsigned i, p2p_circuit_report *ret);
