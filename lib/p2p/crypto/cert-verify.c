/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The judgement of a peer's certificate (wire reference 6) [specs/tls].
 *
 * TLS proves that the peer holds the certificate's key; the extension proves that the host key vouches for
 * that key. The certificate's own signature is checked too, as rust does and go does not: then nothing in it
 * can be another's.
 *
 * GnuTLS verifies with the certificate's key before anybody may judge it, and knows no key that is too
 * large: it would calculate for minutes. So a look at the key comes before that.
 */

#include <errno.h>
#include <time.h>

#include "crypto/cert-key.h"
#include "crypto/cert-parse.h"
#include "crypto/cert.h"
#include "wire/reader.h"
#include "wire/writer.h"

static const struct {
        p2p_view oid;
        gnutls_sign_algorithm_t algorithm;
} algorithms[] = {
        { { (const uint8_t *) "\x2a\x86\x48\xce\x3d\x04\x03\x02", 8 },     GNUTLS_SIGN_ECDSA_SHA256  },
        { { (const uint8_t *) "\x2a\x86\x48\xce\x3d\x04\x03\x03", 8 },     GNUTLS_SIGN_ECDSA_SHA384  },
        { { (const uint8_t *) "\x2a\x86\x48\xce\x3d\x04\x03\x04", 8 },     GNUTLS_SIGN_ECDSA_SHA512  },
        { { (const uint8_t *) "\x2b\x65\x70", 3 },                         GNUTLS_SIGN_EDDSA_ED25519 },
        { { (const uint8_t *) "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 9 }, GNUTLS_SIGN_RSA_SHA256    },
        { { (const uint8_t *) "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", 9 }, GNUTLS_SIGN_RSA_SHA384    },
        { { (const uint8_t *) "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", 9 }, GNUTLS_SIGN_RSA_SHA512    },
};

static int check_time(const p2p_cert_parts *parts, int64_t now_sec) {
        time_t seconds = (time_t) now_sec;
        char now[P2P_CERT_TIME_SIZE + 2];
        struct tm tm;

        if (!gmtime_r(&seconds, &tm) ||
            strftime(now, sizeof(now), "%Y%m%d%H%M%S", &tm) != P2P_CERT_TIME_SIZE)
                return -EKEYREJECTED; /* a clock beyond all validity */
        if (memcmp(now, parts->not_before, P2P_CERT_TIME_SIZE) < 0 ||
            memcmp(now, parts->not_after, P2P_CERT_TIME_SIZE) > 0)
                return -EKEYREJECTED;
        return 0;
}

static int check_own_signature(const p2p_cert_parts *parts) {
        _cleanup_(p2p_spki_done) gnutls_pubkey_t key = NULL;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(algorithms); i++) {
                if (!p2p_view_equal(algorithms[i].oid, parts->algorithm))
                        continue;
                r = p2p_spki_import(parts->spki, &key);
                if (r < 0)
                        return r;
                return p2p_spki_verify(key, algorithms[i].algorithm, parts->tbs, parts->signature);
        }
        return -EPROTONOSUPPORT;
}

static int check_host_key(const p2p_cert_parts *parts, p2p_peer_id *ret, p2p_key_type *ret_type) {
        uint8_t message[sizeof(P2P_CERT_SIGNED_PREFIX) + P2P_CERT_MAX];
        p2p_writer w = P2P_WRITER(message, sizeof(message));

        p2p_write_bytes(&w, P2P_VIEW_STR(P2P_CERT_SIGNED_PREFIX));
        p2p_write_bytes(&w, parts->spki);
        if (w.error < 0)
                return -EMSGSIZE;
        return p2p_host_key_verify(parts->host_key, P2P_VIEW(message, w.n), parts->host_signature, ret,
                                   ret_type);
}

int p2p_cert_verify(p2p_view der, int64_t now_sec, p2p_peer_id *ret, p2p_key_type *ret_type) {
        p2p_key_type type = _P2P_KEY_TYPE_MAX;
        p2p_cert_parts parts;
        p2p_peer_id peer;
        int r;

        if (ret_type)
                *ret_type = type;
        if (der.n > P2P_CERT_MAX)
                return -EMSGSIZE;
        r = p2p_cert_parse(der, &parts);
        if (r < 0)
                return r;

        r = check_host_key(&parts, &peer, &type); /* first, so that a foreign kind is named */
        if (ret_type)
                *ret_type = type;
        if (r == 0)
                r = check_time(&parts, now_sec);
        if (r == 0)
                r = check_own_signature(&parts);
        if (r < 0)
                return r;
        *ret = peer;
        return 0;
}

/* The first certificate of a message [RFC 8446, section 4.4.2]; empty where there is none. */
static int first_of(p2p_view message, p2p_view *ret) {
        p2p_reader rd = P2P_READER(message);
        size_t n;

        (void) p2p_read_bytes(&rd, p2p_read_u8(&rd)); /* context */
        n = (size_t) p2p_read_u8(&rd) << 16;
        n |= p2p_read_be16(&rd);
        if (rd.error == 0 && n > 0) {
                n = (size_t) p2p_read_u8(&rd) << 16;
                n |= p2p_read_be16(&rd);
        }
        *ret = p2p_read_bytes(&rd, n);
        return rd.error;
}

static int check_message(p2p_view message) {
        _cleanup_(p2p_spki_done) gnutls_pubkey_t key = NULL;
        p2p_cert_parts parts;
        p2p_view der;
        int r;

        r = first_of(message, &der);
        if (r < 0 || der.n == 0)
                return r;
        if (der.n > P2P_CERT_MAX)
                return -EMSGSIZE;
        r = p2p_cert_parse(der, &parts);
        return r < 0 ? r : p2p_spki_import(parts.spki, &key);
}

int p2p_cert_on_message(gnutls_session_t session _unused_, unsigned type _unused_, unsigned when _unused_,
                        unsigned incoming, const gnutls_datum_t *message) {
        if (!incoming)
                return 0;
        switch (check_message(P2P_VIEW(message->data, message->size))) {
        case 0:
                return 0;
        case -EMSGSIZE:
                return GNUTLS_E_RECORD_OVERFLOW;
        case -EPROTONOSUPPORT:
                return GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE;
        case -ENOMEM:
                return GNUTLS_E_MEMORY_ERROR;
        }
        return GNUTLS_E_ASN1_DER_ERROR;
}

/* TLS 1.2 asks for a judgement first. */
int p2p_cert_on_web_message(gnutls_session_t session, unsigned type _unused_, unsigned when _unused_,
                            unsigned incoming, const gnutls_datum_t *message) {
        gnutls_datum_t der;
        gnutls_pcert_st cert;
        bool costly;
        p2p_view view;

        if (!incoming || gnutls_protocol_get_version(session) != GNUTLS_TLS1_3)
                return 0;
        if (first_of(P2P_VIEW(message->data, message->size), &view) < 0)
                return GNUTLS_E_UNEXPECTED_PACKET_LENGTH;
        der = (gnutls_datum_t){ (unsigned char *) view.data, (unsigned) view.n };
        if (view.n == 0 || gnutls_pcert_import_x509_raw(&cert, &der, GNUTLS_X509_FMT_DER, 0) < 0)
                return 0; /* GnuTLS cannot use it either */
        costly = p2p_pubkey_is_costly(cert.pubkey);
        gnutls_pcert_deinit(&cert);
        return costly ? GNUTLS_E_INSUFFICIENT_SECURITY : 0;
}

int p2p_cert_verify_session(gnutls_session_t session, const p2p_peer_id *expected, p2p_peer_id *ret) {
        const gnutls_datum_t *chain;
        p2p_peer_id peer;
        unsigned n = 0;
        int r;

        if (gnutls_certificate_type_get(session) != GNUTLS_CRT_X509)
                return -EKEYREJECTED;
        chain = gnutls_certificate_get_peers(session, &n);
        if (!chain || n != 1)
                return -EKEYREJECTED;

        r = p2p_cert_verify(P2P_VIEW(chain->data, chain->size), time(NULL), &peer, NULL);
        if (r < 0)
                return r;
        if (expected && !p2p_peer_id_equal(expected, &peer))
                return -EKEYREJECTED;
        *ret = peer;
        return 0;
}
