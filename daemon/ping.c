/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One ping: a stream of the ping-pong protocol, "ping\n", and the clock until "pong\n" is there. The far
 * side has PINGPONG_DEADLINE_USEC to answer and as many bytes as a line may have.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/opening.h"
#include "daemon/pingpong.h"
#include "daemon/relays.h"

struct Ping {
        Manager *manager; /* borrowed */
        Opening *opening;
        p2p_stream *stream;
        p2p_task wake;
        p2p_timer deadline;
        uint64_t sent_at;
        char line[PINGPONG_LINE_MAX];
        size_t n;
        bool relayed;
        uint32_t code; /* of the opening */
        PingDone done;
        void *userdata;
};

/* The loop's clock stands still during a turn; a round trip on a LAN is shorter than that. */
static uint64_t monotonic(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

static void ping_finish(Ping *p, uint64_t rtt, int error) {
        uint32_t code =
                p->stream && error < 0 ? p2p_channel_reset_code(p2p_stream_channel(p->stream)) : p->code;
        PingDone done = p->done;
        void *userdata = p->userdata;
        bool relayed = p->relayed;

        ping_free(p);
        done(rtt, relayed, error, code, userdata);
}

static void on_wake(void *userdata) {
        Ping *p = userdata;
        ssize_t n;

        while (!memchr(p->line, '\n', p->n)) {
                if (p->n == sizeof(p->line)) {
                        ping_finish(p, 0, -EBADMSG);
                        return;
                }
                n = p2p_channel_read(p2p_stream_channel(p->stream), p->line + p->n, sizeof(p->line) - p->n);
                if (n == -EAGAIN)
                        return;
                if (n <= 0) {
                        ping_finish(p, 0, n == 0 ? -ECONNRESET : (int) n);
                        return;
                }
                p->n += (size_t) n;
        }
        if (p->n != 5 || memcmp(p->line, "pong\n", 5) != 0) {
                ping_finish(p, 0, -EBADMSG);
                return;
        }
        (void) p2p_channel_shutdown(p2p_stream_channel(p->stream));
        ping_finish(p, monotonic() - p->sent_at, 0);
}

static void on_deadline(void *userdata) {
        ping_finish(userdata, 0, -ETIMEDOUT);
}

static void on_opened(p2p_stream *stream, int error, uint32_t code, void *userdata) {
        Ping *p = userdata;
        ssize_t n;
        int r;

        p->opening = NULL;
        p->code = code;
        if (error < 0) {
                ping_finish(p, 0, error);
                return;
        }
        p->stream = stream;
        p->relayed = p2p_stream_conn(stream) && p2p_conn_is_circuit(p2p_stream_conn(stream));
        p2p_channel_set_wake(p2p_stream_channel(stream), &p->wake);
        r = p2p_timer_set(&p->deadline, PINGPONG_DEADLINE_USEC);
        if (r < 0) {
                ping_finish(p, 0, r);
                return;
        }
        p->sent_at = monotonic();
        n = p2p_channel_write(p2p_stream_channel(stream), "ping\n", 5);
        if (n != 5) {
                ping_finish(p, 0, n < 0 && n != -EAGAIN ? (int) n : -ECONNRESET);
                return;
        }
        p2p_task_post(&p->wake);
}

int ping_new(Manager *manager, const p2p_peer_id *peer, const char *protocol, PingDone done, void *userdata,
             Ping **ret) {
        _cleanup_(ping_freep) Ping *p = NULL;
        int r;

        p = malloc(sizeof(*p));
        if (!p)
                return -ENOMEM;
        *p = (Ping){ .manager = manager, .done = done, .userdata = userdata };
        p2p_task_init(&p->wake, manager->loop, on_wake, p);
        p2p_timer_init(&p->deadline, manager->loop, on_deadline, p);
        relays_add_paths(manager->relays, peer);

        /* With an answer to the protocol: the round trip of the negotiation is not the ping's. */
        r = opening_new(manager->host, &manager->refusals, peer, protocol, true, on_opened, p, &p->opening);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(p);
        return 0;
}

Ping *ping_free(Ping *p) {
        if (!p)
                return NULL;
        opening_free(p->opening);
        p2p_task_cancel(&p->wake);
        p2p_timer_stop(&p->deadline);
        p2p_stream_free(p->stream);
        free(p);
        return NULL;
}
