/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the library tells. It calls these in the middle of reading or writing a packet, so that they change
 * values and post tasks, and nothing else: no stream is handed up and nothing is sent from here.
 */

#include <errno.h>
#include <sys/random.h>

#include "quic/quic-internal.h"

#define ALERT_NO_APPLICATION_PROTOCOL 120 /* RFC 7301 */

static void on_rand(uint8_t *out, size_t n, const ngtcp2_rand_ctx *ctx) {
        (void) ctx;
        if (getrandom(out, n, 0) != (ssize_t) n)
                memset(out, 0, n); /* what is random here is no secret */
}

/* The far side has us do more than anybody needs: the end. */
static int refuse(quic_conn *c) {
        c->refusal = -EMSGSIZE;
        return NGTCP2_ERR_CALLBACK_FAILURE;
}

/* ---- the handshake */

static int on_crypto(ngtcp2_conn *lib, quic_shim_level level, uint64_t offset, const uint8_t *data, size_t n,
                     void *userdata) {
        const quic_conn *c = userdata;

        if (!c->tls)
                return 0; /* tickets */
        if (c->guest)
                return quic_guest_hear(c->guest, level, P2P_VIEW(data, n));
        return ngtcp2_crypto_recv_crypto_data_cb(lib, level, offset, data, n, userdata);
}

static int on_handshake_completed(ngtcp2_conn *lib, void *userdata) {
        quic_conn *c = userdata;
        uint64_t idle = ngtcp2_conn_get_remote_transport_params(lib)->max_idle_timeout, keepalive;

        if (!c->is_proven) { /* GnuTLS would not get so far; and nobody else is to be let in if it did */
                c->refusal = -EKEYREJECTED;
                return NGTCP2_ERR_CALLBACK_FAILURE;
        }
        if (!quic_tls_has_alpn(c)) {
                c->refusal = -EPROTONOSUPPORT;
                c->alert = ALERT_NO_APPLICATION_PROTOCOL;
                return NGTCP2_ERR_CALLBACK_FAILURE;
        }
        keepalive = P2P_QUIC_KEEPALIVE_USEC * NGTCP2_MICROSECONDS;
        if (idle > 0)
                keepalive = P2P_MIN(keepalive, idle / 2);
        ngtcp2_conn_set_keep_alive_timeout(lib, keepalive);
        c->is_confirmed = !c->is_client;
        quic_conn_on_ready(c);
        return 0;
}

static int on_handshake_confirmed(ngtcp2_conn *lib, void *userdata) {
        quic_conn *c = userdata;

        (void) lib;
        c->is_confirmed = true;
        return 0;
}

/* ---- connection ids */

static int on_new_cid(ngtcp2_conn *lib, ngtcp2_cid *cid, uint8_t *token, size_t n, void *userdata) {
        quic_conn *c = userdata;
        uint8_t bytes[QUIC_CID_MAX];
        int r;

        (void) lib;
        if (!p2p_rate_take(&c->ids, p2p_loop_now(c->transport->loop), P2P_QUIC_IDS_MAX, P2P_QUIC_IDS_RATE))
                return refuse(c);
        do {
                if (n > sizeof(bytes) || getrandom(bytes, n, 0) != (ssize_t) n)
                        return NGTCP2_ERR_CALLBACK_FAILURE;
                r = quic_cid_table_add(&c->endpoint->table, P2P_VIEW(bytes, n), &c->cids);
        } while (r == -EEXIST);
        if (r < 0)
                return NGTCP2_ERR_CALLBACK_FAILURE;
        ngtcp2_cid_init(cid, bytes, n);
        return quic_reset_token(c->transport, cid, token) < 0 ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_remove_cid(ngtcp2_conn *lib, const ngtcp2_cid *cid, void *userdata) {
        quic_conn *c = userdata;

        (void) lib;
        quic_cid_table_remove(&c->endpoint->table, P2P_VIEW(cid->data, cid->datalen), &c->cids);
        return 0;
}

/* ---- streams */

static bool may_cycle(quic_conn *c) {
        return p2p_rate_take(&c->cycles, p2p_loop_now(c->transport->loop), P2P_QUIC_CYCLES_MAX,
                             P2P_QUIC_CYCLES_RATE);
}

static int on_stream_open(ngtcp2_conn *lib, int64_t id, void *userdata) {
        quic_conn *c = userdata;
        quic_stream *s;

        if (!ngtcp2_is_bidi_stream(id)) {
                quic_shim_stop_stream(lib, id, P2P_STREAM_NO_ERROR);
                return 0;
        }
        if (c->n_theirs >= c->limit || quic_stream_new(c, id, STREAM_INCOMING, &s) < 0) {
                quic_shim_reset_stream(lib, id, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
                return may_cycle(c) ? 0 : refuse(c);
        }
        (void) ngtcp2_conn_set_stream_user_data(lib, id, s);
        p2p_list_append(&c->incoming, &s->queue);
        p2p_task_post(c->session.wake);
        return 0;
}

static int on_stream_data(ngtcp2_conn *lib, uint32_t flags, int64_t id, uint64_t offset, const uint8_t *data,
                          size_t n, void *userdata, void *stream) {
        quic_conn *c = userdata;

        (void) lib, (void) id, (void) offset;
        if (stream)
                quic_stream_on_bytes(stream, P2P_VIEW(data, n), flags & NGTCP2_STREAM_DATA_FLAG_FIN);
        quic_conn_grant(c, n);
        return 0;
}

static int on_acked(ngtcp2_conn *lib, int64_t id, uint64_t offset, uint64_t n, void *userdata,
                    void *stream) {
        (void) lib, (void) id, (void) offset, (void) userdata;
        if (stream)
                quic_stream_on_acked(stream, n);
        return 0;
}

static int on_stream_close(ngtcp2_conn *lib, uint32_t flags, int64_t id, uint64_t code, void *userdata,
                           void *stream) {
        quic_conn *c = userdata;

        (void) flags, (void) code;
        if (!ngtcp2_is_bidi_stream(id))
                return 0; /* and no further one in its place */
        if (!ngtcp2_conn_is_local_stream(lib, id)) {
                c->credit -= c->credit > 0;
                quic_conn_top_up(c);
        }
        if (stream)
                quic_stream_on_closed(stream);
        return 0;
}

/* Opened and taken back within a second. A reset may also be the answer to our own end. */
static bool is_cycle(const quic_stream *s) {
        return !(s->state & (STREAM_OURS | STREAM_RELEASED | STREAM_RESET)) &&
               p2p_loop_now(s->conn->transport->loop) - s->born < USEC_PER_SEC;
}

static int on_stream_reset(ngtcp2_conn *lib, int64_t id, uint64_t final_size, uint64_t code, void *userdata,
                           void *stream) {
        quic_conn *c = userdata;
        quic_stream *s = stream;
        bool is_allowed;

        (void) lib, (void) id, (void) final_size;
        if (!s)
                return 0;
        is_allowed = !is_cycle(s) || may_cycle(c);
        quic_stream_on_reset(s, code);
        return is_allowed ? 0 : refuse(c);
}

static int on_streams_allowed(ngtcp2_conn *lib, uint64_t max, void *userdata) {
        quic_conn *c = userdata;

        (void) lib, (void) max;
        if (c->want_open) {
                c->want_open = false;
                p2p_task_post(c->session.wake);
        }
        return 0;
}

#define COMMON                                                                  \
        .recv_crypto_data = on_crypto,                                          \
        .handshake_completed = on_handshake_completed,                          \
        .encrypt = ngtcp2_crypto_encrypt_cb,                                    \
        .decrypt = ngtcp2_crypto_decrypt_cb,                                    \
        .hp_mask = ngtcp2_crypto_hp_mask_cb,                                    \
        .recv_stream_data = on_stream_data,                                     \
        .acked_stream_data_offset = on_acked,                                   \
        .stream_open = on_stream_open,                                          \
        .stream_close = on_stream_close,                                        \
        .extend_max_local_streams_bidi = on_streams_allowed,                    \
        .rand = on_rand,                                                        \
        .get_new_connection_id = on_new_cid,                                    \
        .remove_connection_id = on_remove_cid,                                  \
        .update_key = ngtcp2_crypto_update_key_cb,                              \
        .stream_reset = on_stream_reset,                                        \
        .handshake_confirmed = on_handshake_confirmed,                          \
        .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,      \
        .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,  \
        .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,    \
        .version_negotiation = ngtcp2_crypto_version_negotiation_cb

const ngtcp2_callbacks quic_client_callbacks = {
        .client_initial = ngtcp2_crypto_client_initial_cb,
        .recv_retry = ngtcp2_crypto_recv_retry_cb,
        COMMON,
};

const ngtcp2_callbacks quic_server_callbacks = {
        .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
        COMMON,
};
