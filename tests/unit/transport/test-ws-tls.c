/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificates, authorities, versions and names of wss (wire reference 15). */

#include <stdio.h>

#include "tests/unit/transport/ws-tls-pair.h"

static uint8_t buf[4096];

static void certificates_are_judged(void **state) {
        static const struct {
                const char *cert, *name;
                int error;
        } cases[] = {
                { "good", "relay.test", 0 },
                { "good", "RELAY.test", 0 },
                { "rsa", "relay.test", 0 },
                { "good", "other.test", -EREMCHG },
                { "good", "a.relay.test", -EREMCHG },
                { "good", "192.0.2.1", -EREMCHG },
                { "wild", "a.relay.test", 0 },
                { "wild", "relay.test", -EREMCHG },
                { "wild", "a.b.relay.test", -EREMCHG },
                { "ip", "192.0.2.1", 0 },
                { "ip", "192.0.2.2", -EREMCHG },
                { "ip6", "2001:db8::1", 0 },
                { "ip6", "2001:db8::2", -EREMCHG },
                { "old", "relay.test", -EKEYEXPIRED },
                { "early", "relay.test", -EKEYEXPIRED },
                { "own", "relay.test", -ENOKEY },
                { "old", "other.test", -EREMCHG },
                { "own", "other.test", -ENOKEY },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                pair f;
                ssize_t k;

                pair_begin(&f, NULL, cases[i].cert, cases[i].name);
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
                pair_done(&f);
        }
}

static void files_are_judged(void **state) {
        struct {
                const char *certificate, *key, *trust;
                int expect;
                unsigned which;
        } cases[] = {
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

static void files_are_read_up_to_a_mebibyte(void **state) {
        const char *good = web_ca_path(&ca, "good", "crt"), *key = web_ca_path(&ca, "good", "key");
        static char text[1024 * 1024 + 1];
        char path[128];
        p2p_web_tls *tls;
        size_t n;
        FILE *f;

        (void) state;
        f = fopen(good, "re");
        assert_non_null(f);
        n = fread(text, 1, sizeof(text), f);
        (void) fclose(f);
        memset(text + n, '\n', sizeof(text) - n);
        (void) snprintf(path, sizeof(path), "%s", web_ca_path(&ca, "long", "crt"));
        for (unsigned more = 0; more < 2; more++) {
                f = fopen(path, "we");
                assert_non_null(f);
                assert_int_equal(fwrite(text, 1, 1024 * 1024 + more, f), 1024 * 1024 + more);
                assert_int_equal(fclose(f), 0);
                assert_int_equal(p2p_web_tls_new(&(p2p_web_tls_options){ path, key, NULL }, NULL, &tls),
                                 more ? -EMSGSIZE : 0);
                if (!more)
                        p2p_web_tls_free(tls);
        }
}

/* What a renewal leaves that was cut short: a certificate, and the beginning of its authority's. */
static void write_half_a_chain(const char *good, const char *half) {
        FILE *from = fopen(good, "re"), *to = fopen(half, "we");
        char line[128];

        assert_true(from && to);
        while (fgets(line, sizeof(line), from))
                assert_true(fputs(line, to) >= 0);
        assert_true(fputs("-----BEGIN CERTIFICATE-----\nMIIB\n", to) >= 0);
        assert_int_equal(fclose(from), 0);
        assert_int_equal(fclose(to), 0);
}

static void false_files_are_refused(void **state) {
        const char *good = web_ca_path(&ca, "good", "crt"), *key = web_ca_path(&ca, "good", "key");
        const char *other = web_ca_path(&ca, "rsa", "key"), *pem = web_ca_path(&ca, "ca", "pem");
        const char *half = web_ca_path(&ca, "half", "crt");
        p2p_web_tls *tls;

        (void) state;
        write_half_a_chain(good, half);
        assert_int_equal(p2p_web_tls_new(&(p2p_web_tls_options){ half, key, NULL }, NULL, &tls), -EBADMSG);
        assert_int_equal(p2p_web_tls_new(&(p2p_web_tls_options){ .trust = half }, NULL, &tls), -EBADMSG);
        assert_int_equal(p2p_web_tls_new(&(p2p_web_tls_options){ good, other, NULL }, NULL, &tls),
                         -EKEYREJECTED);
        assert_int_equal(p2p_web_tls_new(&(p2p_web_tls_options){ key, key, NULL }, NULL, &tls), -EBADMSG);
        assert_int_equal(p2p_web_tls_new(&(p2p_web_tls_options){ good, pem, NULL }, NULL, &tls), -EBADMSG);
        assert_int_equal(p2p_web_tls_new(&(p2p_web_tls_options){ .trust = key }, NULL, &tls), -EBADMSG);
        tls = credentials(NULL, true);
        assert_int_equal(p2p_ws_tls_channel_new_server(NULL, NULL, tls, NULL), -EINVAL);
        p2p_web_tls_free(tls);
}

/* Another pair with the same credentials; what a byte through it comes to. */
static ssize_t try_pair(const pair *f, const char *name, unsigned turns, void (*meanwhile)(const pair *f)) {
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

static int reload(const pair *f, const char *certificate, const char *key) {
        const p2p_web_tls_options o = { certificate, key, web_ca_path(&ca, "ca", "pem") };

        return p2p_web_tls_reload(f->server_tls, &o, NULL);
}

static void reload_to_wild(const pair *f) {
        assert_int_equal(reload(f, web_ca_path(&ca, "wild", "crt"), web_ca_path(&ca, "wild", "key")), 0);
}

static void files_are_read_again(void **state) {
        pair f;

        (void) state;
        pair_begin(&f, NULL, "good", "relay.test");
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(p2p_channel_write(f.client, "one", 3), 3);

        assert_int_equal(try_pair(&f, "relay.test", 20, reload_to_wild), 1); /* it ends as it began */
        assert_int_equal(try_pair(&f, "relay.test", 0, NULL), -EREMCHG);
        assert_int_equal(try_pair(&f, "a.relay.test", 0, NULL), 1);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(p2p_channel_read(f.server, buf, sizeof(buf)), 3); /* who is there stays */

        assert_int_equal(reload(&f, web_ca_path(&ca, "none", "crt"), web_ca_path(&ca, "wild", "key")),
                         -ENOENT);
        assert_int_equal(reload(&f, web_ca_path(&ca, "good", "crt"), web_ca_path(&ca, "wild", "key")),
                         -EKEYREJECTED);
        assert_int_equal(reload(&f, web_ca_path(&ca, "good", "crt"), NULL), -EINVAL);
        assert_int_equal(reload(&f, NULL, NULL), -EINVAL);
        assert_int_equal(try_pair(&f, "a.relay.test", 0, NULL), 1);

        assert_int_equal(
                p2p_web_tls_reload(f.client_tls,
                                   &(p2p_web_tls_options){ .trust = web_ca_path(&ca, "own", "crt") }, NULL),
                0);
        assert_int_equal(try_pair(&f, "a.relay.test", 0, NULL), -ENOKEY);
        pair_done(&f);
}

static void versions_are_1_2_and_1_3(void **state) {
        static const char *const http[] = { "http/1.1", NULL };
        static const struct {
                const char *priority;
                bool good;
        } cases[] = {
                { "NORMAL:-VERS-ALL:+VERS-TLS1.3", true },
                { "NORMAL:-VERS-ALL:+VERS-TLS1.2", true },
                { "NORMAL:-VERS-ALL:+VERS-TLS1.1:+SIGN-RSA-SHA1:%VERIFY_ALLOW_SIGN_WITH_SHA1", false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases) * 2; i++) {
                bool good = cases[i / 2].good;
                gnutls_datum_t name;
                duel d;

                duel_begin(&d, i % 2 ? NULL : "relay.test", cases[i / 2].priority, http);
                assert_int_equal(duel_shake(&d) == 1, good);
                if (good) {
                        assert_int_equal(gnutls_alpn_get_selected_protocol(d.far.session, &name), 0);
                        assert_int_equal(p2p_channel_write(d.us, "hello", 5), 5);
                        assert_int_equal(plain_tls_read(&d.far, buf, 10), 5);
                        assert_int_equal(plain_tls_write(&d.far, "back", 4), 4);
                        (void) p2p_loop_settle(d.loop);
                        assert_int_equal(p2p_channel_read(d.us, buf, 10), 4);
                } else
                        assert_int_equal(p2p_channel_write(d.us, "hello", 5), -EPROTONOSUPPORT);
                duel_done(&d);
        }
}

static void names_are_sent_and_addresses_are_not(void **state) {
        static const struct {
                const char *name;
                bool sent;
        } cases[] = { { "relay.test", true }, { "192.0.2.1", false } };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char name[64] = "";
                size_t n = sizeof(name);
                unsigned type;
                duel d;
                int r;

                duel_begin(&d, cases[i].name, "NORMAL", NULL);
                (void) duel_shake(&d);
                r = gnutls_server_name_get(d.far.session, name, &n, &type, 0);
                assert_int_equal(r, cases[i].sent ? 0 : GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
                if (cases[i].sent)
                        assert_string_equal(name, cases[i].name);
                duel_done(&d);
        }
}

/* GnuTLS would verify with it, for as long as that takes, before it asks whether anybody vouches for it. Noise
 * that a fair key is said to have made is what it comes to see otherwise: -EPROTO. */
static void a_costly_key_is_refused_before_it_is_used(void **state) {
        static const struct {
                unsigned bits, exponent_size;
                int expect;
        } cases[] = {
                { 2048, 3, -EPROTO },
                { 2048, 5, -EPROTONOSUPPORT },
                { 8192, 1024, -EPROTONOSUPPORT },
                { 16384, 3, -EPROTONOSUPPORT },
        };
        p2p_identity *identity;

        (void) state;
        assert_int_equal(p2p_identity_generate(&identity), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                plain_tls_options options = { .identity = identity,
                                              .unheld_bits = cases[i].bits,
                                              .unheld_exponent = cases[i].exponent_size };
                duel d = { .tls = credentials(NULL, true) };
                p2p_channel *raw;

                assert_int_equal(p2p_loop_new_manual(&d.loop), 0);
                assert_int_equal(p2p_memory_pair(d.loop, NULL, &d.below, &raw), 0);
                plain_tls_init(&d.far, raw, &options);
                assert_int_equal(
                        p2p_ws_tls_channel_new_client(d.loop, d.below, d.tls, "relay.test", &d.us), 0);
                (void) duel_shake(&d);
                assert_int_equal(p2p_channel_read(d.us, buf, 1), cases[i].expect);
                duel_done(&d);
        }
        p2p_identity_free(identity);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(certificates_are_judged),
                cmocka_unit_test(files_are_judged),
                cmocka_unit_test(files_are_read_up_to_a_mebibyte),
                cmocka_unit_test(false_files_are_refused),
                cmocka_unit_test(files_are_read_again),
                cmocka_unit_test(versions_are_1_2_and_1_3),
                cmocka_unit_test(a_costly_key_is_refused_before_it_is_used),
                cmocka_unit_test(names_are_sent_and_addresses_are_not),
        };

        return cmocka_run_group_tests(tests, make_files, remove_files);
}
