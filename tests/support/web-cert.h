/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An authority of the Web for tests, in a directory of its own, and certificates of its making. */

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>

typedef struct web_ca {
        char dir[64];
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t crt;
} web_ca;

typedef struct web_cert {
        const char *name;      /* of its files, NAME.crt and NAME.key */
        const char *dns, *ip;  /* whose it is; may be NULL */
        int from, until;       /* seconds around now; both 0: an hour before, a day after */
        bool is_rsa;           /* else P-256 */
        bool is_self_signed;
} web_cert;

/* Makes the directory, and ca.pem in it. Aborts on failure, as the others. */
void web_ca_make(web_ca *ca);
void web_ca_issue(const web_ca *ca, const web_cert *cert);
/* DIR/NAME.SUFFIX, in a static buffer that every sixteenth call has again. */
const char *web_ca_path(const web_ca *ca, const char *name, const char *suffix);
void web_ca_remove(web_ca *ca);
