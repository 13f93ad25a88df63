/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The certificate of wss, from files or credentials. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/journal.h"
#include "service/web-certificate.h"
#include "tests/support/web-cert.h"
#include "transport/ws-tls.h"

static web_ca ca;

static int make_files(void **state) {
        (void) state;
        web_ca_make(&ca);
        web_ca_issue(&ca, &(web_cert){ .name = "us", .dns = "us.test" });
        web_ca_issue(&ca, &(web_cert){ .name = "them", .dns = "them.test" });
        return 0;
}

static int remove_files(void **state) {
        (void) state;
        web_ca_remove(&ca);
        return 0;
}

static void files_are_loaded(void **state) {
        char *crt = (char *) web_ca_path(&ca, "us", "crt"), *key = (char *) web_ca_path(&ca, "us", "key");
        char *other = (char *) web_ca_path(&ca, "them", "key"),
             *pem = (char *) web_ca_path(&ca, "ca", "pem");
        char *none = (char *) web_ca_path(&ca, "none", "crt");
        struct { ConfigTls config; bool loads, serves; } cases[] = {
                { { NULL, NULL, NULL }, false, false },
                { { crt, key, NULL },   true,  true  },
                { { crt, key, pem },    true,  true  },
                { { NULL, NULL, pem },  true,  false },
                { { crt, NULL, NULL },  false, false },
                { { NULL, key, NULL },  false, false },
                { { none, key, NULL },  false, false },
                { { crt, other, NULL }, false, false },
                { { key, crt, NULL },   false, false },
        };

        (void) state;
        (void) unsetenv("CREDENTIALS_DIRECTORY");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(p2p_web_tls_freep) p2p_web_tls *tls = NULL;

                assert_int_equal(web_certificate_load(&cases[i].config, "config.yaml", &tls), 0);
                assert_int_equal(tls != NULL, cases[i].loads);
                if (tls)
                        assert_int_equal(p2p_web_tls_can_serve(tls), cases[i].serves);
        }
}

static void credentials_are_loaded(void **state) {
        for (unsigned n = 0; n < 3; n++) { /* of the two */
                _cleanup_(p2p_web_tls_freep) p2p_web_tls *tls = NULL;

                (void) state;
                assert_int_equal(setenv("CREDENTIALS_DIRECTORY", ca.dir, 1), 0);
                if (n == 1)
                        assert_int_equal(
                                symlink(web_ca_path(&ca, "us", "crt"), web_ca_path(&ca, "wss", "crt")), 0);
                if (n == 2)
                        assert_int_equal(
                                symlink(web_ca_path(&ca, "us", "key"), web_ca_path(&ca, "wss", "key")), 0);
                assert_int_equal(web_certificate_load(&(ConfigTls){}, "config.yaml", &tls), 0);
                assert_int_equal(tls != NULL, n == 2);
        }
}

/* That the handshakes change is tests/unit/transport/test-ws-tls-channel.c's. */
static void a_wrong_file_leaves_what_was_read(void **state) {
        char *crt = (char *) web_ca_path(&ca, "us", "crt"), *key = (char *) web_ca_path(&ca, "us", "key");
        char *pem = (char *) web_ca_path(&ca, "ca", "pem"),
             *other = (char *) web_ca_path(&ca, "them", "key");
        const ConfigTls good = { crt, key, NULL },
                        wrong[] = { { crt, other, NULL }, { crt, NULL, NULL }, { NULL, NULL, pem }, {} };
        _cleanup_(p2p_web_tls_freep) p2p_web_tls *tls = NULL;

        (void) state;
        (void) unsetenv("CREDENTIALS_DIRECTORY");
        web_certificate_reload(&good, "config.yaml", NULL); /* a word about the next start */
        assert_int_equal(web_certificate_load(&good, "config.yaml", &tls), 0);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                web_certificate_reload(&wrong[i], "config.yaml", tls);
                assert_true(p2p_web_tls_can_serve(tls));
        }
        web_certificate_reload(&good, "config.yaml", tls);
        assert_true(p2p_web_tls_can_serve(tls));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(files_are_loaded),
                cmocka_unit_test(credentials_are_loaded),
                cmocka_unit_test(a_wrong_file_leaves_what_was_read),
        };

        return cmocka_run_group_tests(tests, make_files, remove_files);
}
