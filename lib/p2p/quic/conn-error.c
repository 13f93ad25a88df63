/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the library ends a connection with, in the words of error.h: its own errors, ours behind a callback,
 * those of TLS, and what the far side gave as its reason. What is told to the far side is said in its words.
 */

#include <errno.h>

#include "crypto/cert.h"
#include "quic/quic-internal.h"

/* What the far side's reason means to whoever dials or holds a session. */
static int error_of(const quic_conn *c, const quic_shim_reason *reason) {
        uint64_t alert = reason->code - NGTCP2_CRYPTO_ERROR;

        if (c->state == QUIC_READY && (c->is_confirmed || reason->is_application))
                return -ECONNRESET; /* its code says why */
        if (reason->is_application)
                return reason->code == P2P_CONN_GATED ? -EKEYREJECTED : -ECONNRESET;
        if (reason->code == NGTCP2_CONNECTION_REFUSED)
                return -ECONNREFUSED;
        if (reason->code < NGTCP2_CRYPTO_ERROR || alert > 255)
                return -ECONNRESET;
        /* go-libp2p answers a foreign application protocol with internal_error [run] */
        return alert == GNUTLS_A_INTERNAL_ERROR ? -EPROTONOSUPPORT : p2p_cert_alert_error((uint8_t) alert);
}

static void on_drained(quic_conn *c) {
        quic_shim_reason reason = quic_shim_get_reason(c->lib);
        uint32_t code = 0;

        if (reason.is_application)
                code = reason.code > UINT32_MAX ? P2P_CONN_PROTOCOL_ERROR : (uint32_t) reason.code;
        quic_tomb_new(c, (p2p_view) {});
        quic_conn_end(c, error_of(c, &reason), code);
}

/* What GnuTLS found by itself as a client: the library tells no more of it than the far side is told. */
static int error_behind(uint64_t alert) {
        switch (alert) {
        case GNUTLS_A_BAD_CERTIFICATE:
                return -EBADMSG;
        case GNUTLS_A_RECORD_OVERFLOW:
                return -EMSGSIZE;
        case GNUTLS_A_DECRYPT_ERROR: /* who shows the certificate does not hold its key */
        case GNUTLS_A_CERTIFICATE_REQUIRED:
                return -EKEYREJECTED;
        case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
        case GNUTLS_A_NO_APPLICATION_PROTOCOL:
                return -EPROTONOSUPPORT;
        default:
                return -EPROTO;
        }
}

void quic_conn_on_error(quic_conn *c, int lib_error) {
        quic_shim_close close = { QUIC_CLOSE_LIBRARY, (uint64_t) (int64_t) lib_error };

        if (c->state == QUIC_ENDED)
                return;
        switch (lib_error) {
        case NGTCP2_ERR_DRAINING:
                on_drained(c);
                return;
        case NGTCP2_ERR_IDLE_CLOSE:
        case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
                quic_conn_end(c, -ETIMEDOUT, 0);
                return;
        case NGTCP2_ERR_RETRY: /* a guest's was no hello */
        case NGTCP2_ERR_DROP_CONN:
                quic_conn_end(c, quic_conn_is_guest(c) ? 0 : -ECONNRESET, 0);
                return;
        case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
        case NGTCP2_ERR_VERSION_NEGOTIATION_FAILURE:
                quic_conn_end(c, -EPROTONOSUPPORT, 0);
                return;
        case NGTCP2_ERR_NOMEM:
                quic_conn_fail(c, -ENOMEM, &close);
                return;
        case NGTCP2_ERR_CRYPTO:
                close = (quic_shim_close) { QUIC_CLOSE_ALERT, ngtcp2_conn_get_tls_alert(c->lib) };
                quic_conn_fail(c, c->refusal < 0 ? c->refusal : error_behind(close.code), &close);
                return;
        case NGTCP2_ERR_CALLBACK_FAILURE:
                if (c->refusal < 0)
                        close = c->alert ? (quic_shim_close) { QUIC_CLOSE_ALERT, c->alert }
                                         : (quic_shim_close) { QUIC_CLOSE_APPLICATION,
                                                               P2P_CONN_RESOURCE_LIMIT_EXCEEDED };
                quic_conn_fail(c, c->refusal < 0 ? c->refusal : -ENOMEM, &close);
                return;
        default:
                quic_conn_fail(c, -EPROTO, &close);
        }
}
