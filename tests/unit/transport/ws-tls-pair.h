/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Channels with the TLS of the Web over a memory pair, and the certificates that they show. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/memory.h"
#include "tests/support/plain-tls.h"
#include "tests/support/web-cert.h"
#include "transport/ws-tls-channel.h"

static web_ca ca;

static const web_cert certs[] = {
        { .name = "good", .dns = "relay.test" },
        { .name = "rsa", .dns = "relay.test", .is_rsa = true },
        { .name = "wild", .dns = "*.relay.test" },
        { .name = "ip", .ip = "192.0.2.1" },
        { .name = "ip6", .ip = "2001:db8::1" },
        { .name = "old", .dns = "relay.test", .from = -7200, .until = -3600 },
        { .name = "early", .dns = "relay.test", .from = 3600, .until = 7200 },
        { .name = "own", .dns = "relay.test", .is_self_signed = true },
};

static inline int make_files(void **state) {
        (void) state;
        web_ca_make(&ca);
        for (size_t i = 0; i < ELEMENTSOF(certs); i++)
                web_ca_issue(&ca, &certs[i]);
        return 0;
}

static inline int remove_files(void **state) {
        (void) state;
        web_ca_remove(&ca);
        return 0;
}

/* Credentials: a certificate, or NULL, and our authority if they trust it. */
static inline p2p_web_tls *credentials(const char *cert, bool trusting) {
        p2p_web_tls_options o = {};
        p2p_web_tls *tls;

        if (cert) {
                o.certificate = web_ca_path(&ca, cert, "crt");
                o.key = web_ca_path(&ca, cert, "key");
        }
        o.trust = trusting ? web_ca_path(&ca, "ca", "pem") : web_ca_path(&ca, "own", "crt");
        assert_int_equal(p2p_web_tls_new(&o, NULL, &tls), 0);
        return tls;
}

/* Two of ours. */
typedef struct pair {
        p2p_loop *loop;
        p2p_web_tls *server_tls, *client_tls;
        p2p_channel *server, *client;
} pair;

static inline void pair_begin(pair *f, const p2p_memory_options *options, const char *cert,
                              const char *name) {
        p2p_channel *a, *b;

        *f = (pair){ .server_tls = credentials(cert, true), .client_tls = credentials(NULL, true) };
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        assert_int_equal(p2p_memory_pair(f->loop, options, &a, &b), 0);
        assert_int_equal(p2p_ws_tls_channel_new_client(f->loop, a, f->client_tls, name, &f->client), 0);
        assert_int_equal(p2p_ws_tls_channel_new_server(f->loop, b, f->server_tls, &f->server), 0);
}

static inline void pair_done(pair *f) {
        p2p_channel_free(f->client);
        p2p_channel_free(f->server);
        (void) p2p_loop_settle(f->loop);
        p2p_loop_free(f->loop);
        p2p_web_tls_free(f->client_tls);
        p2p_web_tls_free(f->server_tls);
}

/* One of ours, and GnuTLS by hand. */
typedef struct duel {
        p2p_loop *loop;
        p2p_web_tls *tls;
        p2p_channel *us, *below; /* borrowed: below us */
        plain_tls far;
} duel;

/* name: what a client of ours wants to find; NULL for a server of ours. */
static inline void duel_begin(duel *d, const char *name, const char *priority, const char *const *names) {
        plain_tls_options options = { .is_client = !name, .priority = priority, .names = names };
        p2p_channel *raw;

        *d = (duel){ .tls = credentials("good", true) };
        assert_int_equal(p2p_loop_new_manual(&d->loop), 0);
        assert_int_equal(p2p_memory_pair(d->loop, NULL, &d->below, &raw), 0);
        plain_tls_init(&d->far, raw, &options);
        if (name) {
                assert_true(gnutls_certificate_set_x509_key_file(
                                    d->far.credentials, web_ca_path(&ca, "good", "crt"),
                                    web_ca_path(&ca, "good", "key"), GNUTLS_X509_FMT_PEM) >= 0);
                assert_int_equal(p2p_ws_tls_channel_new_client(d->loop, d->below, d->tls, name, &d->us), 0);
        } else
                assert_int_equal(p2p_ws_tls_channel_new_server(d->loop, d->below, d->tls, &d->us), 0);
}

/* 1, or why it failed. */
static inline int duel_shake(duel *d) {
        int r = 0;

        for (unsigned i = 0; i < 100 && r == 0; i++) {
                (void) p2p_loop_settle(d->loop);
                r = plain_tls_handshake(&d->far);
        }
        (void) p2p_loop_settle(d->loop);
        return r;
}

static inline void duel_done(duel *d) {
        p2p_channel_free(d->us);
        plain_tls_done(&d->far);
        p2p_loop_free(d->loop);
        p2p_web_tls_free(d->tls);
}
