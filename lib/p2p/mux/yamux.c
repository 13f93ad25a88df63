/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A yamux session: its birth, its pings, its end (wire reference 8).
 *
 * OPEN, then CLOSING while a GoAway of ours is on its way, then ENDED. Whatever ends the session detaches
 * every stream first: from then on they are channels that broke, and no frame can reach them. A session that
 * its owner freed while CLOSING is an orphan: it lives until the GoAway is out or two seconds passed, with
 * nobody to tell.
 *
 * One timer serves the pings, the lingering streams and the closing. It is set for the earliest of them and
 * looks at all: a frame that comes in only moves a timestamp.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "mux/yamux-internal.h"

static const p2p_session_ops session_ops;

static p2p_yamux *yamux_of(const p2p_session *s) {
        return container_of((p2p_session *) s, p2p_yamux, session);
}

/* ---- the end */

static void yamux_free(p2p_yamux *y) {
        if (y->is_orphan)
                p2p_orphan_leave(&y->orphan);
        p2p_task_cancel(&y->wake);
        p2p_task_cancel(&y->flush);
        p2p_timer_stop(&y->timer);
        p2p_yamux_table_done(&y->table);
        p2p_yamux_queue_clear(&y->rest.own, NULL);
        p2p_yamux_pool_clear(&y->pool);
        free(y->refused);
        free(y);
}

static void close_channel(p2p_yamux *y) {
        y->channel = p2p_channel_free(y->channel);
        p2p_task_cancel(&y->wake); /* after: free may post it */
        p2p_task_cancel(&y->flush);
        p2p_timer_stop(&y->timer);
        y->state = YAMUX_ENDED;
}

/* Everybody above learns of it; the channel stays. */
static void detach_all(p2p_yamux *y, int error, uint32_t received_code) {
        p2p_list *node;

        y->error = error;
        y->received_code = received_code;
        while ((node = p2p_list_first(&y->all)))
                p2p_yamux_stream_detach(P2P_LIST_ENTRY(node, p2p_yamux_stream, all));
        p2p_list_unlink(&y->budget_node);
        p2p_task_post(y->session.wake);
}

void p2p_yamux_end(p2p_yamux *y, int error, uint32_t received_code) {
        if (y->state != YAMUX_OPEN)
                return;
        detach_all(y, error, received_code);
        close_channel(y);
}

void p2p_yamux_fail(p2p_yamux *y, int error, uint32_t code) {
        if (y->state != YAMUX_OPEN)
                return;
        detach_all(y, error, 0);
        y->state = YAMUX_CLOSING;
        y->go_away = true;
        y->go_away_code = code;
        if (p2p_timer_set(&y->timer, YAMUX_CLOSE_TIMEOUT) < 0)
                close_channel(y);
        else
                p2p_task_post(&y->flush);
}

void p2p_yamux_finish(p2p_yamux *y) {
        (void) p2p_channel_shutdown(y->channel);
        close_channel(y);
        if (y->is_orphan)
                yamux_free(y);
}

static void on_orphan_free(p2p_orphan *orphan) {
        p2p_yamux *y = container_of(orphan, p2p_yamux, orphan);

        close_channel(y);
        yamux_free(y);
}

/* ---- pings */

static void send_ping(p2p_yamux *y) {
        y->ping = PING_QUEUED;
        y->ping_value++;
        y->last_ping = p2p_loop_now(y->loop);
        p2p_task_post(&y->flush);
}

void p2p_yamux_on_pong(p2p_yamux *y, uint32_t value) {
        uint64_t sample = P2P_MAX(p2p_loop_now(y->loop) - y->ping_sent, 1);

        assert(value == y->ping_value);
        y->rtt = y->rtt > 0 ? (y->rtt + sample + 1) / 2 : sample;
        y->rtt_min = y->rtt_min > 0 ? P2P_MIN(y->rtt_min, sample) : sample;
        y->sampled = p2p_loop_now(y->loop);
        y->ping = PING_IDLE;
        y->ping_deadline = 0;
}

/* One sample alone may have met a busy machine: at the birth of a session both ends compute. */
bool p2p_yamux_rtt_is_fresh(p2p_yamux *y) {
        uint64_t age = p2p_loop_now(y->loop) - y->sampled;

        if (y->sampled == 0)
                return false;
        if (age >= YAMUX_SAMPLE_EVERY && y->ping == PING_IDLE)
                send_ping(y);
        return age < YAMUX_SAMPLE_MAX + 4 * y->rtt_min;
}

/* A far side that sends anything at all is alive, even if its pong is stuck behind its data. */
static void check_pings(p2p_yamux *y, uint64_t now) {
        if (y->ping_deadline > 0 && now >= y->ping_deadline) {
                if (y->last_frame <= y->ping_deadline - YAMUX_PING_TIMEOUT) {
                        p2p_yamux_end(y, -ETIMEDOUT, 0);
                        return;
                }
                y->ping_deadline = 0;
        }
        if (y->ping_deadline > 0)
                return;
        if (now - y->last_frame >= y->keepalive) {
                if (y->ping == PING_IDLE || now - y->last_ping >= YAMUX_PING_TIMEOUT)
                        send_ping(y);
                y->ping_deadline = now + YAMUX_PING_TIMEOUT;
        } else if (now - y->last_ping >= YAMUX_PING_EVERY)
                send_ping(y);
}

static void reset_lingering(p2p_yamux *y, uint64_t now) {
        p2p_list *node;

        while ((node = p2p_list_first(&y->lingering))) {
                p2p_yamux_stream *s = P2P_LIST_ENTRY(node, p2p_yamux_stream, queue);

                if (s->deadline > now)
                        break;
                p2p_yamux_stream_abort(s, P2P_STREAM_NO_ERROR); /* leaves the list */
        }
}

void p2p_yamux_set_timer(p2p_yamux *y) {
        uint64_t now = p2p_loop_now(y->loop), due;
        p2p_list *node = p2p_list_first(&y->lingering);

        if (y->state != YAMUX_OPEN)
                return;
        due = P2P_MIN(y->last_frame + y->keepalive, y->last_ping + YAMUX_PING_EVERY);
        if (y->ping_deadline > 0)
                due = y->ping_deadline;
        if (node)
                due = P2P_MIN(due, P2P_LIST_ENTRY(node, p2p_yamux_stream, queue)->deadline);
        if (p2p_timer_is_set(&y->timer) && y->timer.due <= due)
                return; /* it fires early enough, and looks again */
        if (p2p_timer_set(&y->timer, due > now ? due - now : 0) < 0)
                p2p_yamux_end(y, -ENOMEM, 0);
}

static void on_timer(void *userdata) {
        p2p_yamux *y = userdata;
        uint64_t now = p2p_loop_now(y->loop);

        if (y->state == YAMUX_CLOSING) {
                p2p_yamux_finish(y);
                return;
        }
        p2p_yamux_pool_clear(&y->pool);
        reset_lingering(y, now);
        check_pings(y, now);
        p2p_yamux_set_timer(y);
}

/* ---- turns */

static void on_wake(void *userdata) {
        p2p_yamux *y = userdata;
        int r;

        y->blocked = false;
        r = p2p_yamux_receive(y);
        if (y->state == YAMUX_CLOSING && r < 0) {
                p2p_yamux_finish(y);
                return;
        }
        if (r == -ENOMEM)
                p2p_yamux_fail(y, r, P2P_CONN_INTERNAL_ERROR);
        else if (p2p_error_is_peer_fault(r))
                p2p_yamux_fail(y, r, P2P_CONN_PROTOCOL_ERROR);
        else if (r < 0)
                p2p_yamux_end(y, r, 0);
        if (y->state != YAMUX_ENDED)
                p2p_yamux_send(y);
}

static void on_flush(void *userdata) {
        p2p_yamux_send(userdata);
}

/* ---- the session's operations */

static int session_open(p2p_session *session, p2p_channel **ret) {
        p2p_yamux *y = yamux_of(session);
        p2p_yamux_stream *s;
        int r;

        if (y->error < 0)
                return y->error;
        if (y->next_id > YAMUX_ID_MAX)
                return -ENOBUFS;
        if (y->n_unacked >= P2P_YAMUX_BACKLOG) {
                y->want_open = true;
                return -EAGAIN;
        }
        r = p2p_yamux_stream_new(y, y->next_id, STREAM_OURS | STREAM_UNACKED | STREAM_SEND_SYN, &s);
        if (r < 0)
                return r;
        y->next_id += 2;
        p2p_yamux_stream_schedule(s);
        *ret = &s->channel;
        return 0;
}

static int session_accept(p2p_session *session, p2p_channel **ret) {
        p2p_list *node = p2p_list_first(&yamux_of(session)->incoming);
        p2p_yamux_stream *s;

        if (!node)
                return 0;
        s = P2P_LIST_ENTRY(node, p2p_yamux_stream, queue);
        p2p_list_unlink(node);
        s->state &= ~STREAM_INCOMING;
        *ret = &s->channel;
        return 1;
}

static int session_error(const p2p_session *session, uint32_t *ret_code) {
        const p2p_yamux *y = yamux_of(session);

        if (ret_code)
                *ret_code = y->received_code;
        return y->error;
}

static void session_close(p2p_session *session, uint32_t code) {
        p2p_yamux_fail(yamux_of(session), -ECONNRESET, code);
}

static uint64_t session_rtt(const p2p_session *session) {
        return yamux_of(session)->rtt;
}

static uint64_t session_heard(const p2p_session *session) {
        return yamux_of(session)->last_frame;
}

static uint64_t session_quiet(const p2p_session *session) {
        const p2p_yamux *y = yamux_of(session);

        return y->state == YAMUX_ENDED ? 0 : p2p_channel_quiet(y->channel);
}

static void session_set_stream_limit(p2p_session *session, unsigned n) {
        yamux_of(session)->streams_max = n;
}

static unsigned session_n_streams(const p2p_session *session) {
        return yamux_of(session)->table.n;
}

static void session_allow_large_windows(p2p_session *session) {
        yamux_of(session)->window_max = P2P_YAMUX_WINDOW_MAX_OURS;
}

static p2p_session *session_free(p2p_session *session) {
        p2p_yamux *y = yamux_of(session);

        y->session.wake = NULL;
        p2p_yamux_end(y, -ECONNRESET, 0);
        if (y->state != YAMUX_CLOSING) {
                yamux_free(y);
                return NULL;
        }
        p2p_orphan_adopt(&y->orphan, y->loop, on_orphan_free);
        y->is_orphan = true;
        return NULL;
}

static const p2p_session_ops session_ops = {
        .open = session_open,
        .accept = session_accept,
        .error = session_error,
        .close = session_close,
        .rtt = session_rtt,
        .heard = session_heard,
        .quiet = session_quiet,
        .set_stream_limit = session_set_stream_limit,
        .n_streams = session_n_streams,
        .allow_large_windows = session_allow_large_windows,
        .free = session_free,
};

static void init_budget(p2p_yamux *y, p2p_budget *budget) {
        p2p_list_init(&y->budget_node);
        y->budget = budget;
        if (!budget)
                return;
        if (!budget->sessions.next)
                p2p_list_init(&budget->sessions);
        p2p_list_append(&budget->sessions, &y->budget_node);
}

int p2p_yamux_new(p2p_loop *loop, p2p_channel *channel, const p2p_yamux_options *options,
                  p2p_session **ret) {
        uint64_t now = p2p_loop_now(loop);
        p2p_yamux *y;
        int r;

        y = malloc(sizeof(*y));
        if (!y)
                return -ENOMEM;
        *y = (p2p_yamux) {
                .session.ops = &session_ops,
                .loop = loop,
                .client = options->client,
                .streams_max = options->streams_max,
                .next_id = options->client ? 1 : 2,
                .buffer_max = options->buffer_max > 0 ? options->buffer_max : YAMUX_BUFFER_MAX,
                .window_max = P2P_YAMUX_WINDOW_MAX,
                .keepalive = options->keepalive_usec > 0 ? options->keepalive_usec : YAMUX_PING_EVERY,
                .pause = options->pause_usec > 0 ? options->pause_usec : YAMUX_PAUSE,
                .last_frame = now,
                .last_ping = now,
                .ping = PING_QUEUED, /* value 0, as go */
        };
        p2p_list_init(&y->all);
        p2p_list_init(&y->incoming);
        p2p_list_init(&y->lingering);
        p2p_list_init(&y->control);
        p2p_list_init(&y->data);
        p2p_task_init(&y->wake, loop, on_wake, y);
        p2p_task_init(&y->flush, loop, on_flush, y);
        p2p_timer_init(&y->timer, loop, on_timer, y);

        r = p2p_yamux_table_init(&y->table);
        if (r >= 0)
                r = p2p_timer_set(&y->timer, P2P_MIN(y->keepalive, YAMUX_PING_EVERY));
        if (r < 0) {
                yamux_free(y);
                return r;
        }
        init_budget(y, options->budget);
        y->channel = channel;
        p2p_channel_set_wake(channel, &y->wake);
        p2p_task_post(&y->wake); /* the handshake below may have read more than its own */
        *ret = &y->session;
        return 0;
}

size_t p2p_yamux_buffered(const p2p_session *session) {
        return yamux_of(session)->buffered;
}
