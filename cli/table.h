/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Table: what a verb has to show, as columns for people and as JSON for programs. Cells are added from left
 * to right; a row ends where its columns do. Adding never fails: what went wrong is told by table_print().
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p2p/macro.h>

#include "cli/options.h"
#include "cli/output.h"

#define TABLE_COLUMNS_MAX 16u

typedef struct Column {
        const char *key;     /* in JSON */
        const char *heading; /* NULL: in JSON only */
        bool right;          /* aligned right */
} Column;

typedef struct Table Table;

/* columns are borrowed and outlive the table. */
Table *table_new(const Column *columns, size_t n_columns);
Table *table_free(Table *table);
P2P_CLEANUP(Table, table_free);

/* Any JSON value and how people see it. Takes value (NULL: no memory), copies text (NULL: "-"). */
void table_add(Table *table, json_t *value, const char *text);
void table_text(Table *table, const char *text); /* NULL or "": null, "-" */
void table_number(Table *table, uint64_t number);
void table_bytes(Table *table, uint64_t bytes);
void table_boolean(Table *table, bool yes);
void table_time(Table *table, uint64_t usec, const char *zero); /* relative to now; zero: what 0 is called */
void table_rtt(Table *table, uint64_t usec);                    /* 0: unknown */
void table_list(Table *table, const json_t *strings);           /* "a, b"; a line each when vertical */
/* Of the cell that was added last. */
void table_colour(Table *table, Colour colour);

size_t table_rows(const Table *table);
/* A heading, the rows and how many there are: "2 peers."; or an array of objects. */
int table_print(const Table *table, const Options *options, const char *one, const char *many);
/* The only row, a line for each column that is not empty: "Peer ID: ..."; or one object. */
int table_print_vertical(const Table *table, const Options *options);
