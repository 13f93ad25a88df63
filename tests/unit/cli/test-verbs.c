/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/macro.h>

#include "cli/verbs.h"
#include "tests/unit/cli/capture.h"

#define SEE "\nSee 'peerupctl --help' or 'peerupctl VERB --help'.\n"

/* Runs a line of words; what it printed on the stream is the caller's. */
static int run(const char *line, FILE **stream, char **ret) {
        char copy[256], *argv[32] = { (char *) "peerupctl" };
        int argc = 1, status;
        Capture c;

        (void) snprintf(copy, sizeof(copy), "%s", line);
        for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
                argv[argc++] = word;
        capture_begin(&c, stream);
        status = command_main(argc, argv);
        *ret = capture_end(&c);
        return status;
}

static void wrong_usage_is_answered_with_help(void **state) {
        static const struct {
                const char *line, *text;
        } cases[] = {
                { "stauts", "unknown verb 'stauts'; did you mean 'status'?" },
                { "whomai", "unknown verb 'whomai'; did you mean 'whoami'?" },
                { "peer", "unknown verb 'peer'; did you mean 'peers'?" },
                { "pign home", "unknown verb 'pign'; did you mean 'ping'?" },
                { "frobnicate", "unknown verb 'frobnicate'" },
                { "auth", "auth what? add, remove or list" },
                { "auth ad ID", "unknown verb 'auth ad'; did you mean 'auth add'?" },
                { "auth frobnicate", "unknown verb 'auth frobnicate'; auth what? add, remove or list" },
                { "atuh add ID", "unknown verb 'atuh'; did you mean 'auth add'?" },
                { "service show", "unknown verb 'service show'; service what? add, remove, list, "
                                  "enable or disable" },
                { "service enable", "service enable wants NAME" },
                { "relay-server", "relay-server what? status, authorize, deauthorize or list-peers" },
                { "relay-server list",
                  "unknown verb 'relay-server list'; relay-server what? status, authorize, deauthorize "
                  "or list-peers" },
                { "relay-sever status", "unknown verb 'relay-sever'; did you mean 'relay-server status'?" },
                { "help frobnicate", "unknown verb 'frobnicate'" },
                { "ping", "ping wants PEER" },
                { "connect home", "connect wants PEER SERVICE" },
                { "auth add", "auth add wants ID" },
                { "service add ssh", "service add wants NAME ADDRESS" },
                { "relay add", "relay add wants MULTIADDR" },
                { "proxy add home-ssh home", "proxy add wants NAME PEER SERVICE" },
                { "proxy add home-ssh home ssh", "proxy add wants --listen" },
                { "relay-server authorize", "relay-server authorize wants ID" },
                { "status now", "status: 'now' is one argument too many" },
                { "connect home ssh 22", "connect: '22' is one argument too many" },
                { "auth add ID laptop", "auth add: 'laptop' is one argument too many" },
                { "status --name x", "status takes no --name" },
                { "auth add ID --listen 127.0.0.1:22", "auth add takes no --listen" },
                { "ping home --force", "ping takes no --force" },
                { "relay-server authorize ID --name x", "relay-server authorize takes no --name" },
                { "status --nope", "unknown option '--nope'" },
                { "status -x", "unknown option '-x'" },
                { "status -hx", "unknown option '-x'" },
                { "auth add ID --name", "option '--name' wants a value" },
                { "ping home -c", "option '-c' wants a value" },
                { "status --no-pager=yes", "option '--no-pager' takes no value" },
                { "status --json=xml", "--json=xml: want short, pretty or off" },
                { "ping home -c 0", "--count 0: want a number from 1" },
                { "ping home -c many", "--count many: want a number from 1" },
                { "ping home -i 0", "--interval 0: want seconds, from 0.01 to 3600" },
                { "auth add ID --expires soon",
                  "--expires soon: want a duration (30d, 12h), a date (2026-12-31) or a time "
                  "(2026-12-31T18:00:00Z)" },
                { "auth add ID --expires 2020-01-01",
                  "--expires 2020-01-01: that is in the past, or too far away" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char expected[512], *text;
                int status;

                (void) snprintf(expected, sizeof(expected), "peerupctl: %s" SEE, cases[i].text);
                status = run(cases[i].line, &stderr, &text);
                if (status != 2 || strcmp(text, expected) != 0)
                        fail_msg("peerupctl %s: status %d, text: %s", cases[i].line, status, text);
                free(text);
        }
}

static void help_and_version_succeed(void **state) {
        static const struct {
                const char *line, *contains;
        } cases[] = {
                { "--help", "relay-server list-peers" },
                { "help", "connect PEER SERVICE" },
                { "-h auth add", "Usage: peerupctl auth add ID\n" },
                { "help auth add", "--expires=WHEN" },
                { "proxy add --help", "Usage: peerupctl proxy add NAME PEER SERVICE --listen=ADDRESS\n" },
                { "--version", "peerupctl " PEERUP_VERSION "\n" },
                { "status --version", "peerupctl " },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *text;
                int status = run(cases[i].line, &stdout, &text);

                if (status != 0 || !strstr(text, cases[i].contains))
                        fail_msg("%s: status %d, text: %s", cases[i].line, status, text);
                free(text);
        }
}

static void without_a_bus_the_user_is_told(void **state) {
        char *text;

        (void) state;
        assert_int_equal(setenv("PEERUP_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1), 0);
        assert_int_equal(run("status", &stderr, &text), 1);
        assert_string_equal(text, "peerupctl: cannot reach the system bus: No such file or directory\n"
                                  "Is this machine run by systemd? See: systemctl status dbus\n");
        free(text);
        assert_int_equal(run("", &stderr, &text), 1); /* no verb: status */
        assert_non_null(strstr(text, "cannot reach the system bus"));
        free(text);
}

static void distances_count_edits(void **state) {
        static const struct {
                const char *a, *b;
                unsigned distance;
        } cases[] = {
                { "", "", 0 },
                { "", "abc", 3 },
                { "abc", "", 3 },
                { "status", "status", 0 },
                { "stauts", "status", 1 },
                { "statu", "status", 1 },
                { "xstatus", "status", 1 },
                { "stetus", "status", 1 },
                { "kitten", "sitting", 3 },
                { "ca", "abc", 3 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (edit_distance(cases[i].a, cases[i].b) != cases[i].distance)
                        fail_msg("%s, %s: %u", cases[i].a, cases[i].b,
                                 edit_distance(cases[i].a, cases[i].b));
        assert_int_equal(
                edit_distance("a", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"),
                UINT32_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(wrong_usage_is_answered_with_help),
                cmocka_unit_test(help_and_version_succeed),
                cmocka_unit_test(without_a_bus_the_user_is_told),
                cmocka_unit_test(distances_count_edits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
