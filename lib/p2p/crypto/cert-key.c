/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Foreign keys, through GnuTLS: RSA and ECDSA, which sign over SHA-256; Ed25519 stays with libsodium. GnuTLS
 * has no secp256k1: such a peer is refused, and named, after its key was read [specs/peer-ids; wire
 * reference 2].
 *
 * A key has one encoding and only that is read, so the id is the hash of what was received: what GnuTLS read
 * is written again and must be the same bytes.
 */

#include <errno.h>

#include "crypto/cert-key.h"
#include "crypto/hash.h"
#include "crypto/key-message.h"
#include "wire/multihash.h"
#include "wire/reader.h"
#include "wire/writer.h"

#define INLINED_MAX 42u /* specs/peer-ids: a longer key is hashed */

void p2p_spki_done(gnutls_pubkey_t *key) {
        if (*key)
                gnutls_pubkey_deinit(*key);
}

static gnutls_datum_t datum_of(p2p_view v) {
        return (gnutls_datum_t){ .data = (unsigned char *) v.data, .size = (unsigned) v.n };
}

bool p2p_pubkey_is_costly(gnutls_pubkey_t key) {
        gnutls_datum_t exponent;
        unsigned bits;
        int algorithm;

        algorithm = gnutls_pubkey_get_pk_algorithm(key, &bits);
        if (algorithm != GNUTLS_PK_RSA && algorithm != GNUTLS_PK_RSA_PSS)
                return false; /* curves are of a size */
        if (bits > P2P_RSA_BITS_MAX ||
            gnutls_pubkey_export_rsa_raw2(key, NULL, &exponent, GNUTLS_EXPORT_FLAG_NO_LZ) < 0)
                return true;
        gnutls_free(exponent.data);
        return exponent.size > P2P_RSA_EXPONENT_MAX;
}

static int check_kind(gnutls_pubkey_t key) {
        gnutls_ecc_curve_t curve;
        unsigned bits;

        switch (gnutls_pubkey_get_pk_algorithm(key, &bits)) {
        case GNUTLS_PK_RSA:
                return bits >= P2P_RSA_BITS_MIN && !p2p_pubkey_is_costly(key) ? 0 : -EPROTONOSUPPORT;
        case GNUTLS_PK_ECDSA:
                if (gnutls_pubkey_export_ecc_raw(key, &curve, NULL, NULL) < 0)
                        return -EPROTONOSUPPORT;
                return curve == GNUTLS_ECC_CURVE_SECP256R1 || curve == GNUTLS_ECC_CURVE_SECP384R1 ||
                                       curve == GNUTLS_ECC_CURVE_SECP521R1
                               ? 0
                               : -EPROTONOSUPPORT;
        case GNUTLS_PK_EDDSA_ED25519:
                return 0;
        default:
                return -EPROTONOSUPPORT;
        }
}

static int check_canonical(gnutls_pubkey_t key, p2p_view spki) {
        gnutls_datum_t again;
        bool equal;

        if (gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &again) < 0)
                return -EBADMSG;
        equal = p2p_view_equal(P2P_VIEW(again.data, again.size), spki);
        gnutls_free(again.data);
        return equal ? 0 : -EBADMSG;
}

int p2p_spki_import(p2p_view spki, gnutls_pubkey_t *ret) {
        _cleanup_(p2p_spki_done) gnutls_pubkey_t key = NULL;
        gnutls_datum_t in = datum_of(spki);
        int r;

        if (gnutls_pubkey_init(&key) < 0)
                return -ENOMEM;
        r = gnutls_pubkey_import(key, &in, GNUTLS_X509_FMT_DER);
        if (r < 0)
                return r == GNUTLS_E_UNKNOWN_PK_ALGORITHM || r == GNUTLS_E_ECC_UNSUPPORTED_CURVE
                               ? -EPROTONOSUPPORT
                               : -EBADMSG;
        r = check_kind(key);
        if (r == 0)
                r = check_canonical(key, spki);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(key);
        return 0;
}

int p2p_spki_verify(gnutls_pubkey_t key, gnutls_sign_algorithm_t algorithm, p2p_view message,
                    p2p_view signature) {
        gnutls_datum_t in = datum_of(message), by = datum_of(signature);

        return gnutls_pubkey_verify_data2(key, algorithm, 0, &in, &by) >= 0 ? 0 : -EKEYREJECTED;
}

static int verify_foreign(p2p_key_type type, p2p_view spki, p2p_view message, p2p_view signature) {
        _cleanup_(p2p_spki_done) gnutls_pubkey_t key = NULL;
        int kind, r;

        if (type != P2P_KEY_RSA && type != P2P_KEY_ECDSA)
                return -EPROTONOSUPPORT;
        r = p2p_spki_import(spki, &key);
        if (r < 0)
                return r;
        kind = gnutls_pubkey_get_pk_algorithm(key, NULL);
        if (kind != (type == P2P_KEY_RSA ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA))
                return -EBADMSG;
        return p2p_spki_verify(key, type == P2P_KEY_RSA ? GNUTLS_SIGN_RSA_SHA256 : GNUTLS_SIGN_ECDSA_SHA256,
                               message, signature);
}

/* What the protobuf holds; its form was checked. */
static p2p_view data_of(p2p_view key) {
        p2p_reader rd = P2P_READER(key);

        (void) p2p_read_bytes(&rd, 3); /* type and the tag of data */
        return p2p_read_prefixed(&rd, key.n);
}

static void set_peer_id(p2p_view key, p2p_peer_id *ret) {
        uint8_t hash[P2P_SHA256_SIZE];
        p2p_peer_id id = {};
        p2p_writer w = P2P_WRITER(id.data, sizeof(id.data));

        if (key.n > INLINED_MAX) {
                p2p_sha256_of(key, hash);
                p2p_write_uvarint(&w, P2P_MULTIHASH_SHA2_256);
                p2p_write_prefixed(&w, P2P_VIEW(hash, sizeof(hash)));
        } else {
                p2p_write_uvarint(&w, P2P_MULTIHASH_IDENTITY);
                p2p_write_prefixed(&w, key);
        }
        id.n = (uint8_t) w.n;
        *ret = id;
}

int p2p_host_key_verify(p2p_view key, p2p_view message, p2p_view signature, p2p_peer_id *ret,
                        p2p_key_type *ret_type) {
        p2p_public_key ours;
        int r;

        r = p2p_public_key_decode(key, &ours, ret_type);
        if (r == 0)
                r = p2p_public_key_verify(&ours, message, signature);
        else if (r == -EPROTONOSUPPORT)
                r = verify_foreign(*ret_type, data_of(key), message, signature);
        if (r < 0)
                return r;
        set_peer_id(key, ret);
        return 0;
}
