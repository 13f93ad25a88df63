/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* YAML of anybody: a tree within its limits, or a refusal that says why. */

#include "service/yaml-node.h"
#include "tests/fuzz/check.h"

static unsigned count(const YamlNode *node, unsigned depth) {
        unsigned n = 1;

        CHECK(depth <= YAML_DEPTH_MAX);
        for (size_t i = 0; i < node->n; i++) {
                if (node->kind == YAML_MAP)
                        CHECK(yaml_node_find(node, node->pairs[i].key) == node->pairs[i].value);
                n += count(node->kind == YAML_MAP ? node->pairs[i].value : node->items[i], depth + 1);
        }
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        _cleanup_(yaml_tree_freep) YamlTree *tree = NULL;

        if (yaml_tree_parse(P2P_VIEW(data, size), problems, &tree) < 0) {
                CHECK(problems->n_errors > 0);
                return 0;
        }
        CHECK(problems->n == 0);
        CHECK(count(yaml_tree_root(tree), 0) <= 2 * YAML_NODES_MAX);
        CHECK(yaml_node_equal(yaml_tree_root(tree), yaml_tree_root(tree)));
        return 0;
}
