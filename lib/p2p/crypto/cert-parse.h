/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A libp2p certificate cut into what is judged. Pure. */

#include <p2p/view.h>

#define P2P_CERT_SIGNED_PREFIX "libp2p-tls-handshake:" /* before the certificate's key, without a NUL */
#define P2P_CERT_TIME_SIZE     14u                     /* YYYYMMDDHHMMSS, which compares as text */

/* Views into the certificate. */
typedef struct p2p_cert_parts {
        p2p_view tbs;       /* what the certificate's own signature is over */
        p2p_view algorithm; /* the OID of that signature */
        p2p_view signature;
        p2p_view spki; /* the certificate's key, whole: what the host key signed */
        char not_before[P2P_CERT_TIME_SIZE], not_after[P2P_CERT_TIME_SIZE];
        p2p_view host_key, host_signature; /* out of the extension */
} p2p_cert_parts;

/* -EBADMSG: not DER, not X.509 version 3, without the extension, with it twice, with an unknown critical
 * one, or for another use than this. */
int p2p_cert_parse(p2p_view der, p2p_cert_parts *ret);
