/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A YAML file as a bounded tree with line numbers. The only user of libyaml.
 *
 * Reads what the original's reader reads: anchors, aliases, merge keys (<<), flow style, CRLF, a byte order
 * mark, only the first document. Refuses duplicate keys. Aliases share nodes instead of copying them, and
 * the size of the tree as a walker would see it is limited, so that no document is larger in memory or in
 * time than its limits say. The tree has no cycles. A key whose value is null stays in the tree with kind
 * YAML_NULL.
 */

#include <stdbool.h>
#include <stddef.h>

#include <p2p/macro.h>
#include <p2p/view.h>
#include "service/problem.h"

#define YAML_SIZE_MAX  (1024u * 1024u) /* bytes of a document; arbitrary */
#define YAML_NODES_MAX 65536u          /* with every alias counted as what it stands for; arbitrary */
#define YAML_DEPTH_MAX 32u             /* likewise */

typedef enum YamlKind {
        YAML_NULL,
        YAML_SCALAR,
        YAML_LIST,
        YAML_MAP,
        _YAML_KIND_MAX,
} YamlKind;

typedef struct YamlNode YamlNode;

typedef struct YamlPair {
        const char *key; /* no NUL inside */
        unsigned line;   /* of the key */
        unsigned column; /* of the key, characters from 0 */
        bool merged;     /* came in through << */
        const YamlNode *value;
} YamlPair;

struct YamlNode {
        YamlKind kind;
        bool plain;              /* scalar without quotes: its text decides about its type */
        bool flow;               /* [..] or {..} */
        bool anchored;           /* has an anchor: others may share it */
        unsigned line;           /* where it starts, from 1 */
        unsigned column;         /* characters, from 0 */
        unsigned end_line;       /* line of its last character */
        const char *text;        /* of a scalar or null, as written; no NUL inside */
        const YamlPair *pairs;   /* of a map, in order; merged ones last */
        const YamlPair **sorted; /* the same by key */
        const YamlNode **items;  /* of a list */
        size_t n;                /* of pairs or items */
        unsigned weight;         /* nodes in it, aliases counted as what they stand for */
        unsigned height;
};

typedef struct YamlTree YamlTree;

/* -EINVAL: at least one error was added to problems. An empty document has a root of kind YAML_NULL. */
int yaml_tree_parse(p2p_view text, ConfigProblems *problems, YamlTree **ret);
YamlTree *yaml_tree_free(YamlTree *tree);
P2P_CLEANUP(YamlTree, yaml_tree_free);
const YamlNode *yaml_tree_root(const YamlTree *tree);

/* NULL: not a map, or no such key. */
const YamlPair *yaml_node_find_pair(const YamlNode *node, const char *key);
const YamlNode *yaml_node_find(const YamlNode *node, const char *key);
/* The same values in the same order (maps: in any order); lines and style are not compared. */
bool yaml_node_equal(const YamlNode *a, const YamlNode *b);
/* The text without its byte order mark: columns are counted from here. */
p2p_view yaml_skip_mark(p2p_view text);
const char *yaml_kind_name(YamlKind kind); /* "a list", for messages */
