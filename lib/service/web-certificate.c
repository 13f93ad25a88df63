/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The certificate of wss. It is read once, at the start: what renews it restarts the unit. A key belongs to
 * root, so where the program is not root the unit hands it over as a credential.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "service/journal.h"
#include "service/web-certificate.h"

static void freep(char **p) {
        free(*p);
}

/* NULL: no such credential, or no memory for its path. */
static char *find_credential(const char *name) {
        const char *dir = getenv("CREDENTIALS_DIRECTORY");
        char *path;

        if (!dir || asprintf(&path, "%s/%s", dir, name) < 0)
                return NULL;
        if (access(path, F_OK) < 0) {
                free(path);
                return NULL;
        }
        return path;
}

static void complain(const char *config_path, const char *which, int error) {
        if (error == -EINVAL)
                log_error("%s: network: tls: needs both a certificate and its key: wss is off", config_path);
        else if (error == -EKEYREJECTED)
                log_error("%s: is not the key of the certificate that %s names with it: wss is off", which,
                          config_path);
        else if (error == -EBADMSG)
                log_error("%s: is not what %s says it is, in PEM: wss is off", which, config_path);
        else
                log_error_errno(error,
                                "%s: cannot be read (%m), wss is off: let the unit hand it over, with "
                                "LoadCredential=" WEB_CERTIFICATE_CREDENTIAL ":PATH and " WEB_KEY_CREDENTIAL,
                                which);
}

int web_certificate_load(const ConfigTls *config, const char *config_path, p2p_web_tls **ret) {
        _cleanup_(freep) char *certificate = NULL, *key = NULL;
        p2p_web_tls_options options = {
                .certificate = config->certificate,
                .key = config->key,
                .trust = config->trust,
        };
        const char *which = NULL;
        int r;

        *ret = NULL;
        if (!options.certificate && !options.key) {
                certificate = find_credential(WEB_CERTIFICATE_CREDENTIAL);
                key = find_credential(WEB_KEY_CREDENTIAL);
                if (certificate && key) {
                        options.certificate = certificate;
                        options.key = key;
                }
        }
        if (!options.certificate && !options.key && !options.trust)
                return 0;
        r = p2p_web_tls_new(&options, &which, ret);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                complain(config_path, which ?: config_path, r);
        return 0;
}
