/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Looking at a finished tree. Maps keep their pairs sorted by key beside the order of the file, so that a
 * search is binary and a comparison is one walk; the walk is bounded because the tree's weight is.
 */

#include <string.h>

#include "service/yaml-node.h"

const YamlPair *yaml_node_find_pair(const YamlNode *node, const char *key) {
        size_t low = 0, high;

        if (!node || node->kind != YAML_MAP)
                return NULL;
        for (high = node->n; low < high;) {
                size_t middle = low + (high - low) / 2;
                int r = strcmp(key, node->sorted[middle]->key);

                if (r == 0)
                        return node->sorted[middle];
                if (r < 0)
                        high = middle;
                else
                        low = middle + 1;
        }

        return NULL;
}

const YamlNode *yaml_node_find(const YamlNode *node, const char *key) {
        const YamlPair *pair = yaml_node_find_pair(node, key);

        return pair ? pair->value : NULL;
}

bool yaml_node_equal(const YamlNode *a, const YamlNode *b) {
        if (a->kind != b->kind || a->n != b->n)
                return false;

        switch (a->kind) {
        case YAML_NULL:
                return true;
        case YAML_SCALAR:
                return a->plain == b->plain && strcmp(a->text, b->text) == 0;
        case YAML_LIST:
                for (size_t i = 0; i < a->n; i++)
                        if (!yaml_node_equal(a->items[i], b->items[i]))
                                return false;
                return true;
        case YAML_MAP:
                for (size_t i = 0; i < a->n; i++)
                        if (strcmp(a->sorted[i]->key, b->sorted[i]->key) != 0 ||
                            !yaml_node_equal(a->sorted[i]->value, b->sorted[i]->value))
                                return false;
                return true;
        case _YAML_KIND_MAX:
                break;
        }

        return false;
}

p2p_view yaml_skip_mark(p2p_view text) {
        return text.n >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0 ? P2P_VIEW(text.data + 3, text.n - 3)
                                                                        : text;
}

const char *yaml_kind_name(YamlKind kind) {
        static const char *const names[_YAML_KIND_MAX] = {
                [YAML_NULL] = "nothing",
                [YAML_SCALAR] = "a single value",
                [YAML_LIST] = "a list",
                [YAML_MAP] = "a map",
        };

        return names[kind];
}
