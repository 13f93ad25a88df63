/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wire holds what it delays in an array: tests are small, and a manual clock makes everything repeatable
 * but the ports. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/quic-pair.h"

p2p_transport_options quic_pair_options = { .conn_buffer = 64u << 20, .streams = 256 };

#define MUST(expr) ((expr) ? (void) 0 : abort())

/* ---- the wire */

static uint32_t draw(quic_wire *w) {
        w->random = w->random * 1664525u + 1013904223u;
        return w->random >> 8;
}

static bool one_in(quic_wire *w, unsigned n) {
        return n > 0 && draw(w) % n == 0;
}

static void pass(quic_wire *w, bool to_far, const uint8_t *data, size_t n) {
        const struct sockaddr_in *to = to_far ? &w->listener : &w->dialler;

        (void) sendto(to_far ? w->fd_far : w->fd_near, data, n, 0, (const struct sockaddr *) to,
                      sizeof(*to));
}

static void set_wire_timer(quic_wire *w) {
        uint64_t due = USEC_INFINITY, now = p2p_loop_now(w->timer.loop);

        for (unsigned i = 0; i < w->n_held; i++)
                due = P2P_MIN(due, w->held[i].due);
        MUST(p2p_timer_set(&w->timer, due == USEC_INFINITY ? due : due > now ? due - now : 0) >= 0);
}

static void on_wire_timer(void *userdata) {
        quic_wire *w = userdata;
        uint64_t now = p2p_loop_now(w->timer.loop);
        unsigned kept = 0;

        for (unsigned i = 0; i < w->n_held; i++) {
                struct quic_held h = w->held[i];

                if (h.due > now) {
                        w->held[kept++] = h;
                        continue;
                }
                pass(w, h.to_far, h.data, h.n);
                free(h.data);
        }
        w->n_held = kept;
        set_wire_timer(w);
}

static void hold(quic_wire *w, bool to_far, const uint8_t *data, size_t n, uint64_t delay) {
        struct quic_held *h;

        if (w->n_held == QUIC_WIRE_QUEUE)
                return;
        h = &w->held[w->n_held++];
        *h = (struct quic_held){ .due = p2p_loop_now(w->timer.loop) + delay,
                                 .to_far = to_far,
                                 .n = (unsigned) n,
                                 .data = malloc(n) };
        MUST(h->data);
        memcpy(h->data, data, n);
        set_wire_timer(w);
}

static void carry(quic_wire *w, bool to_far, const uint8_t *data, size_t n) {
        w->n++;
        if (w->cut || (w->passes && !w->passes(data, n, to_far)) || one_in(w, w->lose))
                return;
        for (unsigned copies = one_in(w, w->repeat) ? 2 : 1; copies > 0; copies--) {
                uint64_t delay = w->delay;

                if (one_in(w, w->reorder))
                        delay += 2000 + draw(w) % 4000;
                if (delay > 0)
                        hold(w, to_far, data, n, delay);
                else
                        pass(w, to_far, data, n);
        }
}

static void on_wire(quic_wire *w, bool from_near) {
        struct sockaddr_in from;
        socklen_t n_from = sizeof(from);
        uint8_t data[2048];
        ssize_t n;

        while ((n = recvfrom(from_near ? w->fd_near : w->fd_far, data, sizeof(data), MSG_DONTWAIT,
                             (struct sockaddr *) &from, &n_from)) >= 0) {
                if (from_near)
                        w->dialler = from;
                carry(w, from_near, data, (size_t) n);
        }
}

static void on_near(unsigned events, void *userdata) {
        (void) events;
        on_wire(userdata, true);
}

static void on_far(unsigned events, void *userdata) {
        (void) events;
        on_wire(userdata, false);
}

static int wire_socket(void) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), size = 8 << 20;

        MUST(fd >= 0 && bind(fd, (struct sockaddr *) &sa, sizeof(sa)) == 0);
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        return fd;
}

/* The dialler's address changes, as behind a NAT that forgot: what the listener sees. */
void quic_wire_rebind(quic_wire *w) {
        p2p_loop *loop = w->timer.loop;

        p2p_watch_free(w->far);
        close(w->fd_far);
        w->fd_far = wire_socket();
        MUST(p2p_watch_new(loop, w->fd_far, P2P_READABLE, on_far, w, &w->far) >= 0);
}

static void wire_init(quic_wire *w, p2p_loop *loop, const p2p_addr *listener) {
        struct sockaddr_storage ss;
        socklen_t n;

        *w = (quic_wire){ .fd_near = wire_socket(), .fd_far = wire_socket(), .random = 7 };
        MUST(p2p_addr_to_socket(listener, &ss, &n) >= 0);
        memcpy(&w->listener, &ss, sizeof(w->listener));
        MUST(p2p_watch_new(loop, w->fd_near, P2P_READABLE, on_near, w, &w->near) >= 0);
        MUST(p2p_watch_new(loop, w->fd_far, P2P_READABLE, on_far, w, &w->far) >= 0);
        p2p_timer_init(&w->timer, loop, on_wire_timer, w);
}

static void wire_done(quic_wire *w) {
        for (unsigned i = 0; i < w->n_held; i++)
                free(w->held[i].data);
        p2p_timer_stop(&w->timer);
        p2p_watch_free(w->near);
        p2p_watch_free(w->far);
        close(w->fd_near);
        close(w->fd_far);
}

/* ---- an end */

static void on_wake(void *userdata) {
        ((quic_end *) userdata)->n_woken++;
}

static void take(quic_end *end, p2p_raw *raw) {
        if (end->session) { /* a second one: tests look at the first */
                p2p_session_free(raw->session);
                p2p_addr_free(raw->remote);
                return;
        }
        end->session = raw->session;
        end->peer = raw->peer;
        end->remote = raw->remote;
        end->session->wake = &end->wake;
}

static void on_accept(p2p_raw *raw, void *userdata) {
        quic_end *end = userdata;

        if (raw->error >= 0) {
                take(end, raw);
                return;
        }
        MUST(!raw->session && raw->remote);
        end->n_failed++;
        end->failed_error = raw->error;
        end->failed_peer = raw->peer;
        p2p_addr_free(raw->remote);
}

static void on_dialled(p2p_raw *raw, int error, void *userdata) {
        quic_end *end = userdata;

        end->dial = NULL;
        end->done = true;
        end->error = error;
        if (raw)
                take(end, raw);
}

void quic_end_init(quic_end *end, p2p_loop *loop, uint8_t seed) {
        p2p_transport_options options = quic_pair_options;
        uint8_t bytes[32];

        memset(bytes, seed, sizeof(bytes));
        *end = (quic_end){ .loop = loop };
        MUST(p2p_identity_from_seed(bytes, &end->identity) >= 0);
        options.loop = loop;
        options.identity = end->identity;
        MUST(p2p_quic_transport.create(&options, &end->transport) >= 0);
        p2p_task_init(&end->wake, loop, on_wake, end);
}

void quic_end_done(quic_end *end) {
        if (end->dial)
                p2p_quic_transport.free_dial(end->dial);
        end->session = p2p_session_free(end->session);
        if (end->listener)
                p2p_quic_transport.free_listener(end->listener);
        p2p_quic_transport.destroy(end->transport);
        p2p_task_cancel(&end->wake);
        p2p_addr_free(end->remote);
        p2p_identity_free(end->identity);
}

void quic_end_listen(quic_end *end, const char *text) {
        p2p_addr *addr;

        MUST(p2p_addr_parse(text, &addr) >= 0);
        MUST(p2p_quic_transport.listen(end->transport, addr, -1, on_accept, end, &end->listener) >= 0);
        p2p_addr_free(addr);
}

void quic_end_dial(quic_end *end, const p2p_peer_id *peer, const p2p_addr *addr) {
        end->done = false;
        MUST(p2p_quic_transport.dial(end->transport, peer, addr, on_dialled, end, &end->dial) >= 0);
}

/* ---- the pair */

void quic_pair_init(quic_pair *p) {
        struct sockaddr_in sa;
        socklen_t n = sizeof(sa);
        const p2p_addr *listen;

        *p = (quic_pair){};
        MUST(p2p_loop_new_manual(&p->loop) >= 0);
        quic_end_init(&p->a, p->loop, 1);
        quic_end_init(&p->b, p->loop, 2);
        quic_end_listen(&p->b, "/ip4/127.0.0.1/udp/0/quic-v1");
        listen = p2p_quic_transport.listen_addr(p->b.listener);
        wire_init(&p->wire, p->loop, listen);
        MUST(getsockname(p->wire.fd_near, (struct sockaddr *) &sa, &n) == 0);
        MUST(p2p_addr_with_socket(listen, (struct sockaddr *) &sa, &p->addr) >= 0);
}

void quic_pair_dial(quic_pair *p) {
        quic_end_dial(&p->a, p2p_identity_peer_id(p->b.identity), p->addr);
}

void quic_pair_connect(quic_pair *p) {
        quic_pair_dial(p);
        for (unsigned i = 0; i < 2000 && !(p->a.done && p->b.session); i++)
                quic_pair_run(p, 10000);
}

void quic_pair_done(quic_pair *p) {
        quic_end_done(&p->a);
        quic_end_done(&p->b);
        wire_done(&p->wire);
        p2p_addr_free(p->addr);
        p2p_loop_free(p->loop);
}

void quic_pair_run(quic_pair *p, uint64_t usec) {
        MUST(p2p_loop_advance(p->loop, usec) >= 0);
}

void quic_pair_stream(quic_end *from, quic_end *to, p2p_loop *loop, p2p_channel **ret_near,
                      p2p_channel **ret_far) {
        uint8_t byte = 'x';

        MUST(from->session->ops->open(from->session, ret_near) >= 0);
        MUST(p2p_channel_write(*ret_near, &byte, 1) == 1);
        for (unsigned i = 0; i < 1000; i++) {
                MUST(p2p_loop_advance(loop, 10000) >= 0);
                if (to->session->ops->accept(to->session, ret_far) == 1)
                        break;
        }
        MUST(*ret_far && p2p_channel_read(*ret_far, &byte, 1) == 1 && byte == 'x');
}
