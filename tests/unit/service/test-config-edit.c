/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Edits of config.yaml as before and after, byte for byte; and what is refused rather than broken. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "service/atomic-file.h"
#include "service/config-edit.h"
#include "service/config.h"

#define ID    "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"
#define ID2   "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define RELAY "/ip4/203.0.113.7/tcp/7777/p2p/" ID

static const ConfigEdit add_ssh = {
        .kind = CONFIG_EDIT_ADD_ENTRY,
        .section = "services",
        .key = "ssh",
        .fields = { { .name = "enabled", .value = "true", .bare = true },
                    { .name = "local_address", .value = "localhost:22" } },
        .n_fields = 2,
};
static const ConfigEdit remove_ssh = { .kind = CONFIG_EDIT_REMOVE_ENTRY,
                                       .section = "services",
                                       .key = "ssh" };
static const ConfigEdit disable_ssh = {
        .kind = CONFIG_EDIT_SET_FIELD,
        .section = "services",
        .key = "ssh",
        .fields = { { .name = "enabled", .value = "false", .bare = true } },
        .n_fields = 1,
};
static const ConfigEdit add_home = {
        .kind = CONFIG_EDIT_ADD_ENTRY, .section = "names", .key = "home", .value = "X"
};
static const ConfigEdit add_null = {
        .kind = CONFIG_EDIT_ADD_ENTRY, .section = "names", .key = "null", .value = "a\"\\b"
};
static const ConfigEdit add_relay = {
        .kind = CONFIG_EDIT_ADD_ITEM, .section = "relay", .key = "addresses", .value = "/r"
};
static const ConfigEdit remove_relay = {
        .kind = CONFIG_EDIT_REMOVE_ITEM,
        .section = "relay",
        .key = "addresses",
        .value = "/r",
};

#define SSH2 "  ssh:\n    enabled: true\n    local_address: \"localhost:22\"\n"

static void edits_change_what_they_must_and_nothing_else(void **state) {
        static const struct {
                const char *why;
                const ConfigEdit *edit;
                const char *before, *after;
        } cases[] = {
                { "empty file", &add_ssh, "", "services:\n" SSH2 },
                { "no section", &add_ssh, "version: 1\n", "version: 1\n\nservices:\n" SSH2 },
                { "no section, no final newline", &add_ssh, "version: 1", "version: 1\n\nservices:\n" SSH2 },
                { "only a comment", &add_ssh, "# x\n", "# x\n\nservices:\n" SSH2 },
                { "empty braces", &add_ssh, "services: {}\nnames: {}\n", "services:\n" SSH2 "names: {}\n" },
                { "empty braces, comment", &add_ssh, "services: {} # none\nx: 1\n",
                  "services: # none\n" SSH2 "x: 1\n" },
                { "blanks in braces", &add_ssh, "services:  { }  # c\n", "services:  # c\n" SSH2 },
                { "null", &add_ssh, "services: ~ # c\n", "services: # c\n" SSH2 },
                { "bare, comment (bug 6)", &add_ssh, "services: # comment\nnames: {}\n",
                  "services: # comment\n" SSH2 "names: {}\n" },
                { "bare, another section follows (bug 6)", &add_ssh, "services:\nnames:\n  a: b\n",
                  "services:\n" SSH2 "names:\n  a: b\n" },
                { "braces in a comment (bug 6)", &add_ssh, "# services: {}\nversion: 1\n",
                  "# services: {}\nversion: 1\n\nservices:\n" SSH2 },
                { "4 blanks (bug 6)", &add_ssh, "services:\n    web:\n        enabled: true\n\nx: 1\n",
                  "services:\n    web:\n        enabled: true\n    ssh:\n        enabled: true\n"
                  "        local_address: \"localhost:22\"\n\nx: 1\n" },
                { "1 blank", &add_ssh, "services:\n web:\n  enabled: true\n",
                  "services:\n web:\n  enabled: true\n ssh:\n  enabled: true\n  local_address: "
                  "\"localhost:22\"\n" },
                { "no blank for lists", &add_relay,
                  "relay:\n  addresses:\n  - /a\n  reservation_interval: 2m\n",
                  "relay:\n  addresses:\n  - /a\n  - \"/r\"\n  reservation_interval: 2m\n" },
                { "comment inside the last entry", &add_home, "names:\n  a: b # why\n  # more\n\n# end\n",
                  "names:\n  a: b # why\n  home: \"X\"\n  # more\n\n# end\n" },
                { "hostnames: {} (bug 5)", &add_home, "hostnames: {}\nnames: {}\n",
                  "hostnames: {}\nnames:\n  home: \"X\"\n" },
                { "the value is there under another name (bug 5)", &add_home, "names:\n  myhome: \"X\"\n",
                  "names:\n  myhome: \"X\"\n  home: \"X\"\n" },
                { "CRLF", &add_home, "names:\r\n  a: b\r\nx: 1\r\n",
                  "names:\r\n  a: b\r\n  home: \"X\"\r\nx: 1\r\n" },
                { "a word that YAML knows", &add_null, "names: {}\n",
                  "names:\n  \"null\": \"a\\\"\\\\b\"\n" },
                { "byte order mark", &add_home, "\xef\xbb\xbfversion: 1\nnames: {}\n",
                  "\xef\xbb\xbfversion: 1\nnames:\n  home: \"X\"\n" },
                { "relay, none", &add_relay, "a: 1\n", "a: 1\n\nrelay:\n  addresses:\n    - \"/r\"\n" },
                { "relay, no list", &add_relay, "relay:\n  reservation_interval: 2m\n",
                  "relay:\n  reservation_interval: 2m\n  addresses:\n    - \"/r\"\n" },
                { "relay, empty list", &add_relay, "relay:\n  addresses: [] # none\n  x: 1\n",
                  "relay:\n  addresses: # none\n    - \"/r\"\n  x: 1\n" },
                { "relay, list with comments", &add_relay,
                  "relay:\n  addresses:\n    - /a # first\n\n    # second\n    - /b\n",
                  "relay:\n  addresses:\n    - /a # first\n\n    # second\n    - /b\n    - \"/r\"\n" },
                { "listen_addresses above (bug 9)", &add_relay,
                  "network:\n  addresses:\n    - /r\nrelay:\n  addresses: []\n",
                  "network:\n  addresses:\n    - /r\nrelay:\n  addresses:\n    - \"/r\"\n" },
                { "no final newline", &add_relay, "relay:\n  addresses:\n    - /a",
                  "relay:\n  addresses:\n    - /a\n    - \"/r\"\n" },
                { "remove a relay", &remove_relay,
                  "x:\n  - /r\nrelay:\n  addresses:\n    - /a\n    - \"/r\" # old\n    - /b\n",
                  "x:\n  - /r\nrelay:\n  addresses:\n    - /a\n    - /b\n" },
                { "remove the last relay", &remove_relay, "relay:\n  addresses: # mine\n    - /r\n  x: 1\n",
                  "relay:\n  addresses: [] # mine\n  x: 1\n" },
                { "remove a relay that stands twice", &remove_relay,
                  "relay:\n  addresses:\n  - '/r'\n  - /a\n  - /r\n", "relay:\n  addresses:\n  - /a\n" },
                { "remove a service", &remove_ssh,
                  "services:\n  # first\n  ssh:\n    enabled: true\n    # inside\n  web:\n"
                  "    enabled: true\n",
                  "services:\n  # first\n  web:\n    enabled: true\n" },
                { "remove the last service", &remove_ssh,
                  "services:\n  ssh:\n    enabled: true\n\nnames: {}\n", "services: {}\n\nnames: {}\n" },
                { "remove one in flow style", &remove_ssh,
                  "services:\n  ssh: {enabled: true,\n        x: 1}\n  b: {}\n", "services:\n  b: {}\n" },
                { "remove one with a quoted name", &remove_ssh, "services:\n  'ssh':\n    enabled: true\n",
                  "services: {}\n" },
                { "disable", &disable_ssh, "services:\n  ssh:\n    enabled: yes # c\n    x: 1\n",
                  "services:\n  ssh:\n    enabled: false # c\n    x: 1\n" },
                { "disable, absent", &disable_ssh, "services:\n  ssh:\n    x: 1\n",
                  "services:\n  ssh:\n    enabled: false\n    x: 1\n" },
                { "disable, quoted", &disable_ssh, "services:\n  ssh:\n    enabled: \"a\\\"b\" # c\n",
                  "services:\n  ssh:\n    enabled: false # c\n" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
                char *text = NULL;
                size_t n;
                int r = config_text_edit(P2P_VIEW_STR(cases[i].before), cases[i].edit, problems, &text, &n);

                if (r < 0)
                        fail_msg("%s: %d %s", cases[i].why, r,
                                 problems->n > 0 ? problems->items[0].text : "");
                if (strcmp(text, cases[i].after) != 0)
                        fail_msg("%s:\n%s", cases[i].why, text);
                assert_int_equal(n, strlen(text));
                free(text);
        }
}

static void what_cannot_be_edited_is_refused_with_its_line(void **state) {
        static const struct {
                const ConfigEdit *edit;
                const char *before;
                int r;
                unsigned line;
                const char *text;
        } cases[] = {
#define BY_HAND "; edit this line by hand, then run: systemctl reload peerup"
                { &add_relay, "relay:\n  addresses:\n    NULL", -EINVAL, 2,
                  "relay: the empty value is not on the line of its key" BY_HAND },
                { &add_ssh, "services: {web: {}}\n", -EINVAL, 1,
                  "services: this is written in { } or [ ]" BY_HAND },
                { &add_ssh, "a: 1\nservices:\n  {web: {}}\n", -EINVAL, 3,
                  "services: this is written in { } or [ ]" BY_HAND },
                { &add_ssh, "a: &x\n  web: {}\nservices: *x\n", -EINVAL, 3,
                  "services: this comes from elsewhere in the file, by * or <<" BY_HAND },
                { &add_ssh, "services: &x\n  web: {}\nb: *x\n", -EINVAL, 1,
                  "services: this is used elsewhere in the file, by &" BY_HAND },
                { &add_ssh, "services: 1\n", -EINVAL, 1, "services: this holds no entries" BY_HAND },
                { &add_ssh, "{a: 1}\n", -EINVAL, 1, "services: the file is not 'key: value' lines" BY_HAND },
                { &add_ssh, "- a\n- b\n", -EINVAL, 1,
                  "services: the file is not 'key: value' lines" BY_HAND },
                { &add_ssh, "services:\n  {}\n", -EINVAL, 1,
                  "services: the empty value is not on the line of its key" BY_HAND },
                { &add_relay, "relay: {addresses: []}\n", -EINVAL, 1,
                  "relay: this does not start a line of its own" BY_HAND },
                { &add_relay, "relay:\n  addresses: [/a]\n", -EINVAL, 2,
                  "relay: this is written in { } or [ ]" BY_HAND },
                { &add_relay, "relay:\n  addresses: /a\n", -EINVAL, 2, "relay: this is no list" BY_HAND },
                { &remove_ssh, "x: &x {ssh: {}}\nservices:\n  <<: *x\n", -EINVAL, 2, NULL },
                { &disable_ssh, "services:\n  ssh: {enabled: true}\n", -EINVAL, 2,
                  "services: this is written in { } or [ ]" BY_HAND },
                { &disable_ssh, "services:\n  ssh:\n", -EINVAL, 2,
                  "services: this entry is not 'key: value' lines" BY_HAND },
                { &disable_ssh, "services:\n  ssh:\n    enabled:\n      true\n", -EINVAL, 3,
                  "services: this value is not on the line of its key" BY_HAND },
                { &add_ssh, "a: 1\n...\n", -EINVAL, 0,
                  "services: cannot be changed safely in this style; edit it by hand, "
                  "then run: systemctl reload peerup" },
                { &add_ssh, "a: 1\na: 2\n", -EINVAL, 2,
                  "'a' is already defined at line 1; remove one of the two" },
                { &add_ssh, "services:\n  ssh: {}\n", -EEXIST, 0, NULL },
                { &add_relay, "relay: {addresses: [/r]}\n", -EEXIST, 0, NULL },
                { &remove_ssh, "services: {}\n", -ENOENT, 0, NULL },
                { &remove_ssh, "", -ENOENT, 0, NULL },
                { &remove_relay, "relay: {addresses: [/x]}\n", -ENOENT, 0, NULL },
                { &disable_ssh, "a: 1\n", -ENOENT, 0, NULL },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
                char *text = NULL;
                size_t n;
                int r = config_text_edit(P2P_VIEW_STR(cases[i].before), cases[i].edit, problems, &text, &n);

                if (r != cases[i].r)
                        fail_msg("%zu: %d %s", i, r, text ?: "");
                if (cases[i].line > 0)
                        assert_int_equal(problems->items[0].line, cases[i].line);
                if (cases[i].text)
                        assert_string_equal(problems->items[0].text, cases[i].text);
        }
}

static void names_and_values_that_yaml_cannot_hold_are_refused(void **state) {
        static const ConfigEdit edits[] = {
                { .kind = CONFIG_EDIT_ADD_ENTRY, .section = "names", .key = "a\nb", .value = "x" },
                { .kind = CONFIG_EDIT_ADD_ENTRY, .section = "names", .key = "a", .value = "x\ny" },
                { .kind = CONFIG_EDIT_ADD_ENTRY, .section = "names", .key = "a", .value = "x\xff" },
                { .kind = CONFIG_EDIT_ADD_ENTRY, .section = "names", .key = "a: b", .value = "x" },
                { .kind = CONFIG_EDIT_ADD_ENTRY,
                  .section = "names",
                  .key = "a",
                  .fields = { { .name = "b\n", .value = "c" } },
                  .n_fields = 1 },
        };
        char *text;
        size_t n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(edits); i++)
                assert_int_equal(config_text_edit(P2P_VIEW_STR("names: {}\n"), &edits[i], NULL, &text, &n),
                                 -EINVAL);
}

/* ---- files ---- */
typedef struct Files {
        char directory[64], config[96];
} Files;

static int set_up(void **state) {
        static Files f;

        strcpy(f.directory, "/tmp/peerup-test-XXXXXX");
        assert_non_null(mkdtemp(f.directory));
        (void) snprintf(f.config, sizeof(f.config), "%s/config.yaml", f.directory);
        assert_int_equal(file_replace(f.config, P2P_VIEW_STR(node_config_default), 0640), 0);
        *state = &f;
        return 0;
}

static int tear_down(void **state) {
        Files *f = *state;

        unlink(f->config);
        return rmdir(f->directory); /* nothing was left behind */
}

static void a_person_builds_a_config_with_commands_alone(void **state) {
        static const char *const allowed[] = { ID, ID2 };
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        _cleanup_(node_config_freep) NodeConfig *c = NULL;
        Files *f = *state;
        struct stat st;
        char *text;

        assert_int_equal(config_add_service(f->config, "ssh", "localhost:22", NULL, 0, problems), 0);
        assert_int_equal(config_add_service(f->config, "web", "/run/web.sock", allowed, 2, problems), 0);
        assert_int_equal(config_set_service_enabled(f->config, "web", false, problems), 0);
        assert_int_equal(config_add_name(f->config, "home", ID, problems), 0);
        assert_int_equal(config_add_proxy(f->config, "home-ssh", "home", "ssh", "127.0.0.1:2222", problems),
                         0);
        assert_int_equal(config_add_relay(f->config, RELAY, problems), 0);
        assert_int_equal(config_add_relay(f->config, RELAY, problems), -EEXIST);
        assert_int_equal(config_add_service(f->config, "ssh", "localhost:22", NULL, 0, problems), -EEXIST);

        assert_int_equal(node_config_load(f->config, problems, &c), 0);
        assert_int_equal(problems->n, 0);
        assert_true(node_config_find_service(c, "ssh")->enabled);
        assert_false(node_config_find_service(c, "web")->enabled);
        assert_true(node_config_find_service(c, "web")->restricted);
        assert_int_equal(node_config_find_service(c, "web")->n_allowed_peers, 2);
        assert_false(node_config_find_service(c, "ssh")->restricted);
        assert_non_null(node_config_find_name(c, "home"));
        assert_int_equal(c->n_proxies, 1);
        assert_string_equal(c->proxies[0].name, "home-ssh");
        assert_int_equal(c->n_relays, 1);
        assert_int_equal(stat(f->config, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);

        assert_int_equal(config_remove_relay(f->config, RELAY, false, problems), -EBUSY);
        assert_int_equal(config_remove_relay(f->config, RELAY, true, problems), 0);
        assert_int_equal(config_remove_proxy(f->config, "home-ssh", problems), 0);
        assert_int_equal(config_remove_name(f->config, "home", problems), 0);
        assert_int_equal(config_remove_service(f->config, "ssh", problems), 0);
        assert_int_equal(config_remove_service(f->config, "web", problems), 0);
        assert_int_equal(config_remove_service(f->config, "web", problems), -ENOENT);
        assert_int_equal(file_read(f->config, 65536, &text, NULL, NULL), 0);
        assert_string_equal(text, node_config_default); /* there and back again */
        free(text);
}

static void wrong_arguments_are_named(void **state) {
        Files *f = *state;
        static const char *const expect[] = {
                "'SSH' is not a service's name; write "
                "1-63 lowercase letters, digits or hyphens, starting and ending "
                "with a letter or digit",
                "'kad' is a name of peer-up's own; choose another",
                "'nowhere' is not host:port; write e.g. localhost:22",
                "'a b' is not a peer's name; write 1-64 of A-Z a-z 0-9 . _ -, not starting with . or -",
                "'x' is not a peer id; write what 'peerupctl whoami' prints there",
                "'' is not a proxy's name; write 1-64 of A-Z a-z 0-9 . _ -, not starting with . or -",
                "'/' is no name or peer id; write a name of names:",
                "'S' is not a service's name; write 1-63 lowercase letters, digits or hyphens, starting and "
                "ending with a "
                "letter or digit",
                "cannot listen on '/tmp/x'; write e.g. 127.0.0.1:2222 or /run/peerup/p.sock",
                "'junk' is not a multiaddr; write e.g. /ip4/203.0.113.7/tcp/7777/p2p/12D3Koo...",
                "'/ip4/1.2.3.4/tcp/1' does not say who is there; add /p2p/ and the relay's peer id",
        };
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();

        assert_int_equal(config_add_service(f->config, "SSH", "h:1", NULL, 0, problems), -EINVAL);
        assert_int_equal(config_add_service(f->config, "kad", "h:1", NULL, 0, problems), -EINVAL);
        assert_int_equal(config_add_service(f->config, "x", "nowhere", NULL, 0, problems), -EINVAL);
        assert_int_equal(config_add_name(f->config, "a b", ID, problems), -EINVAL);
        assert_int_equal(config_add_name(f->config, "a", "x", problems), -EINVAL);
        assert_int_equal(config_add_proxy(f->config, "", "h", "s", "127.0.0.1:1", problems), -EINVAL);
        assert_int_equal(config_add_proxy(f->config, "p", "/", "s", "127.0.0.1:1", problems), -EINVAL);
        assert_int_equal(config_add_proxy(f->config, "p", "h", "S", "127.0.0.1:1", problems), -EINVAL);
        assert_int_equal(config_add_proxy(f->config, "p", "h", "s", "/tmp/x", problems), -EINVAL);
        assert_int_equal(config_add_relay(f->config, "junk", problems), -EINVAL);
        assert_int_equal(config_add_relay(f->config, "/ip4/1.2.3.4/tcp/1", problems), -EINVAL);
        assert_int_equal(problems->n, ELEMENTSOF(expect));
        for (size_t i = 0; i < ELEMENTSOF(expect); i++)
                assert_string_equal(problems->items[i].text, expect[i]);
}

static void a_config_with_an_error_is_not_edited(void **state) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        static const char wrong[] = "version: 9\n";
        Files *f = *state;
        char *text;

        assert_int_equal(file_replace(f->config, P2P_VIEW_STR(wrong), 0600), 0);
        assert_int_equal(config_add_name(f->config, "home", ID, problems), -EINVAL);
        assert_int_equal(problems->items[0].line, 1);
        assert_int_equal(file_read(f->config, 65536, &text, NULL, NULL), 0);
        assert_string_equal(text, wrong);
        free(text);
        unlink(f->config);
        assert_int_equal(config_add_name(f->config, "home", ID, problems), -EINVAL);
        assert_string_equal(problems->items[1].text, "there is no such file; run: systemctl start peerup");
        assert_int_equal(config_add_name("/nonexistent/c", "home", ID, problems), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(edits_change_what_they_must_and_nothing_else),
                cmocka_unit_test(what_cannot_be_edited_is_refused_with_its_line),
                cmocka_unit_test(names_and_values_that_yaml_cannot_hold_are_refused),
                cmocka_unit_test_setup_teardown(a_person_builds_a_config_with_commands_alone, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(wrong_arguments_are_named, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_config_with_an_error_is_not_edited, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
