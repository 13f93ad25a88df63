/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pump of a tunnel. It knows no header and no peer: bytes in, bytes out.
 *
 * Each direction is a Pipe with three states: open, `ended` (its source is at its end, bytes may be left
 * over), and `closed` (the end was passed on). Bytes travel through scratch memory that all tunnels share;
 * only what the sink did not take is copied into a buffer of the pipe's own, and nothing more is read until
 * that is gone. So an idle tunnel holds no buffer, and a blocked one at most TUNNEL_SCRATCH_SIZE per
 * direction.
 *
 * The socket is watched by edges, which are remembered as `readable` and `writable` until the kernel says
 * EAGAIN. After TURN_BUDGET bytes in one direction the tunnel posts itself and lets the others run. Both
 * failures end both sides: a reset that comes in at one end goes out at the other.
 */

#include "daemon/tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <p2p/error.h>

#include "daemon/socket.h"

#define TURN_BUDGET (256u * 1024u) /* style.md 3.7 */

typedef struct Pipe {
        uint8_t *left; /* what the sink did not take yet; NULL: nothing */
        uint32_t begin, end;
        bool ended, closed;
        uint64_t bytes;
} Pipe;

struct Tunnel {
        p2p_loop *loop;   /* borrowed */
        uint8_t *scratch; /* borrowed */
        int fd;
        bool readable, writable, finished;
        p2p_watch *watch;
        p2p_channel *channel; /* borrowed; NULL until attached */
        p2p_task turn;
        Pipe out, in; /* socket to channel, channel to socket */
        TunnelDone done;
        void *userdata;
};

static void release_socket(Tunnel *t, bool reset) {
        t->watch = p2p_watch_free(t->watch);
        if (t->fd < 0)
                return;
        if (reset)
                socket_reset(TAKE_FD(t->fd));
        else
                socket_close(TAKE_FD(t->fd));
}

static void stop(Tunnel *t) {
        t->finished = true;
        p2p_task_cancel(&t->turn);
        if (t->channel && t->channel->wake == &t->turn)
                p2p_channel_set_wake(t->channel, NULL);
        free(TAKE_PTR(t->out.left));
        free(TAKE_PTR(t->in.left));
}

static void finish(Tunnel *t, TunnelEnd end, int error) {
        TunnelResult result = { .end = end, .error = error };

        if (end == TUNNEL_REMOTE && t->channel)
                result.code = p2p_channel_reset_code(t->channel);
        stop(t);
        if (end != TUNNEL_FINISHED && t->channel)
                p2p_channel_reset(t->channel, P2P_STREAM_BACKEND_RESET);
        release_socket(t, end != TUNNEL_FINISHED);
        t->done(t, &result, t->userdata);
}

/* Copies what a sink left over; the pipe is blocked until it takes that. */
static int pipe_keep(Pipe *p, const uint8_t *data, size_t n) {
        p->left = malloc(n);
        if (!p->left)
                return -ENOMEM;
        memcpy(p->left, data, n);
        p->begin = 0;
        p->end = (uint32_t) n;
        return 0;
}

typedef ssize_t (*Sink)(Tunnel *t, const uint8_t *data, size_t n);

static ssize_t to_channel(Tunnel *t, const uint8_t *data, size_t n) {
        return p2p_channel_write(t->channel, data, n);
}

static ssize_t to_socket(Tunnel *t, const uint8_t *data, size_t n) {
        ssize_t k;

        if (!t->writable)
                return -EAGAIN;
        k = send(t->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (k >= 0)
                return k;
        if (errno == EAGAIN || errno == EINTR)
                t->writable = errno == EINTR;
        return errno == EINTR ? -EAGAIN : -errno;
}

/* How much of it was taken; < 0: the sink broke. */
static ssize_t push(Tunnel *t, Sink sink, const uint8_t *data, size_t n) {
        size_t done = 0;

        while (done < n) {
                ssize_t k = sink(t, data + done, n - done);

                if (k == -EAGAIN)
                        break;
                if (k < 0)
                        return k;
                done += (size_t) k;
        }
        return (ssize_t) done;
}

/* 1: nothing is left over, 0: blocked, < 0: the sink broke. */
static int pipe_drain(Tunnel *t, Pipe *p, Sink sink) {
        ssize_t k;

        if (!p->left)
                return 1;
        k = push(t, sink, p->left + p->begin, p->end - p->begin);
        if (k < 0)
                return (int) k;
        p->begin += (uint32_t) k;
        p->bytes += (uint64_t) k;
        if (p->begin < p->end)
                return 0;
        free(TAKE_PTR(p->left));
        return 1;
}

static int pipe_pass(Tunnel *t, Pipe *p, Sink sink, const uint8_t *data, size_t n) {
        ssize_t k;

        k = push(t, sink, data, n);
        if (k < 0)
                return (int) k;
        p->bytes += (uint64_t) k;
        return (size_t) k < n ? pipe_keep(p, data + k, n - (size_t) k) : 0;
}

static ssize_t from_socket(Tunnel *t) {
        ssize_t n;

        if (!t->readable)
                return -EAGAIN;
        n = recv(t->fd, t->scratch, TUNNEL_SCRATCH_SIZE, MSG_DONTWAIT);
        if (n >= 0)
                return n;
        if (errno == EINTR)
                return from_socket(t);
        if (errno == EAGAIN)
                t->readable = false;
        return -errno;
}

/* 1: go on at once, 0: wait for a wake or an edge. < 0 with the side that broke in *ret_end. */
static int pump_out(Tunnel *t, TunnelEnd *ret_end) {
        Pipe *p = &t->out;
        size_t budget = TURN_BUDGET;
        ssize_t n;
        int r;

        *ret_end = TUNNEL_REMOTE;
        while (!p->closed) {
                r = pipe_drain(t, p, to_channel);
                if (r <= 0)
                        return r;
                if (p->ended) {
                        p->closed = true;
                        return p2p_channel_shutdown(t->channel);
                }
                if (budget == 0)
                        return 1;
                n = from_socket(t);
                if (n == -EAGAIN)
                        return 0;
                if (n < 0) {
                        *ret_end = TUNNEL_LOCAL;
                        return (int) n;
                }
                p->ended = n == 0;
                r = pipe_pass(t, p, to_channel, t->scratch, (size_t) n);
                if (r < 0)
                        return r;
                budget -= P2P_MIN(budget, (size_t) n);
        }
        return 0;
}

static int pump_in(Tunnel *t, TunnelEnd *ret_end) {
        Pipe *p = &t->in;
        size_t budget = TURN_BUDGET;
        ssize_t n;
        int r;

        while (!p->closed) {
                *ret_end = TUNNEL_LOCAL;
                r = pipe_drain(t, p, to_socket);
                if (r <= 0)
                        return r;
                if (p->ended) {
                        p->closed = true;
                        return shutdown(t->fd, SHUT_WR) < 0 ? -errno : 0;
                }
                if (budget == 0)
                        return 1;
                n = p2p_channel_read(t->channel, t->scratch, TUNNEL_SCRATCH_SIZE);
                if (n == -EAGAIN)
                        return 0;
                if (n < 0) {
                        *ret_end = TUNNEL_REMOTE;
                        return (int) n;
                }
                p->ended = n == 0;
                r = pipe_pass(t, p, to_socket, t->scratch, (size_t) n);
                if (r < 0)
                        return r;
                budget -= P2P_MIN(budget, (size_t) n);
        }
        return 0;
}

/* Reading the channel comes first: if the far side reset it, its code is the better reason than a failed
 * write. */
static void run(Tunnel *t) {
        TunnelEnd end;
        int in, out;

        in = pump_in(t, &end);
        if (in < 0) {
                finish(t, end, in);
                return;
        }
        out = pump_out(t, &end);
        if (out < 0) {
                finish(t, end, out);
                return;
        }
        if (t->in.closed && t->out.closed) {
                finish(t, TUNNEL_FINISHED, 0);
                return;
        }
        if (in > 0 || out > 0)
                p2p_task_post(&t->turn);
}

static void on_turn(void *userdata) {
        run(userdata);
}

static void on_socket(unsigned events, void *userdata) {
        Tunnel *t = userdata;

        t->readable = t->readable || (events & P2P_READABLE);
        t->writable = t->writable || (events & P2P_WRITABLE);
        /* Where nothing is read, an error has to be asked for: nobody else would meet it. */
        if (!t->channel || t->out.left || t->out.closed) {
                int error = socket_take_error(t->fd);

                if (error < 0) {
                        finish(t, TUNNEL_LOCAL, error);
                        return;
                }
        }
        if (t->channel)
                run(t);
}

int tunnel_new(p2p_loop *loop, uint8_t *scratch, int fd, TunnelDone done, void *userdata, Tunnel **ret) {
        _cleanup_(tunnel_freep) Tunnel *t = NULL;
        int r;

        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (Tunnel){ .loop = loop,
                       .scratch = scratch,
                       .fd = -1,
                       .readable = true,
                       .writable = true,
                       .done = done,
                       .userdata = userdata };
        p2p_task_init(&t->turn, loop, on_turn, t);

        r = p2p_watch_new(loop, fd, P2P_READABLE | P2P_WRITABLE | P2P_EDGE, on_socket, t, &t->watch);
        if (r < 0)
                return r;

        t->fd = fd; /* taken last: on failure the caller still owns it */
        *ret = TAKE_PTR(t);
        return 0;
}

void tunnel_attach(Tunnel *t, p2p_channel *channel) {
        t->channel = channel;
        p2p_channel_set_wake(channel, &t->turn);
        p2p_task_post(&t->turn);
}

void tunnel_start(Tunnel *t) {
        p2p_task_pass(&t->turn);
}

void tunnel_abort(Tunnel *t, uint32_t code) {
        if (t->finished)
                return;
        stop(t);
        if (t->channel)
                p2p_channel_reset(t->channel, code);
        release_socket(t, true);
}

Tunnel *tunnel_free(Tunnel *t) {
        if (!t)
                return NULL;
        if (t->fd >= 0)
                tunnel_abort(t, P2P_STREAM_NO_ERROR);
        t->watch = p2p_watch_free(t->watch);
        p2p_task_cancel(&t->turn);
        free(t);
        return NULL;
}

uint64_t tunnel_bytes_in(const Tunnel *t) {
        return t->in.bytes;
}

uint64_t tunnel_bytes_out(const Tunnel *t) {
        return t->out.bytes;
}
