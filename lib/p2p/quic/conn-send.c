/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a connection sends: the library writes packets into the loop's scratch, as many as congestion control
 * and pacing allow; packets of one size on one path leave in one system call. Streams take turns, one packet
 * each. What the socket does not take is kept, and nothing more is written until it is gone.
 */

#include <errno.h>
#include <stdlib.h>

#include "quic/quic-internal.h"

#define VECTORS 4 /* of stream data for a packet: two chunks at the least hold more than one */
#define PACKET_MAX 1500u

/* What one call to the library wrote. */
typedef struct packet {
        ngtcp2_path_storage path;
        ngtcp2_pkt_info info;
        ngtcp2_ssize n;
} packet;

/* ---- one packet */

static quic_stream *next_stream(quic_conn *c) {
        p2p_list *node = p2p_list_first(&c->sending);
        size_t most = c->transport->conn_buffer / 2;

        return node && c->retained < most && c->pacer.tokens > 0 ? P2P_LIST_ENTRY(node, quic_stream, sending)
                                                                 : NULL;
}

/* Offers the bytes of a stream, or none: s may be NULL. */
static ngtcp2_ssize write_frame(quic_conn *c, quic_stream *s, packet *p, uint8_t *out, size_t room) {
        uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_MORE;
        ngtcp2_vec vec[VECTORS] = {};
        struct iovec iov[VECTORS];
        ngtcp2_ssize taken = -1, n;
        size_t offered = 0;
        bool fin = false;
        int n_vec = 0;

        if (s) {
                n_vec = quic_buffer_peek(&s->out, PACKET_MAX, iov, VECTORS, &offered);
                for (int i = 0; i < n_vec; i++)
                        vec[i] = (ngtcp2_vec) { iov[i].iov_base, iov[i].iov_len };
                fin = quic_stream_fin_is_due(s) && offered == quic_buffer_unsent(&s->out);
                flags |= fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0;
        }
        n = ngtcp2_conn_writev_stream(c->lib, &p->path.path, &p->info, out, room, &taken,
                                      s ? flags : NGTCP2_WRITE_STREAM_FLAG_NONE, s ? s->id : -1, vec,
                                      (size_t) n_vec, quic_conn_now(c));
        if (s && taken >= 0)
                quic_stream_on_sent(s, (size_t) taken, fin && (size_t) taken == offered);
        return n;
}

static void move(quic_stream *s, p2p_list *to) {
        p2p_list_unlink(&s->sending);
        p2p_list_append(to, &s->sending);
}

/* Held streams are tried again with each flush: nobody says when their windows open, or that they never will
 * [tried: 0.12 and 1.11 keep a STOP_SENDING to themselves]. */
static void release_held(quic_conn *c) {
        quic_stream *s;

        P2P_LIST_FOREACH(s, &c->held, quic_stream, sending)
                move(s, &c->sending);
}

static void write_packet(quic_conn *c, packet *p, uint8_t *out, size_t room) {
        bool all_blocked = false;

        ngtcp2_path_storage_zero(&p->path);
        for (;;) {
                quic_stream *s = all_blocked ? NULL : next_stream(c);

                p->n = write_frame(c, s, p, out, room);
                switch (p->n) {
                case NGTCP2_ERR_WRITE_MORE:
                        break;
                case NGTCP2_ERR_STREAM_DATA_BLOCKED:
                        if (ngtcp2_conn_get_max_data_left(c->lib) == 0)
                                all_blocked = true;
                        else
                                move(s, &c->held);
                        break;
                case NGTCP2_ERR_STREAM_SHUT_WR:
                case NGTCP2_ERR_STREAM_NOT_FOUND:
                        quic_stream_on_stopped(s);
                        break;
                default:
                        if (s && p->n > 0 && !p2p_list_is_empty(&s->sending))
                                move(s, &c->sending); /* the next one's turn */
                        return;
                }
        }
}

/* ---- many packets */

/* Only the client may move, once it is confirmed: its source address is gone, another one reaches the far
 * side. */
static void move_path(quic_conn *c) {
        quic_address local;

        c->is_unreachable = !p2p_list_is_empty(&c->unanswered);
        if (!c->is_client || !c->is_confirmed || quic_address_source(&c->remote, &local) < 0)
                return;
        if (local.sa.sa_family == AF_INET)
                local.in.sin_port = c->endpoint->udp.bound.in.sin_port;
        else
                local.in6.sin6_port = c->endpoint->udp.bound.in6.sin6_port;
        if (quic_address_equal(&local, &c->local))
                return;

        ngtcp2_path path = { .local = { &local.sa, quic_address_size(&local) },
                             .remote = { &c->remote.sa, quic_address_size(&c->remote) } };

        if (ngtcp2_conn_initiate_immediate_migration(c->lib, &path, quic_conn_now(c)) != 0)
                return;
        c->local = local;
        p2p_task_post(&c->flush);
}

void quic_conn_drop_rest(quic_conn *c) {
        free((void *) c->rest.bytes.data);
        c->rest = (quic_batch) {};
}

static void keep_rest(quic_conn *c, const quic_batch *b) {
        uint8_t *bytes;

        bytes = malloc(b->bytes.n);
        if (!bytes)
                return; /* lost, like so much */
        memcpy(bytes, b->bytes.data, b->bytes.n);
        c->rest = *b;
        c->rest.bytes.data = bytes;
        quic_endpoint_want_room(c->endpoint, c);
}

/* False: write no more for now. */
static bool send_batch(quic_conn *c, quic_batch *b) {
        int r;

        if (b->bytes.n == 0)
                return true;
        r = quic_udp_send(&c->endpoint->udp, b, &c->no_gso);
        if (r == -EAGAIN)
                keep_rest(c, b);
        else if (r < 0)
                move_path(c);
        b->bytes.n = 0;
        return r == 0;
}

static bool fits(const quic_batch *b, const packet *p) {
        const ngtcp2_path *path = &p->path.path;

        return (size_t) p->n <= b->segment && b->bytes.n % b->segment == 0 &&
               b->bytes.n + (size_t) p->n <= QUIC_UDP_BATCH_MAX &&
               b->bytes.n / b->segment < QUIC_UDP_SEGMENTS_MAX && b->ecn == p->info.ecn &&
               memcmp(&b->remote, path->remote.addr, path->remote.addrlen) == 0 &&
               memcmp(&b->local, path->local.addr, path->local.addrlen) == 0;
}

static void start_batch(quic_batch *b, const packet *p, const uint8_t *bytes) {
        *b = (quic_batch){ .ecn = (uint8_t) p->info.ecn,
                           .segment = (size_t) p->n,
                           .bytes = P2P_VIEW(bytes, (size_t) p->n) };
        quic_address_copy(&b->local, &p->path.path.local);
        quic_address_copy(&b->remote, &p->path.path.remote);
}

/* Packets until nothing more may be sent, or the scratch is full. Without tokens no new stream data goes
 * into them, but acknowledgements and what was lost do. 0, or the library's error. */
static int write_packets(quic_conn *c) {
        size_t most = P2P_SCRATCH_SIZE - PACKET_MAX, used = 0, paced = 0;
        size_t room = P2P_MIN(ngtcp2_conn_get_max_tx_udp_payload_size(c->lib), PACKET_MAX);
        uint8_t *out = p2p_loop_scratch(c->transport->loop, 1);
        quic_batch b = {};
        packet p;

        release_held(c);
        while (used < most) {
                write_packet(c, &p, out + used, room);
                if (p.n <= 0)
                        break;
                if (b.bytes.n > 0 && fits(&b, &p))
                        b.bytes.n += (size_t) p.n;
                else {
                        if (!send_batch(c, &b))
                                break; /* this one is lost */
                        start_batch(&b, &p, out + used);
                }
                used += (size_t) p.n;
                c->pacer.tokens -= p.n;
                if (used - paced >= QUIC_UDP_BATCH_MAX) {
                        quic_shim_sent(c->lib, quic_conn_now(c));
                        paced = used;
                }
        }
        (void) send_batch(c, &b);
        if (used > paced)
                quic_shim_sent(c->lib, quic_conn_now(c));
        if (used >= most)
                p2p_task_post(&c->flush);
        return p.n < 0 ? (int) p.n : 0;
}

void quic_conn_send(quic_conn *c) {
        int r;

        if (c->state == QUIC_ENDED)
                return;
        if (c->rest.bytes.n == 0) {
                quic_pacer_update(&c->pacer, p2p_loop_now(c->transport->loop),
                                  1000 * quic_shim_get_info(c->lib).rate);
                r = write_packets(c);
                if (r < 0) {
                        quic_conn_on_error(c, r);
                        return;
                }
                if (c->is_unreachable) {
                        quic_conn_end(c, -EHOSTUNREACH, 0);
                        return;
                }
        }
        quic_conn_set_timer(c);
}

void quic_conn_on_room(quic_conn *c) {
        quic_batch b = c->rest;
        int r;

        if (b.bytes.n > 0) {
                r = quic_udp_send(&c->endpoint->udp, &b, &c->no_gso);
                if (r == -EAGAIN) {
                        memmove((uint8_t *) c->rest.bytes.data, b.bytes.data, b.bytes.n);
                        c->rest.bytes.n = b.bytes.n;
                        return;
                }
                quic_conn_drop_rest(c);
        }
        p2p_list_unlink(&c->blocked);
        p2p_task_post(&c->flush);
}
