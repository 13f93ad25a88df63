/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Host: a node of the network. It listens, dials, upgrades channels into authenticated, muxed connections,
 * and hands streams to the handlers of their protocols.
 *
 * Callbacks and events run from the loop on an empty stack and may free anything but the host. A p2p_conn is
 * the host's: it lives until the conn_closed event has returned. A p2p_stream is its holder's and may
 * outlive the connection.
 */

#include <p2p/addr.h>
#include <p2p/channel.h>
#include <p2p/error.h>
#include <p2p/identity.h>
#include <p2p/transport.h>

typedef struct p2p_host p2p_host;
typedef struct p2p_conn p2p_conn;
typedef struct p2p_stream p2p_stream;
typedef struct p2p_dial p2p_dial;
typedef struct p2p_open p2p_open;

#define P2P_PROTOCOL_MAX 255u  /* bytes of a protocol id that we register, propose or echo */
#define P2P_PROTOCOLS_MAX 120u /* registered at once: go-libp2p stores none of a peer that names more than 128 */

typedef struct p2p_host_limits {
        unsigned conns;                 /* in all; default 4096 */
        unsigned conns_per_peer;        /* default 8; above it the new one is refused */
        unsigned conns_per_ip;          /* inbound, unauthenticated or not; 0: unlimited; a circuit counts for its relay */
        unsigned half_open;             /* inbound handshakes in flight; over it one of the fullest prefix is dropped */
        unsigned half_open_per_prefix;  /* of one IPv4 /24 or IPv6 /56 */
        unsigned streams;               /* inbound, per peer, where stream_limit has no say; default 16 */
        unsigned peers_stored;          /* peerstore: peers with addresses; default 1024 */
        unsigned addrs_per_peer;        /* default 32 */
        size_t conn_buffer;             /* bytes buffered unread for a connection's streams; default 64 MiB */
        size_t buffer;                  /* and for all of them; default 128 MiB */
} p2p_host_limits;

#define P2P_HOST_LIMITS_DEFAULT                                                                                    \
        ((p2p_host_limits){ .conns = 4096, .conns_per_peer = 8, .conns_per_ip = 0, .half_open = 256,               \
                            .half_open_per_prefix = 64, .streams = 16, .peers_stored = 1024, .addrs_per_peer = 32, \
                            .conn_buffer = 64u << 20, .buffer = 128u << 20 })

typedef struct p2p_host_events {
        /* The gater, asked once when a peer's identity is proven and before anything of its is parsed. NULL:
         * everybody. */
        bool (*allow)(const p2p_peer_id *peer, const p2p_addr *remote, bool inbound, void *userdata);
        /* Streams that this peer may have open to us, over all its connections; asked for each of these.
         * NULL: limits.streams. */
        unsigned (*stream_limit)(const p2p_peer_id *peer, void *userdata);
        void (*conn_opened)(p2p_conn *conn, void *userdata);
        void (*conn_identified)(p2p_conn *conn, void *userdata);
        /* error: why (-ECONNRESET for an ordinary end); code: the far side's GoAway code (P2P_CONN_GATED
         * ...) or 0. */
        void (*conn_closed)(p2p_conn *conn, int error, uint32_t code, void *userdata);
        /* An inbound connection came to nothing: refused by the gater (-EKEYREJECTED, peer set) or a broken
         * handshake, of which peer is NULL unless it was proven. Anybody can make this happen, and before
         * that proof the address of UDP may be anybody's. */
        void (*inbound_failed)(const p2p_peer_id *peer, const p2p_addr *remote, int error, void *userdata);
        /* What peers are told about this host may be different now: protocols, p2p_host_own_addrs(). */
        void (*changed)(void *userdata);
} p2p_host_events;

/* An agent that begins with "peerup/" or "relay-server/" and ends so is one of ours: windows may grow
 * larger. */
#define P2P_AGENT_MARK "-c"

typedef struct p2p_host_options {
        const char *agent; /* identify's agentVersion; copied */
        p2p_host_limits limits;
        const char *security; /* the only one offered on channels, "/noise" or "/tls/1.0.0"; static; NULL: both */
        const p2p_host_events *events; /* borrowed for life; may be NULL */
        void *userdata;
        const p2p_web_tls *web; /* borrowed for life: of wss; NULL: the system's authorities, and nothing to listen with */
} p2p_host_options;

/* identity is borrowed for life. */
int p2p_host_new(p2p_loop *loop, const p2p_identity *identity, const p2p_host_options *options,
                 p2p_host **ret);
/* Closes every connection (GoAway 0x1006 shutdown); no callback runs any more. */
p2p_host *p2p_host_free(p2p_host *host);
P2P_CLEANUP(p2p_host, p2p_host_free);

p2p_loop *p2p_host_loop(const p2p_host *host);
const p2p_identity *p2p_host_identity(const p2p_host *host);
const p2p_peer_id *p2p_host_peer_id(const p2p_host *host);

/* ---- listening ---- */
/* -EAFNOSUPPORT: a transport that we lack; -ENOKEY: wss without a certificate; -EADDRINUSE ...: bind(2)'s
 * own errors. */
int p2p_host_listen(p2p_host *host, const p2p_addr *addr);
/* The same on a socket that is bound already, as PID 1 passes it: whether it is the address's is the
 * caller's to know. Takes the fd on success. */
int p2p_host_listen_fd(p2p_host *host, const p2p_addr *addr, int fd);
/* What listeners are bound to, with real ports; wildcards as they are. The i-th, or NULL beyond the end;
 * borrowed. */
const p2p_addr *p2p_host_listen_addr(const p2p_host *host, unsigned i);
/* Addresses to tell others in identify beside those of the listeners (circuit addresses, announced ones).
 * The set is replaced as a whole and copied; a change is pushed to connected peers. `owner` tells the sets
 * apart. */
int p2p_host_announce(p2p_host *host, const void *owner, p2p_addr *const *addrs, size_t n);
/* What identify tells others now: wildcards expanded to the addresses of the interfaces. The caller frees
 * each and the array. */
int p2p_host_own_addrs(p2p_host *host, p2p_addr ***ret, size_t *ret_n);

/* ---- protocols ---- */
/* The stream is the handler's. It is open and negotiated; bytes may be waiting (try a read, no wake comes
 * for them). */
typedef void (*p2p_stream_fn)(p2p_stream *stream, void *userdata);
int p2p_host_handle(p2p_host *host, const char *protocol, p2p_stream_fn fn, void *userdata); /* -EEXIST, -ENOBUFS */
void p2p_host_unhandle(p2p_host *host, const char *protocol);

/* ---- addresses of others ---- */
/* Copied; a /p2p/ID at its end must be the peer's (-EINVAL). Forgotten after ttl_usec (USEC_INFINITY:
 * never). */
int p2p_host_add_addr(p2p_host *host, const p2p_peer_id *peer, const p2p_addr *addr, uint64_t ttl_usec);
void p2p_host_forget_addrs(p2p_host *host, const p2p_peer_id *peer);

/* ---- dialling: one dial per peer at a time; several may wait for it ---- */
typedef void (*p2p_dial_fn)(p2p_conn *conn, int error, void *userdata);
/* `done` runs once, never before this returns, never after p2p_dial_free(). With a usable connection it is
 * that one. Errors: -EHOSTUNREACH no address (or none that we can dial), -ETIMEDOUT, -ECONNREFUSED,
 * -EKEYREJECTED another peer answered or we were refused, -EACCES a relay does not serve one of us,
 * -ECONNRESET ...: the last address's. */
int p2p_dial_new(p2p_host *host, const p2p_peer_id *peer, uint64_t timeout_usec, p2p_dial_fn done,
                 void *userdata, p2p_dial **ret);
p2p_dial *p2p_dial_free(p2p_dial *dial);
P2P_CLEANUP(p2p_dial, p2p_dial_free);

/* ---- connections ---- */
/* The best for a new stream: unlimited before limited, direct before relayed, the youngest. NULL: none. */
p2p_conn *p2p_host_find_conn(p2p_host *host, const p2p_peer_id *peer);
p2p_conn *p2p_host_first_conn(p2p_host *host);
p2p_conn *p2p_conn_next(p2p_conn *conn);
void p2p_host_close_peer(p2p_host *host, const p2p_peer_id *peer, uint32_t code);
/* conn_closed follows from the loop. Its streams break at once. */
void p2p_conn_close(p2p_conn *conn, uint32_t code);
p2p_host *p2p_conn_host(const p2p_conn *conn);
const p2p_peer_id *p2p_conn_peer(const p2p_conn *conn);
const p2p_addr *p2p_conn_remote(const p2p_conn *conn);
bool p2p_conn_is_inbound(const p2p_conn *conn);
bool p2p_conn_is_limited(const p2p_conn *conn); /* over a relay that limits data or time */
bool p2p_conn_is_circuit(const p2p_conn *conn);
uint64_t p2p_conn_opened_at(const p2p_conn *conn); /* p2p_loop_now() of then */
uint64_t p2p_conn_rtt(const p2p_conn *conn);       /* usec, 0 unknown */
const char *p2p_conn_transport(const p2p_conn *conn); /* "tcp", "circuit" */
const char *p2p_conn_security(const p2p_conn *conn); /* "/noise" */
const char *p2p_conn_muxer(const p2p_conn *conn);    /* "/yamux/1.0.0" */
const char *p2p_conn_agent(const p2p_conn *conn);    /* "" before identify */
bool p2p_conn_is_identified(const p2p_conn *conn);
bool p2p_conn_supports(const p2p_conn *conn, const char *protocol); /* as identify told; false before */
void *p2p_conn_userdata(const p2p_conn *conn);
void p2p_conn_set_userdata(p2p_conn *conn, void *userdata);
/* Keeps an otherwise unused connection: counted; an unused, unpinned one may be closed under pressure. */
void p2p_conn_pin(p2p_conn *conn);
void p2p_conn_unpin(p2p_conn *conn);

/* ---- streams ---- */
/* code: error < 0 because the far side reset the stream, with this P2P_STREAM_*, or refused its protocol
 * (P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED, with -EPROTONOSUPPORT); else 0. */
typedef void (*p2p_open_fn)(p2p_stream *stream, int error, uint32_t code, void *userdata);

typedef struct p2p_open_options {
        uint64_t timeout_usec; /* dial and negotiation; 0: 30 s */
        bool confirm;          /* wait until the far side agreed to the protocol; otherwise bytes can be written at once and
                                  a refusal is the first read's -EPROTONOSUPPORT */
        bool no_dial;          /* only over a connection that exists (-EHOSTUNREACH) */
        bool direct;           /* over no circuit */
} p2p_open_options;

/* `done` as for a dial; further errors: -EPROTONOSUPPORT refused (with confirm), -ENOBUFS. options may be
 * NULL. */
int p2p_open_new(p2p_host *host, const p2p_peer_id *peer, const char *protocol,
                 const p2p_open_options *options, p2p_open_fn done, void *userdata, p2p_open **ret);
/* The same on this very connection. */
int p2p_open_on_conn(p2p_conn *conn, const char *protocol, const p2p_open_options *options, p2p_open_fn done,
                     void *userdata, p2p_open **ret);
p2p_open *p2p_open_free(p2p_open *open);
P2P_CLEANUP(p2p_open, p2p_open_free);

p2p_channel *p2p_stream_channel(p2p_stream *stream); /* the stream's own: do not free it */
/* Takes the channel out and frees the rest: for a stream that becomes something else (a circuit). */
p2p_channel *p2p_stream_take_channel(p2p_stream *stream);
p2p_conn *p2p_stream_conn(p2p_stream *stream); /* NULL once the connection is gone */
const p2p_peer_id *p2p_stream_peer(const p2p_stream *stream);
const char *p2p_stream_protocol(const p2p_stream *stream);
p2p_stream *p2p_stream_free(p2p_stream *stream); /* as p2p_channel_free() */
P2P_CLEANUP(p2p_stream, p2p_stream_free);

/* ---- transports ---- */
/* Another beside those of the library, without create(); both borrowed until it is removed. -ENOBUFS */
int p2p_host_add_transport(p2p_host *host, const p2p_transport *transport, void *userdata);
/* Its dials end, and count as failed. Fine when it was never added. */
void p2p_host_remove_transport(p2p_host *host, const p2p_transport *transport);
/* What came in over such a transport, as from a listener of the host's. Takes what raw owns in any case. */
int p2p_host_accept(p2p_host *host, const p2p_transport *transport, p2p_raw *raw);
