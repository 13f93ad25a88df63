/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Echoes until the far side ends, 10 s pass without a byte, or the stream is 30 s old: the lifetimes of
 * go-libp2p's server. A peer that writes without reading blocks only itself: what it sent waits in one
 * 32-byte buffer. One that does nothing but ping is served a few at a time, and the others in between.
 */

#include <errno.h>
#include <stdlib.h>

#include <p2p/ping.h>

#define IDLE_USEC (10 * USEC_PER_SEC)
#define LIFE_USEC (30 * USEC_PER_SEC)
#define TURN_PINGS 64u /* arbitrary: about 20 us */

struct p2p_ping {
        p2p_host *host;
        p2p_list echoes;
};

typedef struct echo {
        p2p_stream *stream;
        uint8_t bytes[P2P_PING_SIZE];
        size_t n, sent;
        p2p_task step;
        p2p_timer idle, life;
        p2p_list echoes;
} echo;

static echo *echo_free(echo *e) {
        p2p_stream_free(e->stream);
        p2p_task_cancel(&e->step); /* after what may post it */
        p2p_timer_stop(&e->idle);
        p2p_timer_stop(&e->life);
        p2p_list_unlink(&e->echoes);
        free(e);
        return NULL;
}

/* Politely: what was echoed still arrives. */
static void on_over(void *userdata) {
        echo *e = userdata;

        (void) p2p_channel_shutdown(p2p_stream_channel(e->stream));
        echo_free(e);
}

static int step(echo *e) {
        p2p_channel *c = p2p_stream_channel(e->stream);

        for (unsigned pings = 0; pings < TURN_PINGS;) {
                ssize_t n;

                while (e->n == P2P_PING_SIZE) {
                        n = p2p_channel_write(c, e->bytes + e->sent, e->n - e->sent);
                        if (n < 0)
                                return (int) n;
                        e->sent += (size_t) n;
                        if (e->sent < e->n)
                                continue;
                        e->n = e->sent = 0;
                        pings++;
                }
                n = p2p_channel_read(c, e->bytes + e->n, P2P_PING_SIZE - e->n);
                if (n <= 0)
                        return (int) n;
                e->n += (size_t) n;
                if (p2p_timer_set(&e->idle, IDLE_USEC) < 0)
                        return -ENOMEM;
        }
        p2p_task_post(&e->step);
        return -EAGAIN;
}

static void on_step(void *userdata) {
        echo *e = userdata;
        int r = step(e);

        if (r == 0)
                on_over(e);
        else if (r != -EAGAIN)
                echo_free(e);
}

static unsigned count(p2p_ping *ping, const p2p_peer_id *peer) {
        unsigned n = 0;
        echo *e;

        P2P_LIST_FOREACH(e, &ping->echoes, echo, echoes)
                n += p2p_peer_id_equal(p2p_stream_peer(e->stream), peer);
        return n;
}

static void on_stream(p2p_stream *stream, void *userdata) {
        p2p_loop *loop = p2p_host_loop(((p2p_ping *) userdata)->host);
        p2p_ping *ping = userdata;
        echo *e = NULL;

        if (count(ping, p2p_stream_peer(stream)) < P2P_PING_STREAMS_MAX)
                e = calloc(1, sizeof(*e));
        if (!e) {
                p2p_channel_reset(p2p_stream_channel(stream), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
                p2p_stream_free(stream);
                return;
        }
        e->stream = stream;
        p2p_list_init(&e->echoes);
        p2p_list_append(&ping->echoes, &e->echoes);
        p2p_task_init(&e->step, loop, on_step, e);
        p2p_timer_init(&e->idle, loop, on_over, e);
        p2p_timer_init(&e->life, loop, on_over, e);
        if (p2p_timer_set(&e->idle, IDLE_USEC) < 0 || p2p_timer_set(&e->life, LIFE_USEC) < 0) {
                echo_free(e);
                return;
        }
        p2p_channel_set_wake(p2p_stream_channel(stream), &e->step);
        p2p_task_post(&e->step);
}

int p2p_ping_new(p2p_host *host, p2p_ping **ret) {
        p2p_ping *ping = calloc(1, sizeof(*ping));
        int r;

        if (!ping)
                return -ENOMEM;
        ping->host = host;
        p2p_list_init(&ping->echoes);
        r = p2p_host_handle(host, P2P_PING_PROTOCOL, on_stream, ping);
        if (r < 0) {
                free(ping);
                return r;
        }
        *ret = ping;
        return 0;
}

p2p_ping *p2p_ping_free(p2p_ping *ping) {
        echo *e;

        if (!ping)
                return NULL;
        p2p_host_unhandle(ping->host, P2P_PING_PROTOCOL);
        P2P_LIST_FOREACH(e, &ping->echoes, echo, echoes)
                echo_free(e);
        free(ping);
        return NULL;
}
