/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Channel: an ordered byte pipe that pushes back.
 *
 * Everything that moves bytes is a channel: a TCP socket, the sealed side of a handshake, a muxed stream, a
 * relayed circuit. A layer owns the channel below it and is the channel above it. No operation here calls
 * back. When a read or a write may make progress again, or the channel broke, it posts `wake`; the woken
 * side tries both, and may free anything, this channel too. Spurious wakes are allowed, lost ones are not:
 * after -EAGAIN from readv (or writev) a wake follows as soon as that operation can make progress. reset()
 * and free() may post it too: an owner cancels its task after them, not before.
 */

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <p2p/loop.h>

typedef struct p2p_channel p2p_channel;

typedef struct p2p_channel_ops {
        /* > 0 bytes read; 0 at the far side's end; -EAGAIN dry; else broken for good (-ECONNRESET ...). */
        ssize_t (*readv)(p2p_channel *c, const struct iovec *iov, int n);
        /* > 0 bytes taken, maybe fewer than offered; -EAGAIN full; else broken. `more` says that more
         * follows in this turn: a layer may hold a short record back until then. Never 0 for a non-empty
         * vector. */
        ssize_t (*writev)(p2p_channel *c, const struct iovec *iov, int n, bool more);
        /* No more writes: what was taken is delivered, then the end. Never -EAGAIN. Idempotent. */
        int (*shutdown)(p2p_channel *c);
        /* Ends both directions at once, as an error; unsent bytes are dropped. `code` is a P2P_STREAM_*
         * where the channel can carry one. Afterwards only free() is useful. */
        void (*reset)(p2p_channel *c, uint32_t code);
        /* The code with which the far side reset a stream; 0 if it did not or none was given. May be
         * NULL. */
        uint32_t (*reset_code)(const p2p_channel *c);
        /* For how long, in usec, nothing of the far side's machine has come in, not even an acknowledgement.
         * May be NULL: nobody knows, 0. */
        uint64_t (*quiet)(const p2p_channel *c);
        /* After shutdown(): a graceful close, what was taken is still delivered in the background and what
         * still comes is discarded. Without it: a reset (code 0). */
        p2p_channel *(*free)(p2p_channel *c);
} p2p_channel_ops;

struct p2p_channel {
        const p2p_channel_ops *ops;
        p2p_task *wake; /* borrowed from the owner; NULL while nobody listens */
};

/* Sets the task to post. Does not post it: a new owner tries to read and write once by itself (or posts
 * it). */
static inline void p2p_channel_set_wake(p2p_channel *c, p2p_task *wake) {
        c->wake = wake;
}

static inline ssize_t p2p_channel_readv(p2p_channel *c, const struct iovec *iov, int n) {
        return c->ops->readv(c, iov, n);
}

static inline ssize_t p2p_channel_read(p2p_channel *c, void *data, size_t n) {
        struct iovec iov = { .iov_base = data, .iov_len = n };

        return c->ops->readv(c, &iov, 1);
}

static inline ssize_t p2p_channel_writev(p2p_channel *c, const struct iovec *iov, int n, bool more) {
        return c->ops->writev(c, iov, n, more);
}

static inline ssize_t p2p_channel_write(p2p_channel *c, const void *data, size_t n) {
        struct iovec iov = { .iov_base = (void *) data, .iov_len = n };

        return c->ops->writev(c, &iov, 1, false);
}

static inline int p2p_channel_shutdown(p2p_channel *c) {
        return c->ops->shutdown(c);
}

static inline void p2p_channel_reset(p2p_channel *c, uint32_t code) {
        c->ops->reset(c, code);
}

static inline uint32_t p2p_channel_reset_code(const p2p_channel *c) {
        return c->ops->reset_code ? c->ops->reset_code(c) : 0;
}

static inline uint64_t p2p_channel_quiet(const p2p_channel *c) {
        return c->ops->quiet ? c->ops->quiet(c) : 0;
}

static inline p2p_channel *p2p_channel_free(p2p_channel *c) {
        return c ? c->ops->free(c) : NULL;
}
P2P_CLEANUP(p2p_channel, p2p_channel_free);
