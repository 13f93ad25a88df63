/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/table.h"
#include "tests/unit/cli/capture.h"

static const Column columns[] = {
        { "name", "NAME", false },
        { "n", "COUNT", true },
        { "hidden", NULL, false },
        { "note", "NOTE", false },
};
static const Options plain = {}, bare = { .no_legend = true }, shortly = { .json = JSON_FORMAT_SHORT };

static void add_row(Table *t, const char *name, uint64_t n, const char *note) {
        table_text(t, name);
        table_number(t, n);
        table_boolean(t, true);
        table_text(t, note);
}

static char *print(const Table *t, const Options *options) {
        Capture c;

        capture_begin(&c, &stdout);
        assert_int_equal(table_print(t, options, "thing", "things"), 0);
        return capture_end(&c);
}

static void columns_are_as_wide_as_their_widest_cell(void **state) {
        _cleanup_(table_freep) Table *t = table_new(columns, 4);
        char *text;

        (void) state;
        add_row(t, "home", 7, "x");
        add_row(t, "a longer name", 1234567, NULL);
        text = print(t, &plain);
        assert_string_equal(text, "NAME             COUNT  NOTE\n"
                                  "home                 7  x\n"
                                  "a longer name  1234567  -\n"
                                  "\n2 things.\n");
        free(text);
        text = print(t, &bare);
        assert_string_equal(text, "home                 7  x\n"
                                  "a longer name  1234567  -\n");
        free(text);
}

static void nothing_and_one_are_counted_too(void **state) {
        _cleanup_(table_freep) Table *t = table_new(columns, 4);
        char *text;

        (void) state;
        text = print(t, &plain);
        assert_string_equal(text, "0 things.\n");
        free(text);
        text = print(t, &bare);
        assert_string_equal(text, "");
        free(text);
        text = print(t, &shortly);
        assert_string_equal(text, "[]\n");
        free(text);
        add_row(t, "x", 1, "y");
        text = print(t, &plain);
        assert_non_null(strstr(text, "\n1 thing.\n"));
        free(text);
}

static void json_has_every_column_in_its_own_type(void **state) {
        _cleanup_(table_freep) Table *t = table_new(columns, 4);
        char *text;

        (void) state;
        add_row(t, "home", 7, NULL);
        text = print(t, &shortly);
        assert_string_equal(text, "[{\"name\":\"home\",\"n\":7,\"hidden\":true,\"note\":null}]\n");
        free(text);
}

/* Wide characters take two columns, combining ones none; what would move the cursor is no more there. */
static void widths_are_those_of_a_terminal(void **state) {
        _cleanup_(table_freep) Table *t = table_new(columns, 4);
        char *text;

        (void) state;
        add_row(t, "日本", 1, "a");
        add_row(t, "e\xcc\x81t\xc3\xa9", 1, "b");
        add_row(t, "x\033[2J\xc2\x9b\r", 1, "c\nd");
        text = print(t, &bare);
        assert_string_equal(text, "日本      1  a\n"
                                  "e\xcc\x81t\xc3\xa9       1  b\n"
                                  "x?[2J???  1  c?d\n");
        free(text);
        assert_int_equal(text_width("日本"), 4);
        assert_int_equal(text_width("\xff\xfe"), 2);
        assert_int_equal(text_width(""), 0);
}

static void a_vertical_table_leaves_out_what_is_empty(void **state) {
        static const Column fields[] = {
                { "id", "Peer ID", false },  { "list", "Addresses", false }, { "none", "Nothing", false },
                { "empty", "Empty", false }, { "n", NULL, false },
        };
        _cleanup_(table_freep) Table *t = table_new(fields, 5);
        json_t *list = json_pack("[ss]", "one", "t\tw"), *empty = json_array();
        Capture c;

        (void) state;
        table_text(t, "12D3");
        table_list(t, list);
        table_text(t, "");
        table_list(t, empty);
        table_number(t, 3);
        json_decref(list);
        json_decref(empty);
        capture_begin(&c, &stdout);
        assert_int_equal(table_print_vertical(t, &plain), 0);
        assert_string_equal(capture_end(&c), "  Peer ID: 12D3\n"
                                             "Addresses: one\n"
                                             "           t?w\n");
        free(c.text);
        capture_begin(&c, &stdout);
        assert_int_equal(table_print_vertical(t, &shortly), 0);
        assert_string_equal(
                capture_end(&c),
                "{\"id\":\"12D3\",\"list\":[\"one\",\"t\\tw\"],\"none\":null,\"empty\":[],\"n\":3}\n");
        free(c.text);
}

static void a_failed_cell_fails_the_table(void **state) {
        _cleanup_(table_freep) Table *t = table_new(columns, 4);
        Capture c;

        (void) state;
        table_add(t, NULL, "no memory for its value");
        capture_begin(&c, &stderr);
        assert_true(table_print(t, &plain, "thing", "things") < 0);
        assert_string_equal(capture_end(&c), "peerupctl: out of memory\n");
        free(c.text);
}

static void many_rows_fit(void **state) {
        _cleanup_(table_freep) Table *t = table_new(columns, 4);
        char *text;

        (void) state;
        for (unsigned i = 0; i < 1000; i++)
                add_row(t, "name", i, "note");
        assert_int_equal(table_rows(t), 1000);
        text = print(t, &plain);
        assert_non_null(strstr(text, "name    999  note\n\n1000 things.\n"));
        free(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
                cmocka_unit_test(nothing_and_one_are_counted_too),
                cmocka_unit_test(json_has_every_column_in_its_own_type),
                cmocka_unit_test(widths_are_those_of_a_terminal),
                cmocka_unit_test(a_vertical_table_leaves_out_what_is_empty),
                cmocka_unit_test(a_failed_cell_fails_the_table),
                cmocka_unit_test(many_rows_fit),
        };

        (void) setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
