/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A UDP socket as QUIC wants it: datagrams in batches both ways, with the address that each was sent to, its
 * ECN mark, and no fragmentation.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <p2p/view.h>

typedef union quic_address {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
} quic_address;

/* what one receive call may hand over, several datagrams of a flow together */
#define QUIC_UDP_DATAGRAM_MAX 65536u
/* of a receive call: QUIC_UDP_DATAGRAM_MAX times this is the loop's scratch */
#define QUIC_UDP_MESSAGES 4u
#define QUIC_UDP_BATCH_MAX 65000u     /* bytes of a send call: the kernel takes 65507 */
#define QUIC_UDP_SEGMENTS_MAX 64u     /* of a send call [udp(7)] */
#define QUIC_UDP_BUFFER (7u << 20)    /* of the socket, as much of it as sysctl allows */
#define QUIC_UDP_REFUSALS_MAX 16u     /* messages of ICMP read at once */

typedef struct quic_udp {
        int fd;
        quic_address bound;
        bool has_errors; /* something waits for quic_udp_receive_refusals() */
} quic_udp;

/* What was sent there reached nobody, says ICMP: which anybody may have written. */
typedef struct quic_refusal {
        quic_address remote;
        int error; /* -ECONNREFUSED or -EHOSTUNREACH */
} quic_refusal;

/* What came: datagrams of `segment` bytes each, the last one maybe shorter, all on one path. */
typedef struct quic_arrival {
        quic_address local, remote;
        uint8_t ecn;
        size_t segment;
        p2p_view bytes;
} quic_arrival;

/* What is to be sent: the same. */
typedef struct quic_batch {
        quic_address local, remote; /* an unset or unspecified local address: the kernel chooses */
        uint8_t ecn;
        size_t segment;
        p2p_view bytes;
} quic_batch;

socklen_t quic_address_size(const quic_address *a);
bool quic_address_equal(const quic_address *a, const quic_address *b);
/* IPv4 /24, IPv6 /56: one network */
bool quic_address_same_prefix(const quic_address *a, const quic_address *b);
bool quic_address_is_wildcard(const quic_address *a);
/* Which local address reaches the remote one now, with port 0; -EHOSTUNREACH ... if none does. */
int quic_address_source(const quic_address *remote, quic_address *ret);

/* Binds a socket. Errors are bind(2)'s. */
int quic_udp_open(const quic_address *bind_to, int *ret_fd);
/* Prepares a bound UDP socket. -EINVAL: it is none. The fd stays the caller's. */
int quic_udp_init(quic_udp *u, int fd);
/* Fills up to QUIC_UDP_MESSAGES entries with views into `scratch`. Returns how many; 0: nothing there. */
unsigned quic_udp_receive(quic_udp *u, uint8_t *scratch, quic_arrival *arrivals);
/* Fills up to QUIC_UDP_REFUSALS_MAX entries. Returns how many; has_errors: there may be more. */
unsigned quic_udp_receive_refusals(quic_udp *u, quic_refusal *ret);
/* Returns 0, with bytes from the front of the batch dropped as far as they are dealt with: sent, or lost for
 * a reason that is the network's. -EAGAIN: the rest waits for room. -EADDRNOTAVAIL: the local address or its
 * route is gone, nothing was sent. *no_gso is the path's: set where it cannot segment, and then heeded. */
int quic_udp_send(quic_udp *u, quic_batch *batch, bool *no_gso);
