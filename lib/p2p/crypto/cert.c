/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Our certificate, and sessions with it (wire reference 6) [specs/tls].
 *
 * A P-256 key of this process, vouched for by the identity. The certificate has the one extension and no
 * other: what go, rust and js accept differs in all the rest. It is made once and lives in the identity's
 * slot.
 */

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/cert-key.h"
#include "crypto/cert-parse.h"
#include "crypto/cert.h"
#include "crypto/identity-slot.h"
#include "wire/writer.h"

#define OID_LIBP2P        "1.3.6.1.4.1.53594.1.1"
#define OID_SERIAL_NUMBER "2.5.4.5"
#define SPKI_MAX          128u /* of P-256: 91 bytes */
#define SIGNED_KEY_SIZE   (2u + 2u + P2P_PUBLIC_KEY_MAX + 2u + P2P_SIGNATURE_SIZE)
#define HOUR              3600
#define CENTURY           (100LL * 365 * 24 * HOUR)

_Static_assert(SIGNED_KEY_SIZE - 2 < 0x80, "lengths of one byte");

/* Cipher suites follow by what this machine is fast at; a server then takes the client's order. */
#define PRIORITY(ciphers)                                                                                   \
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:" ciphers ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:"  \
        "+GROUP-SECP384R1:-SIGN-ALL:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-EDDSA-ED25519:"                      \
        "+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SECP521R1-SHA512:+SIGN-RSA-PSS-RSAE-SHA256:"              \
        "+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-PSS-RSAE-SHA512"
#define AES_FIRST    "+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"
#define CHACHA_FIRST "+CHACHA20-POLY1305:+AES-128-GCM:+AES-256-GCM"

static void privkey_done(gnutls_privkey_t *key) {
        if (*key)
                gnutls_privkey_deinit(*key);
}

static void x509_key_done(gnutls_x509_privkey_t *key) {
        if (*key)
                gnutls_x509_privkey_deinit(*key);
}

static void crt_done(gnutls_x509_crt_t *crt) {
        if (*crt)
                gnutls_x509_crt_deinit(*crt);
}

bool p2p_cert_prefers_aes(void) {
        return sodium_init() >= 0 &&
               crypto_aead_aes256gcm_is_available(); /* asks the CPU: AES and carry-less multiplication */
}

/* SEQUENCE { OCTET STRING host key, OCTET STRING its signature over the certificate's key } */
static int make_signed_key(const p2p_identity *identity, gnutls_x509_privkey_t key,
                           uint8_t out[static SIGNED_KEY_SIZE]) {
        _cleanup_(privkey_done) gnutls_privkey_t private_key = NULL;
        _cleanup_(p2p_spki_done) gnutls_pubkey_t public_key = NULL;
        uint8_t message[sizeof(P2P_CERT_SIGNED_PREFIX) - 1 + SPKI_MAX], encoded[P2P_PUBLIC_KEY_MAX];
        uint8_t signature[P2P_SIGNATURE_SIZE];
        size_t n_prefix = sizeof(P2P_CERT_SIGNED_PREFIX) - 1, n_spki = SPKI_MAX;
        p2p_writer w = P2P_WRITER(out, SIGNED_KEY_SIZE);

        if (gnutls_privkey_init(&private_key) < 0 || gnutls_pubkey_init(&public_key) < 0)
                return -ENOMEM;
        memcpy(message, P2P_CERT_SIGNED_PREFIX, n_prefix);
        if (gnutls_privkey_import_x509(private_key, key, 0) < 0 ||
            gnutls_pubkey_import_privkey(public_key, private_key, 0, 0) < 0 ||
            gnutls_pubkey_export(public_key, GNUTLS_X509_FMT_DER, message + n_prefix, &n_spki) < 0)
                return -ENOMEM;
        p2p_identity_sign(identity, P2P_VIEW(message, n_prefix + n_spki), signature);

        p2p_write_u8(&w, 0x30);
        p2p_write_u8(&w, SIGNED_KEY_SIZE - 2);
        p2p_write_u8(&w, 0x04);
        p2p_write_prefixed(&w, p2p_public_key_encode(p2p_identity_public_key(identity), encoded));
        p2p_write_u8(&w, 0x04);
        p2p_write_prefixed(&w, P2P_VIEW(signature, sizeof(signature)));
        return w.error;
}

/* Both names are the serial number: one that is empty, rust takes, others may not. */
static int fill_crt(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, p2p_view signed_key) {
        time_t now = time(NULL);
        uint8_t serial[8];
        char name[2 * sizeof(serial) + 1];

        if (gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)) < 0)
                return -ENOENT;
        serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, and of 8 bytes */
        sodium_bin2hex(name, sizeof(name), serial, sizeof(serial));

        if (gnutls_x509_crt_set_version(crt, 3) < 0 ||
            gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)) < 0 ||
            gnutls_x509_crt_set_activation_time(crt, now - HOUR) < 0 ||
            gnutls_x509_crt_set_expiration_time(crt, (time_t) (now + CENTURY)) < 0 ||
            gnutls_x509_crt_set_dn_by_oid(crt, OID_SERIAL_NUMBER, 0, name, strlen(name)) < 0 ||
            gnutls_x509_crt_set_issuer_dn_by_oid(crt, OID_SERIAL_NUMBER, 0, name, strlen(name)) < 0 ||
            gnutls_x509_crt_set_key(crt, key) < 0 ||
            gnutls_x509_crt_set_extension_by_oid(crt, OID_LIBP2P, signed_key.data, signed_key.n, 0) < 0 ||
            gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) < 0)
                return -ENOMEM;
        return 0;
}

static int make_certificate(const p2p_identity *identity, gnutls_certificate_credentials_t credentials) {
        _cleanup_(x509_key_done) gnutls_x509_privkey_t key = NULL;
        _cleanup_(crt_done) gnutls_x509_crt_t crt = NULL;
        uint8_t signed_key[SIGNED_KEY_SIZE];
        int r;

        if (gnutls_x509_privkey_init(&key) < 0 || gnutls_x509_crt_init(&crt) < 0 ||
            gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) < 0)
                return -ENOMEM;
        r = make_signed_key(identity, key, signed_key);
        if (r < 0)
                return r;
        r = fill_crt(crt, key, P2P_VIEW(signed_key, sizeof(signed_key)));
        if (r < 0)
                return r;
        return gnutls_certificate_set_x509_key(credentials, &crt, 1, key) < 0 ? -ENOMEM : 0;
}

/* For a session whose owner forgot to judge: nobody is accepted. */
static int refuse_all(gnutls_session_t session _unused_) {
        return GNUTLS_E_CERTIFICATE_ERROR;
}

static void cert_free(void *data) {
        p2p_cert *cert = data;

        if (cert->credentials)
                gnutls_certificate_free_credentials(cert->credentials);
        if (cert->priority)
                gnutls_priority_deinit(cert->priority);
        if (cert->quic_priority)
                gnutls_priority_deinit(cert->quic_priority);
        free(cert);
}

static int make_priorities(p2p_cert *cert) {
        bool aes = p2p_cert_prefers_aes();
        const char *ours = aes ? PRIORITY(AES_FIRST) : PRIORITY(CHACHA_FIRST);
        const char *quic = aes ? PRIORITY(AES_FIRST) ":%DISABLE_TLS13_COMPAT_MODE"
                               : PRIORITY(CHACHA_FIRST) ":%DISABLE_TLS13_COMPAT_MODE";

        if (gnutls_priority_init(&cert->priority, ours, NULL) < 0 ||
            gnutls_priority_init(&cert->quic_priority, quic, NULL) < 0)
                return -EPROTONOSUPPORT; /* the system's policy forbids what we need */
        return 0;
}

int p2p_cert_of(const p2p_identity *identity, const p2p_cert **ret) {
        p2p_identity_slot *slot = p2p_identity_slot_of(identity);
        p2p_cert *cert;
        int r;

        if (slot->data) {
                *ret = slot->data;
                return 0;
        }
        cert = calloc(1, sizeof(*cert));
        if (!cert)
                return -ENOMEM;
        r = gnutls_certificate_allocate_credentials(&cert->credentials) < 0 ? -ENOMEM
                                                                            : make_priorities(cert);
        if (r == 0)
                r = make_certificate(identity, cert->credentials);
        if (r < 0) {
                cert_free(cert);
                return r;
        }
        gnutls_certificate_set_verify_function(cert->credentials, refuse_all);

        *slot = (p2p_identity_slot){ .data = cert, .free = cert_free };
        *ret = cert;
        return 0;
}

int p2p_cert_session_new(const p2p_identity *identity, bool quic, unsigned flags, gnutls_session_t *ret) {
        const p2p_cert *cert;
        gnutls_session_t session;
        int r;

        r = p2p_cert_of(identity, &cert);
        if (r < 0)
                return r;
        flags |= GNUTLS_NO_TICKETS | GNUTLS_NO_AUTO_SEND_TICKET;
        if (flags & GNUTLS_CLIENT)
                flags |= GNUTLS_FORCE_CLIENT_CERT |
                         GNUTLS_KEY_SHARE_TOP; /* one share: everybody has X25519 */
        if (gnutls_init(&session, flags) < 0)
                return -ENOMEM;
        if (gnutls_priority_set(session, quic ? cert->quic_priority : cert->priority) < 0 ||
            gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cert->credentials) < 0) {
                gnutls_deinit(session);
                return -ENOMEM;
        }
        gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_CERTIFICATE_PKT, GNUTLS_HOOK_POST,
                                           p2p_cert_on_message);
        if (flags & GNUTLS_SERVER)
                gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        *ret = session;
        return 0;
}
