/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How fast one core muxes: two sessions over a socket pair, in one process and one loop. Each stream carries
 * bulk from the client to the server, whose owner reads into one buffer, as the pump of a tunnel does; then
 * a keystroke is timed there and back while the bulk goes on. Usage: yamux-throughput [SECONDS-EACH]
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "mux/yamux.h"
#include "transport/tcp.h"

#define N_MAX 1024u

typedef struct end {
        p2p_channel *channel;
        p2p_task wake;
        bool writes;
} end;

static uint8_t data[P2P_SCRATCH_SIZE];
static uint64_t total;

static double now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static double cpu(void) {
        struct rusage ru;

        (void) getrusage(RUSAGE_SELF, &ru);
        return (double) (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
               (double) (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static void pump(void *userdata) {
        end *e = userdata;
        ssize_t k;

        if (e->writes) {
                while (p2p_channel_write(e->channel, data, sizeof(data)) > 0)
                        ;
                return;
        }
        while ((k = p2p_channel_read(e->channel, data, sizeof(data))) > 0)
                total += (uint64_t) k;
}

static void end_init(end *e, p2p_loop *loop, p2p_channel *channel, bool writes) {
        *e = (end) { .channel = channel, .writes = writes };
        p2p_task_init(&e->wake, loop, pump, e);
        p2p_channel_set_wake(channel, &e->wake);
        p2p_task_post(&e->wake);
}

static void require(bool ok, const char *what) {
        if (ok)
                return;
        fprintf(stderr, "%s\n", what);
        exit(EXIT_FAILURE);
}

static p2p_channel *accept_one(p2p_loop *loop, p2p_session *server) {
        p2p_channel *c;

        while (server->ops->accept(server, &c) == 0)
                require(p2p_loop_turn(loop, USEC_PER_SEC) >= 0, "no turn");
        return c;
}

/* The worst of n keystrokes there and back, in milliseconds. */
static double keystrokes(p2p_loop *loop, p2p_session *client, p2p_session *server, unsigned n) {
        p2p_channel *a, *b;
        double worst = 0;

        require(client->ops->open(client, &a) >= 0, "no stream");
        b = accept_one(loop, server);
        for (unsigned i = 0; i < n; i++) {
                double start = now();
                char key = 'x';

                require(p2p_channel_write(a, &key, 1) == 1, "no room for a keystroke");
                while (p2p_channel_read(b, &key, 1) != 1)
                        (void) p2p_loop_turn(loop, USEC_PER_SEC);
                require(p2p_channel_write(b, &key, 1) == 1, "no room for a keystroke");
                while (p2p_channel_read(a, &key, 1) != 1)
                        (void) p2p_loop_turn(loop, USEC_PER_SEC);
                worst = P2P_MAX(worst, now() - start);
        }
        p2p_channel_free(a);
        p2p_channel_free(b);
        return worst * 1e3;
}

static void measure(unsigned n, double seconds) {
        static end from[N_MAX], to[N_MAX];
        p2p_yamux_options options = { .client = true, .streams_max = N_MAX + 1 };
        p2p_session *client, *server;
        p2p_channel *a, *b;
        double start, spent, worst;
        p2p_loop *loop;
        int fds[2];

        require(p2p_loop_new(&loop) >= 0, "no loop");
        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) >= 0, "no sockets");
        require(p2p_tcp_channel_new(loop, fds[0], &a) >= 0, "no channel");
        require(p2p_tcp_channel_new(loop, fds[1], &b) >= 0, "no channel");
        require(p2p_yamux_new(loop, a, &options, &client) >= 0, "no session");
        options.client = false;
        require(p2p_yamux_new(loop, b, &options, &server) >= 0, "no session");
        for (unsigned i = 0; i < n; i++) {
                require(client->ops->open(client, &a) >= 0, "no stream");
                b = accept_one(loop, server);
                end_init(&from[i], loop, a, true);
                end_init(&to[i], loop, b, false);
        }
        total = 0;
        start = now();
        spent = cpu();
        while (now() - start < seconds)
                require(p2p_loop_turn(loop, USEC_PER_SEC) >= 0, "no turn");
        spent = cpu() - spent;
        start = now() - start;
        worst = keystrokes(loop, client, server, 100);
        printf("%4u streams: %6.2f Gbit/s, %5.2f CPU s per GB, worst keystroke %.2f ms\n", n,
               (double) total * 8e-9 / start, spent / ((double) total / 1e9), worst);
        for (unsigned i = 0; i < n; i++) {
                p2p_channel_free(from[i].channel);
                p2p_channel_free(to[i].channel);
                p2p_task_cancel(&from[i].wake);
                p2p_task_cancel(&to[i].wake);
        }
        p2p_session_free(client);
        p2p_session_free(server);
        p2p_loop_free(loop);
}

int main(int argc, char **argv) {
        static const unsigned counts[] = { 1, 2, 16, 128, N_MAX };
        double seconds = argc > 1 ? atof(argv[1]) : 1;

        for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                measure(counts[i], seconds);
        return EXIT_SUCCESS;
}
