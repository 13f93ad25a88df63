/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Doubt: somebody writes to a connection without waiting for anything, because it was heard of lately or
 * is a direct TCP one (open.c). If nothing at all is heard in its patience it is silent (find-conn.c).
 *
 * What was written then may have arrived or not, and nobody sends it again. So those streams hang until the
 * session dies. A probe is sent after them, a stream like any other: it takes another connection, or has one
 * dialled, which whoever opens next then has. Only if that one speaks, and the silence still lasts at
 * HANG_USEC, do the streams that hang lose their connection, so that their users can connect again; a path
 * on which everything is slow, or nothing works, ends nobody's. The session itself stays: what is older may
 * outlive a longer silence.
 */

#include <p2p/ping.h>

#include "host/host-internal.h"
#include "negotiate/multistream.h"
#include "transport/tcp.h"

#define ANSWER_MIN_USEC (200 * USEC_PER_MSEC) /* arbitrary: a far side that is busy */

/* Somebody has had it since the silence began, and no answer came. */
static bool hangs(const p2p_conn *c, const p2p_stream *s) {
        return s->trusted_at > 0 && s->trusted_at >= c->silent_since && !p2p_lazy_is_agreed(s->channel);
}

static bool any_hangs(const p2p_conn *c) {
        p2p_stream *s;

        P2P_LIST_FOREACH(s, (p2p_list *) &c->streams, p2p_stream, streams)
                if (hangs(c, s))
                        return true;
        return false;
}

/* To them it is gone; their holders are told by the wakes of their channels. */
static void break_hanging(p2p_conn *c) {
        p2p_stream *s;

        P2P_LIST_FOREACH(s, &c->streams, p2p_stream, streams) {
                if (!hangs(c, s))
                        continue;
                p2p_list_unlink(&s->streams);
                s->conn = NULL;
                p2p_channel_reset(s->channel, P2P_STREAM_NO_ERROR);
        }
}

/* Another one that spoke since. */
static bool another_works(const p2p_conn *c) {
        p2p_conn *other = host_find_conn(c->host, &c->peer, false);

        return other && p2p_conn_heard(other) > c->silent_since;
}

static void judge_hanging(p2p_conn *c) {
        uint64_t now = p2p_loop_now(c->host->loop);

        if (!conn_is_silent(c) || !another_works(c))
                return;
        if (now - c->silent_since >= HANG_USEC)
                break_hanging(c);
        else
                (void) p2p_timer_set(&c->doubt, c->silent_since + HANG_USEC - now);
}

static void on_probed(p2p_stream *stream, int error _unused_, uint32_t code _unused_, void *userdata) {
        p2p_conn *c = userdata;

        c->probe = NULL;
        p2p_stream_free(stream);
        judge_hanging(c);
}

/* Whatever is answered, it is an answer. */
static void start_probe(p2p_conn *c) {
        p2p_open_options options = { .confirm = true };

        if (!c->probe)
                (void) p2p_open_new(c->host, &c->peer, P2P_PING_PROTOCOL, &options, on_probed, c, &c->probe);
}

/* Either a patience is over, or the time to hang. */
static void on_doubt(void *userdata) {
        p2p_conn *c = userdata;

        if (c->doubted_at == 0)
                return judge_hanging(c);
        if (p2p_conn_heard(c) <= c->doubted_at)
                conn_note_silence(c, c->doubted_at);
        c->doubted_at = 0;
        if (conn_is_silent(c) && any_hangs(c))
                start_probe(c);
}

void conn_doubt(p2p_conn *c) {
        if (c->doubted_at > 0 && p2p_conn_heard(c) <= c->doubted_at)
                return; /* the first of those who were not answered counts */
        c->doubted_at = p2p_loop_now(c->host->loop);
        if (p2p_timer_set(&c->doubt, conn_patience(c)) < 0)
                c->doubted_at = 0;
}

static bool is_overdue(const p2p_conn *c) {
        uint64_t rtt = p2p_conn_rtt(c), due = P2P_MAX(2 * rtt, ANSWER_MIN_USEC);

        if (rtt == 0)
                due = conn_patience(c);
        return c->doubted_at > 0 && p2p_conn_heard(c) <= c->doubted_at &&
               p2p_loop_now(c->host->loop) >= c->doubted_at + due;
}

bool conn_is_doubtful(const p2p_conn *c) {
        const p2p_session_ops *ops = c->session->ops;

        return is_overdue(c) || (ops->quiet && ops->quiet(c->session) > P2P_TCP_QUIET_MAX_USEC);
}

void conn_doubt_init(p2p_conn *c) {
        p2p_timer_init(&c->doubt, c->host->loop, on_doubt, c);
}

void conn_doubt_done(p2p_conn *c) {
        c->probe = p2p_open_free(c->probe);
        p2p_timer_stop(&c->doubt);
}
