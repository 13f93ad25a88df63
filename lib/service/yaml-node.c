/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libyaml's events become a tree. One stack of open collections, no recursion; every node is weighed when it
 * is attached, with aliases at the weight of what they stand for, so that a bomb is refused at the alias
 * that would light it. An anchor may be used once its node is complete, hence no cycles. Everything lives in
 * one arena.
 */

#include "service/yaml-node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "service/yaml-private.h"

#define ANCHORS_MAX 1024u /* arbitrary; keeps the search for one cheap */

struct Block {
        Block *next;
        size_t used, size;
        _Alignas(max_align_t) char data[];
};

typedef struct Anchor {
        const char *name;
        const YamlNode *node; /* NULL: its collection is still open */
        struct Anchor *next;
} Anchor;

typedef struct Builder {
        YamlTree *tree;
        ConfigProblems *problems;
        Anchor *anchors;
        size_t n_anchors;
        YamlFrame stack[YAML_DEPTH_MAX];
        unsigned depth;
        bool ended; /* the first document */
} Builder;

/* ---- arena ---- */
void *yaml_tree_take(YamlTree *tree, size_t size) {
        Block *block = tree->blocks;
        void *p;

        size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
        if (!block || block->size - block->used < size) {
                size_t n = P2P_MAX(size, 8192u);

                block = malloc(sizeof(*block) + n);
                if (!block)
                        return NULL;
                *block = (Block){ .next = tree->blocks, .size = n };
                tree->blocks = block;
        }

        p = block->data + block->used;
        block->used += size;
        memset(p, 0, size);
        return p;
}

static char *take_text(YamlTree *tree, const void *text, size_t n) {
        char *copy = yaml_tree_take(tree, n + 1);

        if (copy && n > 0)
                memcpy(copy, text, n);
        return copy;
}

YamlTree *yaml_tree_free(YamlTree *tree) {
        if (!tree)
                return NULL;

        while (tree->blocks) {
                Block *next = tree->blocks->next;

                free(tree->blocks);
                tree->blocks = next;
        }
        free(tree);
        return NULL;
}

const YamlNode *yaml_tree_root(const YamlTree *tree) {
        return tree->root;
}

/* ---- nodes ---- */
static unsigned line_of(yaml_mark_t mark) {
        return (unsigned) mark.line + 1;
}

static YamlNode *new_node(Builder *b, YamlKind kind, const yaml_event_t *event) {
        YamlNode *node = yaml_tree_take(b->tree, sizeof(*node));

        if (!node)
                return NULL;
        *node = (YamlNode){
                .kind = kind,
                .line = line_of(event->start_mark),
                .column = (unsigned) event->start_mark.column,
                .end_line = line_of(event->end_mark),
                .weight = 1,
                .height = 1,
        };
        return node;
}

static Anchor *find_anchor(Builder *b, const char *name) {
        for (Anchor *a = b->anchors; a; a = a->next)
                if (strcmp(a->name, name) == 0)
                        return a;

        return NULL;
}

/* *ret is NULL where the node has no anchor. The youngest of a name counts. */
static int add_anchor(Builder *b, const yaml_char_t *name, unsigned line, Anchor **ret) {
        Anchor *anchor;

        *ret = NULL;
        if (!name)
                return 0;
        if (b->n_anchors >= ANCHORS_MAX) {
                config_error(b->problems, line, "more than %u anchors; write the values out", ANCHORS_MAX);
                return -EINVAL;
        }
        anchor = yaml_tree_take(b->tree, sizeof(*anchor));
        if (!anchor)
                return -ENOMEM;
        anchor->name = take_text(b->tree, name, strlen((const char *) name));
        if (!anchor->name)
                return -ENOMEM;
        anchor->next = b->anchors;
        b->anchors = anchor;
        b->n_anchors++;

        *ret = anchor;
        return 0;
}

static bool is_null_text(const char *text) {
        static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

        for (size_t i = 0; i < ELEMENTSOF(nulls); i++)
                if (strcmp(text, nulls[i]) == 0)
                        return true;

        return false;
}

/* A tag decides before the quotes do: !!str 12 is text, !!int "12" is a number. */
static bool is_plain(const yaml_event_t *event) {
        static const char prefix[] = "tag:yaml.org,2002:";
        const char *tag = (const char *) event->data.scalar.tag;

        if (!tag)
                return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

        return strncmp(tag, prefix, strlen(prefix)) == 0 && strcmp(tag + strlen(prefix), "str") != 0;
}

/* ---- attaching ---- */
static int finish_list(Builder *b, YamlFrame *frame) {
        const YamlNode **items = yaml_tree_take(b->tree, (frame->n + 1) * sizeof(*items));

        if (!items)
                return -ENOMEM;
        if (frame->n > 0)
                memcpy(items, frame->items, frame->n * sizeof(*items));
        frame->node->items = items;
        frame->node->n = frame->n;
        return 0;
}

static int grow(YamlFrame *frame) {
        size_t n = frame->allocated ? frame->allocated * 2 : 16;
        size_t size = frame->node->kind == YAML_MAP ? sizeof(*frame->pairs) : sizeof(*frame->items);
        void *p;

        if (frame->n < frame->allocated)
                return 0;
        p = reallocarray(frame->node->kind == YAML_MAP ? (void *) frame->pairs : (void *) frame->items, n,
                         size);
        if (!p)
                return -ENOMEM;
        if (frame->node->kind == YAML_MAP)
                frame->pairs = p;
        else
                frame->items = p;
        frame->allocated = n;
        return 0;
}

static int weigh(Builder *b, YamlNode *parent, const YamlNode *child, unsigned line) {
        if (child->weight > YAML_NODES_MAX - P2P_MIN(parent->weight, YAML_NODES_MAX)) {
                config_error(b->problems, line,
                             "more than %u values (an alias counts as what it stands for); shorten "
                             "the file",
                             YAML_NODES_MAX);
                return -EINVAL;
        }
        if (child->height + b->depth > YAML_DEPTH_MAX) {
                config_error(b->problems, line, "more than %u levels deep; nothing here needs that",
                             YAML_DEPTH_MAX);
                return -EINVAL;
        }
        parent->weight += child->weight;
        parent->height = P2P_MAX(parent->height, child->height + 1);
        return 0;
}

static int attach(Builder *b, const YamlNode *child, unsigned line, unsigned column) {
        YamlFrame *frame = b->depth > 0 ? &b->stack[b->depth - 1] : NULL;
        int r;

        if (!frame) {
                b->tree->root = (YamlNode *) child;
                return 0;
        }
        r = weigh(b, frame->node, child, line);
        if (r < 0)
                return r;
        frame->node->end_line = P2P_MAX(frame->node->end_line, child->line == line ? child->end_line : line);
        r = grow(frame);
        if (r < 0)
                return r;

        if (frame->node->kind == YAML_LIST) {
                frame->items[frame->n++] = child;
                return 0;
        }
        if (!frame->key) {
                if (child->kind != YAML_SCALAR && child->kind != YAML_NULL) {
                        config_error(b->problems, line, "a key must be text, not %s",
                                     yaml_kind_name(child->kind));
                        return -EINVAL;
                }
                frame->key = child;
                frame->pairs[frame->n].line = line; /* kept until the value comes */
                frame->pairs[frame->n].column = column;
                return 0;
        }
        if (frame->key->kind == YAML_SCALAR) { /* the original drops null keys, too */
                YamlPair *pair = &frame->pairs[frame->n++];

                *pair = (YamlPair){
                        .key = frame->key->text, .line = pair->line, .column = pair->column, .value = child
                };
        }
        frame->key = NULL;
        return 0;
}

/* ---- events ---- */
static int on_scalar(Builder *b, const yaml_event_t *event) {
        unsigned line = line_of(event->start_mark);
        const char *value = (const char *) event->data.scalar.value;
        size_t n = event->data.scalar.length;
        Anchor *anchor;
        YamlNode *node;
        int r;

        if (memchr(value, 0, n)) {
                config_error(b->problems, line, "a text with \\0 in it; remove that character");
                return -EINVAL;
        }
        node = new_node(b, YAML_SCALAR, event);
        if (!node)
                return -ENOMEM;
        node->text = take_text(b->tree, value, n);
        if (!node->text)
                return -ENOMEM;
        node->plain = is_plain(event);
        if (node->plain && is_null_text(node->text))
                node->kind = YAML_NULL;
        if (node->end_line > node->line && event->end_mark.column == 0)
                node->end_line--; /* a block scalar ends where the next line starts */
        r = add_anchor(b, event->data.scalar.anchor, line, &anchor);
        if (r < 0)
                return r;
        if (anchor) {
                anchor->node = node;
                node->anchored = true;
        }

        return attach(b, node, line, node->column);
}

static int on_start(Builder *b, const yaml_event_t *event, YamlKind kind) {
        bool map = kind == YAML_MAP;
        const yaml_char_t *name = map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
        YamlNode *node = new_node(b, kind, event);
        Anchor *anchor;
        int r;

        if (!node)
                return -ENOMEM;
        node->flow = map ? event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                         : event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
        node->anchored = !!name;
        if (b->depth >= YAML_DEPTH_MAX) {
                config_error(b->problems, node->line, "more than %u levels deep; nothing here needs that",
                             YAML_DEPTH_MAX);
                return -EINVAL;
        }
        r = add_anchor(b, name, node->line, &anchor);
        if (r < 0)
                return r;

        b->stack[b->depth++] = (YamlFrame){ .node = node, .anchor = anchor };
        return 0;
}

static int on_end(Builder *b, const yaml_event_t *event) {
        YamlFrame *frame = &b->stack[b->depth - 1];
        YamlNode *node = frame->node;
        int r;

        r = node->kind == YAML_MAP ? yaml_map_finish(b->tree, frame, b->problems) : finish_list(b, frame);
        if (r < 0)
                return r;
        if (node->flow)
                node->end_line = line_of(event->end_mark);
        if (frame->anchor)
                frame->anchor->node = node;
        free(frame->pairs);
        free(frame->items);
        b->depth--;

        return attach(b, node, node->line, node->column);
}

static int on_alias(Builder *b, const yaml_event_t *event) {
        const char *name = (const char *) event->data.alias.anchor;
        unsigned line = line_of(event->start_mark);
        Anchor *anchor = find_anchor(b, name);

        if (!anchor || !anchor->node) {
                config_error(b->problems, line,
                             anchor ? "*%s stands inside what it stands for; write the value out"
                                    : "nothing is called &%s; name a value so or write it out",
                             name);
                return -EINVAL;
        }

        return attach(b, anchor->node, line, (unsigned) event->start_mark.column);
}

/* 1: the first document is complete. Where no "---" or "..." says so, nothing may follow: keys that are
 * indented less than the first one would be lost without a word. */
static int on_event(Builder *b, const yaml_event_t *event) {
        switch (event->type) {
        case YAML_SCALAR_EVENT:
                return on_scalar(b, event);
        case YAML_SEQUENCE_START_EVENT:
                return on_start(b, event, YAML_LIST);
        case YAML_MAPPING_START_EVENT:
                return on_start(b, event, YAML_MAP);
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
                return on_end(b, event);
        case YAML_ALIAS_EVENT:
                return on_alias(b, event);
        case YAML_DOCUMENT_END_EVENT:
                b->ended = true;
                return !event->data.document_end.implicit;
        case YAML_STREAM_END_EVENT:
                return 1;
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
                break;
        case YAML_DOCUMENT_START_EVENT:
                return b->ended;
        }

        return 0;
}

static void report(Builder *b, const yaml_parser_t *parser, p2p_view text) {
        const char *what = parser->problem ? parser->problem : "not YAML";
        unsigned line = line_of(parser->problem_mark);

        if (parser->error == YAML_READER_ERROR) { /* bytes, not structure: the mark was not moved */
                line = 1;
                for (size_t i = 0; i < text.n && i < parser->problem_offset; i++)
                        line += text.data[i] == '\n';
                config_error(b->problems, line, "%s; save the file as UTF-8 without control characters",
                             what);
        } else if (strstr(what, "cannot start any token"))
                config_error(b->problems, line,
                             "%s; indent with blanks, never with tabs, and put texts that start "
                             "with @ ` or %% in quotes",
                             what);
        else
                config_error(b->problems, line,
                             "%s; check the indentation, the quotes and the ':' around this line", what);
}

static int build(Builder *b, yaml_parser_t *parser, p2p_view text) {
        int r = 0;

        while (r == 0) {
                yaml_event_t event;

                if (!yaml_parser_parse(parser, &event)) {
                        if (parser->error == YAML_MEMORY_ERROR)
                                return -ENOMEM;
                        report(b, parser, text);
                        return -EINVAL;
                }
                r = on_event(b, &event);
                yaml_event_delete(&event);
        }

        return r < 0 ? r : 0;
}

int yaml_tree_parse(p2p_view text, ConfigProblems *problems, YamlTree **ret) {
        _cleanup_(yaml_tree_freep) YamlTree *tree = calloc(1, sizeof(*tree));
        Builder b = { .tree = tree, .problems = problems };
        yaml_parser_t parser;
        int r;

        if (!tree)
                return -ENOMEM;
        if (text.n > YAML_SIZE_MAX) {
                config_error(problems, 0, "larger than %u bytes; shorten it", YAML_SIZE_MAX);
                return -EINVAL;
        }
        if (!yaml_parser_initialize(&parser))
                return -ENOMEM;
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        text = yaml_skip_mark(text);
        yaml_parser_set_input_string(&parser, text.data, text.n);

        r = build(&b, &parser, text);
        yaml_parser_delete(&parser);
        while (b.depth > 0) {
                b.depth--;
                free(b.stack[b.depth].pairs);
                free(b.stack[b.depth].items);
        }
        if (r < 0)
                return r;
        if (!tree->root) {
                tree->root = yaml_tree_take(tree, sizeof(*tree->root));
                if (!tree->root)
                        return -ENOMEM;
                *tree->root = (YamlNode){
                        .text = "", .plain = true, .line = 1, .end_line = 1, .weight = 1, .height = 1
                };
        }

        *ret = TAKE_PTR(tree);
        return 0;
}
