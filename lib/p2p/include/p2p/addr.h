/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Multiaddr: where a peer is and how it is spoken to, as a sequence of components [libp2p/specs/addressing].
 * Immutable, owned by who made it. Addresses of transports that we lack parse and print, and are just never
 * dialled.
 */

#include <netinet/in.h>
#include <sys/socket.h>

#include <p2p/macro.h>
#include <p2p/peer.h>
#include <p2p/view.h>

#define P2P_ADDR_SIZE_MAX 1024u
#define P2P_ADDR_COMPONENTS_MAX 20u
#define P2P_ADDR_TEXT_MAX 4096u

/* The codes of the multicodec table that we know (wire reference 1). */
enum {
        P2P_ADDR_IP4 = 0x04, P2P_ADDR_TCP = 0x06, P2P_ADDR_IP6 = 0x29, P2P_ADDR_IP6ZONE = 0x2a,
        P2P_ADDR_IPCIDR = 0x2b, P2P_ADDR_DNS = 0x35, P2P_ADDR_DNS4 = 0x36, P2P_ADDR_DNS6 = 0x37,
        P2P_ADDR_DNSADDR = 0x38, P2P_ADDR_UDP = 0x0111, P2P_ADDR_WEBRTC_DIRECT = 0x0118, P2P_ADDR_WEBRTC = 0x0119,
        P2P_ADDR_CIRCUIT = 0x0122, P2P_ADDR_UNIX = 0x0190, P2P_ADDR_P2P = 0x01a5, P2P_ADDR_ONION3 = 0x01bd,
        P2P_ADDR_GARLIC64 = 0x01be, P2P_ADDR_GARLIC32 = 0x01bf, P2P_ADDR_TLS = 0x01c0, P2P_ADDR_SNI = 0x01c1,
        P2P_ADDR_NOISE = 0x01c6, P2P_ADDR_QUIC = 0x01cc, P2P_ADDR_QUIC_V1 = 0x01cd, P2P_ADDR_WEBTRANSPORT = 0x01d1,
        P2P_ADDR_CERTHASH = 0x01d2, P2P_ADDR_WS = 0x01dd, P2P_ADDR_WSS = 0x01de, P2P_ADDR_HTTP = 0x01e0,
        P2P_ADDR_HTTP_PATH = 0x01e1, P2P_ADDR_MEMORY = 0x0309,
};

typedef struct p2p_addr p2p_addr;

typedef struct p2p_addr_component {
        unsigned code;
        p2p_view value; /* into the address: 4 or 16 bytes of an IP, 2 of a port (big-endian), text, a multihash */
} p2p_addr_component;

int p2p_addr_parse(const char *text, p2p_addr **ret);   /* -EINVAL: not a multiaddr */
int p2p_addr_decode(p2p_view in, p2p_addr **ret);       /* -EBADMSG, -EMSGSIZE */
p2p_view p2p_addr_view(const p2p_addr *addr);           /* its bytes */
/* Canonical text. Returns `text`. */
const char *p2p_addr_format(const p2p_addr *addr, char text[static P2P_ADDR_TEXT_MAX]);
int p2p_addr_dup(const p2p_addr *addr, p2p_addr **ret);
bool p2p_addr_equal(const p2p_addr *a, const p2p_addr *b); /* /wss and /tls/ws are one */
p2p_addr *p2p_addr_free(p2p_addr *addr);
P2P_CLEANUP(p2p_addr, p2p_addr_free);

unsigned p2p_addr_n_components(const p2p_addr *addr);
/* False beyond the end. */
bool p2p_addr_component_at(const p2p_addr *addr, unsigned i, p2p_addr_component *ret);

/* What the address ends in: the peer of a trailing /p2p/ID. -ENOENT if there is none. */
int p2p_addr_peer(const p2p_addr *addr, p2p_peer_id *ret);
/* A copy without the trailing /p2p/ID (a copy as it is, if there is none; -ENOENT if nothing would
 * remain). */
int p2p_addr_without_peer(const p2p_addr *addr, p2p_addr **ret);
int p2p_addr_with_peer(const p2p_addr *addr, const p2p_peer_id *peer, p2p_addr **ret);

bool p2p_addr_is_circuit(const p2p_addr *addr);
/* <relay>/p2p/R/p2p-circuit[/p2p/ID] split at its last p2p-circuit: the relay's address (without /p2p/R;
 * NULL where it is just /p2p/R/p2p-circuit) and its id. -ENOENT: no circuit, or the relay is not named. */
int p2p_addr_split_circuit(const p2p_addr *addr, p2p_addr **ret_relay_addr, p2p_peer_id *ret_relay);
/* <relay addr>/p2p/R/p2p-circuit */
int p2p_addr_make_circuit(const p2p_addr *relay_addr, const p2p_peer_id *relay, p2p_addr **ret);

/* Which stack an address asks for, whether its host is an IP address or a name; a trailing /p2p/ID aside. */
typedef enum p2p_stack {
        P2P_STACK_OTHER, /* none that we have */
        P2P_STACK_TCP,   /* HOST/tcp */
        P2P_STACK_QUIC,  /* HOST/udp/quic-v1 */
        P2P_STACK_WS,    /* HOST/tcp/ws, an http-path may follow */
        P2P_STACK_WSS,   /* HOST/tcp/wss, HOST/tcp/tls/ws, HOST/tcp/tls/sni/NAME/ws; the same */
        P2P_STACK_CIRCUIT,
} p2p_stack;
p2p_stack p2p_addr_stack(const p2p_addr *addr);

/* ip4|ip6 / tcp and nothing more (a trailing /p2p/ID aside). -EAFNOSUPPORT: not such an address. */
int p2p_addr_to_tcp(const p2p_addr *addr, struct sockaddr_storage *ret, socklen_t *ret_size);
/* The ip4|ip6 / tcp|udp that it begins with, whatever follows. -EAFNOSUPPORT: it begins otherwise. */
int p2p_addr_to_socket(const p2p_addr *addr, struct sockaddr_storage *ret, socklen_t *ret_size);
/* The same address at another socket address: the host and the port that it begins with are replaced, what
 * follows stays. A v4-mapped IPv6 address becomes ip4. */
int p2p_addr_with_socket(const p2p_addr *addr, const struct sockaddr *sa, p2p_addr **ret);
/* The /ip4|ip6/.../tcp/port of a socket address; a v4-mapped IPv6 address becomes ip4. */
int p2p_addr_from_tcp(const struct sockaddr *sa, p2p_addr **ret);
/* A name at the head of a stack that we have, or dnsaddr: must be resolved before it can be dialled. */
bool p2p_addr_needs_dns(const p2p_addr *addr);

/* As go-libp2p's manet: wire reference 1, "Public or not". An address may be neither. */
bool p2p_addr_is_public(const p2p_addr *addr);
bool p2p_addr_is_private(const p2p_addr *addr);
bool p2p_addr_is_loopback(const p2p_addr *addr);
