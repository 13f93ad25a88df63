/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tree of a YAML text: what it holds, and what it refuses with which words. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "service/yaml-node.h"

static YamlTree *parse(const char *text) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        YamlTree *tree = NULL;

        if (yaml_tree_parse(P2P_VIEW_STR(text), problems, &tree) < 0)
                fail_msg("%s", problems->n > 0 ? problems->items[0].text : "refused");
        return tree;
}

/* A short form of a tree: a=1 {..} [..] ~ and ' before quoted texts. */
static void print(FILE *f, const YamlNode *node) {
        switch (node->kind) {
        case YAML_NULL:
                fputc('~', f);
                break;
        case YAML_SCALAR:
                fprintf(f, "%s%s", node->plain ? "" : "'", node->text);
                break;
        case YAML_LIST:
                fputc('[', f);
                for (size_t i = 0; i < node->n; i++) {
                        fputs(i > 0 ? "," : "", f);
                        print(f, node->items[i]);
                }
                fputc(']', f);
                break;
        case YAML_MAP:
                fputc('{', f);
                for (size_t i = 0; i < node->n; i++) {
                        fprintf(f, "%s%s=", i > 0 ? "," : "", node->pairs[i].key);
                        print(f, node->pairs[i].value);
                }
                fputc('}', f);
                break;
        case _YAML_KIND_MAX:
                fail();
        }
}

static void documents_become_trees(void **state) {
        static const struct {
                const char *text, *tree;
        } cases[] = {
                { "", "~" },
                { "# only a comment\n", "~" },
                { "a: 1\nb: x y # z\n", "{a=1,b=x y}" },
                { "a: \"1\"\nb: '~'\nc: ~\nd: null\ne:\n", "{a='1,b='~,c=~,d=~,e=~}" },
                { "a: !!str 1\nb: !!int \"2\"\nc: !x 3\n", "{a='1,b=2,c='3}" },
                { "a: {b: 1, c: [x, y]}\n", "{a={b=1,c=[x,y]}}" },
                { "a:\n- x\n- y\n", "{a=[x,y]}" },
                { "\xef\xbb\xbf"
                  "a: 1\nb: 2\n",
                  "{a=1,b=2}" },
                { "a: 1\r\nb:\r\n  - x\r\n", "{a=1,b=[x]}" },
                { "a: 1\n---\nb: 2\n", "{a=1}" },
                { "---\na: 1\n...\n%garbage", "{a=1}" },
                { "a: &x {b: 1}\nc: *x\n", "{a={b=1},c={b=1}}" },
                { "a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "{a=1,b=1,c=2,d=2}" },
                { "&k a: 1\nb: {*k : 2}\n", "{a=1,b={a=2}}" },
                { "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n", "{a={b=1,c=2},d={c=3,b=1}}" },
                { "a: &x {b: 1}\nc: &y {b: 2, e: 3}\nd: {<<: [*x, *y], f: 4}\n",
                  "{a={b=1},c={b=2,e=3},d={f=4,b=1,e=3}}" },
                { "a:\n  null: 1\n  b: 2\n", "{a={b=2}}" },
                { "a: |\n  x\n  y\nb: >-\n  p\n  q\n", "{a='x\ny\n,b='p q}" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(yaml_tree_freep) YamlTree *tree = parse(cases[i].text);
                char *text;
                size_t n;
                FILE *f = open_memstream(&text, &n);

                print(f, yaml_tree_root(tree));
                fclose(f);
                assert_string_equal(text, cases[i].tree);
                free(text);
        }
}

static void faults_are_named_with_their_line(void **state) {
        static const struct {
                const char *text;
                unsigned line;
                const char *expect;
        } cases[] = {
                { "a: 1\nb: 2\na: 3\n", 3, "'a' is already defined at line 1; remove one of the two" },
                { "a:\n\tb: 1\n", 2,
                  "found character that cannot start any token; indent with blanks, never with tabs, "
                  "and put texts that start with @ ` or % in quotes" },
                { "a: [1\n", 2,
                  "did not find expected ',' or ']'; check the indentation, the quotes and the ':' around "
                  "this line" },
                { "  a: 1\nb: 2\n", 2,
                  "did not find expected <document start>; check the indentation, the quotes and the ':' "
                  "around this line" },
                { "a: *x\n", 1, "nothing is called &x; name a value so or write it out" },
                { "a: &x [*x]\n", 1, "*x stands inside what it stands for; write the value out" },
                { "a: 1\nb: \"\\0\"\n", 2, "a text with \\0 in it; remove that character" },
                { "a: 1\n? [x]\n: 2\n", 2, "a key must be text, not a list" },
                { "a: {<<: 1}\n", 1,
                  "<< can only take in a map or a list of maps; remove the line or write the keys out" },
                { "a: 1\nb: \xff\n", 2,
                  "invalid leading UTF-8 octet; save the file as UTF-8 without control characters" },
                { "a: 1\n\nb: \x01\n", 3,
                  "control characters are not allowed; save the file as UTF-8 without control "
                  "characters" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
                YamlTree *tree;

                assert_int_equal(yaml_tree_parse(P2P_VIEW_STR(cases[i].text), problems, &tree), -EINVAL);
                assert_int_equal(problems->n, 1);
                assert_string_equal(problems->items[0].text, cases[i].expect);
                assert_int_equal(problems->items[0].line, cases[i].line);
                assert_int_equal(problems->items[0].severity, CONFIG_ERROR);
        }
}

/* n times `text`, then `tail`. */
static char *repeat(const char *text, size_t n, const char *tail) {
        char *out = malloc(strlen(text) * n + strlen(tail) + 1), *p = out;

        for (size_t i = 0; i < n; i++)
                p = stpcpy(p, text);
        strcpy(p, tail);
        return out;
}

static int try_parse(char *text) {
        YamlTree *tree = NULL;
        int r = yaml_tree_parse(P2P_VIEW_STR(text), NULL, &tree);

        yaml_tree_free(tree);
        free(text);
        return r;
}

static void depth_is_limited(void **state) {
        (void) state;
        assert_int_equal(try_parse(repeat("[", 32 - 1,
                                          "x"
                                          "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")),
                         0);
        assert_int_equal(try_parse(repeat("[", 32,
                                          "x"
                                          "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")),
                         -EINVAL);
        assert_int_equal(try_parse(repeat("[", 2 * 32, "")), -EINVAL);
        assert_int_equal(try_parse(repeat("{a: ", 2 * 32, "")), -EINVAL);
}

static void size_is_limited(void **state) {
        (void) state;
        assert_int_equal(try_parse(repeat("#23456789012345678901234567890\n", 1048576 / 31, "")), 0);
        assert_int_equal(try_parse(repeat("#23456789012345678901234567890\n", 1048576 / 31 + 1, "")),
                         -EINVAL);
        assert_int_equal(try_parse(repeat("- x\n", 65536 - 1, "")), 0);
        assert_int_equal(try_parse(repeat("- x\n", 65536, "")), -EINVAL);
}

static void anchors_are_limited(void **state) {
        char *text = NULL;

        (void) state;
        for (unsigned n = 1024; n <= 1025; n++) {
                size_t size;
                FILE *f = open_memstream(&text, &size);

                for (unsigned i = 0; i < n; i++)
                        fprintf(f, "- &a%u x\n", i);
                fclose(f);
                assert_int_equal(try_parse(text), n <= 1024 ? 0 : -EINVAL);
        }
}

/* "A billion laughs": each level stands for ten of the one above. Refused at the level that passes the
 * limit, and harmless before. */
static void aliases_cannot_multiply_beyond_the_limit(void **state) {
        (void) state;
        for (unsigned levels = 3; levels <= 9; levels++) {
                char *text;
                size_t size;
                FILE *f = open_memstream(&text, &size);

                fputs("a0: &a0 [x,x,x,x,x,x,x,x,x]\n", f);
                for (unsigned i = 1; i <= levels; i++)
                        fprintf(f, "a%u: &a%u [*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u]\n", i, i, i - 1,
                                i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
                fclose(f);
                assert_int_equal(try_parse(text), levels < 4 ? 0 : -EINVAL);
        }
}

static void merged_maps_cannot_multiply_either(void **state) {
        char *text;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        (void) state;
        fputs("a: &a\n", f);
        for (unsigned i = 0; i < 1000; i++)
                fprintf(f, "  k%u: x\n", i);
        for (unsigned i = 0; i < 100; i++)
                fprintf(f, "b%u: {<<: [*a, *a, *a]}\n", i);
        fclose(f);
        assert_int_equal(try_parse(text), -EINVAL);
}

static void searching_and_comparing_work(void **state) {
        _cleanup_(yaml_tree_freep) YamlTree *a = parse("z: 1\nb: {x: 1, y: [p, ~]}\nm: 2\n");
        _cleanup_(yaml_tree_freep) YamlTree *b = parse("m: 2\nz: 1\nb:\n  y: [p, null]\n  x: 1\n");
        _cleanup_(yaml_tree_freep) YamlTree *c = parse("m: 2\nz: 1\nb:\n  y: [p, q]\n  x: 1\n");
        _cleanup_(yaml_tree_freep) YamlTree *d = parse("m: 2\nz: \"1\"\nb:\n  y: [p, ~]\n  x: 1\n");
        const YamlNode *root = yaml_tree_root(a);

        (void) state;
        assert_string_equal(yaml_node_find(root, "z")->text, "1");
        assert_string_equal(yaml_node_find(root, "m")->text, "2");
        assert_null(yaml_node_find(root, "q"));
        assert_null(yaml_node_find(yaml_node_find(root, "z"), "q"));
        assert_null(yaml_node_find(NULL, "q"));
        assert_int_equal(yaml_node_find_pair(yaml_node_find(root, "b"), "y")->line, 2);
        assert_true(yaml_node_equal(root, yaml_tree_root(b)));
        assert_false(yaml_node_equal(root, yaml_tree_root(c)));
        assert_false(yaml_node_equal(root, yaml_tree_root(d)));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(documents_become_trees),
                cmocka_unit_test(faults_are_named_with_their_line),
                cmocka_unit_test(depth_is_limited),
                cmocka_unit_test(size_is_limited),
                cmocka_unit_test(anchors_are_limited),
                cmocka_unit_test(aliases_cannot_multiply_beyond_the_limit),
                cmocka_unit_test(merged_maps_cannot_multiply_either),
                cmocka_unit_test(searching_and_comparing_work),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
