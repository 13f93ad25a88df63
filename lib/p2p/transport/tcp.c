/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A stream socket as a channel.
 *
 * The fd is watched once, edge-triggered, for both directions. A direction is taken to be ready until the
 * kernel says -EAGAIN, and from then on until the next edge costs no system call. Every edge posts the wake.
 *
 * Others may hold a duplicate of the fd and clear O_NONBLOCK behind our back, so every call carries
 * MSG_DONTWAIT, the end is shutdown(2) and a reset is connect(2) to AF_UNSPEC: SO_LINGER and close(2) do
 * nothing while a duplicate lives.
 *
 * After a RST the kernel still hands out what arrived before it, once, and says why only once: so a write
 * that failed leaves reading possible, and the end that is read afterwards is that error.
 */

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/socket-error.h"
#include "transport/tcp-private.h"

/* 15 + 3 * 9 s: a dead path is noticed in 42 s, also when nothing is sent. */
#define KEEPALIVE_IDLE_SEC 15
#define KEEPALIVE_INTERVAL_SEC 9
#define KEEPALIVE_PROBES 3
#define PEER_TIMEOUT_MSEC 40000
/* What the kernel takes beyond what it can send: more would only stand before the next keystroke. */
#define NOTSENT_LOWAT (128 * 1024)

typedef struct tcp_channel {
        p2p_channel channel;
        p2p_loop *loop; /* borrowed */
        p2p_watch *watch;
        int fd;
        int read_error, write_error; /* for good */
        bool may_read, may_write;
        bool is_shut, is_ended; /* our end, theirs */
} tcp_channel;

static tcp_channel *from_channel(p2p_channel *c) {
        return container_of(c, tcp_channel, channel);
}

static void on_ready(unsigned events, void *userdata) {
        tcp_channel *t = userdata;

        if (events & P2P_READABLE)
                t->may_read = true;
        if (events & P2P_WRITABLE)
                t->may_write = true;
        p2p_task_post(t->channel.wake);
}

static ssize_t tcp_readv(p2p_channel *c, const struct iovec *iov, int n) {
        tcp_channel *t = from_channel(c);
        struct msghdr message = { .msg_iov = (struct iovec *) iov, .msg_iovlen = (size_t) n };
        ssize_t k;

        if (t->read_error < 0)
                return t->read_error;
        if (t->is_ended)
                return 0;
        if (!t->may_read)
                return -EAGAIN;

        do
                k = recvmsg(t->fd, &message, MSG_DONTWAIT);
        while (k < 0 && errno == EINTR);

        if (k > 0)
                return k;
        if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
                t->may_read = false;
                return -EAGAIN;
        }
        if (k == 0 && t->write_error == 0) {
                t->is_ended = true;
                return 0;
        }
        t->read_error = k < 0 ? p2p_socket_error(errno) : t->write_error;
        if (t->write_error == 0)
                t->write_error = t->read_error;
        return t->read_error;
}

static ssize_t tcp_writev(p2p_channel *c, const struct iovec *iov, int n, bool more) {
        tcp_channel *t = from_channel(c);
        struct msghdr message = { .msg_iov = (struct iovec *) iov, .msg_iovlen = (size_t) n };
        ssize_t k;

        if (t->write_error < 0)
                return t->write_error;
        if (t->is_shut)
                return -EPIPE;
        if (!t->may_write)
                return -EAGAIN;

        do
                k = sendmsg(t->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0));
        while (k < 0 && errno == EINTR);

        if (k >= 0)
                return k;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
                t->may_write = false;
                return -EAGAIN;
        }
        return t->write_error = p2p_socket_error(errno);
}

static int tcp_shutdown(p2p_channel *c) {
        tcp_channel *t = from_channel(c);

        if (t->write_error < 0)
                return t->write_error;
        if (t->is_shut)
                return 0;
        if (shutdown(t->fd, SHUT_WR) < 0)
                return t->write_error = p2p_socket_error(errno);

        t->is_shut = true;
        return 0;
}

/* The kernel's keep-alive asks when nothing else does, and counts from the later of the two: data that comes
 * and acknowledges nothing new need not have been looked at for that. */
static uint64_t tcp_quiet(const p2p_channel *c) {
        const tcp_channel *t = container_of(c, const tcp_channel, channel);
        struct tcp_info info = {};
        socklen_t n = sizeof(info);

        if (getsockopt(t->fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0)
                return 0; /* not TCP */
        return (uint64_t) P2P_MIN(info.tcpi_last_ack_recv, info.tcpi_last_data_recv) * 1000;
}

static void tcp_reset(p2p_channel *c, uint32_t code) {
        const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
        tcp_channel *t = from_channel(c);

        (void) code; /* TCP has none */
        if (t->read_error == 0 || t->write_error == 0)
                if (connect(t->fd, &nowhere, sizeof(nowhere)) < 0)
                        (void) shutdown(t->fd, SHUT_RDWR); /* not TCP */

        t->watch = p2p_watch_free(t->watch);
        t->read_error = t->write_error = -ECONNRESET;
}

static p2p_channel *tcp_free(p2p_channel *c) {
        tcp_channel *t = from_channel(c);

        if (!t->is_shut)
                tcp_reset(c, 0);
        p2p_watch_free(t->watch);

        if (t->is_ended || t->read_error < 0)
                close(t->fd);
        else
                tcp_drain(t->loop, t->fd);
        free(t);
        return NULL;
}

static int set_option(int fd, int level, int option, int value) {
        return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? p2p_socket_error(errno) : 0;
}

static int set_options(int fd) {
        static const struct { int level, option, value; } options[] = {
                { IPPROTO_TCP, TCP_NODELAY,       1                      },
                { IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT          },
                { IPPROTO_TCP, TCP_KEEPIDLE,      KEEPALIVE_IDLE_SEC     },
                { IPPROTO_TCP, TCP_KEEPINTVL,     KEEPALIVE_INTERVAL_SEC },
                { IPPROTO_TCP, TCP_KEEPCNT,       KEEPALIVE_PROBES       },
                { SOL_SOCKET,  SO_KEEPALIVE,      1                      },
        };

        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                int r;

                r = set_option(fd, options[i].level, options[i].option, options[i].value);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* 1: a TCP socket, 0: another stream socket. */
static int probe(int fd) {
        int type, protocol;
        socklen_t n = sizeof(int);

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_STREAM)
                return -EINVAL;
        n = sizeof(int);
        if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &n) < 0)
                return -EINVAL;
        return protocol == IPPROTO_TCP;
}

int p2p_tcp_channel_new(p2p_loop *loop, int fd, p2p_channel **ret) {
        static const p2p_channel_ops ops = {
                .readv = tcp_readv,
                .writev = tcp_writev,
                .shutdown = tcp_shutdown,
                .reset = tcp_reset,
                .quiet = tcp_quiet,
                .free = tcp_free,
        };
        tcp_channel *t;
        int r;

        r = probe(fd);
        if (r > 0)
                r = set_options(fd);
        if (r < 0)
                return r;

        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (tcp_channel) {
                .channel.ops = &ops,
                .loop = loop,
                .fd = fd,
                .may_read = true,
                .may_write = true,
        };

        r = p2p_watch_new(loop, fd, P2P_READABLE | P2P_WRITABLE | P2P_EDGE, on_ready, t, &t->watch);
        if (r < 0) {
                free(t);
                return r;
        }

        *ret = &t->channel;
        return 0;
}

int tcp_channel_new_peer(p2p_loop *loop, int fd, p2p_channel **ret) {
        int r;

        r = set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, PEER_TIMEOUT_MSEC);
        if (r < 0)
                return r;

        return p2p_tcp_channel_new(loop, fd, ret);
}
