/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Limits on who comes in: handshakes in flight from plain sockets out of 127.0.0.0/8, and connections of real nodes. */

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/talk.h"

#define OTHERS_MAX 9u

typedef struct world {
        p2p_loop *loop;
        node us, others[OTHERS_MAX];
        unsigned n_others;
        p2p_host_limits limits;
        int fds[16];
        unsigned n_fds;
        p2p_stream *came[17];
        unsigned n_came;
} world;

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        w->limits = P2P_HOST_LIMITS_DEFAULT;
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        while (w->n_fds > 0)
                (void) close(w->fds[--w->n_fds]);
        while (w->n_came > 0)
                p2p_stream_free(w->came[--w->n_came]);
        while (w->n_others > 0)
                node_stop(&w->others[--w->n_others]);
        node_stop(&w->us);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static void start(world *w) {
        node_start(&w->us, w->loop, 1, &(node_options){ .limits = &w->limits });
}

static void come_from(world *w, const char *ip) {
        struct sockaddr_in from = { .sin_family = AF_INET };
        struct sockaddr_storage to;
        socklen_t n;
        int fd;

        assert_int_equal(inet_pton(AF_INET, ip, &from.sin_addr), 1);
        assert_int_equal(p2p_addr_to_tcp(p2p_host_listen_addr(w->us.host, 0), &to, &n), 0);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &from, sizeof(from)), 0);
        assert_int_equal(connect(fd, (struct sockaddr *) &to, n), 0);
        w->fds[w->n_fds++] = fd;
        p2p_loop_settle(w->loop);
}

static unsigned n_alive(world *w, unsigned from, unsigned n) {
        unsigned alive = 0;

        for (unsigned i = from; i < from + n; i++) {
                char c[256];
                ssize_t k;

                while ((k = recv(w->fds[i], c, sizeof(c), MSG_DONTWAIT)) > 0)
                        ;
                alive += k < 0 && errno == EAGAIN;
        }
        return alive;
}

static void handshakes_of_one_prefix_are_limited(void **state) {
        world *w = *state;

        w->limits.half_open_per_prefix = 3;
        start(w);
        come_from(w, "127.0.5.1");
        come_from(w, "127.0.5.77");
        come_from(w, "127.0.5.255");
        assert_int_equal(n_alive(w, 0, 3), 3);
        come_from(w, "127.0.5.3");
        assert_int_equal(n_alive(w, 0, 4), 3); /* the newcomer replaced one: a flood does not shut the door */
        assert_int_equal(n_alive(w, 3, 1), 1);
        come_from(w, "127.0.6.3"); /* another /24 */
        assert_int_equal(n_alive(w, 0, 5), 4);
}

static void handshakes_in_all_are_limited(void **state) {
        world *w = *state;

        w->limits.half_open = 4;
        w->limits.half_open_per_prefix = 0;
        start(w);
        come_from(w, "127.0.7.1");
        for (unsigned i = 0; i < 3; i++)
                come_from(w, "127.0.5.1");
        assert_int_equal(n_alive(w, 0, 4), 4);
        come_from(w, "127.0.6.1");
        assert_int_equal(n_alive(w, 0, 5), 4);
        assert_int_equal(n_alive(w, 4, 1), 1);
}

static void a_silent_handshake_ends_after_fifteen_seconds(void **state) {
        world *w = *state;

        start(w);
        come_from(w, "127.0.5.1");
        p2p_loop_advance(w->loop, 14900 * USEC_PER_MSEC);
        assert_int_equal(n_alive(w, 0, 1), 1);
        p2p_loop_advance(w->loop, 200 * USEC_PER_MSEC);
        assert_int_equal(n_alive(w, 0, 1), 0);
        assert_int_equal(w->us.n_refused, 1);
        assert_int_equal(w->us.refuse_error, -ETIMEDOUT);
}

static void garbage_is_refused(void **state) {
        world *w = *state;

        start(w);
        come_from(w, "127.0.5.1");
        assert_int_equal(send(w->fds[0], "\x05" "hello", 6, 0), 6); /* a token without its newline */
        for (unsigned i = 0; i < 100 && n_alive(w, 0, 1) > 0; i++)
                (void) p2p_loop_turn(w->loop, 10 * USEC_PER_MSEC);
        assert_int_equal(n_alive(w, 0, 1), 0);
        assert_int_equal(w->us.n_opened, 0);
        assert_int_equal(w->us.n_refused, 1);
}

typedef struct meeting {
        world *w;
        unsigned want;
        bool done;
} meeting;

static void on_dialled(p2p_conn *conn _unused_, int error _unused_, void *userdata) {
        ((meeting *) userdata)->done = true;
}

static bool is_over(void *userdata) {
        meeting *m = userdata;

        return m->done && m->w->us.n_opened + m->w->us.n_refused >= m->want;
}

/* One more node with this seed, connected to us (or refused). */
static node *meet(world *w, uint8_t seed) {
        node *other = &w->others[w->n_others++];
        meeting m = { .w = w, .want = w->us.n_opened + w->us.n_refused + 1 };
        p2p_dial *dial;

        node_start(other, w->loop, seed, &(node_options){ .silent = true });
        node_introduce(&w->us, other);
        assert_int_equal(p2p_dial_new(other->host, node_id(&w->us), 5 * USEC_PER_SEC, on_dialled, &m, &dial), 0);
        assert_true(loop_until(w->loop, is_over, &m));
        return other;
}

static bool is_closed(void *userdata) {
        return ((node *) userdata)->n_closed > 0;
}

static void eight_connections_of_a_peer_are_kept(void **state) {
        world *w = *state;
        node *ninth;

        start(w);
        for (unsigned i = 0; i < 8; i++)
                (void) meet(w, 5);
        assert_int_equal(w->us.n_opened, 8);
        ninth = meet(w, 5);
        assert_true(loop_until(w->loop, is_closed, ninth));
        assert_int_equal(w->us.n_opened, 8);
        assert_int_equal(w->us.refuse_error, -ENOBUFS);
        assert_int_equal(ninth->close_code, P2P_CONN_RESOURCE_LIMIT_EXCEEDED);
        assert_int_equal(w->us.n_closed, 0);
}

static void connections_of_one_address_are_limited(void **state) {
        world *w = *state;

        w->limits.conns_per_ip = 2;
        start(w);
        (void) meet(w, 5);
        (void) meet(w, 6);
        assert_int_equal(w->us.n_opened, 2);
        (void) meet(w, 7);
        assert_int_equal(w->us.n_opened, 2);
        assert_int_equal(w->us.refuse_error, -ENOBUFS);
}

static bool two_identified(void *userdata) {
        return ((node *) userdata)->n_identified == 2;
}

static void a_full_host_gives_up_the_oldest_unused(void **state) {
        world *w = *state;
        node *first, *second;

        w->limits.conns = 2;
        start(w);
        first = meet(w, 5);
        second = meet(w, 6);
        assert_true(loop_until(w->loop, two_identified, &w->us));
        (void) p2p_loop_advance(w->loop, 10 * USEC_PER_SEC);
        p2p_conn_pin(p2p_host_find_conn(w->us.host, node_id(first)));
        (void) meet(w, 7);
        assert_true(loop_until(w->loop, is_closed, second));
        assert_int_equal(second->close_code, P2P_CONN_GARBAGE_COLLECTED);
        assert_int_equal(first->n_closed, 0);
        assert_int_equal(w->us.n_opened, 3);
}

static void on_stream(p2p_stream *stream, void *userdata) {
        world *w = userdata;

        assert_true(w->n_came < ELEMENTSOF(w->came));
        w->came[w->n_came++] = stream;
}

static bool sixteen_came(void *userdata) {
        return ((world *) userdata)->n_came == 16;
}

static void sixteen_streams_of_a_connection_are_taken(void **state) {
        static talk t[17];
        world *w = *state;
        node *other;

        start(w);
        assert_int_equal(p2p_host_handle(w->us.host, "/mute/1", on_stream, w), 0);
        other = meet(w, 5);
        (void) p2p_loop_advance(w->loop, 10 * USEC_PER_SEC); /* identify is over */
        for (unsigned i = 0; i < 16; i++)
                talk_open_lazily(&t[i], other, node_id(&w->us), "/mute/1");
        assert_true(loop_until(w->loop, sixteen_came, w));
        talk_open_lazily(&t[16], other, node_id(&w->us), "/mute/1");
        (void) talk_hear(&t[16], 1);
        assert_int_equal(t[16].error, -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(p2p_stream_channel(t[16].stream)), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        talk_close(&t[16]);
        p2p_stream_free(w->came[--w->n_came]); /* one goes, another may come */
        talk_close(&t[0]);
        p2p_loop_settle(w->loop);
        talk_open_lazily(&t[16], other, node_id(&w->us), "/mute/1");
        assert_true(loop_until(w->loop, sixteen_came, w));
        for (unsigned i = 0; i < 17; i++)
                talk_close(&t[i]);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(handshakes_of_one_prefix_are_limited),
                T(handshakes_in_all_are_limited),
                T(a_silent_handshake_ends_after_fifteen_seconds),
                T(garbage_is_refused),
                T(eight_connections_of_a_peer_are_kept),
                T(connections_of_one_address_are_limited),
                T(a_full_host_gives_up_the_oldest_unused),
                T(sixteen_streams_of_a_connection_are_taken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
