/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Edits of any YAML: refused, or undone by the opposite edit; the first byte picks the edit. */

#include <errno.h>

#include "service/config-edit.h"
#include "service/yaml-node.h"
#include "tests/fuzz/check.h"

static const struct {
        ConfigEdit edit, inverse;
} edits[] = {
        { { .kind = CONFIG_EDIT_ADD_ENTRY,
            .section = "services",
            .key = "ssh",
            .n_fields = 2,
            .fields = { { .name = "enabled", .value = "true", .bare = true }, { .name = "local_address", .value = "localhost:22" } } },
          { .kind = CONFIG_EDIT_REMOVE_ENTRY, .section = "services", .key = "ssh" } },
        { { .kind = CONFIG_EDIT_ADD_ENTRY, .section = "names", .key = "home", .value = "a\"b\\c" },
          { .kind = CONFIG_EDIT_REMOVE_ENTRY, .section = "names", .key = "home" } },
        { { .kind = CONFIG_EDIT_ADD_ITEM, .section = "relay", .key = "addresses", .value = "/r" },
          { .kind = CONFIG_EDIT_REMOVE_ITEM, .section = "relay", .key = "addresses", .value = "/r" } },
        { { .kind = CONFIG_EDIT_REMOVE_ENTRY, .section = "services", .key = "ssh" },
          { .kind = CONFIG_EDIT_ADD_ENTRY, .section = "services", .key = "ssh", .value = "x" } },
        { { .kind = CONFIG_EDIT_REMOVE_ITEM, .section = "relay", .key = "addresses", .value = "/r" },
          { .kind = CONFIG_EDIT_ADD_ITEM, .section = "relay", .key = "addresses", .value = "/r" } },
        { { .kind = CONFIG_EDIT_SET_FIELD,
            .section = "services",
            .key = "ssh",
            .n_fields = 1,
            .fields = { { .name = "enabled", .value = "false", .bare = true } } },
          { .kind = CONFIG_EDIT_SET_FIELD,
            .section = "services",
            .key = "ssh",
            .n_fields = 1,
            .fields = { { .name = "enabled", .value = "true", .bare = true } } } },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        char *text = NULL, *back = NULL;
        YamlTree *tree = NULL;
        size_t n, n_back;
        unsigned k;
        int r;

        if (size == 0)
                return 0;
        k = data[0] % ELEMENTSOF(edits);
        r = config_text_edit(P2P_VIEW(data + 1, size - 1), &edits[k].edit, problems, &text, &n);
        CHECK(r == 0 || r == -EEXIST || r == -ENOENT || r == -ENOBUFS ||
              (r == -EINVAL && problems->n_errors > 0));
        if (r < 0)
                return 0;
        CHECK(yaml_tree_parse(P2P_VIEW(text, n), NULL, &tree) == 0);
        yaml_tree_free(tree);
        r = config_text_edit(P2P_VIEW(text, n), &edits[k].inverse, problems, &back, &n_back);
        CHECK(r == 0 || r == -EINVAL);
        free(text);
        free(back);
        return 0;
}
