/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The limits of QUIC, each by its number: what a far side can have us hold, and how long. */

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "quic/quic-internal.h"
#include "tests/support/quic-pair.h"

#define SECOND USEC_PER_SEC
#define KIB 1024u
#define MIB (1024u * 1024u)

/* The socket that is never empty: each call brings four datagrams that nobody answers. */
static int full_fd = -1;
static size_t n_read;

int recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *timeout) {
        int (*real)(int, struct mmsghdr *, unsigned, int, struct timespec *) = dlsym(RTLD_NEXT, __func__);

        if (fd != full_fd)
                return real(fd, m, n, flags, timeout);
        for (unsigned i = 0; i < n; i++) {
                memset(m[i].msg_hdr.msg_iov->iov_base, 0, 1200);
                *(uint8_t *) m[i].msg_hdr.msg_iov->iov_base = 0xc0; /* a version negotiation */
                m[i].msg_len = 1200;
                m[i].msg_hdr.msg_controllen = 0;
                n_read += 1200;
        }
        return (int) n;
}

/* What a far side says of its patience: not less than we would have. */
const ngtcp2_transport_params *ngtcp2_conn_get_remote_transport_params(ngtcp2_conn *lib) {
        static ngtcp2_transport_params params;
        const ngtcp2_transport_params *(*real)(ngtcp2_conn *) = dlsym(RTLD_NEXT, __func__);

        params = *real(lib);
        params.max_idle_timeout = 300 * NGTCP2_SECONDS;
        return &params;
}

static quic_conn *conn_of(const quic_end *end) {
        return container_of(end->session, quic_conn, session);
}

static quic_endpoint *endpoint_of(const quic_end *end) {
        return ((quic_listener *) end->listener)->endpoint;
}

static int error_of(const quic_end *end) {
        return end->session->ops->error(end->session, NULL);
}

static void setup(quic_pair *p) {
        quic_pair_init(p);
        quic_pair_connect(p);
        assert_int_equal(p->a.error, 0);
}

/* Writes until nothing more is taken. */
static size_t fill(p2p_channel *c) {
        static const uint8_t block[64 * KIB];
        size_t total = 0;
        ssize_t n;

        while ((n = p2p_channel_write(c, block, sizeof(block))) > 0)
                total += (size_t) n;
        assert_int_equal(n, -EAGAIN);
        return total;
}

/* A stream of which nothing is read, as full as it gets. */
static void fill_window(quic_pair *p, p2p_channel **ret_near, p2p_channel **ret_far) {
        quic_pair_stream(&p->a, &p->b, p->loop, ret_near, ret_far);
        for (unsigned i = 0; i < 100; i++) {
                (void) fill(*ret_near);
                quic_pair_run(p, 10000);
        }
}

/* ---- time */

static void silence_ends_after_thirty_seconds(void **state) {
        quic_pair p;

        (void) state;
        setup(&p);
        quic_pair_run(&p, SECOND);
        p.wire.cut = true;
        /* what was heard last, and what was sent last and not answered */
        quic_pair_run(&p, 28 * SECOND);
        assert_int_equal(error_of(&p.b), 0);
        quic_pair_run(&p, 17 * SECOND);
        assert_int_equal(error_of(&p.a), -ETIMEDOUT);
        assert_int_equal(error_of(&p.b), -ETIMEDOUT);
        quic_pair_done(&p);
}

static void it_is_broken_every_fifteen_seconds(void **state) {
        uint64_t n;
        quic_pair p;

        (void) state;
        setup(&p);
        quic_pair_run(&p, 5 * SECOND);
        n = p.wire.n;
        quic_pair_run(&p, 16 * SECOND);
        assert_true(p.wire.n > n);
        quic_pair_done(&p);
}

static void a_handshake_may_take_ten_seconds(void **state) {
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        p.wire.cut = true;
        quic_pair_dial(&p);
        quic_pair_run(&p, 9 * SECOND);
        assert_false(p.a.done);
        quic_pair_run(&p, 2 * SECOND);
        assert_int_equal(p.a.error, -ETIMEDOUT);
        quic_pair_done(&p);
}

static void a_closed_stream_delivers_for_a_minute(void **state) {
        p2p_channel *near, *far = NULL;
        quic_pair p;

        (void) state;
        setup(&p);
        fill_window(&p, &near, &far);
        assert_int_equal(p2p_channel_shutdown(near), 0);
        p2p_channel_free(near); /* most of it is held by the window of who reads nothing */
        quic_pair_run(&p, 59 * SECOND);
        assert_int_equal(p.a.session->ops->n_streams(p.a.session), 1);
        quic_pair_run(&p, 2 * SECOND);
        assert_int_equal(p.a.session->ops->n_streams(p.a.session), 0);
        p2p_channel_free(far);
        quic_pair_done(&p);
}

/* ---- windows and bytes */

static void a_stream_is_sent_half_a_mebibyte_unread(void **state) {
        p2p_channel *near, *far = NULL;
        quic_pair p;

        (void) state;
        setup(&p);
        fill_window(&p, &near, &far);
        /* of which a byte was read, when it came */
        assert_in_range(p2p_quic_buffered(p.b.session), 512 * KIB - 1, 512 * KIB);
        p2p_channel_free(near);
        p2p_channel_free(far);
        quic_pair_done(&p);
}

static void windows_grow_to_their_limits(void **state) {
        quic_conn *c;
        quic_pair p;

        (void) state;
        quic_pair_options.conn_buffer = 1024 * MIB;
        setup(&p);
        c = conn_of(&p.b);
        assert_int_equal(c->window, 768 * KIB);
        assert_int_equal(ngtcp2_conn_get_max_data_left(conn_of(&p.a)->lib), 768 * KIB);
        assert_int_equal(c->window_max, 16 * MIB);
        p.b.session->ops->allow_large_windows(p.b.session);
        assert_int_equal(c->window_max, 64 * MIB);
        quic_pair_options.conn_buffer = 64 * MIB;
        quic_pair_done(&p);
}

static void all_windows_together_are_bounded(void **state) {
        quic_transport *t;
        quic_conn *c;
        quic_pair p;

        (void) state;
        setup(&p);
        c = conn_of(&p.b);
        t = p.b.transport;
        t->windows += 128 * MIB - 1000; /* of other connections */
        quic_conn_widen(c, 768 * KIB + 1001);
        assert_int_equal(c->window, 768 * KIB);
        quic_conn_widen(c, 768 * KIB + 1000);
        assert_int_equal(c->window, 768 * KIB + 1000);
        assert_int_equal(t->windows, 128 * MIB);
        p.b.session = p2p_session_free(p.b.session);
        assert_int_equal(t->windows, 128 * MIB - 1000); /* an end gives back what it had */
        quic_pair_done(&p);
}

static void what_waits_to_be_sent_is_bounded(void **state) {
        enum { N = 40 };
        p2p_channel *c[N];
        quic_pair p;

        (void) state;
        setup(&p);
        for (unsigned i = 0; i < N; i++) {
                assert_int_equal(p.a.session->ops->open(p.a.session, &c[i]), 0);
                /* 8 MiB in all, and then crumbs */
                assert_int_equal(fill(c[i]), i < 32 ? 256 * KIB : 4 * KIB);
        }
        for (unsigned i = 0; i < N; i++)
                p2p_channel_free(c[i]);
        assert_int_equal(conn_of(&p.a)->unsent, 0);
        quic_pair_done(&p);
}

static void the_limit_of_streams_has_one(void **state) {
        quic_pair p;

        (void) state;
        setup(&p);
        p.b.session->ops->set_stream_limit(p.b.session, 1u << 20);
        quic_pair_run(&p, SECOND);
        assert_int_equal(ngtcp2_conn_get_streams_bidi_left(conn_of(&p.a)->lib), 65536);
        quic_pair_done(&p);
}

static void three_unidirectional_streams_are_theirs(void **state) {
        int64_t id;
        quic_pair p;

        (void) state;
        setup(&p);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(ngtcp2_conn_open_uni_stream(conn_of(&p.a)->lib, &id, NULL), 0);
        assert_true(ngtcp2_conn_open_uni_stream(conn_of(&p.a)->lib, &id, NULL) != 0);
        quic_pair_done(&p);
}

/* ---- the socket */

static void a_turn_reads_so_much(void **state) {
        quic_endpoint *e;
        quic_pair p;

        (void) state;
        setup(&p);
        e = endpoint_of(&p.b);
        quic_endpoint_send(e, &e->udp.bound, &e->udp.bound, P2P_VIEW_STR("wakes it up"));
        n_read = 0;
        full_fd = e->udp.fd;
        assert_true(p2p_loop_turn(p.loop, 0) >= 0);
        full_fd = -1;
        assert_in_range(n_read, 256 * KIB, 256 * KIB + QUIC_UDP_MESSAGES * 1200);
        quic_pair_done(&p);
}

static void the_dead_are_forgotten(void **state) {
        quic_pair p;

        (void) state;
        setup(&p);
        for (unsigned i = 0; i < 2000; i++)
                quic_tomb_new(conn_of(&p.b), P2P_VIEW_STR("a last word"));
        assert_int_equal(p2p_quic_n_tombs(p.b.transport), 1024);
        quic_pair_run(&p, 3 * SECOND - 1);
        assert_int_equal(p2p_quic_n_tombs(p.b.transport), 1024);
        quic_pair_run(&p, 1);
        assert_int_equal(p2p_quic_n_tombs(p.b.transport), 0);
        quic_pair_done(&p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(silence_ends_after_thirty_seconds),
                cmocka_unit_test(it_is_broken_every_fifteen_seconds),
                cmocka_unit_test(a_handshake_may_take_ten_seconds),
                cmocka_unit_test(a_closed_stream_delivers_for_a_minute),
                cmocka_unit_test(a_stream_is_sent_half_a_mebibyte_unread),
                cmocka_unit_test(windows_grow_to_their_limits),
                cmocka_unit_test(all_windows_together_are_bounded),
                cmocka_unit_test(what_waits_to_be_sent_is_bounded),
                cmocka_unit_test(the_limit_of_streams_has_one),
                cmocka_unit_test(three_unidirectional_streams_are_theirs),
                cmocka_unit_test(a_turn_reads_so_much),
                cmocka_unit_test(the_dead_are_forgotten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
