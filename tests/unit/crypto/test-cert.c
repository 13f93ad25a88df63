/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificates: the vectors of the specification (wire reference 19.5), forged ones, and our own. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include <time.h>

#include "crypto/cert.h"
#include "tests/support/forge.h"
#include "tests/support/hex.h"
#include "tests/unit/crypto/cert-vectors.h"

#define IN_2026 1790000000
#define DAY     (24 * 3600)

static p2p_identity *identity_of(uint8_t fill) {
        p2p_identity *identity;
        uint8_t seed[32];

        memset(seed, fill, sizeof(seed));
        assert_int_equal(p2p_identity_from_seed(seed, &identity), 0);
        return identity;
}

static void vectors_of_the_specification_are_judged_as_it_says(void **state) {
        char text[P2P_PEER_ID_TEXT_MAX];
        p2p_key_type type;
        p2p_peer_id id;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cert_vectors); i++) {
                const cert_vector *v = &cert_vectors[i];

                assert_int_equal(p2p_cert_verify(HEX(v->der), IN_2026, &id, &type), v->expect);
                assert_int_equal(type, v->type);
                if (v->expect == 0)
                        assert_string_equal(p2p_peer_id_format(&id, text), v->id);
        }
}

static void a_vector_counts_within_its_years_only(void **state) {
        static const struct {
                int64_t now;
                int expect;
        } cases[] = {
                { 157813200 - 1, -EKEYREJECTED }, /* 1975-01-01 13:00:00 */
                { 157813200, 0 },
                { 67090165200, 0 }, /* 4096-01-01 13:00:00 */
                { 67090165200 + 1, -EKEYREJECTED },
                { INT64_MAX, -EKEYREJECTED },
        };
        p2p_peer_id id;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(p2p_cert_verify(HEX(cert_vectors[0].der), cases[i].now, &id, NULL),
                                 cases[i].expect);
}

/* With a byte of them changed, all are wrong: either malformed, or somebody's signature is. */
static void every_byte_of_a_vector_counts(void **state) {
        uint8_t der[1024];
        p2p_peer_id id;

        (void) state;
        for (size_t v = 0; v < 2; v++) {
                size_t n = hex_view(cert_vectors[v].der, der, sizeof(der)).n;

                for (size_t i = 0; i < n; i++) {
                        der[i] ^= 0x01;
                        assert_true(p2p_cert_verify(P2P_VIEW(der, n), IN_2026, &id, NULL) < 0);
                        der[i] ^= 0x01;
                        assert_true(p2p_cert_verify(P2P_VIEW(der, i), IN_2026, &id, NULL) < 0);
                }
                der[n] = 0;
                assert_int_equal(p2p_cert_verify(P2P_VIEW(der, n + 1), IN_2026, &id, NULL), -EBADMSG);
        }
}

static void forged_certificates_are_refused(void **state) {
        p2p_identity *identity = identity_of(1);
        uint8_t der[P2P_CERT_MAX];
        p2p_peer_id id;

        (void) state;
        for (size_t i = 0; i < forge_n_refused; i++) {
                size_t n = forge_der(&forge_refused[i], identity, der, sizeof(der));
                int r = p2p_cert_verify(P2P_VIEW(der, n), time(NULL), &id, NULL);

                if (r != forge_refused[i].expect)
                        fail_msg("%s: %d", forge_refused[i].name, r);
        }
        p2p_identity_free(identity);
}

static void unusual_certificates_are_accepted(void **state) {
        p2p_identity *identity = identity_of(1);
        uint8_t der[P2P_CERT_MAX];
        p2p_key_type type;
        p2p_peer_id id;

        (void) state;
        for (size_t i = 0; i < forge_n_accepted; i++) {
                const forge *f = &forge_accepted[i];
                size_t n = forge_der(f, identity, der, sizeof(der));
                int r = p2p_cert_verify(P2P_VIEW(der, n), time(NULL), &id, &type);

                if (r != 0)
                        fail_msg("%s: %d", f->name, r);
                if (f->host == GNUTLS_PK_UNKNOWN)
                        assert_true(p2p_peer_id_equal(&id, p2p_identity_peer_id(identity)));
                else {
                        assert_int_equal(type, f->host == GNUTLS_PK_RSA ? P2P_KEY_RSA : P2P_KEY_ECDSA);
                        assert_int_equal(id.n, 34); /* hashed */
                        assert_int_equal(id.data[0], 0x12);
                }
        }
        p2p_identity_free(identity);
}

static void a_certificate_beyond_its_limit_is_not_read(void **state) {
        static uint8_t der[8192 + 1];
        p2p_peer_id id;

        (void) state;
        assert_int_equal(p2p_cert_verify(P2P_VIEW(der, sizeof(der)), IN_2026, &id, NULL), -EMSGSIZE);
        assert_int_equal(p2p_cert_verify(P2P_VIEW(der, sizeof(der) - 1), IN_2026, &id, NULL), -EBADMSG);
}

static size_t our_der(p2p_identity *identity, uint8_t *out, size_t size) {
        gnutls_x509_crt_t *list;
        const p2p_cert *cert;
        unsigned n;

        assert_int_equal(p2p_cert_of(identity, &cert), 0);
        assert_int_equal(gnutls_certificate_get_x509_crt(cert->credentials, 0, &list, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(gnutls_x509_crt_export(list[0], GNUTLS_X509_FMT_DER, out, &size), 0);
        gnutls_x509_crt_deinit(list[0]);
        gnutls_free(list);
        return size;
}

static void our_certificate_proves_our_identity(void **state) {
        p2p_identity *identity = identity_of(7);
        uint8_t der[P2P_CERT_MAX];
        p2p_peer_id id;
        size_t n;

        (void) state;
        n = our_der(identity, der, sizeof(der));
        assert_true(n < 450);
        assert_int_equal(p2p_cert_verify(P2P_VIEW(der, n), time(NULL), &id, NULL), 0);
        assert_true(p2p_peer_id_equal(&id, p2p_identity_peer_id(identity)));
        assert_int_equal(p2p_cert_verify(P2P_VIEW(der, n), time(NULL) - 3000, &id, NULL),
                         0); /* clocks differ */
        assert_int_equal(p2p_cert_verify(P2P_VIEW(der, n), time(NULL) + 99LL * 365 * DAY, &id, NULL), 0);
        p2p_identity_free(identity);
}

static void our_certificate_has_what_peers_take(void **state) {
        p2p_identity *identity = identity_of(7);
        uint8_t der[P2P_CERT_MAX], serial[32];
        size_t n = our_der(identity, der, sizeof(der)), n_serial = sizeof(serial), n_oid = 64;
        gnutls_datum_t datum = { der, (unsigned) n };
        char oid[64], subject[64], issuer[64];
        size_t n_subject = sizeof(subject), n_issuer = sizeof(issuer);
        gnutls_x509_crt_t crt;
        unsigned critical;

        (void) state;
        assert_int_equal(gnutls_x509_crt_init(&crt), 0);
        assert_int_equal(gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER), 0);
        assert_int_equal(gnutls_x509_crt_get_version(crt), 3);
        assert_int_equal(gnutls_x509_crt_get_extension_info(crt, 0, oid, &n_oid, &critical), 0);
        assert_string_equal(oid, "1.3.6.1.4.1.53594.1.1");
        assert_int_equal(critical, 0);
        n_oid = sizeof(oid);
        assert_int_equal(gnutls_x509_crt_get_extension_info(crt, 1, oid, &n_oid, &critical),
                         GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
        assert_int_equal(gnutls_x509_crt_get_serial(crt, serial, &n_serial), 0);
        assert_true(n_serial <= 8 && serial[0] < 0x80);
        assert_int_equal(gnutls_x509_crt_get_dn(crt, subject, &n_subject), 0);
        assert_int_equal(gnutls_x509_crt_get_issuer_dn(crt, issuer, &n_issuer), 0);
        assert_true(strlen(subject) > 0);
        assert_string_equal(subject, issuer);
        gnutls_x509_crt_deinit(crt);
        p2p_identity_free(identity);
}

static void the_certificate_is_made_once(void **state) {
        p2p_identity *identity = identity_of(7);
        const p2p_cert *first, *second;

        (void) state;
        assert_int_equal(p2p_cert_of(identity, &first), 0);
        assert_int_equal(p2p_cert_of(identity, &second), 0);
        assert_ptr_equal(first, second);
        p2p_identity_free(identity);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(vectors_of_the_specification_are_judged_as_it_says),
                cmocka_unit_test(a_vector_counts_within_its_years_only),
                cmocka_unit_test(every_byte_of_a_vector_counts),
                cmocka_unit_test(forged_certificates_are_refused),
                cmocka_unit_test(unusual_certificates_are_accepted),
                cmocka_unit_test(a_certificate_beyond_its_limit_is_not_read),
                cmocka_unit_test(our_certificate_proves_our_identity),
                cmocka_unit_test(our_certificate_has_what_peers_take),
                cmocka_unit_test(the_certificate_is_made_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
