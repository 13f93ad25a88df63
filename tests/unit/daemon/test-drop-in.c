/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the generator prints of a hostile config: re-printed values or nothing. */

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "daemon/generator/drop-in.h"

static ConfigProxy proxy_of(const char *name, const char *peer, const char *service, const char *listen) {
        ConfigProxy p = { .name = (char *) name, .peer = (char *) peer, .service = (char *) service };

        /* Past the reader's own checks: what matters is what is printed. */
        if (listen[0] == '/') {
                p.listen.is_unix = true;
                (void) snprintf(p.listen.path, sizeof(p.listen.path), "%s", listen);
        } else {
                const char *colon = strrchr(listen, ':');

                (void) snprintf(p.listen.host, sizeof(p.listen.host), "%.*s", (int) (colon - listen),
                                listen);
                (void) sscanf(colon + 1, "%hu", &p.listen.port);
        }
        return p;
}

static void good_entries_are_printed(void **state) {
        static const struct { const char *listen, *expect; } cases[] = {
                { "127.0.0.1:2222",        "ListenStream=127.0.0.1:2222\n"        },
                { "localhost:1",           "ListenStream=127.0.0.1:1\n"           },
                { ":65535",                "ListenStream=127.0.0.1:65535\n"       },
                { "0:0:0::1:2222",         "ListenStream=[::1]:2222\n"            },
                { "/run/peerup/home.sock", "ListenStream=/run/peerup/home.sock\n" },
        };
        const char *why;
        DropIns d;

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                ConfigProxy p = proxy_of("home-ssh", "home", "ssh", cases[i].listen);

                assert_int_equal(drop_ins_format(&p, &d, &why), 0);
                if (!strstr(d.socket, cases[i].expect))
                        fail_msg("%s: %s", cases[i].listen, d.socket);
                assert_non_null(
                        strstr(d.service, "Environment=PEERUP_PEER=home\nEnvironment=PEERUP_SERVICE=ssh\n"));
        }
}

static void hostile_entries_are_left_out(void **state) {
        static const struct { const char *name, *peer, *service, *listen, *why; } cases[] = {
                { "a\n[Service]",   "home",        "ssh",     "127.0.0.1:1",           "name"    },
                { "../../etc/x",    "home",        "ssh",     "127.0.0.1:1",           "name"    },
                { "a/b",            "home",        "ssh",     "127.0.0.1:1",           "name"    },
                { ".hidden",        "home",        "ssh",     "127.0.0.1:1",           "name"    },
                { "-x",             "home",        "ssh",     "127.0.0.1:1",           "name"    },
                { "",               "home",        "ssh",     "127.0.0.1:1",           "name"    },
                { "a@b",            "home",        "ssh",     "127.0.0.1:1",           "name"    },
                { "a\\x2fb",        "home",        "ssh",     "127.0.0.1:1",           "name"    },
                { "a",              "h\nExec=/x",  "ssh",     "127.0.0.1:1",           "peer"    },
                { "a",              "h X=y",       "ssh",     "127.0.0.1:1",           "peer"    },
                { "a",              "%n",          "ssh",     "127.0.0.1:1",           "peer"    },
                { "a",              "h\"",         "ssh",     "127.0.0.1:1",           "peer"    },
                { "a",              "h\\",         "ssh",     "127.0.0.1:1",           "peer"    },
                { "a",              "$HOME",       "ssh",     "127.0.0.1:1",           "peer"    },
                { "a",              "home",        "s\r",     "127.0.0.1:1",           "service" },
                { "a",              "home",        "s;t",     "127.0.0.1:1",           "service" },
                { "a",              "home",        "",        "127.0.0.1:1",           "service" },
                { "a",              "home",        "ssh",     "127.0.0.1:0",           "listen"  },
                { "a",              "home",        "ssh",     "example.org:22",        "listen"  },
                { "a",              "home",        "ssh",     "127.1:22",              "listen"  },
                { "a",              "home",        "ssh",     "/etc/cron.d/x",         "listen"  },
                { "a",              "home",        "ssh",     "/run/peerup/../x",      "listen"  },
                { "a",              "home",        "ssh",     "/run/peerup/a/b",       "listen"  },
                { "a",              "home",        "ssh",     "/run/peerup/",          "listen"  },
                { "a",              "home",        "ssh",     "/run/peerupx/a",        "listen"  },
                { "a",              "home",        "ssh",     "/run/peerup/a\nExec=b", "listen"  },
                { "a",              "home",        "ssh",     "/run/peerup/%t",        "listen"  },
        };
        char long_name[80];
        const char *why;
        DropIns d;

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                ConfigProxy p = proxy_of(cases[i].name, cases[i].peer, cases[i].service, cases[i].listen);

                assert_int_equal(drop_ins_format(&p, &d, &why), -EINVAL);
                assert_string_equal(why, cases[i].why);
        }
        memset(long_name, 'x', sizeof(long_name));
        long_name[64] = '\0';
        ConfigProxy p = proxy_of(long_name, "home", "ssh", "127.0.0.1:1");
        assert_int_equal(drop_ins_format(&p, &d, &why), 0);
        long_name[64] = 'x';
        long_name[65] = '\0';
        assert_int_equal(drop_ins_format(&p, &d, &why), -EINVAL);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_entries_are_printed),
                cmocka_unit_test(hostile_entries_are_left_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
