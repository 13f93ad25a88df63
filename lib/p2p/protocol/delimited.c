/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A message is its uvarint length, then that many bytes; both may come in any pieces (wire reference 0). */

#include <errno.h>
#include <stdlib.h>

#include "protocol/delimited.h"
#include "wire/varint.h"

static void forget(p2p_delimited *d) {
        free(d->data);
        d->data = NULL;
        d->n = d->size = 0;
        d->n_prefix = 0;
}

void p2p_delimited_done(p2p_delimited *d) {
        forget(d);
}

static int allocate(p2p_delimited *d, uint64_t size) {
        if (size > d->max)
                return -EMSGSIZE;
        d->data = malloc(size > 0 ? size : 1);
        if (!d->data)
                return -ENOMEM;
        d->size = size;
        d->n = 0;
        return 1;
}

static int read_prefix(p2p_delimited *d, p2p_channel *channel) {
        for (;;) {
                uint64_t size;
                size_t used;
                ssize_t n;
                int r;

                n = p2p_channel_read(channel, d->prefix + d->n_prefix, 1);
                if (n == -EAGAIN)
                        return 0;
                if (n < 0)
                        return (int) n;
                if (n == 0)
                        return d->n_prefix == 0 ? -ENODATA : -EBADMSG;
                d->n_prefix++;
                r = p2p_uvarint_parse(P2P_VIEW(d->prefix, d->n_prefix), &size, &used);
                if (r < 0)
                        return r;
                if (r > 0)
                        return allocate(d, size);
        }
}

int p2p_delimited_read(p2p_delimited *d, p2p_channel *channel) {
        int r;

        if (d->data && d->n == d->size)
                forget(d); /* the one before was looked at */
        if (!d->data) {
                r = read_prefix(d, channel);
                if (r <= 0)
                        return r;
        }
        while (d->n < d->size) {
                ssize_t n = p2p_channel_read(channel, d->data + d->n, d->size - d->n);

                if (n == -EAGAIN)
                        return 0;
                if (n < 0)
                        return (int) n;
                if (n == 0)
                        return -EBADMSG;
                d->n += (size_t) n;
        }
        return 1;
}

int p2p_outbox_flush(p2p_outbox *o, p2p_channel *channel) {
        while (o->sent < o->n) {
                ssize_t n = p2p_channel_write(channel, o->data + o->sent, o->n - o->sent);

                if (n == -EAGAIN)
                        return 0;
                if (n < 0)
                        return (int) n;
                o->sent += (size_t) n;
        }
        return 1;
}

void p2p_outbox_done(p2p_outbox *o) {
        free(o->data);
        *o = (p2p_outbox){};
}
