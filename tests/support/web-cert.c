/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An authority and its certificates, by GnuTLS, as PEM files. */

#include <arpa/inet.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/web-cert.h"

#define check(call)                                                                    \
        do {                                                                           \
                if ((call) < 0) {                                                      \
                        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #call);     \
                        abort();                                                       \
                }                                                                      \
        } while (0)

const char *web_ca_path(const web_ca *ca, const char *name, const char *suffix) {
        static char paths[16][128];
        static unsigned next;
        char *path = paths[next++ % 16];

        (void) snprintf(path, sizeof(paths[0]), "%s/%s.%s", ca->dir, name, suffix);
        return path;
}

static void write_pem(const char *path, const gnutls_datum_t *pem) {
        FILE *f = fopen(path, "we");

        if (!f || fwrite(pem->data, 1, pem->size, f) != pem->size || fclose(f) != 0)
                abort();
}

static void write_crt(gnutls_x509_crt_t crt, const char *path) {
        gnutls_datum_t pem;

        check(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem));
        write_pem(path, &pem);
        gnutls_free(pem.data);
}

static void make_key(bool is_rsa, gnutls_x509_privkey_t *ret) {
        check(gnutls_x509_privkey_init(ret));
        if (is_rsa)
                check(gnutls_x509_privkey_generate(*ret, GNUTLS_PK_RSA, 2048, 0));
        else
                check(gnutls_x509_privkey_generate(*ret, GNUTLS_PK_ECDSA,
                                                   GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
}

static void begin_crt(gnutls_x509_privkey_t key, const char *cn, unsigned char serial,
                      gnutls_x509_crt_t *ret) {
        check(gnutls_x509_crt_init(ret));
        check(gnutls_x509_crt_set_version(*ret, 3));
        check(gnutls_x509_crt_set_serial(*ret, &serial, 1));
        check(gnutls_x509_crt_set_key(*ret, key));
        check(gnutls_x509_crt_set_dn_by_oid(*ret, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
                                            (unsigned) strlen(cn)));
}

void web_ca_make(web_ca *ca) {
        (void) snprintf(ca->dir, sizeof(ca->dir), "/tmp/peerup-web-ca.XXXXXX");
        if (!mkdtemp(ca->dir))
                abort();
        make_key(false, &ca->key);
        begin_crt(ca->key, "peer-up test authority", 1, &ca->crt);
        check(gnutls_x509_crt_set_activation_time(ca->crt, time(NULL) - 365 * 86400));
        check(gnutls_x509_crt_set_expiration_time(ca->crt, time(NULL) + 86400));
        check(gnutls_x509_crt_set_basic_constraints(ca->crt, 1, -1));
        check(gnutls_x509_crt_set_key_usage(ca->crt, GNUTLS_KEY_KEY_CERT_SIGN));
        check(gnutls_x509_crt_sign2(ca->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0));
        write_crt(ca->crt, web_ca_path(ca, "ca", "pem"));
}

static void add_names(const web_cert *cert, gnutls_x509_crt_t crt) {
        unsigned char ip[16];

        if (cert->dns)
                check(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, cert->dns,
                                                           (unsigned) strlen(cert->dns),
                                                           GNUTLS_FSAN_APPEND));
        if (!cert->ip)
                return;
        if (inet_pton(AF_INET, cert->ip, ip) == 1)
                check(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ip, 4,
                                                           GNUTLS_FSAN_APPEND));
        else if (inet_pton(AF_INET6, cert->ip, ip) == 1)
                check(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ip, 16,
                                                           GNUTLS_FSAN_APPEND));
}

void web_ca_issue(const web_ca *ca, const web_cert *cert) {
        bool timed = cert->from != 0 || cert->until != 0;
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t crt;
        gnutls_datum_t pem;

        make_key(cert->is_rsa, &key);
        begin_crt(key, cert->name, 2, &crt);
        check(gnutls_x509_crt_set_activation_time(crt, time(NULL) + (timed ? cert->from : -3600)));
        check(gnutls_x509_crt_set_expiration_time(crt, time(NULL) + (timed ? cert->until : 86400)));
        add_names(cert, crt);
        if (cert->is_self_signed)
                check(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0));
        else
                check(gnutls_x509_crt_sign2(crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0));
        write_crt(crt, web_ca_path(ca, cert->name, "crt"));
        check(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem));
        write_pem(web_ca_path(ca, cert->name, "key"), &pem);
        gnutls_free(pem.data);
        gnutls_x509_crt_deinit(crt);
        gnutls_x509_privkey_deinit(key);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void) st;
        (void) type;
        (void) ftw;
        return remove(path);
}

void web_ca_remove(web_ca *ca) {
        gnutls_x509_crt_deinit(ca->crt);
        gnutls_x509_privkey_deinit(ca->key);
        (void) nftw(ca->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
