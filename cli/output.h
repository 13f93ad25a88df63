/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where output goes: terminal or not, colours, the pager, JSON, and text of strangers made fit to be shown.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "cli/options.h"

typedef enum Colour {
        COLOUR_NONE,
        COLOUR_BOLD,
        COLOUR_FAINT,
        COLOUR_GREEN,
        COLOUR_YELLOW,
        COLOUR_RED,
        _COLOUR_MAX,
} Colour;

bool stdout_is_terminal(void);
/* Colours on standard output: a terminal, NO_COLOR empty, TERM not dumb. Asked once, before the pager. */
bool colours_wanted(void);
/* The sequence, or "" where there are no colours. */
const char *colour_on(Colour colour);
const char *colour_off(void);

/* Puts $PEERUP_PAGER, $PAGER or less between us and the terminal; nothing, where standard output is none.
 * pager_close() waits until the user has read. */
void pager_open(const Options *options);
void pager_close(void);

/* Prints it and a line end. -EIO where standard output is broken, already told. */
int json_print(const json_t *json, const Options *options);

/* Copies of text without what moves a cursor: control characters, malformed bytes and bidirectional
 * overrides come out as '?'. The caller's; NULL: no memory. */
char *text_printable(const char *text);
/* Columns on a terminal. */
size_t text_width(const char *text);

/* Prints to stderr: "peerupctl: " and a line. Returns error. */
int complain(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
