/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* GnuTLS sessions for wss. */

#include <gnutls/gnutls.h>
#include <stdbool.h>

#include <p2p/web-tls.h>

bool p2p_web_tls_can_serve(const p2p_web_tls *tls);

/* A session with our credentials, TLS 1.2 or later, ALPN "http/1.1"; how bytes move is left to the
 * caller. name: as in ws-tls-channel.h, borrowed for the session's life; it is judged in the handshake. */
int p2p_web_tls_session_new_server(const p2p_web_tls *tls, gnutls_session_t *ret);
int p2p_web_tls_session_new_client(const p2p_web_tls *tls, const char *name, gnutls_session_t *ret);
/* Lets go of the credentials. Once its handshake is over, and before gnutls_deinit(). */
void p2p_web_tls_session_settle(gnutls_session_t session);
