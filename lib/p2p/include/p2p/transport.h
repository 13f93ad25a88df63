/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Transport: how an address becomes a connection. Most hand over a raw channel, which the host then upgrades
 * (TCP, WebSocket, circuits); one that proves the peer and muxes by itself hands over a session that is
 * ready (QUIC).
 *
 * Dials are one-shot operations and listeners call back from the loop (loop.h); the callee of either may
 * free it. Those of the library are rows of a table in host.c; circuits join from above with
 * p2p_host_add_transport().
 */

#include <p2p/addr.h>
#include <p2p/identity.h>
#include <p2p/session.h>
#include <p2p/web-tls.h>

/* Whoever receives it takes what it owns: the channel or the session, and the address. */
typedef struct p2p_raw {
        int error;              /* of a listener: < 0: a handshake of the transport's own failed, there is neither */
        p2p_channel *channel;   /* to be upgraded; or NULL with */
        p2p_session *session;   /* a ready one */
        p2p_peer_id peer;       /* with a session: whose it is; with an error: who it was, n is 0 if that was not proven */
        const char *security, *muxer; /* with a session: static names */
        p2p_addr *remote;       /* of a dial it may be NULL: the address that was dialled */
        const p2p_peer_id *via; /* the relay whose circuit it is; copied; NULL: direct */
        bool limited;
} p2p_raw;

typedef void (*p2p_raw_fn)(p2p_raw *raw, int error, void *userdata); /* error < 0: raw is NULL */
typedef void (*p2p_raw_accept_fn)(p2p_raw *raw, void *userdata);

typedef struct p2p_transport_options {
        p2p_loop *loop;               /* borrowed for life, as the identity */
        const p2p_identity *identity;
        const p2p_web_tls *web;       /* of wss; NULL: the system's authorities, and nothing to listen with */
        size_t conn_buffer;           /* of a ready session: bytes unread or unsent that it may hold */
        unsigned streams;             /* and streams that the far side may open, until set_stream_limit() */
} p2p_transport_options;

typedef struct p2p_transport {
        const char *name; /* for people: "tcp", "quic-v1" */
        /* One per host. NULL, both: it has no state (`transport` below is the options), or its owner is
         * somebody above. */
        int (*create)(const p2p_transport_options *options, void **ret);
        void (*destroy)(void *transport);
        bool (*matches)(const p2p_addr *addr); /* also where its host is still a name */
        /* The host of the address is an IP address; no /p2p/ID at its end. */
        int (*dial)(void *transport, const p2p_peer_id *peer, const p2p_addr *addr, p2p_raw_fn done,
                    void *userdata, void **ret_dial);
        void (*free_dial)(void *dial);
        /* fd >= 0: bound already, as PID 1 passes it; taken on success. -ENOKEY: no certificate; else errors
         * are those of bind(2). NULL, all three: nothing to listen on. */
        int (*listen)(void *transport, const p2p_addr *addr, int fd, p2p_raw_accept_fn on_accept,
                      void *userdata, void **ret_listener);
        const p2p_addr *(*listen_addr)(const void *listener); /* with the real port */
        void (*free_listener)(void *listener);
} p2p_transport;

extern const p2p_transport p2p_tcp_transport; /* transport/tcp-transport.c */
extern const p2p_transport p2p_quic_transport; /* quic/quic-transport.c */
extern const p2p_transport p2p_ws_transport, p2p_wss_transport; /* transport/ws.c */
