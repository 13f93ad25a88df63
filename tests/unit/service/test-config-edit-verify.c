/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Old and new file side by side: an edit that did anything else, less or more, is not right. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "service/config-edit-private.h"

static const char *const two[] = { "a", "b" };

static const ConfigEdit add_ssh = {
        .kind = CONFIG_EDIT_ADD_ENTRY,
        .section = "s",
        .key = "ssh",
        .fields = { { .name = "on", .value = "true", .bare = true },
                    { .name = "to", .items = two, .n_items = 2 } },
        .n_fields = 2,
};
static const ConfigEdit add_name = {
        .kind = CONFIG_EDIT_ADD_ENTRY, .section = "s", .key = "n", .value = "v"
};
static const ConfigEdit remove_name = { .kind = CONFIG_EDIT_REMOVE_ENTRY, .section = "s", .key = "n" };
static const ConfigEdit set_on = {
        .kind = CONFIG_EDIT_SET_FIELD, .section = "s", .key = "ssh",
        .fields = { { .name = "on", .value = "false", .bare = true } }, .n_fields = 1,
};
static const ConfigEdit add_item = {
        .kind = CONFIG_EDIT_ADD_ITEM, .section = "s", .key = "l", .value = "/r"
};
static const ConfigEdit remove_item = {
        .kind = CONFIG_EDIT_REMOVE_ITEM, .section = "s", .key = "l", .value = "/r"
};
static const ConfigEdit no_edit = { .kind = _CONFIG_EDIT_MAX, .section = "s", .key = "n" };

static const struct {
        const ConfigEdit *edit;
        const char *before, *after;
        bool right;
} cases[] = {
        /* What is beside the section, and beside the key in it. */
        { &add_name, "x: 1", "{x: 1, s: {n: 'v'}}", true },
        { &add_name, "x: 1", "{x: 2, s: {n: 'v'}}", false },
        { &add_name, "x: 1", "{y: 1, s: {n: 'v'}}", false },
        { &add_name, "x: 1", "{x: 1, y: 1, s: {n: 'v'}}", false },
        { &add_name, "x: 1", "s: {n: 'v'}", false },
        { &add_name, "s: {a: 1}", "s: {a: 1, n: 'v'}", true },
        { &add_name, "s: {a: 1}", "s: {n: 'v'}", false },
        { &add_name, "s: {a: 1}", "s: {a: [1], n: 'v'}", false },
        { &add_name, "s: {}", "s: {n: 'v'}", true },
        { &add_name, "s: []", "s: {n: 'v'}", true },
        { &add_name, "s:", "s: {n: 'v'}", true },
        { &add_name, "s: [1]", "s: {n: 'v'}", false },
        { &add_name, "s: {}", "s: [n, v]", false },
        { &add_name, "[1]", "s: {n: 'v'}", false },
        { &add_name, "", "[s]", false },
        { &add_name, "", "s: {n: 'v'}", true },
        /* An entry is what was wanted, and new. */
        { &add_name, "s: {}", "s: {n: v}", false }, /* plain: could be of another type */
        { &add_name, "s: {}", "s: {n: 'w'}", false },
        { &add_name, "s: {}", "s: {n: ['v']}", false },
        { &add_name, "s: {}", "s: {}", false },
        { &add_name, "s: {n: 'u'}", "s: {n: 'v'}", false },
        { &add_ssh, "s: {}", "s: {ssh: {on: true, to: [a, b]}}", true },
        { &add_ssh, "s: {}", "s: {ssh: {on: 'true', to: [a, b]}}", false },
        { &add_ssh, "s: {}", "s: {ssh: {on: true, to: [a, c]}}", false },
        { &add_ssh, "s: {}", "s: {ssh: {on: true, to: [a]}}", false },
        { &add_ssh, "s: {}", "s: {ssh: {on: true, to: a}}", false },
        { &add_ssh, "s: {}", "s: {ssh: {on: true, at: [a, b]}}", false },
        { &add_ssh, "s: {}", "s: {ssh: {on: true}}", false },
        { &add_ssh, "s: {}", "s: {ssh: {on: true, to: [a, b], x: 1}}", false },
        { &add_ssh, "s: {}", "s: {ssh: 'true'}", false },
        { &remove_name, "s: {n: 'v', a: 1}", "s: {a: 1}", true },
        { &remove_name, "s: {n: 'v'}", "s: {}", true },
        { &remove_name, "s: {n: 'v'}", "s:", true },
        { &remove_name, "s: {n: 'v'}", "x: 1", false },
        { &remove_name, "s: {n: 'v'}", "s: {n: 'v'}", false },
        { &remove_name, "s: {a: 1}", "s: {a: 1}", false },
        { &set_on, "s: {ssh: {on: true, to: 1}}", "s: {ssh: {on: false, to: 1}}", true },
        { &set_on, "s: {ssh: {to: 1}}", "s: {ssh: {to: 1, on: false}}", true },
        { &set_on, "s: {ssh: {on: true, to: 1}}", "s: {ssh: {on: 'false', to: 1}}", false },
        { &set_on, "s: {ssh: {on: true, to: 1}}", "s: {ssh: {on: false, to: 2}}", false },
        { &set_on, "s: {ssh: {on: true, to: 1}}", "s: {ssh: {on: false}}", false },
        { &set_on, "s: {}", "s: {ssh: {on: false}}", false },
        { &set_on, "s: {ssh: {on: true}}", "s: {}", false },
        /* Items: the old ones in their order, the new one last. */
        { &add_item, "s: {l: [/a, /b]}", "s: {l: [/a, /b, /r]}", true },
        { &add_item, "s: {}", "s: {l: [/r]}", true },
        { &add_item, "s: {l: }", "s: {l: [/r]}", true },
        { &add_item, "s: {l: [/a, /b]}", "s: {l: [/b, /a, /r]}", false },
        { &add_item, "s: {l: [/a, /b]}", "s: {l: [/a, /r]}", false },
        { &add_item, "s: {l: [/a, /b]}", "s: {l: [/a, /b, /q]}", false },
        { &add_item, "s: {l: [/a, /b]}", "s: {l: [/a, /b]}", false },
        { &add_item, "s: {l: [/a]}", "s: {l: [/a, /r, /r]}", false },
        { &add_item, "s: {l: {a: 1}}", "s: {l: [/r]}", false },
        { &add_item, "s: {l: [/a]}", "s: {l: {a: 1}}", false },
        { &remove_item, "s: {l: [/a, /r, /b, /r]}", "s: {l: [/a, /b]}", true },
        { &remove_item, "s: {l: [/r]}", "s: {l: []}", true },
        { &remove_item, "s: {l: [/r]}", "s:", true },
        { &remove_item, "s: {l: [/a, /r]}", "s: {l: [/a, /r]}", false },
        { &remove_item, "s: {l: [/a, /r]}", "s: {l: []}", false },
        { &no_edit, "s: {n: 'v'}", "s: {n: 'v'}", false },
};

static void parse(const char *text, YamlTree **ret) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();

        if (yaml_tree_parse(P2P_VIEW_STR(text), problems, ret) < 0)
                fail_msg("%s", text);
}

static void only_what_was_wanted_is_right(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(yaml_tree_freep) YamlTree *before = NULL, *after = NULL;

                parse(cases[i].before, &before);
                parse(cases[i].after, &after);
                if (config_edit_is_right(yaml_tree_root(before), yaml_tree_root(after), cases[i].edit) !=
                    cases[i].right)
                        fail_msg("%s -> %s", cases[i].before, cases[i].after);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = { cmocka_unit_test(only_what_was_wanted_is_right) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
