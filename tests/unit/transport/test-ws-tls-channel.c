/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The TLS of the Web over a memory pair: two of ours, and one against GnuTLS by hand (wire reference 15). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/memory.h"
#include "tests/support/web-cert.h"
#include "transport/ws-tls-channel.h"

static web_ca ca;
static uint8_t buf[300000];

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

static int make_files(void **state) {
        (void) state;
        web_ca_make(&ca);
        for (size_t i = 0; i < ELEMENTSOF(certs); i++)
                web_ca_issue(&ca, &certs[i]);
        return 0;
}

static int remove_files(void **state) {
        (void) state;
        web_ca_remove(&ca);
        return 0;
}

/* Credentials: a certificate, or NULL, and our authority if they trust it. */
static p2p_web_tls *credentials(const char *cert, bool trusting) {
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

typedef struct fixture {
        p2p_loop *loop;
        p2p_web_tls *server_tls, *client_tls;
        p2p_channel *server, *client;
} fixture;

static void begin(fixture *f, const p2p_memory_options *options, const char *cert, const char *name) {
        p2p_channel *a, *b;

        *f = (fixture){ .server_tls = credentials(cert, true), .client_tls = credentials(NULL, true) };
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        assert_int_equal(p2p_memory_pair(f->loop, options, &a, &b), 0);
        assert_int_equal(p2p_ws_tls_channel_new_client(f->loop, a, f->client_tls, name, &f->client), 0);
        assert_int_equal(p2p_ws_tls_channel_new_server(f->loop, b, f->server_tls, &f->server), 0);
}

static void done(fixture *f) {
        p2p_channel_free(f->client);
        p2p_channel_free(f->server);
        (void) p2p_loop_settle(f->loop);
        p2p_loop_free(f->loop);
        p2p_web_tls_free(f->client_tls);
        p2p_web_tls_free(f->server_tls);
}

static uint32_t noise_of(uint32_t *seed) {
        return *seed = *seed * 1664525u + 1013904223u;
}

static size_t write_piece(p2p_channel *c, size_t sent, size_t n) {
        struct iovec iov[3];
        ssize_t k;

        for (size_t j = 0; j < n; j++)
                buf[j] = (uint8_t) ((sent + j) * 7 >> 3);
        iov[0] = (struct iovec){ buf, n / 5 };
        iov[1] = (struct iovec){ buf + n, 0 };
        iov[2] = (struct iovec){ buf + n / 5, n - n / 5 };
        k = n > 0 ? p2p_channel_writev(c, iov, 3, false) : -EAGAIN;
        assert_true(k > 0 || k == -EAGAIN);
        return k > 0 ? (size_t) k : 0;
}

static size_t read_piece(p2p_channel *c, size_t got, size_t max) {
        ssize_t k = p2p_channel_read(c, buf, max);

        assert_true(k > 0 || k == -EAGAIN);
        for (ssize_t j = 0; j < k; j++)
                assert_int_equal(buf[j], (uint8_t) ((got + (size_t) j) * 7 >> 3));
        return k > 0 ? (size_t) k : 0;
}

static void bytes_pass_at_every_split(void **state) {
        static const struct { p2p_memory_options options; size_t total; } cases[] = {
                { { .write_max = 1, .read_max = 1 },          3000    },
                { { .write_max = 7, .read_max = 5 },          100000  },
                { { .write_max = 1400, .read_max = 1000 },    1000000 },
                { { .capacity = 100 },                        100000  },
                { { .capacity = 1 << 20, .read_max = 65538 }, 3000000 },
        };
        static const size_t reads[] = { 1, 100, 4096, 262144 };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases) * ELEMENTSOF(reads) * 2; i++) {
                size_t total = cases[i / 2 / ELEMENTSOF(reads)].total, read_max = reads[i / 2 % ELEMENTSOF(reads)];
                size_t sent = 0, got = 0;
                p2p_channel *from, *to;
                uint32_t seed = 1;
                ssize_t k = 0;
                fixture f;

                if (read_max == 1)
                        total = P2P_MIN(total, (size_t) 30000);
                begin(&f, &cases[i / 2 / ELEMENTSOF(reads)].options, i % 3 ? "good" : "rsa", "relay.test");
                from = i % 2 ? f.client : f.server;
                to = i % 2 ? f.server : f.client;
                for (unsigned idle = 0; got < total; idle++) {
                        size_t piece = (noise_of(&seed) >> 8) % (noise_of(&seed) & 0x100 ? 200 : 100000);
                        size_t moved = write_piece(from, sent, P2P_MIN(total - sent, piece));

                        sent += moved;
                        (void) p2p_loop_settle(f.loop);
                        moved += piece = read_piece(to, got, read_max);
                        got += piece;
                        if (moved > 0)
                                idle = 0;
                        assert_true(idle < 1000);
                        (void) p2p_loop_settle(f.loop);
                }
                assert_int_equal(p2p_channel_shutdown(from), 0);
                assert_int_equal(p2p_channel_write(from, "x", 1), -EPIPE);
                for (unsigned turn = 0; turn < 100 && (k = p2p_channel_read(to, buf, read_max)) == -EAGAIN; turn++)
                        (void) p2p_loop_settle(f.loop);
                assert_int_equal(k, 0);
                assert_int_equal(p2p_channel_read(to, buf, read_max), 0);
                assert_int_equal(p2p_channel_write(to, "back", 4), 4); /* TLS 1.3 has a half-close */
                (void) p2p_loop_settle(f.loop);
                assert_int_equal(p2p_channel_read(from, buf, P2P_MAX(read_max, (size_t) 4)), 4);
                done(&f);
        }
}

static void certificates_are_judged(void **state) {
        static const struct { const char *cert, *name; int error; } cases[] = {
                { "good",  "relay.test",         0             },
                { "good",  "RELAY.test",         0             },
                { "rsa",   "relay.test",         0             },
                { "good",  "other.test",         -EREMCHG      },
                { "good",  "a.relay.test",       -EREMCHG      },
                { "good",  "192.0.2.1",          -EREMCHG      },
                { "wild",  "a.relay.test",       0             },
                { "wild",  "relay.test",         -EREMCHG      },
                { "wild",  "a.b.relay.test",     -EREMCHG      },
                { "ip",    "192.0.2.1",          0             },
                { "ip",    "192.0.2.2",          -EREMCHG      },
                { "ip6",   "2001:db8::1",        0             },
                { "ip6",   "2001:db8::2",        -EREMCHG      },
                { "old",   "relay.test",         -EKEYEXPIRED  },
                { "early", "relay.test",         -EKEYEXPIRED  },
                { "own",   "relay.test",         -ENOKEY       },
                { "old",   "other.test",         -EREMCHG      },
                { "own",   "other.test",         -ENOKEY       },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fixture f;
                ssize_t k;

                begin(&f, NULL, cases[i].cert, cases[i].name);
                (void) p2p_loop_settle(f.loop);
                k = p2p_channel_write(f.client, "hello", 5);
                if (k != (cases[i].error ?: 5))
                        fail_msg("%s for %s: %zd", cases[i].cert, cases[i].name, k);
                (void) p2p_loop_settle(f.loop);
                k = p2p_channel_read(f.server, buf, sizeof(buf));
                if (cases[i].error == 0)
                        assert_int_equal(k, 5);
                else
                        assert_true(k < 0 && k != -EAGAIN);
                done(&f);
        }
}

static void files_are_judged(void **state) {
        struct { const char *certificate, *key, *trust; int expect; unsigned which; } cases[] = {
                { web_ca_path(&ca, "good", "crt"), web_ca_path(&ca, "good", "key"), NULL, 0, 0 },
                { NULL, NULL, web_ca_path(&ca, "ca", "pem"), 0, 0 },
                { web_ca_path(&ca, "good", "crt"), NULL, NULL, -EINVAL, 0 },
                { web_ca_path(&ca, "none", "crt"), web_ca_path(&ca, "good", "key"), NULL, -ENOENT, 1 },
                { web_ca_path(&ca, "good", "crt"), web_ca_path(&ca, "none", "key"), NULL, -ENOENT, 2 },
                { ca.dir, web_ca_path(&ca, "good", "key"), NULL, -EISDIR, 1 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_web_tls_options o = { cases[i].certificate, cases[i].key, cases[i].trust };
                const char *which = NULL, *want[] = { NULL, o.certificate, o.key, o.trust };
                p2p_web_tls *tls = NULL;

                assert_int_equal(p2p_web_tls_new(&o, &which, &tls), cases[i].expect);
                assert_ptr_equal(which, want[cases[i].which]);
                p2p_web_tls_free(tls);
        }
}

static void false_files_are_refused(void **state) {
        const char *good = web_ca_path(&ca, "good", "crt"), *key = web_ca_path(&ca, "good", "key");
        const char *other = web_ca_path(&ca, "rsa", "key"), *pem = web_ca_path(&ca, "ca", "pem");
        p2p_web_tls *tls;

        (void) state;
        assert_int_equal(p2p_web_tls_new(&(p2p_web_tls_options){ good, other, NULL }, NULL, &tls), -EKEYREJECTED);
        assert_int_equal(p2p_web_tls_new(&(p2p_web_tls_options){ key, key, NULL }, NULL, &tls), -EBADMSG);
        assert_int_equal(p2p_web_tls_new(&(p2p_web_tls_options){ good, pem, NULL }, NULL, &tls), -EBADMSG);
        assert_int_equal(p2p_web_tls_new(&(p2p_web_tls_options){ .trust = key }, NULL, &tls), -EBADMSG);
        tls = credentials(NULL, true);
        assert_int_equal(p2p_ws_tls_channel_new_server(NULL, NULL, tls, NULL), -EINVAL);
        p2p_web_tls_free(tls);
}

/* Another pair with the same credentials; what a byte through it comes to. */
static ssize_t try_pair(const fixture *f, const char *name, unsigned turns, void (*meanwhile)(const fixture *f)) {
        const p2p_memory_options tight = { .capacity = 64 };
        p2p_channel *a, *b, *client, *server;
        ssize_t k;

        assert_int_equal(p2p_memory_pair(f->loop, turns > 0 ? &tight : NULL, &a, &b), 0);
        assert_int_equal(p2p_ws_tls_channel_new_client(f->loop, a, f->client_tls, name, &client), 0);
        assert_int_equal(p2p_ws_tls_channel_new_server(f->loop, b, f->server_tls, &server), 0);
        for (unsigned i = 0; i < turns; i++)
                assert_int_equal(p2p_loop_turn(f->loop, 0), 1); /* still at it */
        if (meanwhile)
                meanwhile(f);
        (void) p2p_loop_settle(f->loop);
        k = p2p_channel_write(client, "x", 1);
        p2p_channel_free(client);
        p2p_channel_free(server);
        (void) p2p_loop_settle(f->loop);
        return k;
}

static int reload(const fixture *f, const char *certificate, const char *key) {
        const p2p_web_tls_options o = { certificate, key, web_ca_path(&ca, "ca", "pem") };

        return p2p_web_tls_reload(f->server_tls, &o, NULL);
}

static void reload_to_wild(const fixture *f) {
        assert_int_equal(reload(f, web_ca_path(&ca, "wild", "crt"), web_ca_path(&ca, "wild", "key")), 0);
}

static void files_are_read_again(void **state) {
        fixture f;

        (void) state;
        begin(&f, NULL, "good", "relay.test");
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(p2p_channel_write(f.client, "one", 3), 3);

        assert_int_equal(try_pair(&f, "relay.test", 20, reload_to_wild), 1); /* it ends as it began */
        assert_int_equal(try_pair(&f, "relay.test", 0, NULL), -EREMCHG);
        assert_int_equal(try_pair(&f, "a.relay.test", 0, NULL), 1);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(p2p_channel_read(f.server, buf, sizeof(buf)), 3); /* who is there stays */

        assert_int_equal(reload(&f, web_ca_path(&ca, "none", "crt"), web_ca_path(&ca, "wild", "key")), -ENOENT);
        assert_int_equal(reload(&f, web_ca_path(&ca, "good", "crt"), web_ca_path(&ca, "wild", "key")), -EKEYREJECTED);
        assert_int_equal(reload(&f, web_ca_path(&ca, "good", "crt"), NULL), -EINVAL);
        assert_int_equal(reload(&f, NULL, NULL), -EINVAL);
        assert_int_equal(try_pair(&f, "a.relay.test", 0, NULL), 1);

        assert_int_equal(p2p_web_tls_reload(f.client_tls, &(p2p_web_tls_options){ .trust = web_ca_path(&ca, "own", "crt") },
                                            NULL), 0);
        assert_int_equal(try_pair(&f, "a.relay.test", 0, NULL), -ENOKEY);
        done(&f);
}

/* ---- GnuTLS by hand on the other side */

typedef struct hand {
        p2p_loop *loop;
        p2p_channel *raw;
        gnutls_session_t session;
        gnutls_certificate_credentials_t credentials;
} hand;

static ssize_t hand_pull(gnutls_transport_ptr_t p, void *data, size_t n) {
        hand *h = p;
        ssize_t k = p2p_channel_read(h->raw, data, n);

        if (k >= 0)
                return k;
        gnutls_transport_set_errno(h->session, k == -EAGAIN ? EAGAIN : EIO);
        return -1;
}

static ssize_t hand_push(gnutls_transport_ptr_t p, const void *data, size_t n) {
        hand *h = p;
        ssize_t k = p2p_channel_write(h->raw, data, n);

        if (k >= 0)
                return k;
        gnutls_transport_set_errno(h->session, k == -EAGAIN ? EAGAIN : EIO);
        return -1;
}

static void hand_begin(hand *h, p2p_loop *loop, p2p_channel *raw, unsigned flags, const char *priority) {
        *h = (hand){ .loop = loop, .raw = raw };
        assert_int_equal(gnutls_init(&h->session, flags | GNUTLS_NONBLOCK), 0);
        assert_int_equal(gnutls_priority_set_direct(h->session, priority, NULL), 0);
        assert_int_equal(gnutls_certificate_allocate_credentials(&h->credentials), 0);
        if (flags & GNUTLS_SERVER)
                assert_true(gnutls_certificate_set_x509_key_file(h->credentials, web_ca_path(&ca, "good", "crt"),
                                                                 web_ca_path(&ca, "good", "key"), GNUTLS_X509_FMT_PEM) >= 0);
        assert_int_equal(gnutls_credentials_set(h->session, GNUTLS_CRD_CERTIFICATE, h->credentials), 0);
        gnutls_transport_set_ptr(h->session, h);
        gnutls_transport_set_pull_function(h->session, hand_pull);
        gnutls_transport_set_push_function(h->session, hand_push);
}

/* 0, or why it failed. */
static int hand_shake(hand *h) {
        for (unsigned i = 0; i < 100; i++) {
                int r;

                (void) p2p_loop_settle(h->loop);
                r = gnutls_handshake(h->session);
                if (r == 0 || gnutls_error_is_fatal(r))
                        return r;
        }
        return GNUTLS_E_TIMEDOUT;
}

static void hand_done(hand *h) {
        gnutls_deinit(h->session);
        gnutls_certificate_free_credentials(h->credentials);
}

static void versions_are_1_2_and_1_3(void **state) {
        static const struct { const char *priority; bool good; } cases[] = {
                { "NORMAL:-VERS-ALL:+VERS-TLS1.3", true },
                { "NORMAL:-VERS-ALL:+VERS-TLS1.2", true },
                { "NORMAL:-VERS-ALL:+VERS-TLS1.1:+SIGN-RSA-SHA1:%VERIFY_ALLOW_SIGN_WITH_SHA1", false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases) * 2; i++) {
                bool serves = i % 2, good = cases[i / 2].good;
                p2p_channel *us, *raw, *below;
                p2p_web_tls *tls = credentials("good", true);
                p2p_loop *loop;
                gnutls_datum_t alpn;
                hand h;

                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, NULL, &below, &raw), 0);
                hand_begin(&h, loop, raw, serves ? GNUTLS_CLIENT : GNUTLS_SERVER, cases[i / 2].priority);
                alpn = (gnutls_datum_t){ (unsigned char *) "http/1.1", 8 };
                assert_int_equal(gnutls_alpn_set_protocols(h.session, &alpn, 1, GNUTLS_ALPN_MANDATORY), 0);
                if (serves)
                        assert_int_equal(p2p_ws_tls_channel_new_server(loop, below, tls, &us), 0);
                else
                        assert_int_equal(p2p_ws_tls_channel_new_client(loop, below, tls, "relay.test", &us), 0);
                assert_int_equal(hand_shake(&h) == 0, good);
                (void) p2p_loop_settle(loop);
                if (good) {
                        assert_int_equal(p2p_channel_write(us, "hello", 5), 5);
                        assert_int_equal(gnutls_record_recv(h.session, buf, 10), 5);
                        assert_int_equal(gnutls_record_send(h.session, "back", 4), 4);
                        (void) p2p_loop_settle(loop);
                        assert_int_equal(p2p_channel_read(us, buf, 10), 4);
                } else
                        assert_int_equal(p2p_channel_write(us, "hello", 5), -EPROTONOSUPPORT);
                hand_done(&h);
                p2p_channel_free(us);
                p2p_channel_free(raw);
                p2p_loop_free(loop);
                p2p_web_tls_free(tls);
        }
}

static void names_are_sent_and_addresses_are_not(void **state) {
        static const struct { const char *cert_name, *sni; } cases[] = { { "relay.test", "relay.test" }, { "192.0.2.1", NULL } };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_web_tls *tls = credentials(NULL, true);
                p2p_channel *us, *raw, *below;
                char name[64] = "";
                size_t n = sizeof(name);
                unsigned type;
                p2p_loop *loop;
                hand h;

                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, NULL, &below, &raw), 0);
                hand_begin(&h, loop, raw, GNUTLS_SERVER, "NORMAL");
                assert_int_equal(p2p_ws_tls_channel_new_client(loop, below, tls, cases[i].cert_name, &us), 0);
                (void) hand_shake(&h);
                if (cases[i].sni) {
                        assert_int_equal(gnutls_server_name_get(h.session, name, &n, &type, 0), 0);
                        assert_string_equal(name, cases[i].sni);
                } else
                        assert_int_equal(gnutls_server_name_get(h.session, name, &n, &type, 0), GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
                hand_done(&h);
                p2p_channel_free(us);
                p2p_channel_free(raw);
                p2p_loop_free(loop);
                p2p_web_tls_free(tls);
        }
}

static void a_cut_is_no_end(void **state) {
        for (unsigned when = 0; when < 2; when++) {
                p2p_web_tls *tls = credentials("good", true);
                p2p_channel *us, *raw, *below;
                p2p_loop *loop;
                hand h;

                (void) state;
                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, NULL, &below, &raw), 0);
                hand_begin(&h, loop, raw, GNUTLS_CLIENT, "NORMAL");
                assert_int_equal(p2p_ws_tls_channel_new_server(loop, below, tls, &us), 0);
                if (when > 0) {
                        assert_int_equal(hand_shake(&h), 0);
                        assert_int_equal(gnutls_record_send(h.session, "last", 4), 4);
                }
                (void) p2p_channel_shutdown(raw);
                (void) p2p_loop_settle(loop);
                if (when > 0)
                        assert_int_equal(p2p_channel_read(us, buf, 100), 4);
                assert_int_equal(p2p_channel_read(us, buf, 100), -ECONNRESET);
                assert_true(p2p_channel_write(us, buf, 100) < 0);
                hand_done(&h);
                p2p_channel_free(us);
                p2p_channel_free(raw);
                p2p_loop_free(loop);
                p2p_web_tls_free(tls);
        }
}

static void strangers_are_told_off(void **state) {
        static const struct { const char *said; size_t n; } cases[] = {
                { "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27 },
                { "\x13/multistream/1.0.0\n", 20 },
                { "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10 }, /* a ClientHello of one byte */
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_web_tls *tls = credentials("good", true);
                p2p_channel *us, *raw, *below;
                p2p_loop *loop;
                ssize_t k;

                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, NULL, &below, &raw), 0);
                assert_int_equal(p2p_ws_tls_channel_new_server(loop, below, tls, &us), 0);
                assert_int_equal(p2p_channel_write(raw, cases[i].said, cases[i].n), cases[i].n);
                (void) p2p_loop_settle(loop);
                k = p2p_channel_read(us, buf, 100);
                assert_true(k == -EPROTO || k == -EBADMSG || k == -EPROTONOSUPPORT);
                assert_int_equal(p2p_channel_write(us, buf, 100), k);
                p2p_channel_free(us); /* without a shutdown: the alert is heard all the same */
                assert_int_equal(p2p_channel_read(raw, buf, 100), 7);
                assert_int_equal(buf[0], 21);
                assert_int_equal(p2p_channel_read(raw, buf, 100), 0);
                p2p_channel_free(raw);
                p2p_loop_free(loop);
                p2p_web_tls_free(tls);
        }
}

static void a_handshake_has_64_kilobytes(void **state) {
        static const uint8_t head[] = { 0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x03, 0xff, 0xff }; /* of a hello without end */
        p2p_web_tls *tls = credentials("good", true);
        p2p_channel *us, *raw, *below;
        p2p_loop *loop;
        ssize_t k = -EAGAIN;
        size_t n = 0;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        assert_int_equal(p2p_memory_pair(loop, NULL, &below, &raw), 0);
        assert_int_equal(p2p_ws_tls_channel_new_server(loop, below, tls, &us), 0);
        memset(buf, 'x', sizeof(buf));
        for (size_t record = 0; n < 2 * P2P_WS_TLS_HANDSHAKE_MAX && k == -EAGAIN; record++) {
                memcpy(buf, head, record == 0 ? sizeof(head) : 5);
                assert_int_equal(p2p_channel_write(raw, buf, 16384 + 5), 16384 + 5);
                n += 16384 + 5;
                (void) p2p_loop_settle(loop);
                k = p2p_channel_read(us, buf, 100);
        }
        assert_true(k < 0 && k != -EAGAIN);
        assert_true(n <= P2P_WS_TLS_HANDSHAKE_MAX + 2 * (16384 + 5));
        p2p_channel_free(us);
        p2p_channel_free(raw);
        p2p_loop_free(loop);
        p2p_web_tls_free(tls);
}

static void what_waits_has_a_limit(void **state) {
        static const p2p_memory_options options = { .capacity = 300 };
        fixture f;

        (void) state;
        begin(&f, &options, "good", "relay.test");
        for (unsigned i = 0; i < 100; i++)
                (void) p2p_loop_settle(f.loop);
        memset(buf, 0, sizeof(buf));
        assert_int_equal(p2p_channel_write(f.client, buf, sizeof(buf)), P2P_WS_TLS_WRITE_MAX);
        assert_int_equal(p2p_channel_write(f.client, buf, sizeof(buf)), -EAGAIN);
        done(&f);
}

static void a_freed_channel_delivers_what_was_taken(void **state) {
        static const p2p_memory_options options = { .capacity = 300 };
        size_t n = 0;
        fixture f;
        ssize_t k;

        (void) state;
        begin(&f, &options, "good", "relay.test");
        for (unsigned i = 0; i < 100; i++)
                (void) p2p_loop_settle(f.loop);
        assert_int_equal(p2p_channel_write(f.client, buf, 50000), 50000);
        assert_int_equal(p2p_channel_shutdown(f.client), 0);
        p2p_channel_free(TAKE_PTR(f.client));
        while ((k = p2p_channel_read(f.server, buf, sizeof(buf))) > 0 || k == -EAGAIN) {
                n += k > 0 ? (size_t) k : 0;
                assert_true(p2p_loop_settle(f.loop) >= 0);
        }
        assert_int_equal(k, 0);
        assert_int_equal(n, 50000);
        done(&f);
}

static void a_reset_is_one_below(void **state) {
        fixture f;

        (void) state;
        for (unsigned i = 0; i < 4; i++) {
                begin(&f, NULL, "good", "relay.test");
                if (i < 2)
                        (void) p2p_loop_settle(f.loop); /* the others: in the handshake */
                if (i % 2) {
                        p2p_channel_reset(f.client, 7);
                        assert_int_equal(p2p_channel_read(f.client, buf, 10), -ECONNRESET);
                        assert_int_equal(p2p_channel_write(f.client, buf, 10), -ECONNRESET);
                } else
                        p2p_channel_free(TAKE_PTR(f.client));
                (void) p2p_loop_settle(f.loop);
                assert_int_equal(p2p_channel_read(f.server, buf, 10), -ECONNRESET);
                done(&f);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_pass_at_every_split),
                cmocka_unit_test(certificates_are_judged),
                cmocka_unit_test(files_are_judged),
                cmocka_unit_test(false_files_are_refused),
                cmocka_unit_test(files_are_read_again),
                cmocka_unit_test(versions_are_1_2_and_1_3),
                cmocka_unit_test(names_are_sent_and_addresses_are_not),
                cmocka_unit_test(a_cut_is_no_end),
                cmocka_unit_test(strangers_are_told_off),
                cmocka_unit_test(a_handshake_has_64_kilobytes),
                cmocka_unit_test(what_waits_has_a_limit),
                cmocka_unit_test(a_freed_channel_delivers_what_was_taken),
                cmocka_unit_test(a_reset_is_one_below),
        };

        return cmocka_run_group_tests(tests, make_files, remove_files);
}
