/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Certificates and authorities of wss, and sessions made with them.
 *
 * Peers prove who they are inside, so this TLS only has to satisfy the Web around it: a server shows a
 * certificate that browsers and proxies would take, a client takes what they would take. The system's
 * authorities are a megabyte and more, which a node that dials no wss never reads.
 *
 * What the files gave is a web_files, replaced as a whole when they are read again. A handshake needs what
 * it began with to its end: it is counted there, and the last one frees what was replaced meanwhile.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/cert.h"
#include "transport/ws-tls.h"

#define FILE_MAX (1024u * 1024u) /* arbitrary: of a PEM file */
#define VERSIONS "-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define ALPN "http/1.1"

typedef struct web_files {
        unsigned n_users;                        /* handshakes, and the p2p_web_tls */
        gnutls_certificate_credentials_t server; /* NULL: nothing to serve with */
        gnutls_certificate_credentials_t client;
        bool has_trust; /* false until the first dial where it is the system's */
} web_files;

struct p2p_web_tls {
        gnutls_priority_t priority;
        web_files *files;
};

static web_files *files_leave(web_files *files) {
        if (!files || --files->n_users > 0)
                return NULL;
        if (files->server)
                gnutls_certificate_free_credentials(files->server);
        if (files->client)
                gnutls_certificate_free_credentials(files->client);
        free(files);
        return NULL;
}
P2P_CLEANUP(web_files, files_leave);

static int tls_error(int error) {
        switch (error) {
        case GNUTLS_E_MEMORY_ERROR:
                return -ENOMEM;
        case GNUTLS_E_CERTIFICATE_KEY_MISMATCH:
                return -EKEYREJECTED;
        }
        return -EBADMSG;
}

static void datum_done(gnutls_datum_t *d) {
        if (d->data)
                gnutls_memset(d->data, 0, d->size); /* maybe a key */
        free(d->data);
}

static int read_all(int fd, gnutls_datum_t *ret) {
        _cleanup_(datum_done) gnutls_datum_t d = {};
        ssize_t k;

        d.data = malloc(FILE_MAX + 1);
        if (!d.data)
                return -ENOMEM;
        do {
                k = read(fd, d.data + d.size, FILE_MAX + 1 - d.size);
                if (k < 0)
                        return -errno;
                d.size += (unsigned) k;
        } while (k > 0 && d.size <= FILE_MAX);
        if (d.size > FILE_MAX)
                return -EMSGSIZE;
        *ret = d;
        d = (gnutls_datum_t){};
        return 0;
}

static int read_file(const char *path, gnutls_datum_t *ret) {
        int fd, r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        r = read_all(fd, ret);
        close(fd);
        return r;
}

/* Each certificate by itself: GnuTLS 3.7 does not free the one at which it gives up a list. */
static int check_pem(const gnutls_datum_t *pem) {
        static const char begin[] = "-----BEGIN CERTIFICATE";
        const uint8_t *end = pem->data + pem->size, *at = pem->data;
        int r = 0;

        while (r >= 0 && (at = memmem(at, (size_t) (end - at), begin, strlen(begin)))) {
                const gnutls_datum_t rest = { (unsigned char *) at, (unsigned) (end - at) };
                gnutls_x509_crt_t crt;

                if (gnutls_x509_crt_init(&crt) < 0)
                        return -ENOMEM;
                r = gnutls_x509_crt_import(crt, &rest, GNUTLS_X509_FMT_PEM);
                gnutls_x509_crt_deinit(crt);
                at += strlen(begin);
        }
        return r < 0 ? tls_error(r) : 0;
}

static int set_server(web_files *files, const p2p_web_tls_options *o, const char **ret_which) {
        _cleanup_(datum_done) gnutls_datum_t certificate = {}, key = {};
        int r;

        *ret_which = o->certificate;
        r = read_file(o->certificate, &certificate);
        if (r >= 0)
                r = check_pem(&certificate);
        if (r < 0)
                return r;
        *ret_which = o->key;
        r = read_file(o->key, &key);
        if (r < 0)
                return r;
        if (gnutls_certificate_allocate_credentials(&files->server) < 0)
                return -ENOMEM;
        r = gnutls_certificate_set_x509_key_mem2(files->server, &certificate, &key, GNUTLS_X509_FMT_PEM,
                                                 NULL, 0);
        if (r == GNUTLS_E_BASE64_DECODING_ERROR || r == GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR ||
            r == GNUTLS_E_NO_CERTIFICATE_FOUND)
                *ret_which = o->certificate;
        return r < 0 ? tls_error(r) : 0;
}

static int set_trust(web_files *files, const p2p_web_tls_options *o, const char **ret_which) {
        _cleanup_(datum_done) gnutls_datum_t trust = {};
        int r;

        *ret_which = o->trust;
        r = read_file(o->trust, &trust);
        if (r >= 0)
                r = check_pem(&trust);
        if (r < 0)
                return r;
        r = gnutls_certificate_set_x509_trust_mem(files->client, &trust, GNUTLS_X509_FMT_PEM);
        if (r < 0)
                return tls_error(r);
        files->has_trust = true;
        return r > 0 ? 0 : -EBADMSG;
}

static int read_files(const p2p_web_tls_options *options, const char **ret_which, web_files **ret) {
        _cleanup_(files_leavep) web_files *files = NULL;
        const char *which = NULL;
        int r = 0;

        if (!options->certificate != !options->key)
                return -EINVAL;
        files = calloc(1, sizeof(*files));
        if (!files)
                return -ENOMEM;
        files->n_users = 1;
        if (gnutls_certificate_allocate_credentials(&files->client) < 0)
                return -ENOMEM;
        if (options->certificate)
                r = set_server(files, options, &which);
        if (r >= 0 && options->trust)
                r = set_trust(files, options, &which);
        if (r < 0) {
                if (ret_which)
                        *ret_which = which;
                return r;
        }
        *ret = TAKE_PTR(files);
        return 0;
}

int p2p_web_tls_new(const p2p_web_tls_options *options, const char **ret_which, p2p_web_tls **ret) {
        _cleanup_(p2p_web_tls_freep) p2p_web_tls *tls = NULL;
        int r;

        tls = calloc(1, sizeof(*tls));
        if (!tls ||
            gnutls_priority_init2(&tls->priority, VERSIONS, NULL, GNUTLS_PRIORITY_INIT_DEF_APPEND) < 0)
                return -ENOMEM;
        r = read_files(options, ret_which, &tls->files);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(tls);
        return 0;
}

int p2p_web_tls_reload(p2p_web_tls *tls, const p2p_web_tls_options *options, const char **ret_which) {
        web_files *files;
        int r;

        r = read_files(options, ret_which, &files);
        if (r < 0)
                return r;
        if (tls->files->server && !files->server) {
                files_leave(files);
                return -EINVAL;
        }
        files_leave(tls->files);
        tls->files = files;
        return 0;
}

p2p_web_tls *p2p_web_tls_free(p2p_web_tls *tls) {
        if (!tls)
                return NULL;
        files_leave(tls->files);
        if (tls->priority)
                gnutls_priority_deinit(tls->priority);
        free(tls);
        return NULL;
}

bool p2p_web_tls_can_serve(const p2p_web_tls *tls) {
        return tls->files->server;
}

static bool is_ip(const char *name) {
        uint8_t ip[16];

        return inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1;
}

static int session_new(const p2p_web_tls *tls, unsigned flags, gnutls_certificate_credentials_t credentials,
                       gnutls_session_t *ret) {
        static const gnutls_datum_t alpn = { (unsigned char *) ALPN, sizeof(ALPN) - 1 };
        gnutls_session_t session;

        if (gnutls_init(&session, flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
                return -ENOMEM;
        if (gnutls_priority_set(session, tls->priority) < 0 ||
            gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) < 0 ||
            gnutls_alpn_set_protocols(session, &alpn, 1, 0) < 0) {
                gnutls_deinit(session);
                return -ENOMEM;
        }
        gnutls_handshake_set_timeout(session, GNUTLS_INDEFINITE_TIMEOUT); /* the loop's timers know better */
        tls->files->n_users++;
        gnutls_session_set_ptr(session, tls->files);
        *ret = session;
        return 0;
}

int p2p_web_tls_session_new_server(const p2p_web_tls *tls, gnutls_session_t *ret) {
        if (!tls->files->server)
                return -EINVAL;
        return session_new(tls, GNUTLS_SERVER | GNUTLS_NO_TICKETS, tls->files->server, ret);
}

int p2p_web_tls_session_new_client(const p2p_web_tls *tls, const char *name, gnutls_session_t *ret) {
        gnutls_session_t session;
        int r;

        if (!tls->files->has_trust) {
                tls->files->has_trust = true; /* a cache */
                if (gnutls_certificate_set_x509_system_trust(tls->files->client) < 0)
                        return -ENOENT;
        }
        r = session_new(tls, GNUTLS_CLIENT, tls->files->client, &session);
        if (r < 0)
                return r;
        if (!is_ip(name) && gnutls_server_name_set(session, GNUTLS_NAME_DNS, name, strlen(name)) < 0) {
                p2p_web_tls_session_settle(session);
                gnutls_deinit(session);
                return -EINVAL;
        }
        gnutls_session_set_verify_cert(session, name, 0);
        gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_CERTIFICATE_PKT, GNUTLS_HOOK_POST,
                                           p2p_cert_on_web_message);
        *ret = session;
        return 0;
}

void p2p_web_tls_session_settle(gnutls_session_t session) {
        gnutls_credentials_clear(session);
        files_leave(gnutls_session_get_ptr(session));
        gnutls_session_set_ptr(session, NULL);
}
