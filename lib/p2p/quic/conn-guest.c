/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * TLS of a guest, which is who dialled us until TLS is over: curve multiplications, a signature, the proof
 * of a certificate, all for somebody whom nobody knows. GnuTLS does that at the worker (io/worker.h),
 * between two tapes. What the library read for it lies on one. What it says (secrets, bytes to send, the
 * client's parameters, an alert, how it ended) goes to the other, and is played to the library in that order
 * when the job is done. Meanwhile the connection reads nothing (strangers.c), so that the library sees each
 * datagram dealt with before the next, as if GnuTLS had been called in between. Nor can the tapes grow
 * beyond what one datagram brings: the library keeps at most 64 KiB that came too early.
 *
 * The job is no stranger's (io/worker.h), though its guest is one: of those the last comes first. Hellos
 * over TCP that came without end would bury the few that a socket has at the worker, and all the rest behind
 * them. So few hold nobody up for long.
 *
 * The library ends a server's handshake when it reads a packet after TLS was through [tried: 0.12.1 and
 * 1.11]. There is none by then, so it is given one that is none.
 */

#include <errno.h>
#include <stdlib.h>

#include "crypto/cert.h"
#include "io/worker.h"
#include "quic/quic-internal.h"

#define PARAMS_MAX 256u /* of ours, encoded */

typedef enum entry_kind {
        HEARD,
        PARAMS,
        SECRET_IN,
        SECRET_OUT,
        SAID,
        PEER,
        REFUSED,
        ALERT,
        OVER,
        BROKEN,
} entry_kind;

typedef struct entry {
        entry_kind kind;
        gnutls_record_encryption_level_t level;
        size_t n; /* bytes that follow */
} entry;

typedef struct tape {
        uint8_t *bytes;
        size_t n, room;
        int error;
} tape;

struct quic_guest {
        quic_conn *conn;
        p2p_job job;
        tape in, out;
        bool is_over;
        uint8_t params[PARAMS_MAX];
        size_t n_params;
};

/* ---- tapes */

static void tape_done(tape *t) {
        if (t->bytes)
                explicit_bzero(t->bytes, t->room);
        free(t->bytes);
        *t = (tape){};
}

static int tape_reserve(tape *t, size_t n) {
        size_t room = P2P_MAX(2 * t->room, t->n + n);
        uint8_t *bytes;

        if (t->n + n <= t->room)
                return 0;
        bytes = malloc(room); /* not realloc(), which leaves secrets behind */
        if (!bytes)
                return -ENOMEM;
        if (t->n > 0) {
                memcpy(bytes, t->bytes, t->n);
                explicit_bzero(t->bytes, t->n);
        }
        free(t->bytes);
        t->bytes = bytes;
        t->room = room;
        return 0;
}

static int tape_add(tape *t, entry_kind kind, gnutls_record_encryption_level_t level, const void *data,
                    size_t n) {
        entry e = { .kind = kind, .level = level, .n = n };

        if (t->error == 0)
                t->error = tape_reserve(t, sizeof(e) + n);
        if (t->error < 0)
                return t->error;
        memcpy(t->bytes + t->n, &e, sizeof(e));
        if (n > 0)
                memcpy(t->bytes + t->n + sizeof(e), data, n);
        t->n += sizeof(e) + n;
        return 0;
}

/* The entry at *at, and its bytes; false: no more. */
static bool tape_next(const tape *t, size_t *at, entry *ret, p2p_view *ret_bytes) {
        if (*at == t->n)
                return false;
        memcpy(ret, t->bytes + *at, sizeof(*ret));
        *ret_bytes = P2P_VIEW(t->bytes + *at + sizeof(*ret), ret->n);
        *at += sizeof(*ret) + ret->n;
        return true;
}

/* ---- what GnuTLS says, at the worker */

static quic_guest *guest_of(gnutls_session_t tls) {
        const ngtcp2_crypto_conn_ref *ref = gnutls_session_get_ptr(tls);

        return ((quic_conn *) ref->user_data)->guest;
}

static int on_secret(gnutls_session_t tls, gnutls_record_encryption_level_t level, const void *in,
                     const void *out, size_t n) {
        tape *t = &guest_of(tls)->out;

        if (in)
                (void) tape_add(t, SECRET_IN, level, in, n);
        if (out)
                (void) tape_add(t, SECRET_OUT, level, out, n);
        return t->error;
}

static int on_said(gnutls_session_t tls, gnutls_record_encryption_level_t level,
                   gnutls_handshake_description_t type, const void *data, size_t n) {
        if (type == GNUTLS_HANDSHAKE_CHANGE_CIPHER_SPEC)
                return 0; /* QUIC has none */
        return tape_add(&guest_of(tls)->out, SAID, level, data, n);
}

static int on_alert(gnutls_session_t tls, gnutls_record_encryption_level_t level,
                    gnutls_alert_level_t severity, gnutls_alert_description_t alert) {
        uint8_t code = (uint8_t) alert;

        (void) severity;
        return tape_add(&guest_of(tls)->out, ALERT, level, &code, sizeof(code));
}

static int on_params(gnutls_session_t tls, const uint8_t *data, size_t n) {
        return tape_add(&guest_of(tls)->out, PARAMS, GNUTLS_ENCRYPTION_LEVEL_INITIAL, data, n);
}

static int give_params(gnutls_session_t tls, gnutls_buffer_t out) {
        const quic_guest *g = guest_of(tls);

        return gnutls_buffer_append_data(out, g->params, g->n_params);
}

static int on_verify(gnutls_session_t tls) {
        tape *t = &guest_of(tls)->out;
        p2p_peer_id peer;
        int r;

        r = p2p_cert_verify_session(tls, NULL, &peer);
        if (r < 0) {
                (void) tape_add(t, REFUSED, GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE, &r, sizeof(r));
                return -1; /* bad_certificate */
        }
        return tape_add(t, PEER, GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE, &peer, sizeof(peer));
}

static void hear(quic_guest *g, gnutls_record_encryption_level_t level, p2p_view bytes) {
        gnutls_session_t tls = g->conn->tls;
        int r;

        r = gnutls_handshake_write(tls, level, bytes.data, bytes.n);
        if (r >= 0)
                r = gnutls_handshake(tls);
        if (r < 0 && !gnutls_error_is_fatal(r))
                return; /* wants more */
        g->is_over = true;
        if (r < 0)
                (void) gnutls_alert_send_appropriate(tls, r);
        (void) tape_add(&g->out, r < 0 ? BROKEN : OVER, level, &r, sizeof(r));
}

static void run(void *userdata) {
        quic_guest *g = userdata;
        p2p_view bytes;
        size_t at = 0;
        entry e;

        while (!g->is_over && tape_next(&g->in, &at, &e, &bytes))
                hear(g, e.level, bytes);
}

/* ---- and what the library is told of it, on the loop */

/* One byte is no packet: it is discarded, and the state of the handshake looked at. */
static int end_handshake(quic_conn *c) {
        static const uint8_t nothing = 0xc0;
        quic_address local = c->local, remote = c->remote;
        ngtcp2_path path = {
                .local = { &local.sa, quic_address_size(&local) },
                .remote = { &remote.sa, quic_address_size(&remote) },
        };
        ngtcp2_pkt_info pi = {};

        quic_shim_tls_completed(c->lib);
        return ngtcp2_conn_read_pkt(c->lib, &path, &pi, &nothing, sizeof(nothing), quic_conn_now(c));
}

static int crypto(int r) {
        return r < 0 ? NGTCP2_ERR_CRYPTO : 0;
}

/* 0, or the library's error. */
static int play(quic_conn *c, const entry *e, p2p_view bytes) {
        quic_shim_level level = ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level(e->level);
        int error;

        switch (e->kind) {
        case PARAMS:
                return quic_shim_set_remote_params(c->lib, bytes);
        case SECRET_IN:
                return crypto(ngtcp2_crypto_derive_and_install_rx_key(c->lib, NULL, NULL, NULL, level,
                                                                      bytes.data, bytes.n));
        case SECRET_OUT:
                return crypto(ngtcp2_crypto_derive_and_install_tx_key(c->lib, NULL, NULL, NULL, level,
                                                                      bytes.data, bytes.n));
        case SAID:
                return ngtcp2_conn_submit_crypto_data(c->lib, level, bytes.data, bytes.n);
        case PEER:
                memcpy(&c->peer, bytes.data, sizeof(c->peer));
                c->is_proven = true;
                return 0;
        case REFUSED:
                memcpy(&c->refusal, bytes.data, sizeof(c->refusal));
                return 0;
        case ALERT:
                ngtcp2_conn_set_tls_alert(c->lib, bytes.data[0]);
                return 0;
        case OVER:
                return end_handshake(c);
        case BROKEN:
                memcpy(&error, bytes.data, sizeof(error));
                if (c->refusal == 0)
                        c->refusal = p2p_cert_handshake_error(error);
                return NGTCP2_ERR_CRYPTO;
        case HEARD:
                break;
        }
        return NGTCP2_ERR_INTERNAL;
}

static void leave_worker(quic_guest *g) {
        quic_endpoint *e = g->conn->endpoint;

        e->n_jobs--;
        p2p_task_post(&e->strangers);
}

static void on_done(void *userdata) {
        quic_guest *g = userdata;
        quic_conn *c = g->conn;
        tape out = g->out;
        p2p_view bytes;
        size_t at = 0;
        int r = 0;
        entry e;

        leave_worker(g);
        tape_done(&g->in);
        g->out = (tape){};
        if (out.error < 0)
                r = NGTCP2_ERR_NOMEM;
        while (r == 0 && tape_next(&out, &at, &e, &bytes))
                r = play(c, &e, bytes);
        tape_done(&out);
        if (r != 0)
                quic_conn_on_error(c, r);
        else
                p2p_task_post(&c->flush);
}

/* ---- life */

int quic_guest_new(quic_conn *c) {
        quic_guest *g;
        ngtcp2_ssize n;

        g = malloc(sizeof(*g));
        if (!g)
                return -ENOMEM;
        *g = (quic_guest){ .conn = c };
        p2p_job_init(&g->job, c->transport->loop, run, on_done, g);
        c->guest = g;
        n = quic_shim_encode_server_params(c->lib, g->params, sizeof(g->params));
        if (n < 0)
                return -ENOMEM;
        g->n_params = (size_t) n;

        gnutls_session_set_verify_function(c->tls, on_verify);
        gnutls_handshake_set_secret_function(c->tls, on_secret);
        gnutls_handshake_set_read_function(c->tls, on_said);
        gnutls_alert_set_read_function(c->tls, on_alert);
        n = gnutls_session_ext_register(
                c->tls, "QUIC transport parameters", NGTCP2_TLSEXT_QUIC_TRANSPORT_PARAMETERS_V1,
                GNUTLS_EXT_TLS, on_params, give_params, NULL, NULL, NULL,
                GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO | GNUTLS_EXT_FLAG_EE);
        return n < 0 ? -ENOMEM : 0;
}

quic_guest *quic_guest_free(quic_guest *g) {
        if (!g)
                return NULL;
        if (p2p_job_is_busy(&g->job)) {
                p2p_job_cancel(&g->job);
                leave_worker(g);
        }
        tape_done(&g->in);
        tape_done(&g->out);
        free(g);
        return NULL;
}

int quic_guest_hear(quic_guest *g, quic_shim_level level, p2p_view bytes) {
        if (p2p_job_is_busy(&g->job))
                return NGTCP2_ERR_CALLBACK_FAILURE;
        if (g->is_over)
                return 0;
        return tape_add(&g->in, HEARD, quic_shim_to_gnutls(level), bytes.data, bytes.n) < 0
                       ? NGTCP2_ERR_CALLBACK_FAILURE
                       : 0;
}

bool quic_guest_is_away(const quic_guest *g) {
        return g && p2p_job_is_busy(&g->job);
}

bool quic_guest_send_away(quic_guest *g) {
        if (!g || g->in.n == 0)
                return false;
        g->conn->endpoint->n_jobs++;
        if (p2p_job_start(&g->job) < 0) { /* no thread to be had: as a slow task, which this is */
                run(g);
                on_done(g);
        }
        return true;
}
