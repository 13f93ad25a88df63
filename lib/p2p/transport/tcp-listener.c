/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Listeners. The socket is watched by level, so what one turn leaves in its queue is seen in the next, and
 * each accept is a slow task: a flood takes its turn behind whoever is in already. When the process is out
 * of file descriptors the queue cannot be emptied and the level would spin the loop: it looks away for a
 * while. The errors of accept(2) that belong to one dead connection end nothing. The callback may free the
 * listener.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <p2p/congestion.h>

#include "transport/tcp-private.h"

struct p2p_tcp_listener {
        p2p_loop *loop; /* borrowed */
        p2p_watch *watch;
        p2p_task accept;
        p2p_timer pause;
        p2p_addr *addr;
        int fd;
        p2p_tcp_accept_fn on_accept;
        void *userdata;
};

static void look_away(p2p_tcp_listener *l) {
        if (p2p_timer_set(&l->pause, P2P_TCP_ACCEPT_PAUSE_USEC) < 0)
                return;
        (void) p2p_watch_set(l->watch, 0);
}

static void on_pause_over(void *userdata) {
        p2p_tcp_listener *l = userdata;

        if (p2p_watch_set(l->watch, P2P_READABLE) < 0)
                look_away(l);
}

/* 1: one taken; 0: one lost; -EAGAIN: none left; else for lack of something. */
static int accept_one(p2p_tcp_listener *l, p2p_channel **ret_channel, p2p_addr **ret_remote) {
        struct sockaddr_storage sa;
        socklen_t n = sizeof(sa);
        int fd, r;

        fd = accept4(l->fd, (struct sockaddr *) &sa, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
                bool is_ours = errno == EAGAIN || errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
                               errno == ENOBUFS;

                return is_ours ? -errno : 0;
        }

        p2p_congestion_settle(fd);
        r = p2p_addr_from_tcp((struct sockaddr *) &sa, ret_remote);
        if (r >= 0) {
                r = tcp_channel_new_peer(l->loop, fd, ret_channel);
                if (r < 0)
                        *ret_remote = p2p_addr_free(*ret_remote);
        }
        if (r < 0) {
                close(fd);
                return 0;
        }
        return 1;
}

static void on_turn(void *userdata) {
        p2p_tcp_listener *l = userdata;
        p2p_channel *channel;
        p2p_addr *remote;
        int r;

        r = accept_one(l, &channel, &remote);
        if (r < 0 && r != -EAGAIN)
                look_away(l);
        if (r > 0)
                l->on_accept(channel, remote, l->userdata);
}

static void on_readable(unsigned events, void *userdata) {
        p2p_tcp_listener *l = userdata;

        (void) events;
        p2p_task_post(&l->accept);
}

static int open_socket(const p2p_addr *addr) {
        struct sockaddr_storage sa;
        const int one = 1;
        socklen_t n;
        int fd, r;

        r = p2p_addr_to_tcp(addr, &sa, &n);
        if (r < 0)
                return r;

        fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
            (sa.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0) ||
            bind(fd, (struct sockaddr *) &sa, n) < 0 ||
            listen(fd, SOMAXCONN) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        return fd;
}

/* What it is bound to; refuses what does not listen. */
static int probe(int fd, p2p_addr **ret) {
        struct sockaddr_storage sa = {};
        socklen_t n = sizeof(sa), n_int = sizeof(int);
        int listening;

        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n_int) < 0 || !listening)
                return -EINVAL;
        if (getsockname(fd, (struct sockaddr *) &sa, &n) < 0)
                return -errno;
        if (sa.ss_family != AF_INET && sa.ss_family != AF_INET6)
                return -EINVAL;
        return p2p_addr_from_tcp((struct sockaddr *) &sa, ret);
}

int p2p_tcp_listener_new_fd(p2p_loop *loop, int fd, p2p_tcp_accept_fn on_accept, void *userdata,
                            p2p_tcp_listener **ret) {
        _cleanup_(p2p_tcp_listener_freep) p2p_tcp_listener *l = NULL;
        int r;

        l = malloc(sizeof(*l));
        if (!l)
                return -ENOMEM;
        *l = (p2p_tcp_listener) { .loop = loop, .fd = -1, .on_accept = on_accept, .userdata = userdata };
        p2p_timer_init(&l->pause, loop, on_pause_over, l);
        p2p_task_init(&l->accept, loop, on_turn, l);
        l->accept.slow = true;

        r = probe(fd, &l->addr);
        if (r < 0)
                return r;
        r = fcntl(fd, F_GETFL);
        if (r < 0 || fcntl(fd, F_SETFL, r | O_NONBLOCK) < 0)
                return -errno;
        r = p2p_watch_new(loop, fd, P2P_READABLE, on_readable, l, &l->watch);
        if (r < 0)
                return r;

        p2p_congestion_defer(fd);
        l->fd = fd; /* taken last: on failure the caller still owns it */
        *ret = TAKE_PTR(l);
        return 0;
}

int p2p_tcp_listener_new(p2p_loop *loop, const p2p_addr *addr, p2p_tcp_accept_fn on_accept, void *userdata,
                         p2p_tcp_listener **ret) {
        int fd, r;

        fd = open_socket(addr);
        if (fd < 0)
                return fd;

        r = p2p_tcp_listener_new_fd(loop, fd, on_accept, userdata, ret);
        if (r < 0)
                close(fd);
        return r;
}

const p2p_addr *p2p_tcp_listener_addr(const p2p_tcp_listener *listener) {
        return listener->addr;
}

p2p_tcp_listener *p2p_tcp_listener_free(p2p_tcp_listener *listener) {
        if (!listener)
                return NULL;

        p2p_task_cancel(&listener->accept);
        p2p_timer_stop(&listener->pause);
        p2p_watch_free(listener->watch);
        p2p_addr_free(listener->addr);
        if (listener->fd >= 0)
                close(listener->fd);
        free(listener);
        return NULL;
}
