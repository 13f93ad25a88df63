/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * TLS 1.3 records behind a handshake [RFC 8446, section 5]: sealed and opened where they lie, with GnuTLS's
 * ciphers and the secrets that its handshake agreed on.
 */

#include "secure/sealed-format.h"
#include "secure/tls-cipher.h"

#define P2P_TLS_HEAD_SIZE  5u
#define P2P_TLS_PLAIN_MAX  16384u                                         /* RFC 8446, 5.1 */
#define P2P_TLS_OVERHEAD   (P2P_TLS_HEAD_SIZE + 1u + 16u)                 /* head, type, tag */
#define P2P_TLS_RECORD_MAX (P2P_TLS_HEAD_SIZE + P2P_TLS_PLAIN_MAX + 256u) /* RFC 8446, 5.2 */
/* Records under one key: RFC 8446, 5.5 allows 2^24.5 for AES-GCM. */
#define P2P_TLS_KEY_RECORDS_MAX (1u << 23)
#define P2P_TLS_IDLE_MAX        32u /* arbitrary: a server sends a few tickets, nobody more than that */

typedef struct p2p_tls_state {
        p2p_tls_cipher in, out;
        bool update_due; /* the far side asked for a new key of ours */
        unsigned n_idle; /* records in a row that carried no data */
        uint8_t head[4]; /* of a handshake message: its type and size */
        uint32_t n_head, n_left;
} p2p_tls_state;

/* secrets: the client's and the server's application traffic secret, of the size of the suite's hash.
 * -EPROTONOSUPPORT: a cipher that is not ours. */
int p2p_tls_state_new(gnutls_cipher_algorithm_t algorithm, gnutls_digest_algorithm_t hash,
                      p2p_view in_secret, p2p_view out_secret, p2p_tls_state **ret);

/* Of p2p_tls_state. More than P2P_TLS_IDLE_MAX records in a row without data are -EPROTO. Besides its own,
 * open() returns -EKEYREJECTED where an alert says that our certificate was refused. */
extern const p2p_seal_format p2p_tls_format;
