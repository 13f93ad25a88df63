/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of QUIC share. quic-transport.c: the host's view. endpoint.c: a socket and who is reached
 * through it. stateless.c: who gets an answer without a connection, answers.c: when, and what it says;
 * strangers.c: who waits to be served. conn-new.c, conn.c: the birth and life of a connection; conn-tls.c,
 * conn-guest.c, conn-callbacks.c, conn-send.c, conn-error.c: its handshake, that of who dialled us, the
 * library's news, its packets, why it ends. session.c, stream.c: what the host holds of it. tomb.c: what
 * remains of it.
 *
 * One rule keeps the library safe: its callbacks change values and post tasks, and nothing else.
 */

#include <p2p/error.h>

#include "io/rate.h"
#include "quic/cid-table.h"
#include "quic/ngtcp2-shim.h"
#include "quic/quic-buffer.h"
#include "quic/quic.h"
#include "quic/udp-socket.h"

typedef struct quic_transport quic_transport;
typedef struct quic_endpoint quic_endpoint;
typedef struct quic_conn quic_conn;
typedef struct quic_listener quic_listener;
typedef struct quic_dial quic_dial;
typedef struct quic_stranger quic_stranger;
typedef struct quic_guest quic_guest;
typedef struct quic_answer quic_answer;

struct quic_transport {
        p2p_loop *loop;               /* borrowed, as the identity */
        const p2p_identity *identity;
        size_t conn_buffer;
        unsigned streams;
        uint8_t retry_secret[32];     /* of this process */
        /* of the identity: peers of before a restart can be told that it is over */
        uint8_t reset_secret[32];
        p2p_list endpoints, half_open;
        unsigned n_half_open;
        size_t windows;               /* P2P_QUIC_WINDOWS_MAX bounds it */
        uint64_t n_retries;
};

/* A Retry that was sent: token-less Initials of the same client still come, and mean nothing. */
typedef struct quic_twin {
        uint64_t until;
        quic_address remote;
        uint8_t n, dcid[QUIC_CID_MAX];
} quic_twin;

struct quic_endpoint {
        quic_transport *transport;
        p2p_list endpoints;
        quic_udp udp;
        p2p_watch *watch;
        bool wants_room;         /* some of `blocked` wait for it */
        bool is_kept;            /* the one that dials of its family use where no listener serves */
        quic_listener *listener; /* NULL: nobody is let in */
        quic_cid_table table;
        p2p_list conns, blocked, tombs;
        p2p_list failed;         /* handshakes of guests that came to nothing, until the listener is told */
        p2p_list unanswered;     /* dials that have not heard a word */
        unsigned n_tombs;
        p2p_timer bury;          /* the oldest tomb is due */
        p2p_task leave;          /* frees it when nobody uses it */
        p2p_rate answers;        /* but Retries */
        p2p_list asked;          /* answers that wait to be made */
        unsigned n_asked;
        p2p_task answer;         /* slow: makes some of them */
        p2p_list waiting;        /* datagrams of strangers */
        unsigned n_waiting;
        size_t waiting_bytes;
        p2p_task strangers;      /* slow: serves one of them */
        unsigned n_jobs;         /* of guests, at the worker */
        quic_twin *twins;        /* a ring, made at the first Retry */
        unsigned next_twin;
};

struct quic_listener {
        quic_endpoint *endpoint;
        p2p_addr *addr;
        p2p_raw_accept_fn on_accept;
        void *userdata;
};

struct quic_dial {
        quic_conn *conn;
        p2p_raw_fn done;
        void *userdata;
};

/* pacer.c: bytes that may be sent now */
typedef struct quic_pacer {
        uint64_t since;  /* of the last look, usec */
        int64_t tokens;  /* bytes; below zero after a packet that was larger than they */
        double rate;     /* bytes a usec; 0: not limited */
} quic_pacer;

void quic_pacer_update(quic_pacer *p, uint64_t now, double rate);
/* When it is worth to go on, usec from now; 0: at once. */
uint64_t quic_pacer_wait(const quic_pacer *p);

/* ---- streams */
enum {
        STREAM_OURS = 1 << 0,         /* we opened it */
        STREAM_ALIVE = 1 << 1,        /* the library knows it: what was sent is kept for it */
        STREAM_SHUT = 1 << 2,         /* the owner writes no more: our FIN follows the last byte */
        STREAM_FIN_SENT = 1 << 3,
        STREAM_FIN_RECEIVED = 1 << 4,
        STREAM_STOPPED = 1 << 5,      /* the far side wants no more of our bytes */
        STREAM_RESET = 1 << 6,        /* by either side: no more data either way */
        STREAM_RELEASED = 1 << 7,     /* has no owner any more: goes away by itself */
        STREAM_INCOMING = 1 << 8,     /* waits for accept() */
        STREAM_WANT_READ = 1 << 9,    /* its owner was told -EAGAIN */
        STREAM_WANT_WRITE = 1 << 10,
};

typedef struct quic_stream {
        p2p_channel channel;
        quic_conn *conn;        /* NULL once the connection ended */
        int64_t id;
        uint32_t state;
        p2p_list all;
        p2p_list sending;       /* has bytes or a FIN to send; or is held by the far side's window */
        p2p_list queue;         /* of those to accept, or of those that linger */
        quic_buffer in, out;
        uint64_t window;        /* what the far side may send ahead of our reading */
        uint64_t due;           /* read, and not granted again yet */
        uint64_t since;         /* of the last grant */
        uint64_t born, deadline; /* the latter of its lingering */
        uint32_t received_code;
        int error;              /* once the connection ended */
} quic_stream;

int quic_stream_new(quic_conn *c, int64_t id, uint32_t state, quic_stream **ret);
bool quic_stream_fin_is_due(const quic_stream *s); /* with its last byte, or alone */
/* Puts it where its state asks for, and posts a flush if it has something to send. */
void quic_stream_schedule(quic_stream *s);
void quic_stream_on_bytes(quic_stream *s, p2p_view bytes, bool fin);
void quic_stream_on_sent(quic_stream *s, size_t n, bool fin);
void quic_stream_on_acked(quic_stream *s, size_t n);
void quic_stream_on_reset(quic_stream *s, uint64_t code);
void quic_stream_on_stopped(quic_stream *s);
void quic_stream_on_closed(quic_stream *s); /* the library forgot it. May free it */
/* Ends it from our side. */
void quic_stream_abort(quic_stream *s, uint32_t code);
/* The connection ended: nobody may touch it again. May free it. */
void quic_stream_detach(quic_stream *s);

/* ---- connections */
typedef enum quic_conn_state {
        QUIC_HANDSHAKE,
        QUIC_READY, /* the peer is proven, and was sent what proves us */
        QUIC_ENDED, /* has no library any more, no id, and nothing to send */
} quic_conn_state;

struct quic_conn {
        p2p_session session;
        quic_cid_owner cids;
        quic_transport *transport;
        quic_endpoint *endpoint; /* NULL once it ended, but for those in `failed` */
        ngtcp2_conn *lib;
        ngtcp2_crypto_conn_ref ref;
        gnutls_session_t tls;    /* NULL after the handshake */
        quic_guest *guest;       /* of a server, as long */
        quic_conn_state state;
        bool is_client, is_owned; /* by the holder of the session; before by its dial or its endpoint */
        bool is_proven;          /* the far side is `peer` */
        bool is_confirmed;       /* the client's proof was accepted, whichever of the two we are */
        quic_dial *dial;
        p2p_peer_id peer;        /* proven; before that, of a dial, the expected one */
        int refusal;             /* why our own check ended the handshake */
        uint8_t alert;           /* and what TLS calls it */
        int error;               /* why it ended; 0: of a guest, who never began */
        uint32_t received_code;
        uint64_t heard;          /* p2p_loop_now() of the last datagram */

        p2p_task flush, news;
        p2p_timer timer;
        uint64_t expired;        /* quic_conn_now() of when the library's timer was served last */
        p2p_list conns, half_open, blocked, unanswered;
        bool is_unreachable;     /* nobody has answered, and no way leads there any more */

        /* streams */
        p2p_list streams, incoming, lingering, sending, held;
        unsigned n_streams, n_theirs;
        unsigned limit;          /* of streams that the far side may have open */
        unsigned credit;         /* that it has or may open */
        p2p_rate cycles, moves, ids; /* what the far side may have us do */
        bool want_open;

        /* in */
        size_t buffered;         /* unread in all streams */
        uint64_t window, window_max, due; /* of the connection; due: received and not granted again yet */

        /* out */
        size_t unsent, retained; /* in all streams: not sent yet; sent and not acknowledged */
        quic_pacer pacer;
        bool no_gso;
        quic_address local, remote; /* of the first packet; `local` follows us */
        quic_batch rest;         /* what the socket did not take; its bytes are ours */
};

/* One that dialled us, and is not proven yet. */
static inline bool quic_conn_is_guest(const quic_conn *c) {
        return !c->is_client && c->state == QUIC_HANDSHAKE;
}

static inline void quic_address_copy(quic_address *to, const ngtcp2_addr *from) {
        memcpy(to, from->addr, P2P_MIN((size_t) from->addrlen, sizeof(*to)));
}

/* conn-new.c */
int quic_conn_new_client(quic_endpoint *e, const p2p_peer_id *peer, const quic_address *local,
                         const quic_address *remote, quic_conn **ret);
/* For an Initial packet. odcid: the id that the client chose before it was sent a Retry, whose token is in
 * hd; NULL: no Retry. */
int quic_conn_new_server(quic_endpoint *e, const ngtcp2_pkt_hd *hd, const ngtcp2_cid *odcid,
                         const quic_arrival *a, quic_conn **ret);
/* conn.c */
void quic_conn_init_tasks(quic_conn *c);
/* 0, or the library's error where that is left to the caller: NGTCP2_ERR_RETRY, with the connection as it
 * was. */
int quic_conn_receive(quic_conn *c, const quic_arrival *a, p2p_view datagram);
/* The far side is there now, as far as it is believed; it may have moved since it was `remote`. */
bool quic_conn_is_at(quic_conn *c, const quic_address *address);
/* Ends it without a word; the far side's code, if it gave one. */
void quic_conn_end(quic_conn *c, int error, uint32_t received_code);
/* Ends it with a CONNECTION_CLOSE. */
void quic_conn_fail(quic_conn *c, int error, const quic_shim_close *close);
quic_conn *quic_conn_free(quic_conn *c);
P2P_CLEANUP(quic_conn, quic_conn_free);
/* The handshake is over, as far as those above are concerned. */
void quic_conn_on_ready(quic_conn *c);
void quic_conn_set_timer(quic_conn *c);
/* n bytes were received, or (0) read: the window opens again as far as it may */
void quic_conn_grant(quic_conn *c, uint64_t n);
void quic_conn_widen(quic_conn *c, uint64_t to); /* if all connections together may */
void quic_conn_top_up(quic_conn *c);            /* and the count of streams */
uint64_t quic_conn_now(const quic_conn *c);     /* in the library's unit */
uint64_t quic_conn_rtt(const quic_conn *c);     /* usec; 0: unknown */

/* conn-tls.c */
int quic_tls_new(quic_conn *c);
bool quic_tls_has_alpn(quic_conn *c);
void quic_tls_done(quic_conn *c);

/* conn-guest.c */
int quic_guest_new(quic_conn *c); /* for a session that has no hooks yet; quic_tls_done() frees it */
quic_guest *quic_guest_free(quic_guest *g);
/* For the callback of the library: 0, or its error. Keeps the bytes until the datagram was read. */
int quic_guest_hear(quic_guest *g, quic_shim_level level, p2p_view bytes);
/* Afterwards: TLS works on what was heard, and the connection is flushed then. False: nothing was, or g is
 * NULL. The connection may have ended. */
bool quic_guest_send_away(quic_guest *g);
bool quic_guest_is_away(const quic_guest *g); /* the connection may read nothing; g may be NULL */

/* conn-error.c */
void quic_conn_on_error(quic_conn *c, int lib_error); /* the library said so: ends the connection */

/* conn-callbacks.c */
extern const ngtcp2_callbacks quic_client_callbacks, quic_server_callbacks;

/* conn-send.c */
void quic_conn_send(quic_conn *c);   /* the connection may have ended afterwards */
void quic_conn_on_room(quic_conn *c); /* the socket takes more */
void quic_conn_drop_rest(quic_conn *c);

/* session.c */
extern const p2p_session_ops quic_session_ops;

/* endpoint.c */
int quic_endpoint_new(quic_transport *t, int fd, quic_endpoint **ret); /* takes the fd on success */
quic_endpoint *quic_endpoint_free(quic_endpoint *e); /* ends its connections */
P2P_CLEANUP(quic_endpoint, quic_endpoint_free);
void quic_endpoint_want_room(quic_endpoint *e, quic_conn *c);
void quic_endpoint_send(quic_endpoint *e, const quic_address *local, const quic_address *remote,
                        p2p_view datagram);

/* stateless.c */
void quic_answer_initial(quic_endpoint *e, const quic_arrival *a, p2p_view datagram); /* or lets it wait */
void quic_admit(quic_endpoint *e, const quic_arrival *a, p2p_view datagram); /* its turn has come */
void quic_answer_version(quic_endpoint *e, const quic_arrival *a, const ngtcp2_version_cid *vc);
void quic_answer_unknown(quic_endpoint *e, const quic_arrival *a, p2p_view datagram, p2p_view dcid);
int quic_reset_token(const quic_transport *t, const ngtcp2_cid *cid,
                     uint8_t token[static NGTCP2_STATELESS_RESET_TOKENLEN]);

/* answers.c */
typedef enum quic_answer_kind {
        QUIC_ANSWER_RETRY,
        QUIC_ANSWER_REFUSAL, /* of a token */
        QUIC_ANSWER_VERSION,
        QUIC_ANSWER_RESET,
} quic_answer_kind;

/* What a datagram says, as far as its answer needs that. */
typedef struct quic_question {
        quic_answer_kind kind;
        uint32_t version;
        p2p_view dcid, scid;
        size_t n; /* bytes, at least QUIC_RESET_MIN to be answered by a reset */
} quic_question;

#define QUIC_RESET_MIN (1u + 5u + NGTCP2_STATELESS_RESET_TOKENLEN) /* RFC 9000, section 10.3 */

void quic_answers_init(quic_endpoint *e);
void quic_answers_done(quic_endpoint *e);
/* False: there is no room, it will not be answered. Copies what it was given. */
bool quic_answer_later(quic_endpoint *e, const quic_arrival *from, const quic_question *question);

/* strangers.c */
void quic_strangers_init(quic_endpoint *e);
void quic_strangers_done(quic_endpoint *e);
bool quic_stranger_waits(const quic_endpoint *e, p2p_view dcid);
/* Copies the datagram, or drops it. */
void quic_stranger_wait(quic_endpoint *e, const quic_arrival *a, p2p_view datagram, p2p_view dcid);

/* tomb.c */
/* Takes over the ids of a connection that ended. An empty packet: the far side knows. */
void quic_tomb_new(quic_conn *c, p2p_view packet);
void quic_tomb_receive(quic_endpoint *e, quic_cid_owner *owner, const quic_arrival *a);
void quic_tombs_bury(quic_endpoint *e, uint64_t now); /* those that are due; UINT64_MAX: all */
