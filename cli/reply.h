/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reading replies, and showing tables: what verbs have in common. */

#include "cli/remote.h"
#include "cli/table.h"
#include "cli/verbs.h"

/* Of an object by key, of an array by index. Absent or of another type: "" and 0. Borrowed. */
const char *json_text(const json_t *object, const char *key);
uint64_t json_number(const json_t *object, const char *key);
bool json_flag(const json_t *object, const char *key);
const char *json_text_at(const json_t *array, size_t i);
uint64_t json_number_at(const json_t *array, size_t i);

/* The objects of the daemon that have this interface: an object of path -> properties. The caller's. */
int daemon_objects(Context *context, const char *interface, json_t **ret);
/* The name of a peer id in the Manager's property Names, or NULL. */
const char *peer_name_of(const json_t *names, const char *id);

/* How people see the properties of a peer: "DIRECT quic-v1", "RELAYED tcp+tls"; QUIC has its own security.
 * Returns text. */
#define PEER_PATH_TEXT_MAX 64u
const char *peer_path_format(const json_t *peer, char text[static PEER_PATH_TEXT_MAX]);

/* Out of memory is told. */
int table_begin(const Column *columns, size_t n_columns, Table **ret);
/* table_print(), in the pager. */
int table_show(const Table *table, const Context *context, const char *one, const char *many);
/* A line about what was done; nothing with --json. Strangers' text has no place in it. */
void say(const Context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));
