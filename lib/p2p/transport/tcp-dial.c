/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A dial of one address: connect(2) without waiting, then whichever comes first of the socket's answer and
 * the deadline. What the kernel answers at once (no route, a local refusal) is reported from the loop like
 * everything else. Among the ephemeral ports a socket can connect to itself: nobody listens there, so that
 * is a refusal.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <p2p/congestion.h>

#include "transport/socket-error.h"
#include "transport/tcp-private.h"

struct p2p_tcp_dial {
        p2p_loop *loop; /* borrowed */
        p2p_watch *watch;
        p2p_timer deadline;
        p2p_task answer; /* what connect(2) said at once */
        int error;
        int fd;
        p2p_tcp_dial_fn done;
        void *userdata;
};

static void dial_finish(p2p_tcp_dial *dial, int error) {
        p2p_tcp_dial_fn done = dial->done;
        void *userdata = dial->userdata;
        p2p_channel *channel = NULL;

        dial->watch = p2p_watch_free(dial->watch); /* the channel has its own, of another kind */
        if (error >= 0) {
                p2p_congestion_settle(dial->fd);
                error = tcp_channel_new_peer(dial->loop, dial->fd, &channel);
                if (error >= 0)
                        dial->fd = -1;
        }
        p2p_tcp_dial_free(dial);
        done(channel, error, userdata);
}

static bool is_connected_to_itself(int fd) {
        struct sockaddr_storage a = {}, b = {};
        socklen_t na = sizeof(a), nb = sizeof(b);

        return getsockname(fd, (struct sockaddr *) &a, &na) >= 0 &&
               getpeername(fd, (struct sockaddr *) &b, &nb) >= 0 &&
               na == nb && memcmp(&a, &b, na) == 0;
}

static void on_connected(unsigned events, void *userdata) {
        p2p_tcp_dial *dial = userdata;
        int error = 0;
        socklen_t n = sizeof(error);

        (void) events;
        if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
                error = errno;
        if (error == 0 && is_connected_to_itself(dial->fd))
                error = ECONNREFUSED;
        dial_finish(dial, error > 0 ? p2p_socket_error(error) : 0);
}

static void on_deadline(void *userdata) {
        dial_finish(userdata, -ETIMEDOUT);
}

static void on_answer(void *userdata) {
        p2p_tcp_dial *dial = userdata;

        dial_finish(dial, dial->error);
}

static int start(p2p_tcp_dial *dial, const struct sockaddr *sa, socklen_t n) {
        dial->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (dial->fd >= 0)
                p2p_congestion_defer(dial->fd);
        if (dial->fd >= 0 && (connect(dial->fd, sa, n) >= 0 || errno == EINPROGRESS))
                return p2p_watch_new(dial->loop, dial->fd, P2P_WRITABLE, on_connected, dial, &dial->watch);

        dial->error = p2p_socket_error(errno);
        p2p_task_post(&dial->answer);
        return 0;
}

int p2p_tcp_dial_new(p2p_loop *loop, const p2p_addr *addr, uint64_t timeout_usec, p2p_tcp_dial_fn done,
                     void *userdata, p2p_tcp_dial **ret) {
        _cleanup_(p2p_tcp_dial_freep) p2p_tcp_dial *dial = NULL;
        struct sockaddr_storage sa;
        socklen_t n;
        int r;

        r = p2p_addr_to_tcp(addr, &sa, &n);
        if (r < 0)
                return r;

        dial = malloc(sizeof(*dial));
        if (!dial)
                return -ENOMEM;
        *dial = (p2p_tcp_dial) { .loop = loop, .fd = -1, .done = done, .userdata = userdata };
        p2p_timer_init(&dial->deadline, loop, on_deadline, dial);
        p2p_task_init(&dial->answer, loop, on_answer, dial);

        r = p2p_timer_set(&dial->deadline, timeout_usec > 0 ? timeout_usec : P2P_TCP_DIAL_TIMEOUT_USEC);
        if (r < 0)
                return r;
        r = start(dial, (struct sockaddr *) &sa, n);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(dial);
        return 0;
}

p2p_tcp_dial *p2p_tcp_dial_free(p2p_tcp_dial *dial) {
        if (!dial)
                return NULL;

        p2p_task_cancel(&dial->answer);
        p2p_timer_stop(&dial->deadline);
        p2p_watch_free(dial->watch);
        if (dial->fd >= 0)
                close(dial->fd);
        free(dial);
        return NULL;
}
