/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The certificate of wss. It is read at the start, and again when the unit is reloaded: what renews it says
 * so. A key belongs to root, so where the program is not root the unit hands it over as a credential; these
 * are those of the start, whatever is reloaded.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "service/journal.h"
#include "service/web-certificate.h"

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

/* outcome: what becomes of wss. */
static void complain(const char *config_path, const char *which, int error, const char *outcome) {
        if (error == -EINVAL)
                log_error("%s: network: tls: needs both a certificate and its key: %s", config_path,
                          outcome);
        else if (error == -EKEYREJECTED)
                log_error("%s: is not the key of the certificate that %s names with it: %s", which,
                          config_path, outcome);
        else if (error == -EBADMSG)
                log_error("%s: is not what %s says it is, in PEM: %s", which, config_path, outcome);
        else if (error == -ENOENT)
                log_error("%s: is not there, %s: correct network: tls: in %s", which, outcome, config_path);
        else
                log_error_errno(error,
                                "%s: cannot be read (%m), %s: let the unit hand it over, with "
                                "LoadCredential=" WEB_CERTIFICATE_CREDENTIAL ":PATH and " WEB_KEY_CREDENTIAL,
                                which, outcome);
}

typedef struct Files {
        char *certificate, *key; /* of credentials */
        p2p_web_tls_options options;
} Files;

static void files_done(Files *files) {
        free(files->certificate);
        free(files->key);
}

static Files find_files(const ConfigTls *config) {
        Files files = { .options = { config->certificate, config->key, config->trust } };

        if (config->certificate || config->key)
                return files;
        files.certificate = find_credential(WEB_CERTIFICATE_CREDENTIAL);
        files.key = find_credential(WEB_KEY_CREDENTIAL);
        if (files.certificate && files.key) {
                files.options.certificate = files.certificate;
                files.options.key = files.key;
        }
        return files;
}

static bool is_empty(const p2p_web_tls_options *o) {
        return !o->certificate && !o->key && !o->trust;
}

int web_certificate_load(const ConfigTls *config, const char *config_path, p2p_web_tls **ret) {
        _cleanup_(files_done) Files files = find_files(config);
        const char *which = NULL;
        int r;

        *ret = NULL;
        if (is_empty(&files.options))
                return 0;
        r = p2p_web_tls_new(&files.options, &which, ret);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                complain(config_path, which ?: config_path, r, "wss is off");
        return 0;
}

void web_certificate_reload(const ConfigTls *config, const char *config_path, p2p_web_tls *tls) {
        _cleanup_(files_done) Files files = find_files(config);
        const char *which = NULL;
        int r;

        if (!tls && !is_empty(&files.options))
                log_notice("%s: wss, with what network: tls: names, counts from the next start of this unit",
                           config_path);
        if (!tls)
                return;
        r = p2p_web_tls_reload(tls, &files.options, &which);
        if (r < 0)
                complain(config_path, which ?: config_path, r, "what was read before stays in use");
        else if (files.options.certificate)
                log_info("%s: read again, for connections from now on", files.options.certificate);
}
