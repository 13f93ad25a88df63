/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each side asks the other at once; go-libp2p delays every stream until it is answered, so answering comes
 * first. Our own changes are pushed, a little delayed so that several travel as one (wire reference 10).
 */

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <p2p/identify.h>

#include "host/hook.h"
#include "protocol/delimited.h"
#include "protocol/identify-message.h"
#include "protocol/identify-send.h"

#define READ_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define PUSH_DELAY_USEC (200 * USEC_PER_MSEC)
#define PUSH_INTERVAL_USEC (5 * USEC_PER_SEC) /* accepted of one connection, after a burst of three */
#define PUSH_BURST 3u
#define TALKS_MAX 16u /* that one connection may have open to us, go-libp2p: each costs a signature */
#define ADDR_TTL_USEC (60 * USEC_PER_MINUTE)

struct p2p_identify {
        p2p_host *host;
        p2p_hook hook;
        p2p_timer push;
        p2p_list talks;
        p2p_identified_fn watcher;
        void *userdata;
};

/* One stream of either protocol, in either direction. */
typedef struct talk {
        p2p_identify *identify;
        p2p_conn *conn; /* valid while linked: conn_closed frees it */
        p2p_open *open;
        p2p_stream *stream;
        bool sending, inbound;
        p2p_outbox out;
        p2p_delimited in;
        unsigned n_messages;
        p2p_identify_info info;
        p2p_task step;
        p2p_timer deadline;
        p2p_list talks;
} talk;

/* What is kept of a connection in its slot: when pushes came. */
typedef struct push_rate {
        uint64_t last;
        unsigned burst;
} push_rate;

static talk *talk_free(talk *t) {
        if (!t)
                return NULL;
        p2p_open_free(t->open);
        p2p_stream_free(t->stream);
        p2p_task_cancel(&t->step); /* after what may post it */
        p2p_timer_stop(&t->deadline);
        p2p_list_unlink(&t->talks);
        p2p_outbox_done(&t->out);
        p2p_delimited_done(&t->in);
        p2p_identify_info_done(&t->info);
        free(t);
        return NULL;
}

static void on_deadline(void *userdata) {
        talk_free(userdata);
}

static uint64_t sequence(void) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t) now.tv_sec * 1000000000ULL + (uint64_t) now.tv_nsec;
}

static int step_send(talk *t) {
        p2p_channel *c = p2p_stream_channel(t->stream);
        int r = p2p_outbox_flush(&t->out, c);

        if (r > 0)
                (void) p2p_channel_shutdown(c);
        return r;
}

static int step_read(talk *t) {
        for (;;) {
                int r = p2p_delimited_read(&t->in, p2p_stream_channel(t->stream));

                if (r == -ENODATA && t->n_messages > 0)
                        return 1;
                if (r <= 0)
                        return r;
                if (++t->n_messages > P2P_IDENTIFY_MESSAGES_MAX)
                        return -EMSGSIZE;
                r = p2p_identify_info_merge(&t->info, P2P_VIEW(t->in.data, t->in.n));
                if (r < 0)
                        return r;
        }
}

static void tell_watcher(talk *t) {
        p2p_identified what = {
                .agent = t->info.agent ? t->info.agent : "",
                .protocols = t->info.protocols,
                .n_protocols = t->info.n_protocols,
                .listen_addrs = t->info.listen_addrs,
                .n_listen_addrs = t->info.n_listen_addrs,
                .observed = t->info.observed,
                .record = p2p_identify_info_is_signed(&t->info, p2p_conn_peer(t->conn)),
        };

        t->identify->watcher(t->conn, &what, t->identify->userdata);
}

static void learn(talk *t) {
        p2p_conn *conn = t->conn;
        p2p_addr **addrs;
        size_t n;

        (void) p2p_channel_shutdown(p2p_stream_channel(t->stream));
        if (p2p_identify_info_addrs(&t->info, p2p_conn_peer(conn), p2p_conn_remote(conn), &addrs, &n) >= 0) {
                for (size_t i = 0; i < n; i++) {
                        (void) p2p_host_add_addr(t->identify->host, p2p_conn_peer(conn), addrs[i],
                                                 ADDR_TTL_USEC);
                        p2p_addr_free(addrs[i]);
                }
                free(addrs);
        }
        if (t->identify->watcher)
                tell_watcher(t);
        /* Last: it tells the program, which may close the connection. */
        p2p_conn_set_identified(conn, t->info.agent ? t->info.agent : "", t->info.protocols,
                                t->info.n_protocols);
}

static void on_step(void *userdata) {
        talk *t = userdata;
        int r;

        r = t->sending ? step_send(t) : step_read(t);
        if (r == 0)
                return;
        if (r > 0 && !t->sending)
                learn(t);
        else if (r == -EMSGSIZE)
                p2p_channel_reset(p2p_stream_channel(t->stream), P2P_STREAM_PROTOCOL_VIOLATION);
        talk_free(t);
}

static talk *talk_new(p2p_identify *identify, p2p_conn *conn, bool sending) {
        p2p_loop *loop = p2p_host_loop(identify->host);
        talk *t = calloc(1, sizeof(*t));

        if (!t)
                return NULL;
        t->identify = identify;
        t->conn = conn;
        t->sending = sending;
        t->in.max = P2P_IDENTIFY_MESSAGE_MAX;
        p2p_list_init(&t->talks);
        p2p_list_append(&identify->talks, &t->talks);
        p2p_task_init(&t->step, loop, on_step, t);
        p2p_timer_init(&t->deadline, loop, on_deadline, t);
        if (p2p_timer_set(&t->deadline, READ_TIMEOUT_USEC) < 0 ||
            (sending && p2p_identify_encode(identify->host, conn, sequence(), &t->out.data, &t->out.n) < 0))
                return talk_free(t);
        return t;
}

/* Takes the stream. */
static void talk_start(talk *t, p2p_stream *stream) {
        t->stream = stream;
        p2p_channel_set_wake(p2p_stream_channel(stream), &t->step);
        p2p_task_post(&t->step);
}

static void on_opened(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        talk *t = userdata;

        t->open = NULL;
        if (error < 0) {
                talk_free(t);
                return;
        }
        talk_start(t, stream);
}

static void open_talk(p2p_identify *identify, p2p_conn *conn, const char *protocol, bool sending) {
        p2p_open_options options = { .timeout_usec = READ_TIMEOUT_USEC };
        talk *t = talk_new(identify, conn, sending);

        if (t && p2p_open_on_conn(conn, protocol, &options, on_opened, t, &t->open) < 0)
                talk_free(t);
}

static bool too_many(p2p_identify *identify, const p2p_conn *conn) {
        unsigned n = 0;
        talk *t;

        P2P_LIST_FOREACH(t, &identify->talks, talk, talks)
                n += t->conn == conn && t->inbound;
        return n >= TALKS_MAX;
}

/* NULL: it was refused. */
static talk *talk_accept(p2p_identify *identify, p2p_stream *stream, bool sending) {
        p2p_conn *conn = p2p_stream_conn(stream);
        talk *t = NULL;

        if (conn && !too_many(identify, conn))
                t = talk_new(identify, conn, sending);
        if (!t) {
                p2p_channel_reset(p2p_stream_channel(stream), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
                p2p_stream_free(stream);
                return NULL;
        }
        t->inbound = true;
        return t;
}

static void on_request(p2p_stream *stream, void *userdata) {
        talk *t = talk_accept(userdata, stream, true);

        if (t)
                talk_start(t, stream);
}

static bool push_allowed(p2p_identify *identify, p2p_conn *conn) {
        push_rate **slot = (push_rate **) p2p_hook_slot(&identify->hook, conn), *rate = *slot;
        uint64_t now = p2p_loop_now(p2p_host_loop(identify->host));

        if (!rate) {
                rate = *slot = calloc(1, sizeof(*rate));
                if (!rate)
                        return false;
        }
        if (now - rate->last >= PUSH_INTERVAL_USEC)
                rate->burst = 0;
        if (rate->burst >= PUSH_BURST)
                return false;
        rate->burst++;
        rate->last = now;
        return true;
}

static void on_push(p2p_stream *stream, void *userdata) {
        p2p_conn *conn = p2p_stream_conn(stream);
        talk *t;

        if (!conn || !push_allowed(userdata, conn)) {
                p2p_channel_reset(p2p_stream_channel(stream), P2P_STREAM_RATE_LIMITED);
                p2p_stream_free(stream);
                return;
        }
        t = talk_accept(userdata, stream, false);
        if (t)
                talk_start(t, stream);
}

static void on_conn_opened(p2p_conn *conn, void *userdata) {
        open_talk(userdata, conn, P2P_IDENTIFY_PROTOCOL, false);
}

static void on_conn_closed(p2p_conn *conn, void *userdata) {
        p2p_identify *identify = userdata;
        talk *t;

        P2P_LIST_FOREACH(t, &identify->talks, talk, talks)
                if (t->conn == conn)
                        talk_free(t);
        free(*p2p_hook_slot(&identify->hook, conn));
}

static void on_push_due(void *userdata) {
        p2p_identify *identify = userdata;

        for (p2p_conn *c = p2p_host_first_conn(identify->host); c; c = p2p_conn_next(c))
                if (p2p_conn_supports(c, P2P_IDENTIFY_PUSH_PROTOCOL))
                        open_talk(identify, c, P2P_IDENTIFY_PUSH_PROTOCOL, true);
}

static void on_changed(void *userdata) {
        p2p_identify *identify = userdata;

        if (p2p_host_first_conn(identify->host) && !p2p_timer_is_set(&identify->push))
                (void) p2p_timer_set(&identify->push, PUSH_DELAY_USEC);
}

int p2p_identify_new(p2p_host *host, p2p_identify **ret) {
        _cleanup_(p2p_identify_freep) p2p_identify *identify = NULL;
        int r;

        identify = calloc(1, sizeof(*identify));
        if (!identify)
                return -ENOMEM;
        identify->host = host;
        p2p_list_init(&identify->talks);
        p2p_timer_init(&identify->push, p2p_host_loop(host), on_push_due, identify);
        identify->hook = (p2p_hook){
                .conn_opened = on_conn_opened,
                .conn_closed = on_conn_closed,
                .changed = on_changed,
                .userdata = identify,
        };
        p2p_host_add_hook(host, &identify->hook);

        r = p2p_host_handle(host, P2P_IDENTIFY_PROTOCOL, on_request, identify);
        if (r >= 0)
                r = p2p_host_handle(host, P2P_IDENTIFY_PUSH_PROTOCOL, on_push, identify);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(identify);
        return 0;
}

void p2p_identify_watch(p2p_identify *identify, p2p_identified_fn fn, void *userdata) {
        identify->watcher = fn;
        identify->userdata = userdata;
}

p2p_identify *p2p_identify_free(p2p_identify *identify) {
        talk *t;

        if (!identify)
                return NULL;
        p2p_host_unhandle(identify->host, P2P_IDENTIFY_PROTOCOL);
        p2p_host_unhandle(identify->host, P2P_IDENTIFY_PUSH_PROTOCOL);
        p2p_hook_remove(&identify->hook);
        p2p_timer_stop(&identify->push);
        P2P_LIST_FOREACH(t, &identify->talks, talk, talks)
                talk_free(t);
        for (p2p_conn *c = p2p_host_first_conn(identify->host); c; c = p2p_conn_next(c)) {
                void **slot = p2p_hook_slot(&identify->hook, c);

                free(*slot);
                *slot = NULL;
        }
        free(identify);
        return NULL;
}
