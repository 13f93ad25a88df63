/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A far side that is let in and then keeps us busy: streams without end, addresses without end, ids without
 * end. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/error.h>

#include "quic/quic-internal.h"
#include "tests/support/quic-pair.h"

#define SECOND USEC_PER_SEC

static quic_conn *conn_of(const quic_end *end) {
        return container_of(end->session, quic_conn, session);
}

static int error_of(const quic_end *end, uint32_t *ret_code) {
        return end->session->ops->error(end->session, ret_code);
}

/* What is allowed again is, at whole seconds and their shares. */
static void setup(quic_pair *p) {
        quic_pair_init(p);
        quic_pair_connect(p);
        assert_int_equal(p->a.error, 0);
        quic_pair_run(p, 2 * SECOND - p2p_loop_now(p->loop) % SECOND);
}

/* ---- streams */

static p2p_channel *open_one(quic_pair *p) {
        p2p_channel *near;

        assert_int_equal(p->a.session->ops->open(p->a.session, &near), 0);
        assert_int_equal(p2p_channel_write(near, "x", 1), 1);
        assert_int_equal(p2p_loop_settle(p->loop), 0);
        return near;
}

static void open_and_reset(quic_pair *p, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                p2p_channel *near = open_one(p);

                p2p_channel_reset(near, P2P_STREAM_NO_ERROR);
                p2p_channel_free(near);
                assert_int_equal(p2p_loop_settle(p->loop), 0);
        }
}

/* What is known of HTTP/2 as rapid reset: each costs the sender a few bytes, and its limit of streams is
 * never reached. */
static void streams_that_come_and_go_end_the_connection(void **state) {
        uint32_t code = 0;
        quic_pair p;

        (void) state;
        setup(&p);
        open_and_reset(&p, 100);
        assert_int_equal(error_of(&p.b, NULL), 0);
        assert_true(p2p_list_is_empty(&conn_of(&p.b)->incoming)); /* nobody above has to look at them */
        open_and_reset(&p, 1);
        assert_int_equal(error_of(&p.b, NULL), -EMSGSIZE);
        assert_int_equal(error_of(&p.a, &code), -ECONNRESET);
        assert_int_equal(code, P2P_CONN_RESOURCE_LIMIT_EXCEEDED);
        quic_pair_done(&p);
}

static void a_hundred_a_second_may(void **state) {
        quic_pair p;

        (void) state;
        setup(&p);
        open_and_reset(&p, 100);
        quic_pair_run(&p, SECOND / 10);
        open_and_reset(&p, 10);
        assert_int_equal(error_of(&p.b, NULL), 0);
        open_and_reset(&p, 1);
        assert_int_equal(error_of(&p.b, NULL), -EMSGSIZE);
        quic_pair_done(&p);
}

static void who_changes_its_mind_later_is_no_flood(void **state) {
        p2p_channel *near[200];
        quic_pair p;

        (void) state;
        setup(&p);
        for (unsigned i = 0; i < 200; i++)
                near[i] = open_one(&p);
        quic_pair_run(&p, SECOND);
        for (unsigned i = 0; i < 200; i++)
                p2p_channel_free(near[i]);
        quic_pair_run(&p, SECOND);
        assert_int_equal(error_of(&p.b, NULL), 0);
        assert_int_equal(conn_of(&p.b)->n_streams, 0);
        quic_pair_done(&p);
}

/* Our STOP_SENDING is answered with a reset by the far side's library. */
static void streams_that_we_end_are_no_flood(void **state) {
        p2p_channel *near[100], *far;
        quic_pair p;

        (void) state;
        setup(&p);
        for (unsigned k = 0; k < 4; k++) {
                for (unsigned i = 0; i < 100; i++) {
                        near[i] = open_one(&p);
                        far = NULL;
                        assert_int_equal(p.b.session->ops->accept(p.b.session, &far), 1);
                        if (k % 2 == 0) /* an answer, and an end */
                                assert_int_equal(p2p_channel_shutdown(far), 0);
                        p2p_channel_free(far);
                        assert_int_equal(p2p_loop_settle(p.loop), 0);
                }
                for (unsigned i = 0; i < 100; i++)
                        p2p_channel_free(near[i]);
                assert_int_equal(p2p_loop_settle(p.loop), 0);
        }
        assert_int_equal(error_of(&p.b, NULL), 0);
        assert_int_equal(conn_of(&p.b)->cycles.used, 0);
        quic_pair_done(&p);
}

/* Beyond a limit that was lowered: what we reset ourselves costs as much. */
static void streams_that_are_refused_count(void **state) {
        p2p_channel *near[101];
        quic_pair p;

        (void) state;
        setup(&p);
        p.b.session->ops->set_stream_limit(p.b.session, 0);
        for (unsigned i = 0; i < 100; i++)
                near[i] = open_one(&p);
        assert_int_equal(error_of(&p.b, NULL), 0);
        near[100] = open_one(&p);
        assert_int_equal(error_of(&p.b, NULL), -EMSGSIZE);
        for (unsigned i = 0; i < 101; i++)
                p2p_channel_free(near[i]);
        quic_pair_done(&p);
}

/* ---- addresses */

static in_port_t believed(const quic_end *end) {
        return ((struct sockaddr_in *) ngtcp2_conn_get_path(conn_of(end)->lib)->remote.addr)->sin_port;
}

static in_port_t port_of(int fd) {
        struct sockaddr_in a;
        socklen_t n = sizeof(a);

        assert_int_equal(getsockname(fd, (struct sockaddr *) &a, &n), 0);
        return a.sin_port;
}

static bool moves(quic_pair *p, p2p_channel *near) {
        quic_wire_rebind(&p->wire);
        assert_int_equal(p2p_channel_write(near, "m", 1), 1);
        assert_int_equal(p2p_loop_settle(p->loop), 0);
        return believed(&p->b) == port_of(p->wire.fd_far);
}

static void who_moves_all_the_time_is_followed_for_a_while(void **state) {
        p2p_channel *near, *far = NULL;
        uint8_t bytes[16];
        quic_pair p;

        (void) state;
        setup(&p);
        quic_pair_stream(&p.a, &p.b, p.loop, &near, &far);
        quic_pair_run(&p, 2 * SECOND - p2p_loop_now(p.loop) % SECOND);
        for (unsigned i = 0; i < 8; i++)
                assert_true(moves(&p, near));
        assert_int_equal(p2p_channel_read(far, bytes, sizeof(bytes)), 8);
        assert_false(moves(&p, near));
        assert_int_equal(p2p_channel_read(far, bytes, sizeof(bytes)), -EAGAIN); /* not even heard */
        assert_int_equal(error_of(&p.b, NULL), 0);

        quic_pair_run(&p, SECOND * 9 / 10); /* one a second */
        assert_true(believed(&p.b) != port_of(p.wire.fd_far));
        quic_pair_run(&p, 5 * SECOND); /* and what was lost meanwhile comes again */
        assert_true(believed(&p.b) == port_of(p.wire.fd_far));
        assert_int_equal(p2p_channel_read(far, bytes, sizeof(bytes)), 1);
        assert_int_equal(error_of(&p.b, NULL), 0);
        p2p_channel_free(near);
        p2p_channel_free(far);
        quic_pair_done(&p);
}

/* Whoever sees our datagrams can say them again from anywhere. It does not keep the far side from moving. */
static void what_cannot_be_deciphered_moves_nobody(void **state) {
        uint8_t noise[1200] = { 0x40 };
        p2p_channel *near, *far = NULL;
        quic_arrival a = {};
        quic_conn *c;
        quic_pair p;

        (void) state;
        setup(&p);
        quic_pair_stream(&p.a, &p.b, p.loop, &near, &far);
        c = conn_of(&p.b);
        a.local = c->local;
        for (unsigned i = 0; i < 100; i++) {
                a.remote.in = (struct sockaddr_in) { .sin_family = AF_INET, .sin_port = htons(1000 + i),
                                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
                assert_int_equal(quic_conn_receive(c, &a, P2P_VIEW(noise, sizeof(noise))), 0);
        }
        assert_int_equal(error_of(&p.b, NULL), 0);
        assert_int_equal(c->moves.used, 0);
        assert_true(moves(&p, near));
        p2p_channel_free(near);
        p2p_channel_free(far);
        quic_pair_done(&p);
}

/* ---- ids */

/* The library asks for a new one for each that the far side retires. */
static void ids_are_given_out_slowly(void **state) {
        uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN];
        unsigned n = 0, first;
        ngtcp2_cid cid;
        quic_conn *c;
        quic_pair p;

        (void) state;
        setup(&p);
        quic_pair_run(&p, 10 * SECOND); /* those of the beginning are forgotten */
        c = conn_of(&p.b);
        while (quic_server_callbacks.get_new_connection_id(c->lib, &cid, token, QUIC_CID_SIZE, c) == 0)
                n++;
        assert_int_equal(n, 256);
        quic_pair_run(&p, SECOND);
        first = n;
        while (quic_server_callbacks.get_new_connection_id(c->lib, &cid, token, QUIC_CID_SIZE, c) == 0)
                n++;
        assert_int_equal(n - first, 128);
        assert_int_equal(c->refusal, -EMSGSIZE);
        quic_conn_on_error(c, NGTCP2_ERR_CALLBACK_FAILURE);
        assert_int_equal(error_of(&p.b, NULL), -EMSGSIZE);
        quic_pair_done(&p);
}

/* How many of theirs we keep: what makes us retire them is bounded with it, by the library. */
static void few_ids_of_theirs_are_kept(void **state) {
        quic_pair p;

        (void) state;
        setup(&p);
        assert_int_equal(
                ngtcp2_conn_get_remote_transport_params(conn_of(&p.a)->lib)->active_connection_id_limit, 4);
        quic_pair_done(&p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(streams_that_come_and_go_end_the_connection),
                cmocka_unit_test(a_hundred_a_second_may),
                cmocka_unit_test(who_changes_its_mind_later_is_no_flood),
                cmocka_unit_test(streams_that_we_end_are_no_flood),
                cmocka_unit_test(streams_that_are_refused_count),
                cmocka_unit_test(who_moves_all_the_time_is_followed_for_a_while),
                cmocka_unit_test(what_cannot_be_deciphered_moves_nobody),
                cmocka_unit_test(ids_are_given_out_slowly),
                cmocka_unit_test(few_ids_of_theirs_are_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
