/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The graceful end of a socket. close(2) while bytes wait unread, or while more of them come, sends a RST,
 * and a RST overtakes what the far side has not read yet: the last bytes that we were told to deliver. So
 * the socket lives on without an owner until the far side has ended too, but not for longer than
 * P2P_TCP_DRAIN_USEC nor for more than P2P_TCP_DRAIN_SIZE_MAX, and no more than P2P_ORPHANS_MAX at a time.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/orphan.h"
#include "transport/tcp-private.h"

typedef struct drain {
        p2p_orphan orphan;
        p2p_loop *loop; /* borrowed */
        p2p_watch *watch;
        p2p_timer deadline;
        size_t n;
        int fd;
} drain;

static void drain_free(p2p_orphan *orphan) {
        drain *d = container_of(orphan, drain, orphan);

        p2p_orphan_leave(orphan);
        p2p_timer_stop(&d->deadline);
        p2p_watch_free(d->watch);
        close(d->fd);
        free(d);
}

static void on_deadline(void *userdata) {
        drain *d = userdata;

        drain_free(&d->orphan);
}

/* > 0: bytes gone; 0: nothing now; < 0: it is over. */
static ssize_t discard(p2p_loop *loop, int fd) {
        ssize_t n;

        n = recv(fd, p2p_loop_scratch(loop, 1), P2P_SCRATCH_SIZE, MSG_DONTWAIT);
        if (n > 0)
                return n;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
                return 0;
        return -ENOTCONN;
}

static void on_readable(unsigned events, void *userdata) {
        drain *d = userdata;
        ssize_t n;

        (void) events;
        n = discard(d->loop, d->fd);
        if (n >= 0)
                d->n += (size_t) n;
        if (n < 0 || d->n >= P2P_TCP_DRAIN_SIZE_MAX)
                drain_free(&d->orphan);
}

void tcp_drain(p2p_loop *loop, int fd) {
        drain *d;

        d = discard(loop, fd) < 0 ? NULL : malloc(sizeof(*d));
        if (!d) {
                close(fd);
                return;
        }

        *d = (drain) { .loop = loop, .fd = fd };
        p2p_orphan_adopt(&d->orphan, loop, drain_free);
        p2p_timer_init(&d->deadline, loop, on_deadline, d);
        if (p2p_timer_set(&d->deadline, P2P_TCP_DRAIN_USEC) < 0 ||
            p2p_watch_new(loop, fd, P2P_READABLE, on_readable, d, &d->watch) < 0)
                drain_free(&d->orphan);
}
