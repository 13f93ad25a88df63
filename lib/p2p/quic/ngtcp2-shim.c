/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The two dialects of ngtcp2. 0.12 is what Debian 12 has, before the names were settled; 1.11 is Debian
 * 13's. The code that differs stands side by side, function by function, so that the older half can be cut
 * out when Debian 12 is no more.
 */

#include "quic/ngtcp2-shim.h"

#if NGTCP2_VERSION_NUM < 0x010000

typedef ngtcp2_connection_close_error ccerr;

p2p_view quic_shim_token(const ngtcp2_pkt_hd *hd) {
        return P2P_VIEW(hd->token.base, hd->token.len);
}

void quic_shim_set_retry_token(ngtcp2_settings *settings, p2p_view token) {
        settings->token = (ngtcp2_vec) { .base = (uint8_t *) token.data, .len = token.n };
}

void quic_shim_set_original_dcid(ngtcp2_transport_params *params, const ngtcp2_cid *dcid) {
        params->original_dcid = *dcid;
}

static ngtcp2_ssize encode_params(ngtcp2_transport_params *params, uint8_t *out, size_t n) {
        return ngtcp2_encode_transport_params(out, n, NGTCP2_TRANSPORT_PARAMS_TYPE_ENCRYPTED_EXTENSIONS,
                                              params);
}

int quic_shim_set_remote_params(ngtcp2_conn *conn, p2p_view params) {
        return ngtcp2_conn_decode_remote_transport_params(conn, params.data, params.n);
}

void quic_shim_tls_completed(ngtcp2_conn *conn) {
        ngtcp2_conn_handshake_completed(conn);
}

gnutls_record_encryption_level_t quic_shim_to_gnutls(quic_shim_level level) {
        return ngtcp2_crypto_gnutls_from_ngtcp2_level(level);
}

#define SHUTDOWN(what, conn, id, code) ((void) ngtcp2_conn_shutdown_##what(conn, id, code))

static void set_transport(ccerr *e, uint64_t code) {
        ngtcp2_connection_close_error_set_transport_error(e, code, NULL, 0);
}

static void set_alert(ccerr *e, uint8_t alert) {
        ngtcp2_connection_close_error_set_transport_error_tls_alert(e, alert, NULL, 0);
}

static void set_library(ccerr *e, int error) {
        ngtcp2_connection_close_error_set_transport_error_liberr(e, error, NULL, 0);
}

static void set_application(ccerr *e, uint64_t code) {
        ngtcp2_connection_close_error_set_application_error(e, code, NULL, 0);
}

quic_shim_reason quic_shim_get_reason(ngtcp2_conn *conn) {
        ccerr e = {};

        ngtcp2_conn_get_connection_close_error(conn, &e);
        return (quic_shim_reason) {
                .is_application = e.type == NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION,
                .code = e.error_code,
        };
}

quic_shim_info quic_shim_get_info(ngtcp2_conn *conn) {
        ngtcp2_conn_stat s;

        ngtcp2_conn_get_conn_stat(conn, &s);
        return (quic_shim_info) {
                .rtt = s.min_rtt == UINT64_MAX ? 0 : s.smoothed_rtt,
                .rate = s.min_rtt == UINT64_MAX ? 0 : s.pacing_rate,
        };
}

void quic_shim_sent(ngtcp2_conn *conn, uint64_t now) {
        (void) conn, (void) now;
}

#else

typedef ngtcp2_ccerr ccerr;

p2p_view quic_shim_token(const ngtcp2_pkt_hd *hd) {
        return P2P_VIEW(hd->token, hd->tokenlen);
}

void quic_shim_set_retry_token(ngtcp2_settings *settings, p2p_view token) {
        settings->token = token.data;
        settings->tokenlen = token.n;
        settings->token_type = NGTCP2_TOKEN_TYPE_RETRY;
}

void quic_shim_set_original_dcid(ngtcp2_transport_params *params, const ngtcp2_cid *dcid) {
        params->original_dcid = *dcid;
        params->original_dcid_present = 1;
}

static ngtcp2_ssize encode_params(ngtcp2_transport_params *params, uint8_t *out, size_t n) {
        params->initial_scid_present = 1;
        return ngtcp2_transport_params_encode(out, n, params);
}

int quic_shim_set_remote_params(ngtcp2_conn *conn, p2p_view params) {
        return ngtcp2_conn_decode_and_set_remote_transport_params(conn, params.data, params.n);
}

void quic_shim_tls_completed(ngtcp2_conn *conn) {
        ngtcp2_conn_tls_handshake_completed(conn);
}

gnutls_record_encryption_level_t quic_shim_to_gnutls(quic_shim_level level) {
        return ngtcp2_crypto_gnutls_from_ngtcp2_encryption_level(level);
}

#define SHUTDOWN(what, conn, id, code) ((void) ngtcp2_conn_shutdown_##what(conn, 0, id, code))

static void set_transport(ccerr *e, uint64_t code) {
        ngtcp2_ccerr_set_transport_error(e, code, NULL, 0);
}

static void set_alert(ccerr *e, uint8_t alert) {
        ngtcp2_ccerr_set_tls_alert(e, alert, NULL, 0);
}

static void set_library(ccerr *e, int error) {
        ngtcp2_ccerr_set_liberr(e, error, NULL, 0);
}

static void set_application(ccerr *e, uint64_t code) {
        ngtcp2_ccerr_set_application_error(e, code, NULL, 0);
}

quic_shim_reason quic_shim_get_reason(ngtcp2_conn *conn) {
        const ngtcp2_ccerr *e = ngtcp2_conn_get_ccerr(conn);

        return (quic_shim_reason) {
                .is_application = e->type == NGTCP2_CCERR_TYPE_APPLICATION,
                .code = e->error_code,
        };
}

quic_shim_info quic_shim_get_info(ngtcp2_conn *conn) {
        ngtcp2_conn_info s;

        ngtcp2_conn_get_conn_info(conn, &s);
        return (quic_shim_info) { .rtt = s.min_rtt == UINT64_MAX ? 0 : s.smoothed_rtt };
}

void quic_shim_sent(ngtcp2_conn *conn, uint64_t now) {
        ngtcp2_conn_update_pkt_tx_time(conn, now);
}

#endif

void quic_shim_end_stream(ngtcp2_conn *conn, int64_t id, uint64_t code) {
        SHUTDOWN(stream_write, conn, id, code);
}

void quic_shim_reset_stream(ngtcp2_conn *conn, int64_t id, uint64_t code) {
        SHUTDOWN(stream, conn, id, code);
}

void quic_shim_stop_stream(ngtcp2_conn *conn, int64_t id, uint64_t code) {
        SHUTDOWN(stream_read, conn, id, code);
}

ngtcp2_ssize quic_shim_encode_server_params(ngtcp2_conn *conn, uint8_t *out, size_t n) {
        ngtcp2_transport_params params = *ngtcp2_conn_get_local_transport_params(conn);

        (void) ngtcp2_conn_get_scid(conn, &params.initial_scid); /* it has only one */
        params.version_info.chosen_version = NGTCP2_PROTO_VER_V1;
        return encode_params(&params, out, n);
}

ngtcp2_ssize quic_shim_write_close(ngtcp2_conn *conn, ngtcp2_path *path, uint8_t *out, size_t n,
                                   const quic_shim_close *close, uint64_t now) {
        ngtcp2_pkt_info pi;
        ccerr e;

        switch (close->kind) {
        case QUIC_CLOSE_TRANSPORT:
                set_transport(&e, close->code);
                break;
        case QUIC_CLOSE_ALERT:
                set_alert(&e, (uint8_t) close->code);
                break;
        case QUIC_CLOSE_LIBRARY:
                set_library(&e, (int) (int64_t) close->code);
                break;
        case QUIC_CLOSE_APPLICATION:
                set_application(&e, close->code);
                break;
        }
        return ngtcp2_conn_write_connection_close(conn, path, &pi, out, n, &e, now);
}
