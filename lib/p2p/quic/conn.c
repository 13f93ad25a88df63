/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A QUIC connection: what it reads, its windows, its end.
 *
 * HANDSHAKE, then READY when TLS is over here and the peer proven, then ENDED. A client's proof is still on
 * its way then, and its first stream may go with it: that the server refuses us is said by the session's
 * end, as with TLS over a channel. It is confirmed by HANDSHAKE_DONE. Whatever ends it detaches every
 * stream, frees the library's half and leaves its ids to a tomb; the struct stays until its owner frees it.
 * The owner is its dial, or its endpoint, until the session was handed over; to hand it over, or to tell why
 * not, is what `news` does.
 *
 * Windows: a stream's opens as it is read. The connection's opens as bytes come in, as long as what lies
 * unread and what may still come fit into half of conn_buffer: a stream that nobody reads does not stop the
 * others.
 */

#include <errno.h>
#include <stdlib.h>

#include "quic/quic-internal.h"

/* Where the library asks for a time that has passed and was served: after a change of path it does, for a
 * while [tried: 0.12.1]. */
#define EXPIRY_AGAIN_USEC 1000

uint64_t quic_conn_now(const quic_conn *c) {
        return p2p_loop_now(c->transport->loop) * NGTCP2_MICROSECONDS;
}

uint64_t quic_conn_rtt(const quic_conn *c) {
        return c->lib ? (quic_shim_get_info(c->lib).rtt + 999) / NGTCP2_MICROSECONDS : 0;
}

/* ---- windows */

void quic_conn_grant(quic_conn *c, uint64_t n) {
        uint64_t held, room, most = c->transport->conn_buffer / 2;

        c->due += n;
        held = c->buffered + c->window - c->due; /* what we have, and what may still come */
        room = most > held ? most - held : 0;
        if (room < c->due && room < c->window / 4)
                return; /* no crumbs */
        if (n == 0 && c->due > 0)
                p2p_task_post(&c->flush); /* it had been held back */
        n = P2P_MIN(c->due, room);
        c->due -= n;
        ngtcp2_conn_extend_max_offset(c->lib, n);
}

void quic_conn_widen(quic_conn *c, uint64_t to) {
        uint64_t extra;

        to = P2P_MIN(to, c->transport->conn_buffer / 2);
        extra = to > c->window ? to - c->window : 0;
        if (c->transport->windows + extra > P2P_QUIC_WINDOWS_MAX)
                return;
        c->transport->windows += extra;
        c->window += extra;
        quic_conn_grant(c, extra);
}

void quic_conn_top_up(quic_conn *c) {
        if (!c->lib || c->credit >= c->limit)
                return;
        ngtcp2_conn_extend_max_streams_bidi(c->lib, c->limit - c->credit);
        c->credit = c->limit;
        p2p_task_post(&c->flush);
}

/* ---- the end */

static void leave_half_open(quic_conn *c) {
        if (p2p_list_is_empty(&c->half_open))
                return;
        p2p_list_unlink(&c->half_open);
        c->transport->n_half_open--;
}

/* Everybody above learns of it, or will by `news`. */
void quic_conn_end(quic_conn *c, int error, uint32_t received_code) {
        p2p_list *node;

        if (c->state == QUIC_ENDED)
                return;
        c->state = QUIC_ENDED;
        c->error = error;
        c->received_code = received_code;
        leave_half_open(c);

        quic_tls_done(c);
        ngtcp2_conn_del(c->lib); /* it refers to what the streams keep: before them */
        c->lib = NULL;
        while ((node = p2p_list_first(&c->streams)))
                quic_stream_detach(P2P_LIST_ENTRY(node, quic_stream, all));
        quic_conn_drop_rest(c);
        c->transport->windows -= c->window - P2P_QUIC_CONN_WINDOW;

        p2p_task_cancel(&c->flush);
        p2p_timer_stop(&c->timer);
        quic_cid_table_remove_all(&c->endpoint->table, &c->cids);
        p2p_list_unlink(&c->conns);
        p2p_list_unlink(&c->blocked);
        p2p_list_unlink(&c->unanswered);
        p2p_task_post(&c->endpoint->leave);
        if (c->is_owned || c->dial)
                c->endpoint = NULL;
        else
                p2p_list_append(&c->endpoint->failed, &c->conns);
        p2p_task_post(c->is_owned ? c->session.wake : &c->news);
}

void quic_conn_fail(quic_conn *c, int error, const quic_shim_close *close) {
        uint8_t packet[NGTCP2_MAX_UDP_PAYLOAD_SIZE];
        ngtcp2_path_storage ps;
        ngtcp2_ssize n;

        if (c->state == QUIC_ENDED)
                return;
        ngtcp2_path_storage_zero(&ps);
        n = quic_shim_write_close(c->lib, &ps.path, packet, sizeof(packet), close, quic_conn_now(c));
        if (n > 0) {
                quic_address_copy(&c->local, &ps.path.local);
                quic_address_copy(&c->remote, &ps.path.remote);
                quic_endpoint_send(c->endpoint, &c->local, &c->remote, P2P_VIEW(packet, (size_t) n));
                quic_tomb_new(c, P2P_VIEW(packet, (size_t) n));
        }
        quic_conn_end(c, error, 0);
}

quic_conn *quic_conn_free(quic_conn *c) {
        if (!c)
                return NULL;
        c->is_owned = true;
        c->session.wake = NULL;
        if (c->endpoint) {
                p2p_task_post(&c->endpoint->leave);
                quic_conn_fail(c, -ECONNRESET,
                               &(quic_shim_close){ QUIC_CLOSE_APPLICATION, P2P_CONN_NO_ERROR });
        }
        p2p_list_unlink(&c->conns);
        p2p_task_cancel(&c->news);
        free(c);
        return NULL;
}

/* ---- news */

/* It is told of handshakes that failed, too; not of what was no hello. */
static void hand_to_listener(quic_conn *c) {
        quic_listener *l = c->endpoint ? c->endpoint->listener : NULL;
        bool is_ready = c->state == QUIC_READY;
        p2p_raw raw = { .session = is_ready ? &c->session : NULL,
                        .error = is_ready ? 0 : c->error,
                        .security = P2P_QUIC_SECURITY,
                        .muxer = P2P_QUIC_MUXER };

        if (c->is_proven)
                raw.peer = c->peer;
        if (!l || (!is_ready && c->error == 0) ||
            p2p_addr_with_socket(l->addr, &c->remote.sa, &raw.remote) < 0) {
                quic_conn_free(c);
                return;
        }
        c->is_owned = is_ready;
        if (!is_ready)
                quic_conn_free(c);
        l->on_accept(&raw, l->userdata);
}

/* Our proof leaves before: whoever closes at once could not say why to a server that lacks it. */
static void hand_to_dial(quic_conn *c) {
        quic_dial d = *c->dial;
        p2p_raw raw = { .session = &c->session,
                        .peer = c->peer,
                        .security = P2P_QUIC_SECURITY,
                        .muxer = P2P_QUIC_MUXER };
        int error;

        quic_conn_send(c);
        error = c->state == QUIC_READY ? 0 : c->error;
        free(c->dial);
        c->dial = NULL;
        if (error < 0)
                quic_conn_free(c);
        else
                c->is_owned = true;
        d.done(error < 0 ? NULL : &raw, error, d.userdata);
}

static void on_news(void *userdata) {
        quic_conn *c = userdata;

        quic_tls_done(c);
        if (c->dial)
                hand_to_dial(c);
        else
                hand_to_listener(c);
}

void quic_conn_on_ready(quic_conn *c) {
        c->state = QUIC_READY;
        leave_half_open(c);
        p2p_task_post(&c->news);
}

/* ---- time and packets */

static void reset_lingering(quic_conn *c) {
        uint64_t now = p2p_loop_now(c->transport->loop);
        p2p_list *node;

        while ((node = p2p_list_first(&c->lingering))) {
                quic_stream *s = P2P_LIST_ENTRY(node, quic_stream, queue);

                if (s->deadline > now)
                        return;
                quic_stream_abort(s, P2P_STREAM_NO_ERROR); /* leaves the list */
        }
}

void quic_conn_set_timer(quic_conn *c) {
        uint64_t expiry, now = quic_conn_now(c), after = USEC_INFINITY;
        p2p_list *node = p2p_list_first(&c->lingering);

        if (c->state == QUIC_ENDED)
                return;
        expiry = ngtcp2_conn_get_expiry(c->lib);
        if (expiry != UINT64_MAX)
                after = expiry > now ? (expiry - now + 999) / NGTCP2_MICROSECONDS : 0;
        if (after == 0 && c->expired == now)
                after = EXPIRY_AGAIN_USEC;
        if (!p2p_list_is_empty(&c->sending) && c->pacer.tokens <= 0)
                after = P2P_MIN(after, quic_pacer_wait(&c->pacer));
        if (node) {
                uint64_t deadline = P2P_LIST_ENTRY(node, quic_stream, queue)->deadline,
                         at = p2p_loop_now(c->transport->loop);

                after = P2P_MIN(after, deadline > at ? deadline - at : 0);
        }
        if (p2p_timer_set(&c->timer, after) < 0)
                quic_conn_end(c, -ENOMEM, 0);
}

static void on_timer(void *userdata) {
        quic_conn *c = userdata;
        int r;

        reset_lingering(c);
        if (ngtcp2_conn_get_expiry(c->lib) > quic_conn_now(c)) { /* it was the pacer's turn */
                quic_conn_send(c);
                return;
        }
        c->expired = quic_conn_now(c);
        r = ngtcp2_conn_handle_expiry(c->lib, c->expired);
        if (r != 0)
                quic_conn_on_error(c, r);
        else
                quic_conn_send(c);
}

static void on_flush(void *userdata) {
        quic_conn_send(userdata);
}

/* The far side's address, as far as it is believed. */
static void get_remote(quic_conn *c, quic_address *ret) {
        *ret = (quic_address) {};
        quic_address_copy(ret, &ngtcp2_conn_get_path(c->lib)->remote);
}

bool quic_conn_is_at(quic_conn *c, const quic_address *address) {
        quic_address remote;

        get_remote(c, &remote);
        return quic_address_equal(&remote, address);
}

/* From elsewhere than the last one: each such path costs a probe, sent to wherever the far side says, and
 * what is known of the path before [RFC 9000, section 9.3]. */
static bool may_move(quic_conn *c, const quic_address *from) {
        return quic_conn_is_at(c, from) ||
               p2p_rate_has(&c->moves, p2p_loop_now(c->transport->loop), P2P_QUIC_MOVES_MAX,
                            P2P_QUIC_MOVES_RATE);
}

/* Only what was deciphered moves it. */
static void count_move(quic_conn *c, const quic_address *from) {
        if (!quic_conn_is_at(c, from))
                (void) p2p_rate_take(&c->moves, p2p_loop_now(c->transport->loop), P2P_QUIC_MOVES_MAX,
                                     P2P_QUIC_MOVES_RATE);
}

int quic_conn_receive(quic_conn *c, const quic_arrival *a, p2p_view datagram) {
        quic_address local = a->local, remote = a->remote, before;
        ngtcp2_path path = {
                .local = { &local.sa, quic_address_size(&local) },
                .remote = { &remote.sa, quic_address_size(&remote) },
        };
        ngtcp2_pkt_info pi = { .ecn = a->ecn };
        int r;

        if (!may_move(c, &remote))
                return 0;
        get_remote(c, &before);
        r = ngtcp2_conn_read_pkt(c->lib, &path, &pi, datagram.data, datagram.n, quic_conn_now(c));
        if (r == NGTCP2_ERR_RETRY)
                return r;
        c->heard = p2p_loop_now(c->transport->loop);
        p2p_list_unlink(&c->unanswered);
        if (r == 0)
                count_move(c, &before);
        if (r != 0)
                quic_conn_on_error(c, r);
        else if (!quic_guest_send_away(c->guest)) /* what it says goes with the answer */
                p2p_task_post(&c->flush);
        return 0;
}

void quic_conn_init_tasks(quic_conn *c) {
        p2p_task_init(&c->flush, c->transport->loop, on_flush, c);
        p2p_task_init(&c->news, c->transport->loop, on_news, c);
        p2p_timer_init(&c->timer, c->transport->loop, on_timer, c);
        p2p_list_init(&c->unanswered);
}
