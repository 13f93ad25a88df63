/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * ngtcp2 0.12 (Debian 12) and 1.x (Debian 13) under one set of names: whatever differs between them is here
 * and nowhere else. Everything that both have is used by its own name.
 */

#include <stdbool.h>

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <p2p/view.h>

#if NGTCP2_VERSION_NUM < 0x010000
typedef ngtcp2_crypto_level quic_shim_level;
#define QUIC_SHIM_BBR NGTCP2_CC_ALGO_BBR2 /* which 1.x calls BBR, having dropped the first one */
#else
typedef ngtcp2_encryption_level quic_shim_level;
#define QUIC_SHIM_BBR NGTCP2_CC_ALGO_BBR
#endif

/* Why a connection is closed: a value that the library turns into a CONNECTION_CLOSE frame. */
typedef struct quic_shim_close {
        enum { QUIC_CLOSE_TRANSPORT, QUIC_CLOSE_ALERT, QUIC_CLOSE_LIBRARY, QUIC_CLOSE_APPLICATION } kind;
        uint64_t code; /* of the transport, of TLS, the library's error, of the application */
} quic_shim_close;

/* What the far side gave as its reason. */
typedef struct quic_shim_reason {
        bool is_application;
        uint64_t code;
} quic_shim_reason;

typedef struct quic_shim_info {
        uint64_t rtt; /* nanoseconds, 0 while unknown */
        /* bytes a nanosecond, by congestion control; 0 while unknown, or where the library paces */
        double rate;
} quic_shim_info;

/* The token of an Initial packet. */
p2p_view quic_shim_token(const ngtcp2_pkt_hd *hd);
/* The settings borrow a Retry token that was verified. */
void quic_shim_set_retry_token(ngtcp2_settings *settings, p2p_view token);
void quic_shim_set_original_dcid(ngtcp2_transport_params *params, const ngtcp2_cid *dcid);

/* For a TLS stack that runs apart from the library. The parameters of a server that was just made, with the
 * id and the version that the library only adds when it knows the client's; the client's: 0, or the
 * library's error; and that TLS is through. */
ngtcp2_ssize quic_shim_encode_server_params(ngtcp2_conn *conn, uint8_t *out, size_t n);
int quic_shim_set_remote_params(ngtcp2_conn *conn, p2p_view params);
void quic_shim_tls_completed(ngtcp2_conn *conn);
gnutls_record_encryption_level_t quic_shim_to_gnutls(quic_shim_level level);

/* RESET_STREAM, STOP_SENDING, and both. */
void quic_shim_end_stream(ngtcp2_conn *conn, int64_t id, uint64_t code);
void quic_shim_stop_stream(ngtcp2_conn *conn, int64_t id, uint64_t code);
void quic_shim_reset_stream(ngtcp2_conn *conn, int64_t id, uint64_t code);

ngtcp2_ssize quic_shim_write_close(ngtcp2_conn *conn, ngtcp2_path *path, uint8_t *out, size_t n,
                                   const quic_shim_close *close, uint64_t now);
quic_shim_reason quic_shim_get_reason(ngtcp2_conn *conn);
quic_shim_info quic_shim_get_info(ngtcp2_conn *conn);
/* A batch was written: 1.x paces by itself. 0.12 does too, but forgives no lateness, so that ours does it
 * (pacer.c). */
void quic_shim_sent(ngtcp2_conn *conn, uint64_t now);
