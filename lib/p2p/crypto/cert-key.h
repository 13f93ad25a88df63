/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Public keys of every kind that we meet in certificates, not only our own kind. */

#include <gnutls/abstract.h>

#include <p2p/identity.h>

#define P2P_RSA_BITS_MIN 2048u
#define P2P_RSA_BITS_MAX 8192u /* go-libp2p's; verifying grows with it */
#define P2P_RSA_EXPONENT_MAX 4u /* bytes; go takes 31 bits. Verifying grows with it, a thousandfold */

/* Verifies what a host key (its protobuf) signed, and gives the peer id that follows from the key.
 * -EPROTONOSUPPORT: a kind that cannot be verified here; -EBADMSG: no key; -EKEYREJECTED: a false signature.
 * *ret_type is set in any case. */
int p2p_host_key_verify(p2p_view key, p2p_view message, p2p_view signature, p2p_peer_id *ret,
                        p2p_key_type *ret_type);

/* A SubjectPublicKeyInfo in its one encoding. -EBADMSG; -EPROTONOSUPPORT: another kind than RSA of a fair
 * size, ECDSA on a NIST curve from P-256 on, or Ed25519. */
int p2p_spki_import(p2p_view spki, gnutls_pubkey_t *ret);
/* Verifying with it would take far longer than with an honest one. */
bool p2p_pubkey_is_costly(gnutls_pubkey_t key);
/* 0, or -EKEYREJECTED. */
int p2p_spki_verify(gnutls_pubkey_t key, gnutls_sign_algorithm_t algorithm, p2p_view message,
                    p2p_view signature);

/* For _cleanup_(). */
void p2p_spki_done(gnutls_pubkey_t *key);
