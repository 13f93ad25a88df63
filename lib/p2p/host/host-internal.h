/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this folder share. Nobody else includes it. */

#include <p2p/host.h>

#include "host/backoff.h"
#include "host/black-hole.h"
#include "host/hook.h"
#include "host/upgrade.h"
#include "io/network.h"
#include "transport/resolve.h"

#define UPGRADE_TIMEOUT_USEC (15 * USEC_PER_SEC)  /* go-libp2p, from accept over everything */
#define NEGOTIATE_TIMEOUT_USEC (10 * USEC_PER_SEC) /* go-libp2p, per stream */
#define LISTENERS_MAX 16u                          /* arbitrary */
#define TRANSPORTS_MAX 8u                          /* arbitrary: the table of host.c and circuits */

typedef struct handler {
        char *protocol;
        p2p_stream_fn fn;
        void *userdata;
} handler;

/* Addresses announced beside the listeners', one set per owner. */
typedef struct announced {
        const void *owner;
        p2p_addr **addrs;
        size_t n;
        p2p_list sets;
} announced;

typedef struct transport_slot {
        const p2p_transport *ops; /* NULL: free */
        void *transport;
} transport_slot;

typedef struct listener {
        p2p_host *host;
        const p2p_transport *ops;
        void *listener;
} listener;

struct p2p_host {
        p2p_loop *loop;               /* borrowed */
        const p2p_identity *identity; /* borrowed */
        char *agent;
        p2p_host_limits limits;
        const char *security;          /* the only one offered, or NULL */
        const p2p_host_events *events; /* borrowed, never NULL */
        void *userdata;
        p2p_budget budget;
        p2p_resolver *resolver;

        p2p_transport_options transport_options;
        transport_slot transports[TRANSPORTS_MAX];
        listener listeners[LISTENERS_MAX];
        unsigned n_listeners;
        handler handlers[P2P_PROTOCOLS_MAX]; /* sorted by name */
        unsigned n_handlers;
        p2p_list announced, hooks;
        unsigned n_hooks;
        p2p_task changed;

        p2p_list conns; /* youngest last */
        unsigned n_conns;
        p2p_list inbound; /* handshakes in flight */
        unsigned n_inbound;
        p2p_list dials; /* one job per peer */
        unsigned n_dial_fds; /* of those, what holds a file descriptor */
        backoff backoff;
        black_hole udp, ip6;
        p2p_network *network;
        p2p_task network_changed;
        uint64_t network_changed_at;
        p2p_list connected; /* p2p_dial, about to be told of a connection that there was */
        p2p_list opens; /* p2p_open, held by others */
        void *peers;    /* tree: peerstore.c */
        unsigned n_peers;
};

/* What the connections of one peer have together. */
typedef struct peer_share {
        unsigned n_conns;
        unsigned n_streams; /* that it opened to us, named or not yet */
} peer_share;

struct p2p_conn {
        p2p_host *host;
        peer_share *share;
        unsigned stream_limit; /* of share->n_streams, as the peer was judged when this one came up */
        p2p_session *session;
        p2p_peer_id peer;
        p2p_addr *remote;
        p2p_peer_id via; /* n == 0: direct */
        bool inbound, limited, closing, identified, ours; /* the latter by its agent, once identified */
        uint64_t opened_at;
        uint64_t silent_since; /* asked then, and nothing was heard; 0: never */
        uint64_t doubted_at;   /* somebody wrote then and waited for nothing; 0: or it was answered */
        p2p_timer doubt;
        p2p_open *probe;       /* of the peer, while streams hang on a silent connection */
        uint64_t full_until;   /* it reset a stream that was too much for it */
        const char *transport, *security, *muxer;
        char *agent;
        char **protocols;
        size_t n_protocols;
        unsigned n_pins;
        void *userdata;
        void *slots[P2P_HOOKS_MAX];
        p2p_task news;
        p2p_list streams;      /* p2p_stream, held by others */
        p2p_list negotiations; /* inbound streams not yet named */
        p2p_list waiting;      /* p2p_open waiting for the session's backlog */
        bool settled;          /* identify was heard, or enough time went by: any number of streams may be opened */
        unsigned n_early;      /* opened before */
        p2p_timer settling;
        p2p_list conns;
};

struct p2p_stream {
        p2p_channel *channel;
        p2p_conn *conn; /* NULL once it is gone */
        p2p_peer_id peer;
        uint64_t trusted_at; /* given away then before any answer came: its channel is lazy; 0: it was not */
        bool counted;   /* in the peer's share */
        p2p_list streams;
        char protocol[];
};

/* ---- conn.c ---- */
typedef struct conn_info {
        p2p_addr *remote;       /* taken on success */
        const p2p_peer_id *via; /* NULL: direct */
        const char *transport;
        bool inbound, limited;
} conn_info;
/* Takes the session. Registers the connection and tells everybody; -ENOBUFS: a limit. */
int conn_new(p2p_host *host, p2p_upgraded *upgraded, conn_info *info, p2p_conn **ret);
p2p_conn *conn_free(p2p_conn *conn);
/* The session of a raw that is ready, if the peer is one that we want (the gater, `expected` or NULL). Takes
 * it in any case. -EKEYREJECTED: it is not, and was told. */
int conn_admit(p2p_host *host, p2p_raw *raw, const p2p_peer_id *expected, const p2p_addr *remote,
               bool inbound, p2p_upgraded *ret);

/* ---- find-conn.c ---- */
/* Its path seems to be dead: it was asked, and nothing at all has come in since. */
bool conn_is_silent(const p2p_conn *conn);
/* Nothing was heard since `asked`. Takes a relay's QUIC connection along, whose acknowledgements would have
 * come. */
void conn_note_silence(p2p_conn *conn, uint64_t asked);
/* Its path may be gone while another one to the same peer lives. */
bool conn_may_die_alone(const p2p_conn *conn);
#define PATIENCE_USEC (2 * USEC_PER_SEC) /* leaves time for a handshake within the promised 5 s */
/* How long who asks waits for any sign of life; at most that. */
uint64_t conn_patience(const p2p_conn *conn);
/* UDP to the peer seems to be cut off. */
bool host_has_silent_quic(p2p_host *host, const p2p_peer_id *peer);
/* The far side may still be busy with the upgrade: js-libp2p ends a connection on which more than ten
 * streams come before. */
#define EARLY_STREAMS_MAX 8u
#define SETTLE_USEC USEC_PER_SEC /* arbitrary: for who does not answer identify */
static inline bool conn_may_open(const p2p_conn *conn) {
        return conn->settled || conn->n_early < EARLY_STREAMS_MAX;
}
/* As p2p_host_find_conn(); direct: no circuit. */
p2p_conn *host_find_conn(p2p_host *host, const p2p_peer_id *peer, bool direct);

/* ---- negotiation.c ---- */
/* Takes the channel: of a stream that the peer opened. */
void negotiation_start(p2p_conn *conn, p2p_channel *channel);
void negotiation_free_all(p2p_conn *conn);

/* ---- doubt.c ---- */
void conn_doubt_init(p2p_conn *conn);
void conn_doubt_done(p2p_conn *conn);
/* Somebody writes to it without waiting: if nothing is heard in a conn_patience(), it is silent. */
void conn_doubt(p2p_conn *conn);
/* Somebody did, and should have been answered by now; or the kernel asked, and should have been. */
bool conn_is_doubtful(const p2p_conn *conn);
/* From then on what hangs on a silent connection ends, if another one works: the promised 5 s. */
#define HANG_USEC (5 * USEC_PER_SEC)

/* ---- stream.c ---- */
/* Takes the channel on success. counted: the peer opened it, and its share says so already. */
int stream_new(p2p_conn *conn, p2p_channel *channel, const char *protocol, bool counted, p2p_stream **ret);
/* The share of a peer that is about to have a connection more; NULL: no memory. */
peer_share *peer_share_join(p2p_host *host, const p2p_peer_id *peer);
void peer_share_leave(peer_share *share); /* NULL is fine */
handler *host_find_handler(p2p_host *host, const char *protocol);

/* ---- open.c ---- */
/* Takes the opening out of the connection's queue and tries again; -EAGAIN: it stays the first. */
int open_retry(p2p_list *waiting_node, p2p_conn *conn);
void open_conn_gone(p2p_list *waiting_node);
/* Those in flight are never told of anything any more; their holders free them. */
void open_forget_all(p2p_host *host);

/* ---- inbound.c ---- */
/* Takes what raw owns in any case. */
int inbound_new(p2p_host *host, const p2p_transport *transport, p2p_raw *raw);
void inbound_free_all(p2p_host *host);

/* ---- dial.c ---- */
void dial_free_all(p2p_host *host);
/* Before the transport is taken away: its dials end, and count as failed. */
void dial_transport_gone(p2p_host *host, const p2p_transport *transport);

/* ---- peerstore.c ---- */
/* With which protocol a channel to the peer was secured last, a static name; NULL: not known. Only peers
 * with addresses are remembered. */
const char *peerstore_security(p2p_host *host, const p2p_peer_id *peer);
void peerstore_set_security(p2p_host *host, const p2p_peer_id *peer, const char *security);
/* Addresses of the peer that are still valid, borrowed until the store changes. */
size_t peerstore_addrs(p2p_host *host, const p2p_peer_id *peer, const p2p_addr **ret, size_t max);
void peerstore_free(p2p_host *host);

/* ---- host.c ---- */
/* Which of them takes the address; NULL: none. */
transport_slot *host_find_transport(p2p_host *host, const p2p_addr *addr);

/* ---- own-addrs.c ---- */
void announced_free_all(p2p_host *host);

/* The options of every upgrade of this host. */
p2p_upgrade_options host_upgrade_options(p2p_host *host);
