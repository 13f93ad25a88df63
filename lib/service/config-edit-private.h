/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The pieces of an edit: private to config-edit*.c. */

#include <p2p/view.h>
#include "service/config-edit.h"
#include "service/yaml-node.h"

/* A text as lines, from 1 as in YamlNode. A change is a splice; the rest is never touched. */
typedef struct Lines {
        p2p_view text;
        p2p_view *at; /* each with its line end */
        size_t n;
        const char *end; /* "\n" or "\r\n", as the first line has it */
} Lines;

typedef struct Splice {
        size_t from, n; /* bytes of the old text to take out */
        char *text;     /* to put there; owned */
} Splice;

#define SPLICES_MAX 64u

typedef struct Splices {
        Splice items[SPLICES_MAX]; /* ascending, not overlapping */
        size_t n;
} Splices;

int lines_init(Lines *lines, p2p_view text);
void lines_done(Lines *lines);
/* Byte of the text where this character of this line is; the text's size beyond its end. */
size_t lines_offset(const Lines *lines, unsigned line, unsigned column);
size_t lines_end(const Lines *lines, unsigned line); /* behind its line end */
/* Only blanks stand before it in its line. */
bool lines_is_first(const Lines *lines, unsigned line, unsigned column);
/* The line's indentation in blanks, if the line is a comment; -1 otherwise. */
int lines_comment_indent(const Lines *lines, unsigned line);

/* Takes text (NULL: no memory, -ENOMEM). -ENOBUFS: too many. */
int splices_add(Splices *splices, size_t from, size_t n, char *text);
void splices_done(Splices *splices);
int splices_apply(const Splices *splices, p2p_view text, char **ret, size_t *ret_n);

/* What the edit does, as splices. Errors as config_text_edit(). */
int config_edit_plan(const Lines *lines, const YamlNode *root, const ConfigEdit *edit,
                     ConfigProblems *problems, Splices *splices);
/* Nothing but what the edit wants is different. */
bool config_edit_is_right(const YamlNode *before, const YamlNode *after, const ConfigEdit *edit);
