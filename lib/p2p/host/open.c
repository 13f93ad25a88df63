/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opening a stream: find or dial a connection, take a stream of its session, name the protocol.
 *
 * The proposal is lazy: it leaves with the first bytes, nobody waits for the answer unless the caller wants
 * it confirmed. A session that has too many unacknowledged streams says -EAGAIN: the opening then queues at
 * its connection, so that a burst never runs into the limits of a go-libp2p peer.
 *
 * A path may die without a word (a firewall that begins to drop UDP, a relay whose cable is pulled). So a
 * stream on a connection that nothing was heard of for a tenth of a second, and that may die while others
 * live, waits for its answer before anybody writes to it: a round trip more, behind a pause. If one or two
 * seconds bring nothing at all the connection is silent: it is passed over (find-conn.c), another one is
 * used or dialled, and whichever answers first gets the opening. No byte is ever sent twice. On a direct TCP
 * connection, which the kernel keeps alive, nobody waits; but it is doubted meanwhile (doubt.c), and who
 * comes while that lasts longer than it should does wait, or takes another one.
 *
 * A go-libp2p peer resets what is too much for it (0x1002), even behind its answer, and takes 64 streams of
 * a protocol or more [wire reference 24.3]. In a crowd nobody writes before that verdict, so that who asked
 * can ask again.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/host-internal.h"
#include "negotiate/multistream.h"

#define OPEN_TIMEOUT_USEC (30 * USEC_PER_SEC)
#define FRESH_USEC (100 * USEC_PER_MSEC)  /* arbitrary: a path that was alive so lately still is */
#define CROWD 32u                         /* streams of one protocol: half of go's least limit */
#define CROWD_OURS 256u                   /* ours take a thousand of all, and say no before they answer */
#define VERDICT_USEC (50 * USEC_PER_MSEC) /* arbitrary: go's reset follows its answer at once */
#define FULL_USEC (10 * USEC_PER_SEC)     /* arbitrary: who was too many once is careful for so long */

struct p2p_open {
        p2p_host *host;
        p2p_peer_id peer;
        p2p_open_options options;
        p2p_open_fn done;
        void *userdata;
        bool fixed;        /* to this connection only */
        bool careful;      /* nobody writes before the answer ... */
        bool crowded;      /* ... nor right after it */
        bool agreed;       /* the answer came, the verdict may follow */
        p2p_dial *dial;
        p2p_stream *stream; /* opened, its protocol not yet confirmed */
        p2p_conn *at;      /* while it waits there */
        uint64_t asked;    /* when it came to its connection */
        p2p_timer patience;
        int error;         /* to be reported by the task */
        p2p_task step;
        p2p_timer deadline;
        p2p_list waiting; /* at a connection */
        p2p_list opens;   /* the host's */
        char protocol[];
};

p2p_open *p2p_open_free(p2p_open *o) {
        if (!o)
                return NULL;
        p2p_dial_free(o->dial);
        p2p_stream_free(o->stream);
        p2p_task_cancel(&o->step); /* after what may post it */
        p2p_timer_stop(&o->deadline);
        p2p_timer_stop(&o->patience);
        p2p_list_unlink(&o->waiting);
        p2p_list_unlink(&o->opens);
        free(o);
        return NULL;
}

static void finish(p2p_open *o, int error) {
        bool broken = error < 0 && o->stream;
        uint32_t code = broken ? p2p_channel_reset_code(o->stream->channel) : P2P_STREAM_NO_ERROR;
        p2p_conn *conn = o->stream ? o->stream->conn : NULL;
        p2p_stream *stream = error < 0 ? NULL : TAKE_PTR(o->stream);
        p2p_open_fn done = o->done;
        void *userdata = o->userdata;

        if (broken && error == -EPROTONOSUPPORT)
                code = P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED; /* it is there, and speaks another */
        if (code == P2P_STREAM_RESOURCE_LIMIT_EXCEEDED && conn)
                conn->full_until = p2p_loop_now(o->host->loop) + FULL_USEC;
        if (stream)
                p2p_channel_set_wake(stream->channel, NULL);
        p2p_open_free(o);
        done(stream, error, code, userdata);
}

static void on_deadline(void *userdata) {
        finish(userdata, -ETIMEDOUT);
}

static int make_stream(p2p_open *o, p2p_conn *conn) {
        p2p_channel *channel, *lazy;
        int r;

        if (!conn_may_open(conn))
                return -EAGAIN;
        r = conn->session->ops->open(conn->session, &channel);
        if (r < 0)
                return r;
        conn->n_early++;
        r = p2p_lazy_new(o->host->loop, channel, o->protocol, &lazy);
        if (r < 0) {
                p2p_channel_free(channel);
                return r;
        }
        r = stream_new(conn, lazy, o->protocol, false, &o->stream);
        if (r < 0) {
                p2p_channel_free(lazy);
                return r;
        }
        p2p_channel_set_wake(lazy, &o->step);
        r = p2p_lazy_flush(lazy);
        return r == -EAGAIN ? 0 : r;
}

/* The result is told by the task, so that no callback of the caller's runs in the middle of the
 * connection's own work. */
static int try_on(p2p_open *o, p2p_conn *conn) {
        int r;

        r = make_stream(o, conn);
        if (r == -EAGAIN)
                return r;
        o->error = r;
        p2p_task_post(&o->step);
        return 0;
}

static bool is_fresh(p2p_conn *conn) {
        uint64_t heard = p2p_conn_heard(conn), now = p2p_loop_now(conn->host->loop);

        if (heard < conn->host->network_changed_at || conn_is_silent(conn))
                return false;
        return heard + FRESH_USEC > now || (!conn_may_die_alone(conn) && !conn_is_doubtful(conn));
}

static bool is_crowded(p2p_conn *conn, const char *protocol) {
        unsigned n = 0, crowd = conn->ours ? CROWD_OURS : CROWD;
        p2p_stream *s;

        if (p2p_loop_now(conn->host->loop) < conn->full_until)
                return true; /* what has ended here may not have ended there */
        P2P_LIST_FOREACH(s, &conn->streams, p2p_stream, streams)
                if (strcmp(s->protocol, protocol) == 0 && ++n >= crowd)
                        return true;
        return false;
}

/* Nobody overtakes those who wait already: the connection's task serves them in their order. */
static void open_on(p2p_open *o, p2p_conn *conn) {
        o->asked = p2p_loop_now(o->host->loop);
        o->crowded = is_crowded(conn, o->protocol);
        o->careful = o->crowded || !is_fresh(conn);
        o->agreed = false;
        (void) p2p_timer_set(&o->patience, conn_patience(conn));
        if (!o->careful)
                conn_doubt(conn);
        if (p2p_list_is_empty(&conn->waiting) && try_on(o, conn) != -EAGAIN)
                return;
        o->at = conn;
        p2p_list_append(&conn->waiting, &o->waiting);
}

static void wait_for_verdict(p2p_open *o) {
        o->agreed = true;
        if (p2p_timer_set(&o->patience, VERDICT_USEC) < 0)
                finish(o, 0);
}

static void confirm(p2p_open *o) {
        int r;

        if (!o->options.confirm && !o->careful) {
                o->stream->trusted_at = o->asked; /* 0: whoever chose the connection has that one */
                return finish(o, 0);
        }
        if (o->agreed) {
                if (!o->stream->conn || p2p_channel_reset_code(o->stream->channel) != P2P_STREAM_NO_ERROR)
                        finish(o, -ECONNRESET);
                return; /* or it was something to read */
        }
        r = p2p_lazy_flush(o->stream->channel);
        if (r >= 0 || r == -EAGAIN)
                r = p2p_lazy_confirm(o->stream->channel);
        if (r < 0 && r != -EPROTONOSUPPORT && o->dial)
                o->stream = p2p_stream_free(o->stream); /* another connection is coming */
        else if (r > 0 && o->crowded && o->stream->conn && !o->stream->conn->ours)
                wait_for_verdict(o);
        else if (r != 0)
                finish(o, r < 0 ? r : 0);
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        p2p_open *o = userdata;

        o->dial = NULL;
        if (error >= 0) {
                o->stream = p2p_stream_free(o->stream); /* of a silent connection: it was too late */
                p2p_list_unlink(&o->waiting);
                open_on(o, conn);
        } else if (!o->stream && p2p_list_is_empty(&o->waiting))
                finish(o, error);
}

static int dial(p2p_open *o) {
        return (o->options.direct ? p2p_dial_new_direct : p2p_dial_new)(
                o->host, &o->peer, o->options.timeout_usec, on_dialled, o, &o->dial);
}

static void on_patience(void *userdata) {
        p2p_open *o = userdata;
        p2p_conn *conn = o->stream ? o->stream->conn : p2p_list_is_empty(&o->waiting) ? NULL : o->at, *other;

        if (!conn)
                return; /* the task is about to tell why */
        if (o->agreed)
                return finish(o, 0);
        if (p2p_conn_heard(conn) > o->asked) {
                if (o->stream && !o->options.confirm)
                        return finish(o, 0); /* it lives, and is slow */
                o->asked = p2p_loop_now(o->host->loop);
                (void) p2p_timer_set(&o->patience, PATIENCE_USEC);
                return;
        }
        conn_note_silence(conn, o->asked);
        other = host_find_conn(o->host, &o->peer, o->options.direct);
        if (other && !conn_is_silent(other)) {
                o->stream = p2p_stream_free(o->stream);
                p2p_list_unlink(&o->waiting);
                open_on(o, other);
        } else if (!o->options.no_dial && !o->dial)
                (void) dial(o); /* the stream may answer yet */
}

static void on_step(void *userdata) {
        p2p_open *o = userdata;
        p2p_conn *conn;
        int r;

        if (o->error < 0)
                return finish(o, o->error);
        if (o->stream)
                return confirm(o);
        if (o->dial || !p2p_list_is_empty(&o->waiting))
                return;
        conn = host_find_conn(o->host, &o->peer, o->options.direct);
        if (conn) {
                open_on(o, conn);
                if (p2p_list_is_empty(&o->waiting))
                        p2p_task_pass(&o->step); /* a turn less: nobody else is on this stack */
                return;
        }
        if (o->options.no_dial)
                return finish(o, -EHOSTUNREACH);
        r = dial(o);
        if (r < 0)
                finish(o, r);
}

int open_retry(p2p_list *node, p2p_conn *conn) {
        p2p_open *o = P2P_LIST_ENTRY(node, p2p_open, waiting);

        int r;

        p2p_list_unlink(node);
        r = try_on(o, conn);
        if (r == -EAGAIN)
                p2p_list_append(conn->waiting.next, node); /* in front again */
        return r;
}

void open_conn_gone(p2p_list *node) {
        p2p_open *o = P2P_LIST_ENTRY(node, p2p_open, waiting);

        if (o->fixed)
                o->error = -ECONNRESET;
        p2p_task_post(&o->step);
}

void open_forget_all(p2p_host *host) {
        p2p_open *o;

        P2P_LIST_FOREACH(o, &host->opens, p2p_open, opens) {
                p2p_list_unlink(&o->opens);
                if (o->stream)
                        p2p_channel_set_wake(o->stream->channel, NULL);
                p2p_timer_stop(&o->deadline);
                p2p_timer_stop(&o->patience);
                p2p_task_cancel(&o->step);
        }
}

static int open_new(p2p_host *host, const p2p_peer_id *peer, const char *protocol,
                    const p2p_open_options *options, p2p_open_fn done, void *userdata, p2p_open **ret) {
        size_t n = strlen(protocol) + 1;
        p2p_open *o;
        int r;

        if (n > P2P_PROTOCOL_MAX + 1)
                return -EINVAL;
        o = calloc(1, sizeof(*o) + n);
        if (!o)
                return -ENOMEM;
        o->host = host;
        o->peer = *peer;
        if (options)
                o->options = *options;
        if (o->options.timeout_usec == 0)
                o->options.timeout_usec = OPEN_TIMEOUT_USEC;
        o->done = done;
        o->userdata = userdata;
        memcpy(o->protocol, protocol, n);
        p2p_list_init(&o->waiting);
        p2p_list_init(&o->opens);
        p2p_task_init(&o->step, host->loop, on_step, o);
        p2p_timer_init(&o->deadline, host->loop, on_deadline, o);
        p2p_timer_init(&o->patience, host->loop, on_patience, o);
        r = p2p_timer_set(&o->deadline, o->options.timeout_usec);
        if (r < 0) {
                p2p_open_free(o);
                return r;
        }
        p2p_list_append(&host->opens, &o->opens);
        *ret = o;
        return 0;
}

int p2p_open_new(p2p_host *host, const p2p_peer_id *peer, const char *protocol,
                 const p2p_open_options *options, p2p_open_fn done, void *userdata, p2p_open **ret) {
        int r;

        if (p2p_peer_id_equal(peer, p2p_host_peer_id(host)))
                return -EINVAL;
        r = open_new(host, peer, protocol, options, done, userdata, ret);
        if (r >= 0)
                p2p_task_post(&(*ret)->step);
        return r;
}

int p2p_open_on_conn(p2p_conn *conn, const char *protocol, const p2p_open_options *options, p2p_open_fn done,
                     void *userdata, p2p_open **ret) {
        p2p_open *o;
        int r;

        if (conn->closing)
                return -ECONNRESET;
        r = open_new(conn->host, &conn->peer, protocol, options, done, userdata, &o);
        if (r < 0)
                return r;
        o->fixed = true;
        /* It waits at its connection, and the connection's own task serves it: the connection cannot go
         * unnoticed. */
        p2p_list_append(&conn->waiting, &o->waiting);
        p2p_task_post(&conn->news);
        *ret = o;
        return 0;
}
