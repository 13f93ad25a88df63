/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The forger: it makes certificates through GnuTLS and writes the extension by hand, so that nothing of it is shared
 * with the code that judges them.
 */

#include <assert.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <time.h>

#include "tests/support/forge.h"

#define OID_LIBP2P "1.3.6.1.4.1.53594.1.1"
#define OID_UNKNOWN "1.3.6.1.4.1.53594.9.9"

static const uint8_t usage_sign[] = { 0x03, 0x02, 0x07, 0x80 }, usage_agree[] = { 0x03, 0x02, 0x03, 0x08 };
static const uint8_t no_ca[] = { 0x30, 0x00 };
static const uint8_t server_and_client[] = { 0x30, 0x14, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03,
                                             0x01, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02 };
static const uint8_t client_only[] = { 0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02 };

#define EXTRA(id, value) .extra_oid = id, .extra = value, .n_extra = sizeof(value)

const forge forge_refused[] = {
        { "no extension", -EBADMSG, .extensions = 1 },
        { "the extension twice", -EBADMSG, .extensions = 3 },
        { "expired", -EKEYREJECTED, .from = -7200, .until = -60 },
        { "not valid yet", -EKEYREJECTED, .from = 60, .until = 7200 },
        { "an unknown critical extension", -EBADMSG, EXTRA(OID_UNKNOWN, no_ca), .extra_critical = true },
        { "a purpose other than a server's", -EBADMSG, EXTRA(FORGE_EXTENDED_KEY_USAGE, client_only) },
        { "a key that may not sign", -EBADMSG, EXTRA(FORGE_KEY_USAGE, usage_agree), .extra_critical = true },
        { "bytes behind SignedKey", -EBADMSG, .trailing_byte = true },
        { "bytes in SignedKey", -EBADMSG, .nested_trailing_byte = true },
        { "another prefix", -EKEYREJECTED, .wrong_prefix = true },
        { "the bare key signed", -EKEYREJECTED, .bare_key = true },
        { "a false host signature", -EKEYREJECTED, .wrong_host_signature = true },
        { "another's own signature", -EKEYREJECTED, .foreign_self_signature = true },
        { "version 1", -EBADMSG, .version_1 = true },
        { "a serial number of 21 bytes", -EBADMSG, .n_serial = 21 },
        { "an RSA key of 1024 bits", -EPROTONOSUPPORT, .pk = GNUTLS_PK_RSA, .bits = 1024 },
        { "an RSA host key of 1024 bits", -EPROTONOSUPPORT, .host = GNUTLS_PK_RSA, .host_bits = 1024 },
};
const size_t forge_n_refused = sizeof(forge_refused) / sizeof(*forge_refused);

#define CURVE(name) .pk = GNUTLS_PK_ECDSA, .bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_##name)

const forge forge_accepted[] = {
        { .name = "as we make ours" },
        { .name = "critical", .critical = true },
        { .name = "with a serial number of 20 bytes", .n_serial = 20 },
        { .name = "with a non-critical extension", EXTRA(OID_UNKNOWN, no_ca) },
        { .name = "with a critical key usage", EXTRA(FORGE_KEY_USAGE, usage_sign), .extra_critical = true },
        { .name = "with basic constraints", EXTRA(FORGE_BASIC_CONSTRAINTS, no_ca), .extra_critical = true },
        { .name = "with a server's purpose", EXTRA(FORGE_EXTENDED_KEY_USAGE, server_and_client) },
        { .name = "P-384", CURVE(SECP384R1), .digest = GNUTLS_DIG_SHA384 },
        { .name = "Ed25519",
          .pk = GNUTLS_PK_EDDSA_ED25519,
          .bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519),
          .digest = GNUTLS_DIG_SHA512 },
        { .name = "RSA", .pk = GNUTLS_PK_RSA, .bits = 2048 },
        { .name = "an RSA host key", .host = GNUTLS_PK_RSA, .host_bits = 2048 },
        { .name = "an ECDSA host key",
          .host = GNUTLS_PK_ECDSA,
          .host_bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1) },
};
const size_t forge_n_accepted = sizeof(forge_accepted) / sizeof(*forge_accepted);

static void must(int r) {
        if (r < 0)
                __builtin_trap();
}

typedef struct bytes {
        uint8_t data[8192];
        size_t n;
} bytes;

static void add(bytes *b, const void *data, size_t n) {
        assert(b->n + n <= sizeof(b->data));
        memcpy(b->data + b->n, data, n);
        b->n += n;
}

/* A value of DER around what `inner` holds. */
static void wrap(bytes *b, uint8_t tag, const bytes *inner) {
        size_t n = inner->n;
        uint8_t head[4] = { tag };
        size_t n_head = 1;

        if (n >= 0x100) {
                head[n_head++] = 0x82;
                head[n_head++] = (uint8_t) (n >> 8);
        } else if (n >= 0x80)
                head[n_head++] = 0x81;
        head[n_head++] = (uint8_t) n;
        add(b, head, n_head);
        add(b, inner->data, n);
}

static void spki_of(gnutls_privkey_t key, bytes *out) {
        gnutls_pubkey_t pub;
        size_t n = sizeof(out->data) - out->n;

        must(gnutls_pubkey_init(&pub));
        must(gnutls_pubkey_import_privkey(pub, key, 0, 0));
        must(gnutls_pubkey_export(pub, GNUTLS_X509_FMT_DER, out->data + out->n, &n));
        out->n += n;
        gnutls_pubkey_deinit(pub);
}

/* A host key that is not Ed25519: its protobuf and a signature over the message. */
static void sign_foreign(const forge *f, const bytes *message, bytes *key, bytes *signature) {
        gnutls_datum_t in = { (unsigned char *) message->data, (unsigned) message->n }, by;
        uint8_t head[] = { 0x08, f->host == GNUTLS_PK_RSA ? 0 : 3, 0x12 }, length[2];
        gnutls_privkey_t host;
        bytes spki = {};

        must(gnutls_privkey_init(&host));
        must(gnutls_privkey_generate(host, f->host, f->host_bits, 0));
        spki_of(host, &spki);
        add(key, head, sizeof(head));
        length[0] = (uint8_t) (spki.n < 0x80 ? spki.n : (spki.n & 0x7f) | 0x80);
        length[1] = (uint8_t) (spki.n >> 7);
        add(key, length, spki.n < 0x80 ? 1 : 2);
        add(key, spki.data, spki.n);
        must(gnutls_privkey_sign_data(host, GNUTLS_DIG_SHA256, 0, &in, &by));
        add(signature, by.data, by.size);
        gnutls_free(by.data);
        gnutls_privkey_deinit(host);
}

static void sign_ours(const p2p_identity *identity, const bytes *message, bytes *key, bytes *signature) {
        uint8_t encoded[P2P_PUBLIC_KEY_MAX], by[P2P_SIGNATURE_SIZE];
        p2p_view view = p2p_public_key_encode(p2p_identity_public_key(identity), encoded);

        add(key, view.data, view.n);
        p2p_identity_sign(identity, P2P_VIEW(message->data, message->n), by);
        add(signature, by, sizeof(by));
}

static void make_extension(const forge *f, const p2p_identity *identity, gnutls_privkey_t key, bytes *out) {
        const char *prefix = f->wrong_prefix ? "libp2p-tls-handshakes:" : "libp2p-tls-handshake:";
        bytes message = {}, spki = {}, host = {}, signature = {}, content = {};

        add(&message, prefix, strlen(prefix));
        spki_of(key, &spki);
        if (f->bare_key) /* the point alone, which ends it */
                add(&message, spki.data + spki.n - 65, 65);
        else
                add(&message, spki.data, spki.n);
        if (f->host == GNUTLS_PK_UNKNOWN)
                sign_ours(identity, &message, &host, &signature);
        else
                sign_foreign(f, &message, &host, &signature);
        if (f->wrong_host_signature)
                signature.data[10] ^= 1;

        wrap(&content, 0x04, &host);
        wrap(&content, 0x04, &signature);
        if (f->nested_trailing_byte)
                add(&content, "\5", 1);
        wrap(out, 0x30, &content);
        if (f->trailing_byte)
                add(out, "\5", 1);
}

/* GnuTLS sets an extension of one OID once: the second one takes a neighbour's name, which repeat() then corrects. */
#define OID_NEIGHBOUR "1.3.6.1.4.1.53594.1.2"

static void set_extensions(const forge *f, gnutls_x509_crt_t crt, const bytes *value) {
        unsigned n = f->extensions > 0 ? f->extensions - 1 : 1;

        if (n > 0)
                must(gnutls_x509_crt_set_extension_by_oid(crt, OID_LIBP2P, value->data, value->n, f->critical));
        if (n > 1)
                must(gnutls_x509_crt_set_extension_by_oid(crt, OID_NEIGHBOUR, value->data, value->n, f->critical));
        if (f->extra_oid)
                must(gnutls_x509_crt_set_extension_by_oid(crt, f->extra_oid, f->extra, f->n_extra,
                                                          f->extra_critical));
}

static void fill(const forge *f, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key) {
        bool any_time = f->from == 0 && f->until == 0;
        time_t now = time(NULL);

        must(gnutls_x509_crt_set_version(crt, 3));
        must(gnutls_x509_crt_set_serial(crt, "JHGFEDCBAzyxwvutsrqponm", f->n_serial ?: 4));
        must(gnutls_x509_crt_set_activation_time(crt, now + (any_time ? -3600 : f->from)));
        must(gnutls_x509_crt_set_expiration_time(crt, now + (any_time ? 86400 : f->until)));
        must(gnutls_x509_crt_set_dn(crt, "O=libp2p.io", NULL));
        must(gnutls_x509_crt_set_issuer_dn(crt, "O=libp2p.io", NULL));
        must(gnutls_x509_crt_set_key(crt, key));
}

static gnutls_x509_privkey_t make_key(const forge *f) {
        unsigned bits = f->bits > 0 ? f->bits : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
        gnutls_x509_privkey_t key;

        must(gnutls_x509_privkey_init(&key));
        must(gnutls_x509_privkey_generate(key, f->pk == GNUTLS_PK_UNKNOWN ? GNUTLS_PK_ECDSA : f->pk, bits, 0));
        return key;
}

void forge_certificate(const forge *f, const p2p_identity *identity, gnutls_x509_crt_t *ret,
                       gnutls_x509_privkey_t *ret_key) {
        gnutls_x509_privkey_t key = make_key(f), signer = f->foreign_self_signature ? make_key(f) : key;
        gnutls_privkey_t private_key;
        gnutls_x509_crt_t crt;
        bytes extension = {};

        must(gnutls_privkey_init(&private_key));
        must(gnutls_privkey_import_x509(private_key, key, 0));
        make_extension(f, identity, private_key, &extension);
        gnutls_privkey_deinit(private_key);

        must(gnutls_x509_crt_init(&crt));
        fill(f, crt, key);
        set_extensions(f, crt, &extension);
        must(gnutls_x509_crt_sign2(crt, crt, signer, f->digest ?: GNUTLS_DIG_SHA256, 0));
        if (signer != key)
                gnutls_x509_privkey_deinit(signer);
        *ret = crt;
        *ret_key = key;
}

static int sign_noise(gnutls_privkey_t key _unused_, gnutls_sign_algorithm_t algorithm _unused_, void *userdata,
                      unsigned flags _unused_, const gnutls_datum_t *data _unused_, gnutls_datum_t *signature) {
        signature->size = (unsigned) (uintptr_t) userdata / 8;
        signature->data = gnutls_malloc(signature->size);
        memset(signature->data, 0x17, signature->size);
        return 0;
}

static int describe_unheld(gnutls_privkey_t key _unused_, unsigned flags, void *userdata) {
        if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
                return GNUTLS_PK_RSA;
        if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
                return (int) (uintptr_t) userdata;
        if (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO)
                return 1;
        return -1;
}

/* Odd numbers all the way. */
static gnutls_pubkey_t make_unheld_key(unsigned bits, unsigned exponent_size) {
        uint8_t modulus[4096], exponent[4096];
        gnutls_datum_t n = { modulus, bits / 8 }, e = { exponent, exponent_size };
        gnutls_pubkey_t key;

        assert(n.size <= sizeof(modulus) && e.size <= sizeof(exponent));
        memset(modulus, 0xc5, n.size);
        memset(exponent, 0x45, e.size);
        must(gnutls_pubkey_init(&key));
        must(gnutls_pubkey_import_rsa_raw(key, &n, &e));
        return key;
}

void forge_unheld_certificate(unsigned bits, unsigned exponent_size, const p2p_identity *identity,
                              gnutls_x509_crt_t *ret, gnutls_privkey_t *ret_key) {
        static const forge usual = { .name = "usual" };
        gnutls_pubkey_t shown = make_unheld_key(bits, exponent_size);
        gnutls_x509_privkey_t signer;

        forge_certificate(&usual, identity, ret, &signer);
        must(gnutls_x509_crt_set_pubkey(*ret, shown)); /* its own signature is false from now on */
        gnutls_x509_privkey_deinit(signer);
        gnutls_pubkey_deinit(shown);
        must(gnutls_privkey_init(ret_key));
        must(gnutls_privkey_import_ext4(*ret_key, (void *) (uintptr_t) bits, sign_noise, sign_noise, NULL, NULL,
                                        describe_unheld, 0));
}

/* The neighbour's OID becomes the extension's own: it is there twice. Signatures do not matter any more. */
static void repeat(uint8_t *der, size_t n) {
        static const uint8_t neighbour[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xa2, 0x5a, 0x01, 0x02 };
        uint8_t *at = memmem(der, n, neighbour, sizeof(neighbour));

        assert(at);
        at[sizeof(neighbour) - 1] = 0x01;
}

static void set_version_1(uint8_t *der, size_t n) {
        static const uint8_t version_3[] = { 0xa0, 0x03, 0x02, 0x01, 0x02 };
        uint8_t *at = memmem(der, n, version_3, sizeof(version_3));

        assert(at);
        at[sizeof(version_3) - 1] = 0x00;
}

size_t forge_der(const forge *f, const p2p_identity *identity, uint8_t *out, size_t size) {
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t crt;

        forge_certificate(f, identity, &crt, &key);
        must(gnutls_x509_crt_export(crt, GNUTLS_X509_FMT_DER, out, &size));
        gnutls_x509_crt_deinit(crt);
        gnutls_x509_privkey_deinit(key);
        if (f->extensions > 2)
                repeat(out, size);
        if (f->version_1)
                set_version_1(out, size);
        return size;
}
