/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Length-delimited messages on a channel: read to the byte, so that what follows stays there; written
 * whatever is taken. */

#include <p2p/channel.h>
#include <p2p/view.h>

typedef struct p2p_delimited {
        size_t max; /* set before use: a longer message is -EMSGSIZE */
        uint8_t prefix[9];
        unsigned n_prefix;
        uint8_t *data; /* of the message being read, n of size bytes */
        size_t n, size;
} p2p_delimited;

/* 1: a message is in data, size until the next read or done(); 0: more is needed, a wake follows; -ENODATA:
 * the far side ended between messages; else < 0. */
int p2p_delimited_read(p2p_delimited *d, p2p_channel *channel);
void p2p_delimited_done(p2p_delimited *d);

typedef struct p2p_outbox {
        uint8_t *data; /* owned */
        size_t n, sent;
} p2p_outbox;

/* 1: all of it was taken; 0: a wake follows; < 0. */
int p2p_outbox_flush(p2p_outbox *o, p2p_channel *channel);
void p2p_outbox_done(p2p_outbox *o);
