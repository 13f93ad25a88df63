/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Certificates as libp2p's TLS wants them, with one thing wrong at a time: for tests of whoever judges them.
 */

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <p2p/identity.h>

typedef struct forge {
        const char *name;
        int expect; /* of p2p_cert_verify() */
        /* The host key, which makes the id: Ed25519 unless these say otherwise. */
        gnutls_pk_algorithm_t host; /* GNUTLS_PK_UNKNOWN: Ed25519 */
        unsigned host_bits;
        /* The certificate's key: P-256 unless these say otherwise. */
        gnutls_pk_algorithm_t pk;
        unsigned bits;
        gnutls_digest_algorithm_t digest; /* GNUTLS_DIG_UNKNOWN: SHA-256 */
        int from, until;                  /* seconds around now; both 0: an hour before, a day after */
        unsigned extensions;              /* how often it is there, plus one; 0: once */
        unsigned n_serial;                /* bytes of it; 0: four */
        bool version_1;
        bool critical, trailing_byte, nested_trailing_byte;
        bool wrong_prefix, bare_key, wrong_host_signature, foreign_self_signature;
        const char *extra_oid; /* one extension more */
        const uint8_t *extra;
        size_t n_extra;
        bool extra_critical;
} forge;

/* Makes the certificate and its key, but not what only forge_der() can do: version 1, the extension twice.
 * The identity is the Ed25519 host key; fails a test on any error. */
void forge_certificate(const forge *f, const p2p_identity *identity, gnutls_x509_crt_t *ret,
                       gnutls_x509_privkey_t *ret_key);
/* The same with an RSA key that nobody holds, of that many bits and with an exponent of that many bytes. What
 * is signed with ret_key is noise of the right size. */
void forge_unheld_certificate(unsigned bits, unsigned exponent_size, const p2p_identity *identity,
                              gnutls_x509_crt_t *ret, gnutls_privkey_t *ret_key);
/* Its DER, of at most `size` bytes; returns how many. */
size_t forge_der(const forge *f, const p2p_identity *identity, uint8_t *out, size_t size);

/* Known extensions in DER, for the fields above. */
#define FORGE_KEY_USAGE          "2.5.29.15"
#define FORGE_BASIC_CONSTRAINTS  "2.5.29.19"
#define FORGE_EXTENDED_KEY_USAGE "2.5.29.37"

/* What a peer's TLS must refuse, and what it must take. */
extern const forge forge_refused[];
extern const size_t forge_n_refused;
extern const forge forge_accepted[];
extern const size_t forge_n_accepted;
