/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The certificates of libp2p's TLS (wire reference 6) [specs/tls]: ours, and the judgement of a peer's. TLS
 * over channels and QUIC share them.
 */

#include <gnutls/gnutls.h>

#include <p2p/identity.h>

#define P2P_CERT_MAX 8192u /* of a peer's; one with an RSA key of 8192 bits needs about 4 KiB */

/* Of our own: one certificate an identity and process, made at the first use and freed with the identity. */
typedef struct p2p_cert {
        gnutls_certificate_credentials_t credentials;
        gnutls_priority_t priority;      /* of TLS over a channel */
        gnutls_priority_t quic_priority; /* without the compatibility mode, which QUIC forbids */
} p2p_cert;

/* Borrowed from the identity. A session may outlive it once its handshake is over and its credentials are
 * cleared. */
int p2p_cert_of(const p2p_identity *identity, const p2p_cert **ret);

/* A session with our certificate, which asks for the peer's: TLS 1.3 only, no name, no ticket, no early
 * data. `flags` are added to GNUTLS_SERVER or GNUTLS_CLIENT. What is left to the caller: its verify function
 * (below), its ALPN and how bytes move. */
int p2p_cert_session_new(const p2p_identity *identity, bool quic, unsigned flags, gnutls_session_t *ret);

/* Set for every session: ends the handshake where a peer's certificate has a key that nobody here verifies
 * with, before GnuTLS does. A hook for GNUTLS_HANDSHAKE_CERTIFICATE_PKT. */
int p2p_cert_on_message(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                        const gnutls_datum_t *message);

/* The same for sessions with servers of the Web, whose certificates are otherwise GnuTLS's business. */
int p2p_cert_on_web_message(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                            const gnutls_datum_t *message);

/* For a verify function: judges what the peer of the session sent. -EKEYREJECTED: no certificate, a false or
 * expired one, or somebody else than `expected` (which may be NULL); -EBADMSG, -EMSGSIZE, -EPROTONOSUPPORT
 * as below. */
int p2p_cert_verify_session(gnutls_session_t session, const p2p_peer_id *expected, p2p_peer_id *ret);

/* Judges one certificate, given as DER, at a time in seconds since 1970. -EBADMSG: malformed, or not as
 * libp2p wants it; -EKEYREJECTED: a false signature, or the time is not within its validity;
 * -EPROTONOSUPPORT: a key or a signature of a kind that we cannot verify. *ret_type names the kind of the
 * peer's key, also on failure (_P2P_KEY_TYPE_MAX: none was read); it may be NULL. */
int p2p_cert_verify(p2p_view der, int64_t now_sec, p2p_peer_id *ret, p2p_key_type *ret_type);

/* Why a handshake ended, in the words of error.h: by an error of GnuTLS's, and by an alert of the far side's
 * [RFC 8446, section 6]. */
int p2p_cert_handshake_error(int gnutls_error);
int p2p_cert_alert_error(uint8_t alert);

/* AES-128-GCM is the fastest cipher of this machine: it has instructions for it. */
bool p2p_cert_prefers_aes(void);
