/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One stream spoken by hand: what a test says and hears where the library has no voice for it, or a better-behaved one. */

#include "tests/support/node.h"

typedef struct talk {
        p2p_loop *loop;
        p2p_stream *stream;
        bool opened;
        int error; /* of the opening, or of the last hear */
        uint8_t heard[65536];
        size_t n_heard;
        size_t want;
} talk;

/* Opens (confirmed) and waits for it; .error says how it went. */
void talk_open(talk *t, node *from, const p2p_peer_id *to, const char *protocol);
/* Opens without waiting for the far side's consent: a refusal or reset is heard later. */
void talk_open_lazily(talk *t, node *from, const p2p_peer_id *to, const char *protocol);
/* Takes a stream that came in. */
void talk_take(talk *t, p2p_loop *loop, p2p_stream *stream);
void talk_close(talk *t);
void talk_say(talk *t, p2p_view bytes); /* all of it */
/* Waits for n bytes; less are heard where the far side ended (.error 0) or broke. Returns how many. */
size_t talk_hear(talk *t, size_t n);
/* Hears all until the end: .error is 0 for an end of file, else how it broke. */
size_t talk_hear_end(talk *t);
/* One length-delimited message (at most 127 bytes long for its prefix, or two bytes of prefix). */
p2p_view talk_hear_message(talk *t);
