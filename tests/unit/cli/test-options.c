/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/macro.h>

#include "cli/options.h"
#include "tests/unit/cli/capture.h"

/* Splits line at blanks, in place; argv[0] is the program. */
static int words_of(char *line, char *argv[static 100]) {
        int n = 0;

        argv[n++] = (char *) "peerupctl";
        for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
                argv[n++] = word;
        argv[n] = NULL;
        return n;
}

static void options_stand_anywhere(void **state) {
        static const char *const lines[] = {
                "auth add ID --name laptop --comment=mine",
                "--name laptop auth add ID --comment mine",
                "auth --comment mine add --name=laptop ID",
                "--comment mine --name laptop -- auth add ID",
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                char line[100], *argv[100];
                Options o;
                int argc, first;

                (void) strcpy(line, lines[i]);
                argc = words_of(line, argv);
                assert_int_equal(options_parse(argc, argv, &o, &first), 0);
                assert_int_equal(argc - first, 3);
                assert_string_equal(argv[first], "auth");
                assert_string_equal(argv[first + 1], "add");
                assert_string_equal(argv[first + 2], "ID");
                assert_string_equal(o.name, "laptop");
                assert_string_equal(o.comment, "mine");
                assert_int_equal(o.given, OPTION_NAME | OPTION_COMMENT);
        }
}

static void every_option_is_taken(void **state) {
        char line[] = "-a -f -c 5 -i 0.5 -h --version --no-legend --no-pager --json=pretty --allow one "
                      "--allow two "
                      "--listen 127.0.0.1:2222 --expires 1d -- -x";
        char *argv[100];
        Options o;
        int argc, first;

        (void) state;
        argc = words_of(line, argv);
        assert_int_equal(options_parse(argc, argv, &o, &first), 0);
        assert_true(o.help && o.version && o.no_legend && o.no_pager);
        assert_int_equal(o.json, JSON_FORMAT_PRETTY);
        assert_int_equal(o.count, 5);
        assert_int_equal(o.interval, 500000);
        assert_int_equal(o.n_allow, 2);
        assert_string_equal(o.allow[1], "two");
        assert_string_equal(o.listen, "127.0.0.1:2222");
        assert_true(o.expires > 0);
        assert_int_equal(o.given, OPTION_ALL | OPTION_FORCE | OPTION_COUNT | OPTION_INTERVAL | OPTION_ALLOW |
                                          OPTION_LISTEN | OPTION_EXPIRES);
        assert_int_equal(argc - first, 1);
        assert_string_equal(argv[first], "-x");
}

static void without_options_there_are_defaults(void **state) {
        char line[] = "status", *argv[100];
        Options o;
        int first;

        (void) state;
        assert_int_equal(options_parse(words_of(line, argv), argv, &o, &first), 0);
        assert_int_equal(o.json, JSON_FORMAT_OFF);
        assert_int_equal(o.interval, USEC_PER_SEC);
        assert_int_equal(o.count, 0);
        assert_int_equal(o.expires, 0);
        assert_null(o.name);
        assert_int_equal(o.given, 0);
}

static void too_many_peers_are_refused(void **state) {
        char *argv[2 * OPTION_ALLOW_MAX + 8];
        Capture c;
        Options o;
        int first, n = 0;

        (void) state;
        argv[n++] = (char *) "peerupctl";
        for (unsigned i = 0; i < OPTION_ALLOW_MAX; i++) {
                argv[n++] = (char *) "--allow";
                argv[n++] = (char *) "x";
        }
        argv[n] = NULL;
        assert_int_equal(options_parse(n, argv, &o, &first), 0);
        argv[n++] = (char *) "--allow=x";
        argv[n] = NULL;
        capture_begin(&c, &stderr);
        assert_int_equal(options_parse(n, argv, &o, &first), -EINVAL);
        free(capture_end(&c));
}

static void help_shows_what_the_mask_says(void **state) {
        Capture c;

        (void) state;
        capture_begin(&c, &stdout);
        options_help(stdout, OPTION_COUNT | OPTION_NAME, false);
        assert_string_equal(capture_end(&c), "  -c, --count=N          Stop after N pings\n"
                                             "      --name=NAME        What to call the peer from now on\n");
        free(c.text);
        assert_string_equal(option_name(OPTION_EXPIRES), "--expires");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_stand_anywhere),
                cmocka_unit_test(every_option_is_taken),
                cmocka_unit_test(without_options_there_are_defaults),
                cmocka_unit_test(too_many_peers_are_refused),
                cmocka_unit_test(help_shows_what_the_mask_says),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
