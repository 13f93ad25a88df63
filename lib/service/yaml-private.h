/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree while it is built: private to yaml-*.c. */

#include "service/yaml-node.h"

typedef struct Block Block;

struct YamlTree {
        Block *blocks; /* the arena: everything lives and goes with the tree */
        YamlNode *root;
};

/* Zeroed. NULL: no memory. */
void *yaml_tree_take(YamlTree *tree, size_t size);

/* An open collection. */
typedef struct YamlFrame {
        YamlNode *node;
        struct Anchor *anchor; /* of this collection */
        const YamlNode *key;   /* the next node is this key's value */
        YamlPair *pairs;
        const YamlNode **items;
        size_t n, allocated;
} YamlFrame;

/* The pairs of the frame become those of its node: << taken in, duplicates refused, sorted. */
int yaml_map_finish(YamlTree *tree, YamlFrame *frame, ConfigProblems *problems);
