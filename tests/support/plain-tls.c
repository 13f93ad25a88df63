/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GnuTLS over a channel, record layer and all: what our own reading and writing of records is held against.
 */

#include <assert.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <string.h>

#include "tests/support/plain-tls.h"

static void must(int r) {
        if (r < 0)
                __builtin_trap();
}

static ssize_t moved(plain_tls *t, ssize_t k) {
        if (k >= 0)
                return k;
        gnutls_transport_set_errno(t->session, k == -EAGAIN ? EAGAIN : ECONNRESET);
        return -1;
}

static ssize_t on_pull(gnutls_transport_ptr_t userdata, void *data, size_t n) {
        plain_tls *t = userdata;

        return moved(t, p2p_channel_read(t->channel, data, n));
}

static ssize_t on_push(gnutls_transport_ptr_t userdata, const void *data, size_t n) {
        plain_tls *t = userdata;

        return moved(t, p2p_channel_write(t->channel, data, n));
}

static int on_pull_timeout(gnutls_transport_ptr_t userdata _unused_, unsigned milliseconds _unused_) {
        return 1;
}

static int accept_anybody(gnutls_session_t session _unused_) {
        return 0;
}

/* As a retriever gives it: nobody looks whether it is a chain, or fits the key. Takes the key. */
static void set_chain(plain_tls *t, gnutls_x509_crt_t crt, unsigned n, gnutls_privkey_t key) {
        gnutls_pcert_st *list = gnutls_calloc(n, sizeof(*list));

        for (unsigned i = 0; i < n; i++)
                must(gnutls_pcert_import_x509(&list[i], crt, 0));
        gnutls_certificate_set_flags(t->credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
        must(gnutls_certificate_set_key(t->credentials, NULL, 0, list, (int) n, key));
        gnutls_free(list);
}

static void set_unheld_certificate(plain_tls *t, const plain_tls_options *o) {
        gnutls_privkey_t key;
        gnutls_x509_crt_t crt;

        forge_unheld_certificate(o->unheld_bits, o->unheld_exponent, o->identity, &crt, &key);
        set_chain(t, crt, 1, key);
        gnutls_x509_crt_deinit(crt);
}

static void set_certificate(plain_tls *t, const plain_tls_options *o) {
        static const forge usual = { .name = "usual" };
        gnutls_x509_privkey_t key;
        gnutls_privkey_t private_key;
        gnutls_x509_crt_t crt;

        forge_certificate(o->certificate ?: &usual, o->identity, &crt, &key);
        if (o->n_chain <= 1)
                must(gnutls_certificate_set_x509_key(t->credentials, &crt, 1, key));
        else {
                must(gnutls_privkey_init(&private_key));
                must(gnutls_privkey_import_x509(private_key, key, GNUTLS_PRIVKEY_IMPORT_COPY));
                set_chain(t, crt, o->n_chain, private_key);
        }
        gnutls_x509_crt_deinit(crt);
        gnutls_x509_privkey_deinit(key);
}

static void set_names(plain_tls *t, const char *const *names) {
        gnutls_datum_t list[8];
        unsigned n = 0;

        for (; names && names[n]; n++)
                list[n] = (gnutls_datum_t){ (unsigned char *) names[n], (unsigned) strlen(names[n]) };
        if (n > 0)
                must(gnutls_alpn_set_protocols(t->session, list, n, 0));
}

void plain_tls_init(plain_tls *t, p2p_channel *channel, const plain_tls_options *o) {
        unsigned flags = GNUTLS_NONBLOCK | o->flags;

        *t = (plain_tls){ .channel = channel, .alert = -1 };
        flags |= o->is_client ? GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT : GNUTLS_SERVER;
        must(gnutls_init(&t->session, flags));
        must(gnutls_priority_set_direct(t->session, o->priority ?: "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL));
        must(gnutls_certificate_allocate_credentials(&t->credentials));
        if (o->identity && o->unheld_bits > 0)
                set_unheld_certificate(t, o);
        else if (o->identity)
                set_certificate(t, o);
        must(gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, t->credentials));
        if (!o->is_client)
                gnutls_certificate_server_set_request(t->session, GNUTLS_CERT_REQUEST);
        gnutls_session_set_verify_function(t->session, accept_anybody);
        set_names(t, o->names);
        gnutls_transport_set_ptr(t->session, t);
        gnutls_transport_set_pull_function(t->session, on_pull);
        gnutls_transport_set_push_function(t->session, on_push);
        gnutls_transport_set_pull_timeout_function(t->session, on_pull_timeout);
}

static void hear_alert(plain_tls *t, int r) {
        if (r == GNUTLS_E_FATAL_ALERT_RECEIVED)
                t->alert = gnutls_alert_get(t->session);
}

int plain_tls_handshake(plain_tls *t) {
        int r;

        if (t->handshake != 0)
                return t->handshake;
        r = gnutls_handshake(t->session);
        hear_alert(t, r);
        if (r == 0)
                t->handshake = 1;
        else if (gnutls_error_is_fatal(r)) {
                (void) gnutls_alert_send_appropriate(t->session, r);
                t->handshake = r;
        }
        return t->handshake;
}

ssize_t plain_tls_read(plain_tls *t, void *data, size_t n) {
        ssize_t k;

        k = gnutls_record_recv(t->session, data, n);
        hear_alert(t, (int) k);
        return k;
}

ssize_t plain_tls_write(plain_tls *t, const void *data, size_t n) {
        return gnutls_record_send(t->session, data, n);
}

void plain_tls_done(plain_tls *t) {
        if (t->session)
                gnutls_deinit(t->session);
        if (t->credentials)
                gnutls_certificate_free_credentials(t->credentials);
        p2p_channel_free(t->channel);
        *t = (plain_tls){};
}
