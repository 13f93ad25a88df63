/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A relayed circuit: two streams joined, each direction with its own end, count and back-pressure.
 *
 * Bytes go through lent scratch memory; what the far side does not take at once stays in a private piece of
 * at most one chunk, and nothing more is read for that direction until it is gone: so a slow reader closes
 * the window of its sender and of nobody else. The data limit forwards exactly so many bytes, then ends the
 * direction towards its destination; the time limit resets both (wire reference 11.3).
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/hop-internal.h"

#define TURN_BYTES (256u * 1024u)

typedef struct direction {
        p2p_channel *from, *to; /* borrowed from the circuit */
        uint8_t *kept;          /* read and not yet taken: n_kept bytes from kept_at */
        size_t kept_at, n_kept;
        uint64_t bytes;
        bool ended;
} direction;

typedef struct circuit {
        p2p_hop *hop;
        p2p_peer_id src, dst;
        p2p_channel *to_src, *to_dst;
        direction out, back; /* src -> dst, dst -> src */
        uint64_t started;
        p2p_task step;
        p2p_timer deadline;
        p2p_list circuits;
} circuit;

static p2p_circuit_report report_of(const circuit *c, int error) {
        return (p2p_circuit_report){
                .src = c->src,
                .dst = c->dst,
                .bytes_to_dst = c->out.bytes,
                .bytes_to_src = c->back.bytes,
                .duration_usec = p2p_loop_now(p2p_host_loop(c->hop->host)) - c->started,
                .error = error,
                .status = P2P_HOP_OK,
        };
}

static void end(circuit *c, int error) {
        p2p_circuit_report report = report_of(c, error);
        p2p_hop *hop = c->hop;

        p2p_channel_set_wake(c->to_src, NULL);
        p2p_channel_set_wake(c->to_dst, NULL);
        p2p_task_cancel(&c->step);
        p2p_timer_stop(&c->deadline);
        p2p_list_unlink(&c->circuits);
        hop->n_circuits--;
        if (error < 0 && error != -EDQUOT) {
                p2p_channel_reset(c->to_src, P2P_STREAM_NO_ERROR);
                p2p_channel_reset(c->to_dst, P2P_STREAM_NO_ERROR);
        }
        p2p_channel_free(c->to_src);
        p2p_channel_free(c->to_dst);
        free(c->out.kept);
        free(c->back.kept);
        free(c);
        if (hop->events->circuit_closed)
                hop->events->circuit_closed(&report, hop->userdata);
}

static size_t chunk_of(const p2p_hop *hop) {
        size_t floor = P2P_MAX(hop->limits.buffer, (size_t) 65536); /* the configured size is a floor */

        return P2P_MIN(floor, (size_t) P2P_SCRATCH_SIZE);
}

/* Bytes that may still go this way. */
static uint64_t quota(const p2p_hop *hop, const direction *d) {
        if (hop->limits.data == 0)
                return UINT64_MAX;
        return hop->limits.data - d->bytes;
}

static int flush_kept(direction *d) {
        while (d->n_kept > 0) {
                ssize_t n = p2p_channel_write(d->to, d->kept + d->kept_at, d->n_kept);

                if (n < 0)
                        return (int) n;
                d->kept_at += (size_t) n;
                d->n_kept -= (size_t) n;
                d->bytes += (uint64_t) n;
        }
        free(d->kept);
        d->kept = NULL;
        return 0;
}

static int keep(direction *d, const uint8_t *data, size_t n) {
        d->kept = malloc(n);
        if (!d->kept)
                return -ENOMEM;
        memcpy(d->kept, data, n);
        d->kept_at = 0;
        d->n_kept = n;
        return -EAGAIN;
}

static int forward(direction *d, uint8_t *data, size_t n) {
        size_t done = 0;

        while (done < n) {
                ssize_t k = p2p_channel_write(d->to, data + done, n - done);

                if (k == -EAGAIN)
                        return keep(d, data + done, n - done);
                if (k < 0)
                        return (int) k;
                done += (size_t) k;
                d->bytes += (uint64_t) k;
        }
        return 0;
}

static int end_direction(direction *d) {
        d->ended = true;
        return p2p_channel_shutdown(d->to);
}

/* Past its quota a direction is ended, and what still comes is discarded. */
static int discard(direction *d, uint8_t *scratch) {
        for (size_t n = 0; n < TURN_BYTES;) {
                ssize_t k = p2p_channel_read(d->from, scratch, P2P_SCRATCH_SIZE);

                if (k <= 0)
                        return k == 0 ? -EAGAIN : (int) k;
                n += (size_t) k;
        }
        return 1;
}

/* 1: more could be done in another turn; -EAGAIN: waiting; 0: ended; else broken. */
static int move(circuit *c, direction *d) {
        uint8_t *scratch = p2p_loop_scratch(p2p_host_loop(c->hop->host), 1);
        size_t chunk = chunk_of(c->hop);
        int r;

        if (d->ended)
                return quota(c->hop, d) == 0 ? discard(d, scratch) : 0;
        r = flush_kept(d);
        for (size_t moved = 0; r == 0 && moved < TURN_BYTES;) {
                uint64_t left = quota(c->hop, d);
                ssize_t n;

                if (left == 0)
                        return end_direction(d);
                n = p2p_channel_read(d->from, scratch, left < chunk ? (size_t) left : chunk);
                if (n == 0)
                        return end_direction(d);
                if (n < 0)
                        return (int) n;
                moved += (size_t) n;
                r = forward(d, scratch, (size_t) n);
        }
        return r == 0 ? 1 : r;
}

static void on_step(void *userdata) {
        circuit *c = userdata;
        int a, b;

        a = move(c, &c->out);
        if (a < 0 && a != -EAGAIN)
                return end(c, a);
        b = move(c, &c->back);
        if (b < 0 && b != -EAGAIN)
                return end(c, b);
        if (c->out.ended && c->back.ended)
                return end(c, quota(c->hop, &c->out) == 0 || quota(c->hop, &c->back) == 0 ? -EDQUOT : 0);
        if (a > 0 || b > 0)
                p2p_task_post(&c->step);
}

static void on_deadline(void *userdata) {
        end(userdata, -ETIME);
}

unsigned hop_count_circuits(const p2p_hop *hop, const p2p_peer_id *peer) {
        unsigned n = 0;
        circuit *c;

        P2P_LIST_FOREACH(c, (p2p_list *) &hop->circuits, circuit, circuits)
                n += p2p_peer_id_equal(&c->src, peer) || p2p_peer_id_equal(&c->dst, peer);
        return n;
}

void hop_circuit_start(p2p_hop *hop, const p2p_peer_id *src, const p2p_peer_id *dst, p2p_channel *to_src,
                       p2p_channel *to_dst) {
        p2p_loop *loop = p2p_host_loop(hop->host);
        circuit *c = calloc(1, sizeof(*c));

        if (!c) {
                p2p_channel_free(to_src);
                p2p_channel_free(to_dst);
                return;
        }
        *c = (circuit){ .hop = hop, .src = *src, .dst = *dst, .to_src = to_src, .to_dst = to_dst };
        c->out = (direction){ .from = to_src, .to = to_dst };
        c->back = (direction){ .from = to_dst, .to = to_src };
        c->started = p2p_loop_now(loop);
        p2p_list_init(&c->circuits);
        p2p_list_append(&hop->circuits, &c->circuits);
        hop->n_circuits++;
        p2p_task_init(&c->step, loop, on_step, c);
        p2p_timer_init(&c->deadline, loop, on_deadline, c);
        p2p_channel_set_wake(to_src, &c->step);
        p2p_channel_set_wake(to_dst, &c->step);
        if (hop->limits.duration_usec > 0 && p2p_timer_set(&c->deadline, hop->limits.duration_usec) < 0)
                return end(c, -ENOMEM);
        p2p_task_post(&c->step);
        if (hop->events->circuit_opened)
                hop->events->circuit_opened(src, dst, hop->userdata);
}

static circuit *find_circuit(p2p_hop *hop, const p2p_peer_id *peer) {
        circuit *c;

        P2P_LIST_FOREACH(c, &hop->circuits, circuit, circuits)
                if (!peer || p2p_peer_id_equal(&c->src, peer) || p2p_peer_id_equal(&c->dst, peer))
                        return c;
        return NULL;
}

/* Whoever is told of an end may end others: so the search begins anew each time. */
void hop_circuits_end(p2p_hop *hop, const p2p_peer_id *peer) {
        circuit *c;

        while ((c = find_circuit(hop, peer)))
                end(c, -ECANCELED);
}

bool p2p_hop_circuit_at(const p2p_hop *hop, unsigned i, p2p_circuit_report *ret) {
        circuit *c;

        P2P_LIST_FOREACH(c, (p2p_list *) &hop->circuits, circuit, circuits)
                if (i-- == 0) {
                        *ret = report_of(c, 0);
                        return true;
                }
        return false;
}
