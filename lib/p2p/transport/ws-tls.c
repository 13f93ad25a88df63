/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Certificates and authorities of wss, and sessions made with them.
 *
 * Peers prove who they are inside, so this TLS only has to satisfy the Web around it: a server shows a
 * certificate that browsers and proxies would take, a client takes what they would take. The system's
 * authorities are a megabyte and more, which a node that dials no wss never reads.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transport/ws-tls.h"

#define FILE_MAX (1024u * 1024u) /* arbitrary: of a PEM file */
#define VERSIONS "-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define ALPN "http/1.1"

struct p2p_web_tls {
        gnutls_priority_t priority;
        gnutls_certificate_credentials_t server; /* NULL: nothing to serve with */
        gnutls_certificate_credentials_t client;
        bool has_trust; /* false until the first dial where it is the system's */
};

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

static int set_server(p2p_web_tls *tls, const p2p_web_tls_options *o, const char **ret_which) {
        _cleanup_(datum_done) gnutls_datum_t certificate = {}, key = {};
        int r;

        *ret_which = o->certificate;
        r = read_file(o->certificate, &certificate);
        if (r < 0)
                return r;
        *ret_which = o->key;
        r = read_file(o->key, &key);
        if (r < 0)
                return r;
        if (gnutls_certificate_allocate_credentials(&tls->server) < 0)
                return -ENOMEM;
        r = gnutls_certificate_set_x509_key_mem2(tls->server, &certificate, &key, GNUTLS_X509_FMT_PEM, NULL,
                                                 0);
        if (r == GNUTLS_E_BASE64_DECODING_ERROR || r == GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR ||
            r == GNUTLS_E_NO_CERTIFICATE_FOUND)
                *ret_which = o->certificate;
        return r < 0 ? tls_error(r) : 0;
}

static int set_trust(p2p_web_tls *tls, const p2p_web_tls_options *o, const char **ret_which) {
        _cleanup_(datum_done) gnutls_datum_t trust = {};
        int r;

        *ret_which = o->trust;
        r = read_file(o->trust, &trust);
        if (r < 0)
                return r;
        r = gnutls_certificate_set_x509_trust_mem(tls->client, &trust, GNUTLS_X509_FMT_PEM);
        if (r < 0)
                return tls_error(r);
        tls->has_trust = true;
        return r > 0 ? 0 : -EBADMSG;
}

int p2p_web_tls_new(const p2p_web_tls_options *options, const char **ret_which, p2p_web_tls **ret) {
        _cleanup_(p2p_web_tls_freep) p2p_web_tls *tls = NULL;
        const char *which = NULL;
        int r = 0;

        if (!options->certificate != !options->key)
                return -EINVAL;
        tls = calloc(1, sizeof(*tls));
        if (!tls ||
            gnutls_priority_init2(&tls->priority, VERSIONS, NULL, GNUTLS_PRIORITY_INIT_DEF_APPEND) < 0 ||
            gnutls_certificate_allocate_credentials(&tls->client) < 0)
                return -ENOMEM;
        if (options->certificate)
                r = set_server(tls, options, &which);
        if (r >= 0 && options->trust)
                r = set_trust(tls, options, &which);
        if (r < 0) {
                if (ret_which)
                        *ret_which = which;
                return r;
        }
        *ret = TAKE_PTR(tls);
        return 0;
}

p2p_web_tls *p2p_web_tls_free(p2p_web_tls *tls) {
        if (!tls)
                return NULL;
        if (tls->server)
                gnutls_certificate_free_credentials(tls->server);
        if (tls->client)
                gnutls_certificate_free_credentials(tls->client);
        if (tls->priority)
                gnutls_priority_deinit(tls->priority);
        free(tls);
        return NULL;
}

bool p2p_web_tls_can_serve(const p2p_web_tls *tls) {
        return tls->server;
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
        *ret = session;
        return 0;
}

int p2p_web_tls_session_new_server(const p2p_web_tls *tls, gnutls_session_t *ret) {
        if (!tls->server)
                return -EINVAL;
        return session_new(tls, GNUTLS_SERVER | GNUTLS_NO_TICKETS, tls->server, ret);
}

int p2p_web_tls_session_new_client(const p2p_web_tls *tls, const char *name, gnutls_session_t *ret) {
        gnutls_session_t session;
        int r;

        if (!tls->has_trust) {
                ((p2p_web_tls *) tls)->has_trust = true; /* a cache */
                if (gnutls_certificate_set_x509_system_trust(tls->client) < 0)
                        return -ENOENT;
        }
        r = session_new(tls, GNUTLS_CLIENT, tls->client, &session);
        if (r < 0)
                return r;
        if (!is_ip(name) && gnutls_server_name_set(session, GNUTLS_NAME_DNS, name, strlen(name)) < 0) {
                gnutls_deinit(session);
                return -EINVAL;
        }
        gnutls_session_set_verify_cert(session, name, 0);
        *ret = session;
        return 0;
}
