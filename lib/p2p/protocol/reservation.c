/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A reservation that is held: connect, reserve, refresh before expiry, and again with backoff and jitter
 * after any failure (wire reference 11.2). The state moves in set_state() only; each state has exactly one
 * of dial, open or exchange, or the timer.
 *
 * The relay's idea of the time may differ from ours: a lifetime that makes no sense here is refreshed every
 * minute instead of being refused, so that a wrong clock locks nobody out.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "crypto/envelope.h"
#include "protocol/circuit-internal.h"

#define DIAL_TIMEOUT_USEC (15 * USEC_PER_SEC)
#define RESERVE_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define BACKOFF_MAX_USEC (8 * USEC_PER_SEC)  /* a relay that came back is used again within 10 s */
#define BACKOFF_MIN_USEC (500 * USEC_PER_MSEC)
#define MARGIN_S 120u                        /* refreshed so long before expiry, go-libp2p */
#define LIFETIME_MAX_S (24u * 3600u)         /* a longer promise is not believed */

static void connect_relay(p2p_reservation *r);

static void set_state(p2p_reservation *r, p2p_reservation_state state, int error) {
        bool news = r->state != state || r->error != error;

        r->state = state;
        r->error = error;
        if (news)
                p2p_task_post(&r->news);
}

static void on_news(void *userdata) {
        p2p_reservation *r = userdata;

        if (r->changed)
                r->changed(r, r->userdata);
}

static uint64_t wall_clock_s(void) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t) now.tv_sec;
}

/* Between half and all of it. */
static uint64_t jitter(uint64_t usec) {
        uint32_t v;

        if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v))
                return usec;
        return usec / 2 + usec / 2 * (v % 1024) / 1024;
}

static void forget_conn(p2p_reservation *r) {
        if (r->conn)
                p2p_conn_unpin(TAKE_PTR(r->conn));
        r->expires = 0;
        (void) p2p_host_announce(r->circuit->host, r, NULL, 0);
}

static void fail(p2p_reservation *r, int error) {
        uint64_t wait = BACKOFF_MIN_USEC << P2P_MIN(r->n_failures, 4u);

        if (r->conn && p2p_conn_close_code(r->conn) == P2P_CONN_GATED)
                error = -EKEYREJECTED; /* its gater: we are not in its list */
        r->dial = p2p_dial_free(r->dial);
        r->open = p2p_open_free(r->open);
        r->exchange = p2p_exchange_free(r->exchange);
        r->n_failures++;
        if (!r->conn || r->expires <= wall_clock_s())
                forget_conn(r); /* otherwise only a refresh failed: what was granted still holds */
        (void) p2p_timer_set(&r->next, jitter(P2P_MIN(wait, BACKOFF_MAX_USEC)));
        set_state(r, P2P_RESERVATION_WAITING, error);
}

/* The relay did not answer. If nothing else of its came in either the path is dead, and the next try takes a
 * new one. */
static void fail_on_path(p2p_reservation *r, int error) {
        p2p_conn *conn = r->conn;

        if (error == -ETIMEDOUT && conn && p2p_conn_heard(conn) <= r->asked) {
                forget_conn(r);
                p2p_conn_close(conn, P2P_CONN_NO_ERROR);
        }
        fail(r, error);
}

/* What the relay gave, or else the address at which we found it. */
static void announce(p2p_reservation *r, const p2p_hop_message *m) {
        p2p_addr *addrs[P2P_CIRCUIT_ADDRS_MAX + 1];
        size_t n = 0;

        for (unsigned i = 0; i < m->n_addrs; i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *bare = NULL;

                if (p2p_addr_without_peer(m->addrs[i], &bare) >= 0 && !p2p_addr_is_circuit(bare) &&
                    p2p_addr_make_circuit(bare, &r->relay, &addrs[n]) >= 0)
                        n++;
        }
        if (n == 0 && p2p_addr_make_circuit(p2p_conn_remote(r->conn), &r->relay, &addrs[n]) >= 0)
                n++;
        (void) p2p_host_announce(r->circuit->host, r, addrs, n);
        while (n > 0)
                p2p_addr_free(addrs[--n]);
}

static int check_voucher(p2p_reservation *r, p2p_view bytes) {
        p2p_voucher v;
        int e;

        if (bytes.n == 0)
                return 0; /* go-libp2p does without, too */
        e = p2p_voucher_open(bytes, &v);
        if (e < 0)
                return e;
        if (!p2p_peer_id_equal(&v.relay, &r->relay) ||
            !p2p_peer_id_equal(&v.peer, p2p_host_peer_id(r->circuit->host)))
                return -EKEYREJECTED;
        return 0;
}

static void schedule_refresh(p2p_reservation *r) {
        uint64_t now = wall_clock_s(), after = 60;

        if (r->expires > now && r->expires - now <= LIFETIME_MAX_S) {
                uint64_t left = r->expires - now;

                after = left > 2 * MARGIN_S ? left - MARGIN_S : P2P_MAX(left / 2, 1u);
        }
        (void) p2p_timer_set(&r->next, jitter(after * USEC_PER_SEC / 4) + after * USEC_PER_SEC * 3 / 4);
}

static int judge(p2p_reservation *r, p2p_view bytes) {
        p2p_hop_message m = {};
        int e;

        e = p2p_hop_message_parse(bytes, &m);
        if (e >= 0 && m.type != P2P_HOP_STATUS)
                e = -EPROTO;
        if (e >= 0 && m.status != P2P_HOP_OK) {
                r->status = m.status;
                e = m.status == P2P_HOP_PERMISSION_DENIED ? -EKEYREJECTED : -ENOBUFS;
        }
        if (e >= 0 && !m.has_reservation)
                e = -EBADMSG;
        if (e >= 0)
                e = check_voucher(r, m.voucher);
        if (e >= 0) {
                r->expires = m.expires;
                r->limit = m.limit;
                r->status = 0;
                r->n_failures = 0;
                announce(r, &m);
        }
        p2p_hop_message_done(&m);
        return e;
}

static void on_answer(p2p_stream *stream, p2p_view bytes, int error, void *userdata) {
        p2p_reservation *r = userdata;

        r->exchange = NULL;
        if (error >= 0)
                error = judge(r, bytes);
        if (stream) {
                (void) p2p_channel_shutdown(p2p_stream_channel(stream));
                p2p_stream_free(stream);
        }
        if (error < 0)
                return fail_on_path(r, error);
        schedule_refresh(r);
        set_state(r, P2P_RESERVATION_ACTIVE, 0);
        p2p_task_post(&r->news); /* a refresh is news, too */
}

static void on_stream(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        P2p__HopMessage m = P2P__HOP_MESSAGE__INIT;
        p2p_reservation *r = userdata;
        int e;

        r->open = NULL;
        if (error < 0)
                return fail_on_path(r, error);
        m.has_type = true;
        m.type = P2P_HOP_RESERVE;
        e = p2p_exchange_new(p2p_host_loop(r->circuit->host), stream, &m.base, P2P_CIRCUIT_MESSAGE_MAX,
                             RESERVE_TIMEOUT_USEC, on_answer, r, &r->exchange);
        if (e < 0)
                fail(r, e);
}

static void reserve(p2p_reservation *r) {
        p2p_open_options options = { .timeout_usec = RESERVE_TIMEOUT_USEC };
        int e;

        if (r->state != P2P_RESERVATION_ACTIVE)
                set_state(r, P2P_RESERVATION_RESERVING, 0);
        r->asked = p2p_loop_now(p2p_host_loop(r->circuit->host));
        e = p2p_open_on_conn(r->conn, P2P_HOP_PROTOCOL, &options, on_stream, r, &r->open);
        if (e < 0)
                fail(r, e);
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        p2p_reservation *r = userdata;

        r->dial = NULL;
        if (error < 0)
                return fail(r, error);
        r->conn = conn;
        p2p_conn_pin(conn);
        reserve(r);
}

static void connect_relay(p2p_reservation *r) {
        int e;

        set_state(r, P2P_RESERVATION_CONNECTING, r->error);
        e = p2p_dial_new_direct(r->circuit->host, &r->relay, DIAL_TIMEOUT_USEC, on_dialled, r, &r->dial);
        if (e < 0)
                fail(r, e);
}

static void on_next(void *userdata) {
        p2p_reservation *r = userdata;

        if (r->conn)
                reserve(r);
        else
                connect_relay(r);
}

void p2p_reservation_on_conn_closed(p2p_reservation *r, p2p_conn *conn) {
        if (r->conn != conn)
                return;
        r->expires = 0; /* what was granted ends with the connection */
        fail(r, -ECONNRESET);
}

/* Who waits need not wait; who has one finds out whether its path still exists. */
void p2p_reservation_on_network_changed(p2p_reservation *r) {
        r->n_failures = 0;
        if (p2p_timer_is_set(&r->next))
                (void) p2p_timer_set(&r->next, 0);
}

void p2p_reservation_retry(p2p_reservation *r) {
        r->n_failures = 0;
        if (r->state == P2P_RESERVATION_WAITING)
                (void) p2p_timer_set(&r->next, 0);
}

int p2p_reservation_new(p2p_circuit *circuit, const p2p_peer_id *relay, p2p_reservation_fn changed,
                        void *userdata, p2p_reservation **ret) {
        p2p_loop *loop = p2p_host_loop(circuit->host);
        p2p_reservation *r;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        *r = (p2p_reservation){ .circuit = circuit, .relay = *relay, .changed = changed, .userdata = userdata };
        p2p_list_init(&r->reservations);
        p2p_task_init(&r->news, loop, on_news, r);
        p2p_timer_init(&r->next, loop, on_next, r);
        if (p2p_timer_set(&r->next, 0) < 0) {
                free(r);
                return -ENOMEM;
        }
        p2p_list_append(&circuit->reservations, &r->reservations);
        *ret = r;
        return 0;
}

p2p_reservation *p2p_reservation_free(p2p_reservation *r) {
        if (!r)
                return NULL;
        p2p_list_unlink(&r->reservations);
        p2p_timer_stop(&r->next);
        p2p_dial_free(r->dial);
        p2p_open_free(r->open);
        p2p_exchange_free(r->exchange);
        forget_conn(r);
        p2p_task_cancel(&r->news);
        free(r);
        return NULL;
}

bool p2p_circuit_knows_relay(const p2p_circuit *circuit, const p2p_peer_id *relay) {
        p2p_reservation *r;

        P2P_LIST_FOREACH(r, (p2p_list *) &circuit->reservations, p2p_reservation, reservations)
                if (r->conn && p2p_peer_id_equal(&r->relay, relay))
                        return true;
        return false;
}

const p2p_peer_id *p2p_reservation_relay(const p2p_reservation *r) { return &r->relay; }
p2p_reservation_state p2p_reservation_state_of(const p2p_reservation *r) { return r->state; }
int p2p_reservation_error(const p2p_reservation *r) { return r->error; }
unsigned p2p_reservation_status(const p2p_reservation *r) { return r->status; }
uint64_t p2p_reservation_expires(const p2p_reservation *r) { return r->expires; }

void p2p_reservation_limit(const p2p_reservation *r, uint32_t *ret_duration_s, uint64_t *ret_data) {
        *ret_duration_s = r->limit.duration_s;
        *ret_data = r->limit.data;
}
