/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A far side that is nothing but GnuTLS over a channel: with whatever certificate, names and versions a test
 * wants. */

#include <p2p/channel.h>

#include "tests/support/forge.h"

typedef struct plain_tls_options {
        bool is_client;
        const char *priority;         /* NULL: TLS 1.3 and all that GnuTLS likes */
        const char *const *names;     /* ALPN, NULL-terminated; NULL: the extension is not sent */
        const p2p_identity *identity; /* NULL: no certificate */
        const forge *certificate;     /* of that identity */
        unsigned unheld_bits;         /* > 0: forge_unheld_certificate() instead */
        unsigned unheld_exponent;
        unsigned n_chain;             /* how often it is in the chain; 0: once */
        unsigned flags;               /* more of gnutls_init()'s */
} plain_tls_options;

typedef struct plain_tls {
        p2p_channel *channel; /* owned */
        gnutls_session_t session;
        gnutls_certificate_credentials_t credentials;
        int handshake; /* 1: done; 0: not yet; < 0: GnuTLS's error */
        int alert;     /* heard; -1: none */
} plain_tls;

void plain_tls_init(plain_tls *t, p2p_channel *channel, const plain_tls_options *options);
/* As far as it goes now. Returns .handshake. */
int plain_tls_handshake(plain_tls *t);
/* What is there: bytes, 0 at the end, or an error of GnuTLS's, GNUTLS_E_AGAIN too. */
ssize_t plain_tls_read(plain_tls *t, void *data, size_t n);
ssize_t plain_tls_write(plain_tls *t, const void *data, size_t n);
void plain_tls_done(plain_tls *t);
