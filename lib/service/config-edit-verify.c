/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Old and new tree side by side: everything but the place of the edit must be equal, and the place must hold
 * what was wanted. Whatever the patching of text got wrong ends here, before it reaches the file.
 */

#include <string.h>

#include "service/config-edit-private.h"

/* Nothing, {} and [] are alike: an emptied section may be written as any of them. */
static bool is_nothing(const YamlNode *node) {
        return !node || node->kind == YAML_NULL ||
               ((node->kind == YAML_MAP || node->kind == YAML_LIST) && node->n == 0);
}

static bool is_map_or_nothing(const YamlNode *node) {
        return is_nothing(node) || node->kind == YAML_MAP;
}

static size_t count_without(const YamlNode *map, const char *key) {
        if (is_nothing(map))
                return 0;

        return map->n - !!yaml_node_find(map, key);
}

/* Two maps (or nothing) that differ at most in this key. */
static bool equal_without(const YamlNode *a, const YamlNode *b, const char *key) {
        if (!is_map_or_nothing(a) || !is_map_or_nothing(b) || count_without(a, key) != count_without(b, key))
                return false;
        for (size_t i = 0; !is_nothing(a) && i < a->n; i++) {
                const YamlNode *other;

                if (strcmp(a->pairs[i].key, key) == 0)
                        continue;
                other = yaml_node_find(b, a->pairs[i].key);
                if (!other || !yaml_node_equal(a->pairs[i].value, other))
                        return false;
        }

        return true;
}

static bool is_text(const YamlNode *node, const char *text) {
        return node && node->kind == YAML_SCALAR && strcmp(node->text, text) == 0;
}

static bool is_list_of(const YamlNode *node, const char *const *items, size_t n) {
        if (!node || node->kind != YAML_LIST || node->n != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!is_text(node->items[i], items[i]))
                        return false;

        return true;
}

static bool is_field(const YamlNode *node, const ConfigEditField *field) {
        if (field->items)
                return is_list_of(node, field->items, field->n_items);
        return is_text(node, field->value) && node->plain == field->bare;
}

static bool entry_is_right(const YamlNode *entry, const ConfigEdit *edit) {
        if (!entry)
                return false;
        if (edit->value)
                return is_text(entry, edit->value) && !entry->plain;
        if (entry->kind != YAML_MAP || entry->n != edit->n_fields)
                return false;
        for (unsigned i = 0; i < edit->n_fields; i++)
                if (!is_field(yaml_node_find(entry, edit->fields[i].name), &edit->fields[i]))
                        return false;

        return true;
}

static bool field_is_right(const YamlNode *before, const YamlNode *after, const ConfigEdit *edit) {
        const ConfigEditField *field = &edit->fields[0];

        return before && after && equal_without(before, after, field->name) &&
               is_field(yaml_node_find(after, field->name), field);
}

/* The old items without `value`, then, if it was added, `value`. */
static bool items_are_right(const YamlNode *before, const YamlNode *after, const char *value, bool added) {
        size_t n_before = is_nothing(before) ? 0 : before->n, n_after = is_nothing(after) ? 0 : after->n,
               k = 0;

        if ((n_before > 0 && before->kind != YAML_LIST) || (n_after > 0 && after->kind != YAML_LIST))
                return false;
        for (size_t i = 0; i < n_before; i++) {
                if (is_text(before->items[i], value))
                        continue;
                if (k >= n_after || !yaml_node_equal(before->items[i], after->items[k++]))
                        return false;
        }
        if (added && (k >= n_after || !is_text(after->items[k++], value)))
                return false;

        return k == n_after;
}

bool config_edit_is_right(const YamlNode *before, const YamlNode *after, const ConfigEdit *edit) {
        const YamlNode *old_section = yaml_node_find(before, edit->section);
        const YamlNode *new_section = yaml_node_find(after, edit->section);
        const YamlNode *old_entry = yaml_node_find(old_section, edit->key);
        const YamlNode *new_entry = yaml_node_find(new_section, edit->key);

        if (!equal_without(before, after, edit->section) ||
            !equal_without(old_section, new_section, edit->key))
                return false;

        switch (edit->kind) {
        case CONFIG_EDIT_ADD_ENTRY:
                return !old_entry && entry_is_right(new_entry, edit);
        case CONFIG_EDIT_REMOVE_ENTRY:
                return old_entry && !new_entry;
        case CONFIG_EDIT_SET_FIELD:
                return field_is_right(old_entry, new_entry, edit);
        case CONFIG_EDIT_ADD_ITEM:
                return items_are_right(old_entry, new_entry, edit->value, true);
        case CONFIG_EDIT_REMOVE_ITEM:
                return items_are_right(old_entry, new_entry, edit->value, false);
        case _CONFIG_EDIT_MAX:
                break;
        }

        return false;
}
