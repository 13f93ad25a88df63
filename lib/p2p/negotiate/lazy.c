/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The initiator of multistream-select with one proposal: a channel that waits for nothing (wire reference
 * 3).
 *
 * Header and proposal travel in front of the first bytes written, in one write with them; the two answers
 * are taken off the front of what is read. Until both are through, `negotiation` exists; afterwards every
 * operation is the one of the channel below. The far side may itself be silent until it hears us, so whoever
 * only reads sends the proposal first.
 */

#include <errno.h>
#include <stdlib.h>

#include <p2p/error.h>

#include "negotiate/token-io.h"

#define VECTORS_MAX 16 /* arbitrary: ours and 15 of the caller's, while the proposal is on its way */

typedef struct negotiation {
        bool has_header, is_agreed;
        p2p_token_in in;
        p2p_token_out out;
        char protocol[];
} negotiation;

typedef struct lazy {
        p2p_channel channel;
        p2p_channel *below;
        p2p_task below_wake;
        negotiation *negotiation; /* NULL once the proposal is sent and agreed */
        int error;                /* of the negotiation, for good */
        bool is_shut, is_shut_below;
} lazy;

static lazy *lazy_of(p2p_channel *c) {
        return container_of(c, lazy, channel);
}

static int fail(lazy *l, int error) {
        l->error = error;
        if (p2p_error_is_peer_fault(error))
                p2p_channel_reset(l->below, P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED);
        return error;
}

/* Sends header and proposal, and the end of writing if that was held back behind them. */
static int send_proposal(lazy *l) {
        int r;

        if (l->error < 0)
                return l->error;
        if (l->negotiation) {
                r = p2p_token_out_flush(&l->negotiation->out, l->below);
                if (r < 0)
                        return r;
        }
        if (l->is_shut && !l->is_shut_below) {
                l->is_shut_below = true;
                return p2p_channel_shutdown(l->below);
        }
        return 0;
}

/* 1: go on; < 0: what the far side answered is no agreement. */
static int on_token(negotiation *g, p2p_view name) {
        if (!g->has_header) {
                g->has_header = p2p_view_equal(name, P2P_VIEW_STR(P2P_TOKEN_HEADER));
                return g->has_header ? 0 : -EPROTO;
        }
        if (p2p_view_equal(name, P2P_VIEW_STR(P2P_TOKEN_NA)))
                return -EPROTONOSUPPORT;
        if (!p2p_view_equal(name, P2P_VIEW_STR(g->protocol)))
                return -EPROTO;
        g->is_agreed = true;
        return 0;
}

/* 1: agreed; 0: not yet known. An answer is looked for even where nothing can be sent any more: it may say
 * why. */
static int read_answer(lazy *l) {
        negotiation *g = l->negotiation;
        int r, sent;

        if (l->error < 0)
                return l->error;
        sent = send_proposal(l);
        if (!g)
                return 1;

        while (!g->is_agreed) {
                p2p_view name;

                if (sent == -EAGAIN && g->has_header) /* no answer can be there */
                        return 0;
                r = p2p_token_in_read(&g->in, l->below, &name);
                if (r == 0)
                        return sent == -EAGAIN ? 0 : sent;
                if (r > 0)
                        r = on_token(g, name);
                if (r < 0)
                        return fail(l, r);
        }
        free(g);
        l->negotiation = NULL;
        return 1;
}

static ssize_t lazy_readv(p2p_channel *c, const struct iovec *iov, int n) {
        lazy *l = lazy_of(c);
        int r;

        if (l->negotiation) {
                r = read_answer(l);
                if (r <= 0)
                        return r < 0 ? r : -EAGAIN;
        }
        return p2p_channel_readv(l->below, iov, n);
}

/* One attempt with the tokens in front of the caller's vector: the bytes of the caller's that were taken. */
static ssize_t write_behind_proposal(lazy *l, const struct iovec *iov, int n, bool more) {
        p2p_token_out *out = &l->negotiation->out;
        struct iovec all[VECTORS_MAX];
        size_t front = out->n - out->sent;
        int n_taken = P2P_MIN(n, VECTORS_MAX - 1);
        ssize_t k;

        all[0] = (struct iovec){ .iov_base = out->data + out->sent, .iov_len = front };
        memcpy(all + 1, iov, (size_t) n_taken * sizeof(*iov));
        k = p2p_channel_writev(l->below, all, n_taken + 1, more || n_taken < n);
        if (k < 0)
                return k;
        if ((size_t) k < front) {
                out->sent += (size_t) k;
                return 0;
        }
        out->n = out->sent = 0;
        return k - (ssize_t) front;
}

static ssize_t lazy_writev(p2p_channel *c, const struct iovec *iov, int n, bool more) {
        lazy *l = lazy_of(c);
        ssize_t k;

        if (l->error < 0)
                return l->error;
        if (l->is_shut)
                return -EPIPE;
        while (l->negotiation && l->negotiation->out.n > 0) {
                k = write_behind_proposal(l, iov, n, more);
                if (k != 0)
                        return k;
        }
        return p2p_channel_writev(l->below, iov, n, more);
}

static int lazy_shutdown(p2p_channel *c) {
        lazy *l = lazy_of(c);
        int r;

        l->is_shut = true;
        r = send_proposal(l);
        return r == -EAGAIN ? 0 : r;
}

static void lazy_reset(p2p_channel *c, uint32_t code) {
        lazy *l = lazy_of(c);

        l->error = -ECONNRESET;
        p2p_channel_reset(l->below, code);
}

static uint32_t lazy_reset_code(const p2p_channel *c) {
        return p2p_channel_reset_code(container_of(c, const lazy, channel)->below);
}

static uint64_t lazy_quiet(const p2p_channel *c) {
        return p2p_channel_quiet(container_of(c, const lazy, channel)->below);
}

static p2p_channel *lazy_free(p2p_channel *c) {
        lazy *l = lazy_of(c);

        p2p_task_cancel(&l->below_wake);
        p2p_channel_set_wake(l->below, NULL);
        p2p_channel_free(l->below); /* an end still held back had nothing in front of it that was taken */
        free(l->negotiation);
        free(l);
        return NULL;
}

static const p2p_channel_ops lazy_ops = {
        .readv = lazy_readv,
        .writev = lazy_writev,
        .shutdown = lazy_shutdown,
        .reset = lazy_reset,
        .reset_code = lazy_reset_code,
        .quiet = lazy_quiet,
        .free = lazy_free,
};

/* The last thing on this stack: the woken side may free us. Running it now saves a turn of the loop a layer.
 * */
static void on_below_wake(void *userdata) {
        lazy *l = userdata;

        if (l->is_shut && !l->is_shut_below)
                (void) send_proposal(l);
        p2p_task_pass(l->channel.wake);
}

static int negotiation_new(const char *protocol, negotiation **ret) {
        size_t n = strlen(protocol);
        negotiation *g;
        int r;

        if (strcmp(protocol, P2P_TOKEN_NA) == 0)
                return -EINVAL;

        g = calloc(1, sizeof(*g) + n + 1);
        if (!g)
                return -ENOMEM;
        memcpy(g->protocol, protocol, n + 1);
        (void) p2p_token_out_add(&g->out, P2P_VIEW_STR(P2P_TOKEN_HEADER)); /* an empty buffer has room */
        r = p2p_token_out_add(&g->out, P2P_VIEW(protocol, n));
        if (r < 0) {
                free(g);
                return -EINVAL;
        }
        *ret = g;
        return 0;
}

int p2p_lazy_new(p2p_loop *loop, p2p_channel *channel, const char *protocol, p2p_channel **ret) {
        negotiation *g;
        lazy *l;
        int r;

        r = negotiation_new(protocol, &g);
        if (r < 0)
                return r;
        l = malloc(sizeof(*l));
        if (!l) {
                free(g);
                return -ENOMEM;
        }
        *l = (lazy){ .channel.ops = &lazy_ops, .below = channel, .negotiation = g };
        p2p_task_init(&l->below_wake, loop, on_below_wake, l);
        p2p_channel_set_wake(channel, &l->below_wake);

        *ret = &l->channel;
        return 0;
}

int p2p_lazy_flush(p2p_channel *c) {
        return send_proposal(lazy_of(c));
}

int p2p_lazy_confirm(p2p_channel *c) {
        return read_answer(lazy_of(c));
}

bool p2p_lazy_is_agreed(const p2p_channel *c) {
        const lazy *l = container_of(c, const lazy, channel);

        return !l->negotiation;
}
