/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two directions of one shape, each with a buffer that is filled when empty and emptied before it is filled
 * again. No fd is made non-blocking, because a terminal or a pipe belongs to others too: reads follow
 * POLLIN; writes to a socket are MSG_DONTWAIT, to a pipe at most PIPE_BUF after POLLOUT, which the kernel
 * then takes without waiting.
 */

#include "cli/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <p2p/macro.h>

typedef struct Way {
        int from, to;
        uint8_t *buffer;
        size_t begin, end; /* what is to be written */
        bool ended;        /* nothing more to read */
        bool done;         /* and all of it is written and the end passed on */
        bool plain;        /* `to` is no socket */
        int error;
} Way;

static bool is_transient(int error) {
        return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static int way_read(Way *way) {
        ssize_t n = read(way->from, way->buffer, PUMP_BUFFER);

        if (n < 0)
                return is_transient(errno) ? 0 : -errno;
        if (n == 0)
                way->ended = true;
        way->begin = 0;
        way->end = (size_t) n;
        return 0;
}

static int way_write(Way *way) {
        size_t n = way->end - way->begin;
        ssize_t k = -1;

        if (!way->plain) {
                k = send(way->to, way->buffer + way->begin, n, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (k < 0 && errno == ENOTSOCK)
                        way->plain = true;
        }
        if (way->plain)
                k = write(way->to, way->buffer + way->begin, P2P_MIN(n, (size_t) PIPE_BUF));
        if (k < 0)
                return is_transient(errno) ? 0 : -errno;
        way->begin += (size_t) k;
        return 0;
}

/* Passes the end on, once everything before it is written. A pipe or file ends when nobody holds it. */
static void way_finish(Way *way) {
        int null;

        if (way->done || !way->ended || way->begin < way->end)
                return;
        way->done = true;
        if (shutdown(way->to, SHUT_WR) == 0 || errno != ENOTSOCK)
                return;
        null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (null < 0)
                return; /* it ends with us */
        (void) dup2(null, way->to);
        close(null);
}

static short way_wants_read(const Way *way) {
        return !way->ended && way->begin == way->end ? POLLIN : 0;
}

static short way_wants_write(const Way *way) {
        return way->begin < way->end ? POLLOUT : 0;
}

static int way_step(Way *way, short from, short to) {
        int r = 0;

        if (way_wants_read(way) && (from & (POLLIN | POLLHUP | POLLERR)))
                r = way_read(way);
        else if (way_wants_write(way) && (to & (POLLOUT | POLLERR | POLLHUP)))
                r = way_write(way);
        if (r < 0)
                return r;
        way_finish(way);
        return 0;
}

/* An error of the way up ends that way only: what the far side said before is still ours to read. */
static void way_fail(Way *way, int error) {
        way->error = error;
        way->ended = way->done = true;
        way->begin = way->end = 0;
}

static int pump_turn(Way *up, Way *down) {
        enum { IN, OUT, SOCKET };
        short events = (short) (way_wants_read(down) | way_wants_write(up));
        struct pollfd p[] = {
                [IN] = { .fd = way_wants_read(up) ? up->from : -1, .events = POLLIN },
                [OUT] = { .fd = way_wants_write(down) ? down->to : -1, .events = POLLOUT },
                /* Nothing wanted, but its end of both ways is: after the way down has ended, when that is
                   news. */
                [SOCKET] = { .fd = events || down->done ? up->to : -1, .events = events },
        };
        int r;

        if (poll(p, ELEMENTSOF(p), -1) < 0)
                return errno == EINTR ? 0 : -errno;
        r = way_step(down, p[SOCKET].revents, p[OUT].revents);
        if (r < 0)
                return r;
        if (up->done)
                return 0;
        if (down->done && (p[SOCKET].revents & POLLHUP))
                way_fail(up, way_wants_write(up) ? -EPIPE : 0); /* what comes from input has nowhere to go */
        else {
                r = way_step(up, p[IN].revents, p[SOCKET].revents);
                if (r < 0)
                        way_fail(up, r);
        }
        return 0;
}

int pump_run(int in, int out, int sock) {
        Way up = { .from = in, .to = sock }, down = { .from = sock, .to = out };
        int r = 0;

        up.buffer = malloc(2 * PUMP_BUFFER);
        if (!up.buffer)
                return -ENOMEM;
        down.buffer = up.buffer + PUMP_BUFFER;
        while (r == 0 && !(up.done && down.done))
                r = pump_turn(&up, &down);
        free(up.buffer);
        return r < 0 ? r : up.error;
}
