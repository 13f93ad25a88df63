/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A map's end: what << stands for comes behind the map's own pairs, the first of a list of maps before the
 * second, so that the order of the array is the order of precedence. One stable sort by key then shows
 * duplicates: of two own pairs it is an error, of a merged one it is how merging works. [YAML merge keys,
 * 2005]
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/yaml-private.h"

static int compare_pairs(const void *a, const void *b) {
        const YamlPair *x = *(const YamlPair *const *) a, *y = *(const YamlPair *const *) b;
        int r = strcmp(x->key, y->key);

        return r != 0 ? r : (x > y) - (x < y); /* stable: the array's order is the order of precedence */
}

static bool is_merge(const YamlPair *pair) {
        return strcmp(pair->key, "<<") == 0;
}

static int append_merged(YamlFrame *frame, YamlPair *pairs, size_t *n, const YamlNode *from,
                         ConfigProblems *problems) {
        if (from->kind != YAML_MAP) {
                config_error(problems, from->line,
                             "<< can only take in a map or a list of maps; remove the line "
                             "or write the keys out");
                return -EINVAL;
        }
        for (size_t i = 0; i < from->n; i++) {
                pairs[*n] = from->pairs[i];
                pairs[*n].merged = true;
                (*n)++;
                frame->node->weight += from->pairs[i].value->weight;
        }
        return 0;
}

static size_t n_merged(const YamlNode *value) {
        size_t n = 0;

        if (value->kind != YAML_LIST)
                return value->n;
        for (size_t i = 0; i < value->n; i++)
                n += value->items[i]->n;

        return n;
}

/* Own pairs without <<, then what << takes in, the first of a list before the second. */
static int collect_pairs(YamlTree *tree, YamlFrame *frame, ConfigProblems *problems, YamlPair **ret,
                         size_t *ret_n) {
        size_t n = 0, size = frame->n;
        YamlPair *pairs;
        int r = 0;

        for (size_t i = 0; i < frame->n; i++)
                if (is_merge(&frame->pairs[i]))
                        size += n_merged(frame->pairs[i].value);
        pairs = yaml_tree_take(tree, (size + 1) * sizeof(*pairs));
        if (!pairs)
                return -ENOMEM;

        for (size_t i = 0; i < frame->n; i++)
                if (!is_merge(&frame->pairs[i]))
                        pairs[n++] = frame->pairs[i];
        for (size_t i = 0; i < frame->n && r >= 0; i++) {
                const YamlNode *value = frame->pairs[i].value;

                if (!is_merge(&frame->pairs[i]))
                        continue;
                if (value->kind != YAML_LIST)
                        r = append_merged(frame, pairs, &n, value, problems);
                for (size_t k = 0; value->kind == YAML_LIST && k < value->n && r >= 0; k++)
                        r = append_merged(frame, pairs, &n, value->items[k], problems);
        }

        *ret = pairs;
        *ret_n = n;
        return r;
}

/* Marks, by a NULL key, what << took in and something before it has; *ret_n: the others. sorted: by key. */
static int drop_doubles(const YamlPair **sorted, size_t n, ConfigProblems *problems, size_t *ret_n) {
        size_t out = 0;

        for (size_t i = 0; i < n; i++) {
                if (out == 0 || strcmp(sorted[out - 1]->key, sorted[i]->key) != 0) {
                        sorted[out++] = sorted[i];
                        continue;
                }
                if (!sorted[i]->merged) {
                        config_error(problems, sorted[i]->line,
                                     "'%s' is already defined at line %u; remove one "
                                     "of the two",
                                     sorted[i]->key, sorted[out - 1]->line);
                        return -EINVAL;
                }
                ((YamlPair *) sorted[i])->key = NULL;
        }
        *ret_n = out;
        return 0;
}

static void sort_pairs(const YamlPair *pairs, const YamlPair **sorted, size_t n) {
        for (size_t i = 0; i < n; i++)
                sorted[i] = &pairs[i];
        qsort(sorted, n, sizeof(*sorted), compare_pairs);
}

int yaml_map_finish(YamlTree *tree, YamlFrame *frame, ConfigProblems *problems) {
        YamlNode *node = frame->node;
        const YamlPair **sorted;
        size_t n, out, k = 0;
        YamlPair *pairs;
        int r;

        r = collect_pairs(tree, frame, problems, &pairs, &n);
        if (r < 0)
                return r;
        sorted = yaml_tree_take(tree, (n + 1) * sizeof(*sorted));
        if (!sorted)
                return -ENOMEM;
        sort_pairs(pairs, sorted, n);
        r = drop_doubles(sorted, n, problems, &out);
        if (r < 0)
                return r;

        /* Close the gaps, then sort again: the pointers moved. Without merges nothing changes. */
        for (size_t i = 0; out < n && i < n; i++)
                if (pairs[i].key)
                        pairs[k++] = pairs[i];
        if (out < n)
                sort_pairs(pairs, sorted, out);
        node->pairs = pairs;
        node->sorted = sorted;
        node->n = out;
        return 0;
}
