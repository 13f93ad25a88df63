/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What ends a handshake of TLS, in the words of error.h: the same over a channel and in QUIC.
 */

#include <errno.h>

#include "crypto/cert.h"

int p2p_cert_handshake_error(int gnutls_error) {
        switch (gnutls_error) {
        case GNUTLS_E_NO_CERTIFICATE_FOUND:
        case GNUTLS_E_CERTIFICATE_REQUIRED:
        case GNUTLS_E_CERTIFICATE_ERROR:
        case GNUTLS_E_PK_SIG_VERIFY_FAILED: /* who shows the certificate does not hold its key */
                return -EKEYREJECTED;
        case GNUTLS_E_NO_APPLICATION_PROTOCOL:
        case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
        case GNUTLS_E_NO_CIPHER_SUITES:
        case GNUTLS_E_NO_COMMON_KEY_SHARE:
        case GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM:
        case GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE:
                return -EPROTONOSUPPORT;
        case GNUTLS_E_MEMORY_ERROR:
                return -ENOMEM;
        case GNUTLS_E_HANDSHAKE_TOO_LARGE:
        case GNUTLS_E_RECORD_OVERFLOW:
                return -EMSGSIZE;
        case GNUTLS_E_UNEXPECTED_PACKET:
        case GNUTLS_E_UNEXPECTED_HANDSHAKE_PACKET:
                return -EPROTO;
        default:
                return -EBADMSG;
        }
}

int p2p_cert_alert_error(uint8_t alert) {
        switch (alert) {
        case GNUTLS_A_BAD_CERTIFICATE ... GNUTLS_A_CERTIFICATE_UNKNOWN:
        case GNUTLS_A_UNKNOWN_CA:
        case GNUTLS_A_ACCESS_DENIED:
        case GNUTLS_A_CERTIFICATE_REQUIRED:
                return -EKEYREJECTED;
        case GNUTLS_A_HANDSHAKE_FAILURE:
        case GNUTLS_A_PROTOCOL_VERSION:
        case GNUTLS_A_INSUFFICIENT_SECURITY:
        case GNUTLS_A_NO_APPLICATION_PROTOCOL:
                return -EPROTONOSUPPORT;
        default:
                return -EPROTO;
        }
}
