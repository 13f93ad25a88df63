/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two channels joined in memory.
 *
 * Each end owns the bytes that wait for its reader, in a ring, and knows the other end until that is
 * freed. It is as strict as the contract of channel.h allows: a wake is posted only after -EAGAIN,
 * exactly when that operation can go on, and when the channel breaks. Code that waits without having
 * seen -EAGAIN hangs here, as it would on an edge-triggered socket.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <p2p/error.h>

#include "tests/support/memory.h"

#define CAPACITY_DEFAULT (64u * 1024u)

typedef struct memory_end {
        p2p_channel channel;
        struct memory_end *other; /* NULL once it is freed */
        p2p_memory_options options;

        uint8_t *ring; /* what comes from the other end; options.capacity bytes */
        size_t start, n;

        int error;           /* broken for good */
        uint32_t reset_code; /* given by the other end */
        bool is_shut;        /* we write no more */
        bool is_ended;       /* the other end writes no more */
        bool wants_read, wants_write; /* saw -EAGAIN */
} memory_end;

static memory_end *from_channel(const p2p_channel *c) {
        return container_of(c, memory_end, channel);
}

static void wake_reader(memory_end *e) {
        if (!e->wants_read)
                return;
        e->wants_read = false;
        p2p_task_post(e->channel.wake);
}

static void wake_writer(memory_end *e) {
        if (!e->wants_write)
                return;
        e->wants_write = false;
        p2p_task_post(e->channel.wake);
}

static void break_end(memory_end *e, uint32_t code, bool by_other) {
        if (e->error < 0)
                return;
        e->error = -ECONNRESET;
        e->n = 0;
        if (by_other) {
                e->reset_code = code;
                p2p_task_post(e->channel.wake);
        }
}

static void ring_take(memory_end *e, uint8_t *data, size_t n) {
        size_t first = P2P_MIN(n, e->options.capacity - e->start);

        memcpy(data, e->ring + e->start, first);
        memcpy(data + first, e->ring, n - first);
        e->start = (e->start + n) % e->options.capacity;
        e->n -= n;
}

static void ring_put(memory_end *e, const uint8_t *data, size_t n) {
        size_t end = (e->start + e->n) % e->options.capacity;
        size_t first = P2P_MIN(n, e->options.capacity - end);

        memcpy(e->ring + end, data, first);
        memcpy(e->ring, data + first, n - first);
        e->n += n;
}

static ssize_t memory_readv(p2p_channel *c, const struct iovec *iov, int n) {
        memory_end *e = from_channel(c);
        size_t limit = e->options.read_max, done = 0;

        if (e->error < 0)
                return e->error;
        if (e->n == 0 && e->is_ended)
                return 0;
        if (e->n == 0) {
                e->wants_read = true;
                return -EAGAIN;
        }

        for (int i = 0; i < n; i++) {
                size_t part = P2P_MIN(P2P_MIN(iov[i].iov_len, e->n), limit - done);

                if (part == 0)
                        continue;
                ring_take(e, iov[i].iov_base, part);
                done += part;
        }
        if (done > 0 && e->other)
                wake_writer(e->other);
        return (ssize_t) done;
}

static ssize_t memory_writev(p2p_channel *c, const struct iovec *iov, int n, bool more) {
        memory_end *e = from_channel(c), *to = e->other;
        size_t limit = e->options.write_max, done = 0, offered = 0;

        (void) more;
        if (e->error < 0)
                return e->error;
        if (e->is_shut)
                return -EPIPE;

        for (int i = 0; i < n; i++) {
                size_t space = to ? to->options.capacity - to->n : SIZE_MAX; /* a freed end discards */
                size_t part = P2P_MIN(P2P_MIN(iov[i].iov_len, space), limit - done);

                offered += iov[i].iov_len;
                if (part == 0)
                        continue;
                if (to)
                        ring_put(to, iov[i].iov_base, part);
                done += part;
        }
        if (done == 0 && offered > 0) {
                e->wants_write = true;
                return -EAGAIN;
        }
        if (done > 0 && to)
                wake_reader(to);
        return (ssize_t) done;
}

static int memory_shutdown(p2p_channel *c) {
        memory_end *e = from_channel(c);

        if (e->error < 0)
                return e->error;
        if (e->is_shut)
                return 0;

        e->is_shut = true;
        if (e->other) {
                e->other->is_ended = true;
                wake_reader(e->other);
        }
        return 0;
}

static void memory_reset(p2p_channel *c, uint32_t code) {
        memory_end *e = from_channel(c);

        if (e->error < 0)
                return;
        if (e->other)
                break_end(e->other, code, true);
        break_end(e, code, false);
}

static uint32_t memory_reset_code(const p2p_channel *c) {
        return from_channel(c)->reset_code;
}

static p2p_channel *memory_free(p2p_channel *c) {
        memory_end *e = from_channel(c);

        if (!e->is_shut)
                memory_reset(c, P2P_STREAM_NO_ERROR);
        if (e->other) {
                e->other->other = NULL;
                wake_writer(e->other); /* what it writes from now on is discarded */
        }
        free(e->ring);
        free(e);
        return NULL;
}

static int memory_end_new(const p2p_memory_options *options, memory_end **ret) {
        static const p2p_channel_ops ops = {
                .readv = memory_readv,
                .writev = memory_writev,
                .shutdown = memory_shutdown,
                .reset = memory_reset,
                .reset_code = memory_reset_code,
                .free = memory_free,
        };
        memory_end *e;

        e = malloc(sizeof(*e));
        if (!e)
                return -ENOMEM;
        *e = (memory_end) { .channel.ops = &ops, .is_shut = true };
        if (options)
                e->options = *options;
        if (e->options.capacity == 0)
                e->options.capacity = CAPACITY_DEFAULT;
        if (e->options.write_max == 0)
                e->options.write_max = SIZE_MAX;
        if (e->options.read_max == 0)
                e->options.read_max = SIZE_MAX;

        e->ring = malloc(e->options.capacity);
        if (!e->ring) {
                free(e);
                return -ENOMEM;
        }
        *ret = e;
        return 0;
}

int p2p_memory_pair(p2p_loop *loop, const p2p_memory_options *options, p2p_channel **ret_a,
                    p2p_channel **ret_b) {
        memory_end *a, *b;
        int r;

        (void) loop; /* the wakes know theirs */

        r = memory_end_new(options, &a);
        if (r < 0)
                return r;
        r = memory_end_new(options, &b);
        if (r < 0) {
                (void) memory_free(&a->channel);
                return r;
        }

        a->other = b;
        b->other = a;
        a->is_shut = b->is_shut = false;
        *ret_a = &a->channel;
        *ret_b = &b->channel;
        return 0;
}
