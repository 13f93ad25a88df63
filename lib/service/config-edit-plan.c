/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From an edit to splices. The tree says where things stand; new lines copy the indentation of their
 * neighbours. Three shapes are handled everywhere: block style, nothing there yet, and an empty {} or []
 * behind its key. Everything else (flow style, anchors, merges) is refused with its line: the user's eye is
 * better at that.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/config-edit-private.h"

#define STEP 2u /* indentation where there is none to copy */

typedef struct Plan {
        const Lines *lines;
        const YamlNode *root;
        const ConfigEdit *edit;
        ConfigProblems *problems;
        Splices *splices;
} Plan;

static int refuse(const Plan *p, unsigned line, const char *what) {
        config_error(p->problems, line, "%s: %s; edit this line by hand, then run: systemctl reload peerup",
                     p->edit->section, what);
        return -EINVAL;
}

/* ---- text ---- */
/* A key that YAML cannot take for anything but text, or one in quotes. */
static const char *key_quote(const char *key) {
        static const char *const words[] = { "y", "n", "yes", "no", "on", "off", "true", "false", "null" };

        if (!((*key >= 'a' && *key <= 'z') || (*key >= 'A' && *key <= 'Z')))
                return "\"";
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcasecmp(key, words[i]) == 0)
                        return "\"";

        return "";
}

static void write_value(FILE *f, const char *value, bool bare) {
        if (bare) {
                fputs(value, f);
                return;
        }
        fputc('"', f);
        for (const char *p = value; *p; p++) {
                if (*p == '"' || *p == '\\')
                        fputc('\\', f);
                fputc(*p, f);
        }
        fputc('"', f);
}

static void write_field(FILE *f, const ConfigEditField *field) {
        if (!field->items)
                return write_value(f, field->value, field->bare);
        fputc('[', f);
        for (size_t i = 0; i < field->n_items; i++) {
                fputs(i > 0 ? ", " : "", f);
                write_value(f, field->items[i], false);
        }
        fputc(']', f);
}

static void write_indent(FILE *f, unsigned n) {
        fprintf(f, "%*s", (int) n, "");
}

static void write_key(FILE *f, unsigned indent, const char *key) {
        write_indent(f, indent);
        fprintf(f, "%s%s%s:", key_quote(key), key, key_quote(key));
}

static void write_entry(const Plan *p, FILE *f, unsigned indent, unsigned step) {
        const ConfigEdit *edit = p->edit;

        write_key(f, indent, edit->key);
        if (edit->kind == CONFIG_EDIT_ADD_ITEM) {
                fputs(p->lines->end, f);
                write_indent(f, indent + step);
                fputs("- ", f);
                write_value(f, edit->value, false);
        } else if (edit->value) {
                fputc(' ', f);
                write_value(f, edit->value, false);
        } else
                for (unsigned i = 0; i < edit->n_fields; i++) {
                        fputs(p->lines->end, f);
                        write_key(f, indent + step, edit->fields[i].name);
                        fputc(' ', f);
                        write_field(f, &edit->fields[i]);
                }
        fputs(p->lines->end, f);
}

/* Whole lines behind this line, which may lack its line end. */
static int insert_after(const Plan *p, unsigned line, char *text) {
        size_t at = lines_end(p->lines, line);
        char *joined;

        if (!text)
                return -ENOMEM;
        if (at == 0 || p->lines->text.data[at - 1] == '\n')
                return splices_add(p->splices, at, 0, text);
        joined = NULL;
        if (asprintf(&joined, "%s%s", p->lines->end, text) < 0)
                joined = NULL;
        free(text);

        return splices_add(p->splices, at, 0, joined);
}

typedef struct Buffer {
        char *text;
        size_t n;
        FILE *f;
} Buffer;

static int buffer_open(Buffer *b) {
        *b = (Buffer){};
        b->f = open_memstream(&b->text, &b->n);
        return b->f ? 0 : -ENOMEM;
}

static char *buffer_take(Buffer *b) {
        bool failed = ferror(b->f);

        if (fclose(b->f) != 0 || failed) {
                free(b->text);
                return NULL;
        }
        return b->text;
}

/* ---- shapes ---- */
static bool is_empty(const YamlNode *node) {
        return node->kind == YAML_NULL || (node->kind != YAML_SCALAR && node->n == 0);
}

/* A value that stands at its own key, in block style, and is nobody else's. */
static int check_own(const Plan *p, const YamlPair *pair) {
        const YamlNode *value = pair->value;

        if (pair->merged || value->line < pair->line)
                return refuse(p, pair->line, "this comes from elsewhere in the file, by * or <<");
        if (value->anchored)
                return refuse(p, pair->line, "this is used elsewhere in the file, by &");
        if (!lines_is_first(p->lines, pair->line, pair->column))
                return refuse(p, pair->line, "this does not start a line of its own");
        if (value->flow && value->n > 0)
                return refuse(p, value->line, "this is written in { } or [ ]");
        return 0;
}

/* Takes an explicit nothing ({}, [], ~, null) out of the key's line. */
static int clear_nothing(const Plan *p, const YamlPair *pair) {
        const YamlNode *value = pair->value;
        size_t at = lines_offset(p->lines, value->line, value->column), n = 0;
        const char *text = (const char *) p->lines->text.data;

        if (value->kind == YAML_NULL && !*value->text)
                return 0;
        if (value->line != pair->line || value->end_line != pair->line)
                return refuse(p, pair->line, "the empty value is not on the line of its key");
        if (value->kind == YAML_NULL)
                n = strlen(value->text);
        else {
                while (at + n < lines_end(p->lines, value->line) && !strchr("}]", text[at + n]))
                        n++;
                n++;
        }
        while (at > 0 && text[at - 1] == ' ') {
                at--;
                n++;
        }

        return splices_add(p->splices, at, n, strdup(""));
}

/* Puts {} or [] behind the key's colon, as its last entry goes. */
static int set_nothing(const Plan *p, const YamlPair *pair, const char *nothing) {
        size_t at = lines_offset(p->lines, pair->line, pair->column), end = lines_end(p->lines, pair->line);
        const char *text = (const char *) p->lines->text.data;
        size_t n = strlen(pair->key);

        if (at < end && (text[at] == '"' || text[at] == '\''))
                n += 2;
        while (at + n < end && text[at + n] == ' ')
                n++;
        if (at + n >= end || text[at + n] != ':')
                return refuse(p, pair->line, "the end of its key was not found");

        return splices_add(p->splices, at + n + 1, 0, strdup(nothing));
}

static unsigned root_column(const Plan *p) {
        const YamlPair *last =
                p->root->kind == YAML_MAP && p->root->n > 0 ? &p->root->pairs[p->root->n - 1] : NULL;

        return last && lines_is_first(p->lines, last->line, last->column) ? last->column : 0;
}

/* How deep values are indented below their keys in this map. */
static unsigned find_step(const YamlNode *map, unsigned otherwise) {
        for (size_t i = 0; map->kind == YAML_MAP && i < map->n; i++) {
                const YamlNode *value = map->pairs[i].value;

                if (value->kind == YAML_MAP && !value->flow && value->line > map->pairs[i].line &&
                    value->column > map->pairs[i].column)
                        return value->column - map->pairs[i].column;
        }

        return otherwise;
}

/* ---- adding ---- */
static int add_section(const Plan *p) {
        unsigned column = root_column(p), step = find_step(p->root, STEP);
        Buffer b;
        int r;

        if (p->root->kind != YAML_NULL && (p->root->kind != YAML_MAP || p->root->flow))
                return refuse(p, p->root->line, "the file is not 'key: value' lines");
        r = buffer_open(&b);
        if (r < 0)
                return r;
        if (p->lines->text.n > 0)
                fputs(p->lines->end, b.f);
        write_key(b.f, column, p->edit->section);
        fputs(p->lines->end, b.f);
        write_entry(p, b.f, column + step, step);

        return insert_after(p, (unsigned) p->lines->n, buffer_take(&b));
}

/* A new key in a section that is there. */
static int add_entry(const Plan *p, const YamlPair *section) {
        const YamlNode *map = section->value;
        unsigned column, step, line;
        Buffer b;
        int r;

        r = check_own(p, section);
        if (r < 0)
                return r;
        if (is_empty(map)) {
                r = clear_nothing(p, section);
                if (r < 0)
                        return r;
                step = find_step(p->root, STEP);
                column = section->column + step;
                line = section->line;
        } else if (map->kind != YAML_MAP)
                return refuse(p, section->line, "this holds no entries");
        else {
                column = map->column;
                step = find_step(map, column > section->column ? column - section->column : STEP);
                line = map->end_line;
        }
        r = buffer_open(&b);
        if (r < 0)
                return r;
        write_entry(p, b.f, column, step);

        return insert_after(p, line, buffer_take(&b));
}

static bool has_item(const YamlNode *list, const char *value) {
        for (size_t i = 0; list->kind == YAML_LIST && i < list->n; i++)
                if (list->items[i]->kind == YAML_SCALAR && strcmp(list->items[i]->text, value) == 0)
                        return true;

        return false;
}

static int add_item(const Plan *p, const YamlPair *pair) {
        const YamlNode *list = pair->value;
        unsigned column, line;
        Buffer b;
        int r;

        if (has_item(list, p->edit->value))
                return -EEXIST;
        r = check_own(p, pair);
        if (r < 0)
                return r;
        if (is_empty(list)) {
                r = clear_nothing(p, pair);
                if (r < 0)
                        return r;
                column = pair->column + STEP;
                line = pair->line;
        } else if (list->kind != YAML_LIST)
                return refuse(p, pair->line, "this is no list");
        else {
                column = list->column;
                line = list->end_line;
        }
        r = buffer_open(&b);
        if (r < 0)
                return r;
        write_indent(b.f, column);
        fputs("- ", b.f);
        write_value(b.f, p->edit->value, false);
        fputs(p->lines->end, b.f);

        return insert_after(p, line, buffer_take(&b));
}

/* ---- removing ---- */
/* Lines from..last, and the comments that are indented deeper than what goes. */
static int remove_lines(const Plan *p, unsigned from, unsigned last, unsigned column) {
        size_t start = lines_offset(p->lines, from, 0);

        while (lines_comment_indent(p->lines, last + 1) > (int) column)
                last++;

        return splices_add(p->splices, start, lines_end(p->lines, last) - start, strdup(""));
}

static unsigned last_line(const YamlPair *pair) {
        return pair->value->line < pair->line ? pair->line : P2P_MAX(pair->line, pair->value->end_line);
}

static int remove_entry(const Plan *p, const YamlPair *section, const YamlPair *entry) {
        int r;

        r = check_own(p, section);
        if (r < 0)
                return r;
        if (entry->merged)
                return refuse(p, section->line, "this comes from elsewhere in the file, by * or <<");
        if (!lines_is_first(p->lines, entry->line, entry->column))
                return refuse(p, entry->line, "this entry does not start a line of its own");
        if (section->value->n == 1) {
                r = set_nothing(p, section, " {}");
                if (r < 0)
                        return r;
        }

        return remove_lines(p, entry->line, last_line(entry), entry->column);
}

static int remove_items(const Plan *p, const YamlPair *pair) {
        const YamlNode *list = pair->value;
        size_t n = 0;
        int r;

        if (!has_item(list, p->edit->value))
                return -ENOENT;
        r = check_own(p, pair);
        if (r < 0)
                return r;
        for (size_t i = 0; i < list->n; i++)
                n += list->items[i]->kind == YAML_SCALAR &&
                     strcmp(list->items[i]->text, p->edit->value) == 0;
        if (n == list->n) {
                r = set_nothing(p, pair, " []");
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < list->n; i++) {
                const YamlNode *item = list->items[i];

                if (item->kind != YAML_SCALAR || strcmp(item->text, p->edit->value) != 0)
                        continue;
                if (!lines_is_first(p->lines, item->line, list->column) || item->anchored)
                        return refuse(p, item->line, "this item does not stand alone on its line");
                r = remove_lines(p, item->line, item->end_line, list->column);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* ---- setting ---- */
/* Bytes of a scalar as it stands in the file, on one line. 0: not found. */
static size_t scalar_size(const Plan *p, const YamlNode *node) {
        size_t at = lines_offset(p->lines, node->line, node->column), end = lines_end(p->lines, node->line),
               n = 1;
        const char *text = (const char *) p->lines->text.data + at;
        char quote = at < end ? *text : 0;

        if (quote != '"' && quote != '\'')
                return strlen(node->text) <= end - at && memcmp(text, node->text, strlen(node->text)) == 0
                               ? strlen(node->text)
                               : 0;
        while (at + n < end && text[n] != quote)
                n += quote == '"' && text[n] == '\\' ? 2 : 1;

        return at + n < end ? n + 1 : 0;
}

static int set_field(const Plan *p, const YamlPair *entry) {
        const ConfigEditField *field = &p->edit->fields[0];
        const YamlPair *pair = yaml_node_find_pair(entry->value, field->name);
        bool block = entry->value->kind == YAML_MAP && entry->value->n > 0;
        Buffer b;
        size_t n;
        int r;

        r = check_own(p, entry);
        if (r < 0)
                return r;
        if (pair && (pair->merged || pair->value->kind != YAML_SCALAR || pair->value->line != pair->line))
                return refuse(p, pair->line, "this value is not on the line of its key");
        if (!pair && !block)
                return refuse(p, entry->line, "this entry is not 'key: value' lines");
        r = buffer_open(&b);
        if (r < 0)
                return r;
        if (!pair) {
                write_key(b.f, entry->value->column, field->name);
                fputc(' ', b.f);
        }
        write_value(b.f, field->value, field->bare);
        if (!pair) {
                fputs(p->lines->end, b.f);
                return insert_after(p, entry->line, buffer_take(&b));
        }
        n = scalar_size(p, pair->value);
        r = splices_add(p->splices, lines_offset(p->lines, pair->value->line, pair->value->column), n,
                        buffer_take(&b));

        return r >= 0 && n == 0 ? refuse(p, pair->line, "the end of this value was not found") : r;
}

/* ---- which ---- */
int config_edit_plan(const Lines *lines, const YamlNode *root, const ConfigEdit *edit,
                     ConfigProblems *problems, Splices *splices) {
        const YamlPair *section = yaml_node_find_pair(root, edit->section);
        const YamlPair *entry = section ? yaml_node_find_pair(section->value, edit->key) : NULL;
        Plan plan = { lines, root, edit, problems, splices };

        switch (edit->kind) {
        case CONFIG_EDIT_ADD_ENTRY:
                if (entry)
                        return -EEXIST;
                return section ? add_entry(&plan, section) : add_section(&plan);
        case CONFIG_EDIT_REMOVE_ENTRY:
                return entry ? remove_entry(&plan, section, entry) : -ENOENT;
        case CONFIG_EDIT_SET_FIELD:
                return entry ? set_field(&plan, entry) : -ENOENT;
        case CONFIG_EDIT_ADD_ITEM:
                if (entry)
                        return add_item(&plan, entry);
                return section ? add_entry(&plan, section) : add_section(&plan);
        case CONFIG_EDIT_REMOVE_ITEM:
                return entry ? remove_items(&plan, entry) : -ENOENT;
        case _CONFIG_EDIT_MAX:
                break;
        }

        return -EINVAL;
}
