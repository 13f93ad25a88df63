/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One line of authorized_keys taken apart, for reading and for editing alike: private to authorized-*.c. */

#include <stdbool.h>

#include <p2p/view.h>

typedef struct AuthorizedLine {
        p2p_view raw;     /* with its line end, if it has one */
        p2p_view body;    /* what stands before '#' or the line end */
        p2p_view id;      /* first word of the body; empty: a line of comment or nothing */
        p2p_view comment; /* behind '#', trimmed */
        p2p_view end;     /* "\n", "\r\n" or nothing */
        bool has_comment;
} AuthorizedLine;

/* Cuts one line off *rest. False: nothing left. */
bool authorized_line_next(p2p_view *rest, AuthorizedLine *ret);
/* Cuts the next word off *rest. False: only blanks are left. */
bool authorized_word_next(p2p_view *rest, p2p_view *ret);
/* The key of key=value; false: a bare word. */
bool authorized_word_split(p2p_view word, p2p_view *ret_key, p2p_view *ret_value);
p2p_view authorized_view_trim(p2p_view text);
