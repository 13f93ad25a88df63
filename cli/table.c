/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A cell is a JSON value and a text that is fit for a terminal. Columns are as wide as their widest cell;
 * the last one is not padded.
 */

#include "cli/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/when.h"

typedef struct Cell {
        json_t *value;
        char *text; /* NULL: empty */
        Colour colour;
} Cell;

struct Table {
        const Column *columns;
        size_t n_columns;
        Cell *cells;
        size_t n_cells, allocated;
        int error; /* of an earlier table_add() */
};

Table *table_new(const Column *columns, size_t n_columns) {
        Table *t = calloc(1, sizeof(*t));

        if (t)
                *t = (Table){ .columns = columns, .n_columns = P2P_MIN(n_columns, TABLE_COLUMNS_MAX) };
        return t;
}

Table *table_free(Table *t) {
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_cells; i++) {
                json_decref(t->cells[i].value);
                free(t->cells[i].text);
        }
        free(t->cells);
        free(t);
        return NULL;
}

static int table_grow(Table *t) {
        size_t n = t->allocated ? 2 * t->allocated : 64;
        Cell *cells;

        if (t->n_cells < t->allocated)
                return 0;
        cells = reallocarray(t->cells, n, sizeof(*cells));
        if (!cells)
                return -ENOMEM;
        t->cells = cells;
        t->allocated = n;
        return 0;
}

void table_add(Table *t, json_t *value, const char *text) {
        char *copy = text && *text ? text_printable(text) : NULL;

        if (!value || (text && *text && !copy) || table_grow(t) < 0) {
                t->error = -ENOMEM;
                json_decref(value);
                free(copy);
                return;
        }
        t->cells[t->n_cells++] = (Cell){ .value = value, .text = copy };
}

void table_text(Table *t, const char *text) {
        table_add(t, text && *text ? json_string(text) : json_null(), text);
}

void table_number(Table *t, uint64_t number) {
        char text[24];

        (void) snprintf(text, sizeof(text), "%llu", (unsigned long long) number);
        table_add(t, json_integer((json_int_t) number), text);
}

void table_bytes(Table *t, uint64_t bytes) {
        char text[WHEN_TEXT_MAX];

        table_add(t, json_integer((json_int_t) bytes), bytes_format(bytes, text));
}

void table_boolean(Table *t, bool yes) {
        table_add(t, json_boolean(yes), yes ? "yes" : "no");
}

void table_time(Table *t, uint64_t usec, const char *zero) {
        char text[WHEN_TEXT_MAX];
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        if (usec == 0)
                table_add(t, json_integer(0), zero);
        else
                table_add(t, json_integer((json_int_t) usec),
                          relative_format(usec, (uint64_t) now.tv_sec * USEC_PER_SEC, text));
}

void table_rtt(Table *t, uint64_t usec) {
        char text[WHEN_TEXT_MAX];

        table_add(t, usec ? json_integer((json_int_t) usec) : json_null(),
                  usec ? rtt_format(usec, text) : NULL);
}

void table_list(Table *t, const json_t *strings) {
        char text[4096];
        size_t i, n = 0;
        json_t *item;

        text[0] = '\0';
        json_array_foreach(strings, i, item) {
                int k = snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "", json_string_value(item));

                if (k < 0 || (size_t) k >= sizeof(text) - n)
                        break; /* the JSON has all of them */
                n += (size_t) k;
        }
        table_add(t, json_deep_copy(strings), text);
}

void table_colour(Table *t, Colour colour) {
        if (t->n_cells > 0)
                t->cells[t->n_cells - 1].colour = colour;
}

size_t table_rows(const Table *t) {
        return t->n_cells / t->n_columns;
}

static const Cell *table_cell(const Table *t, size_t row, size_t column) {
        return &t->cells[row * t->n_columns + column];
}

static json_t *row_json(const Table *t, size_t row) {
        json_t *object = json_object();

        for (size_t c = 0; object && c < t->n_columns; c++)
                (void) json_object_set(object, t->columns[c].key, table_cell(t, row, c)->value);
        return object;
}

static int table_print_json(const Table *t, const Options *options) {
        json_t *array = json_array();
        int r;

        if (!array)
                return -ENOMEM;
        for (size_t row = 0; row < table_rows(t); row++)
                (void) json_array_append_new(array, row_json(t, row));
        r = json_print(array, options);
        json_decref(array);
        return r;
}

static void print_cell(const char *text, size_t width, bool right, bool last, Colour colour) {
        size_t own = text_width(text), pad = width > own ? width - own : 0;

        fprintf(stdout, "%*s%s%s%s%*s", right ? (int) pad : 0, "", colour_on(colour), text,
                colour == COLOUR_NONE ? "" : colour_off(), right || last ? 0 : (int) pad, "");
        fputs(last ? "\n" : "  ", stdout);
}

/* One line of the table; row SIZE_MAX is the heading. */
static void print_row(const Table *t, size_t row, const size_t *widths) {
        size_t last = t->n_columns - 1;

        while (last > 0 && !t->columns[last].heading)
                last--;
        for (size_t c = 0; c <= last; c++) {
                const Column *column = &t->columns[c];
                const Cell *cell = row == SIZE_MAX ? NULL : table_cell(t, row, c);

                if (!column->heading)
                        continue;
                print_cell(!cell        ? column->heading
                           : cell->text ? cell->text
                                        : "-",
                           widths[c], column->right, c == last, !cell ? COLOUR_BOLD : cell->colour);
        }
}

int table_print(const Table *t, const Options *options, const char *one, const char *many) {
        size_t widths[TABLE_COLUMNS_MAX] = {}, n = table_rows(t);

        if (t->error < 0)
                return complain(t->error, "out of memory");
        if (options->json != JSON_FORMAT_OFF)
                return table_print_json(t, options);
        for (size_t c = 0; c < t->n_columns; c++) {
                if (!options->no_legend && t->columns[c].heading)
                        widths[c] = text_width(t->columns[c].heading);
                for (size_t row = 0; row < n; row++) {
                        const char *text = table_cell(t, row, c)->text;

                        widths[c] = P2P_MAX(widths[c], text ? text_width(text) : 1);
                }
        }
        if (!options->no_legend && n > 0)
                print_row(t, SIZE_MAX, widths);
        for (size_t row = 0; row < n; row++)
                print_row(t, row, widths);
        if (!options->no_legend)
                fprintf(stdout, "%s%zu %s.\n", n > 0 ? "\n" : "", n, n == 1 ? one : many);
        return 0;
}

/* "Peer ID: x"; the items of a list below each other. */
static void print_field(const Column *column, const Cell *cell, size_t width) {
        const json_t *item;
        char *copy;
        size_t i;

        fprintf(stdout, "%*s%s%s:%s ", (int) (width - text_width(column->heading)), "",
                colour_on(COLOUR_BOLD), column->heading, colour_off());
        if (!json_is_array(cell->value)) {
                fprintf(stdout, "%s%s%s\n", colour_on(cell->colour), cell->text,
                        cell->colour == COLOUR_NONE ? "" : colour_off());
                return;
        }
        json_array_foreach(cell->value, i, item) {
                copy = text_printable(json_is_string(item) ? json_string_value(item) : "?");
                fprintf(stdout, "%*s%s\n", i == 0 ? 0 : (int) width + 2, "", copy ? copy : "?");
                free(copy);
        }
}

int table_print_vertical(const Table *t, const Options *options) {
        size_t width = 0;
        json_t *object;
        int r;

        if (t->error < 0 || table_rows(t) != 1)
                return complain(-ENOMEM, "out of memory");
        if (options->json != JSON_FORMAT_OFF) {
                object = row_json(t, 0);
                r = object ? json_print(object, options) : -ENOMEM;
                json_decref(object);
                return r;
        }
        for (size_t c = 0; c < t->n_columns; c++)
                if (t->columns[c].heading && table_cell(t, 0, c)->text)
                        width = P2P_MAX(width, text_width(t->columns[c].heading));
        for (size_t c = 0; c < t->n_columns; c++)
                if (t->columns[c].heading && table_cell(t, 0, c)->text)
                        print_field(&t->columns[c], table_cell(t, 0, c), width);
        return 0;
}
