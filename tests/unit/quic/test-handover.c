/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * When a QUIC connection is handed over: each side as soon as TLS is over there. A dial takes one round
 * trip, the first answer on a stream two; what the server says about us afterwards reaches whoever holds the
 * session.
 */

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>

#include <p2p/error.h>

#include "quic/quic-internal.h"
#include "tests/support/quic-pair.h"

#define WAY    (50 * USEC_PER_MSEC) /* from one end to the other */
#define SLACK  (2 * USEC_PER_MSEC)
#define SECOND USEC_PER_SEC

/* Servers find no certificate of the client. Ours is the first definition that the library finds. */
static bool blind;

const gnutls_datum_t *gnutls_certificate_get_peers(gnutls_session_t session, unsigned *n) {
        const gnutls_datum_t *(*real)(gnutls_session_t, unsigned *) = dlsym(RTLD_NEXT, __func__);
        ngtcp2_crypto_conn_ref *ref = gnutls_session_get_ptr(session);

        return blind && !((quic_conn *) ref->user_data)->is_client ? NULL : real(session, n);
}

static int setup(void **state) {
        static quic_pair pair;

        quic_pair_init(&pair);
        pair.wire.delay = WAY;
        *state = &pair;
        return 0;
}

static int teardown(void **state) {
        quic_pair_done(*state);
        blind = false;
        return 0;
}

static quic_conn *conn_of(const quic_end *end) {
        return container_of(end->session, quic_conn, session);
}

static void write_byte(p2p_channel *channel) {
        assert_int_equal(p2p_channel_write(channel, "x", 1), 1);
}

static void read_byte(p2p_channel *channel) {
        uint8_t byte = 0;

        assert_int_equal(p2p_channel_read(channel, &byte, 1), 1);
        assert_int_equal(byte, 'x');
}

static void a_dial_takes_one_round_trip_and_the_first_answer_two(void **state) {
        quic_pair *p = *state;
        p2p_channel *near, *far = NULL;

        quic_pair_dial(p);
        quic_pair_run(p, 2 * WAY - SLACK);
        assert_false(p->a.done);
        quic_pair_run(p, 2 * SLACK);
        assert_true(p->a.done);
        assert_int_equal(p->a.error, 0);
        assert_true(p2p_peer_id_equal(&p->a.peer, p2p_identity_peer_id(p->b.identity)));
        assert_null(conn_of(&p->a)->tls); /* 16 KiB that nobody needs any more */
        assert_false(conn_of(&p->a)->is_confirmed);
        assert_null(p->b.session);

        assert_int_equal(p->a.session->ops->open(p->a.session, &near), 0);
        write_byte(near);
        quic_pair_run(p, WAY);
        assert_non_null(p->b.session);
        assert_true(conn_of(&p->b)->is_confirmed);
        assert_int_equal(p->b.session->ops->accept(p->b.session, &far), 1);
        read_byte(far);
        write_byte(far);
        quic_pair_run(p, WAY);
        read_byte(near);
        assert_true(conn_of(&p->a)->is_confirmed);
        p2p_channel_free(near);
        p2p_channel_free(far);
}

/* As with TLS over a channel: connected, then told. */
static void a_refused_certificate_is_told_to_who_holds_the_session(void **state) {
        quic_pair *p = *state;
        p2p_channel *near, *late;
        uint32_t code = 1;
        uint8_t byte;

        blind = true;
        quic_pair_dial(p);
        quic_pair_run(p, 2 * WAY + SLACK);
        assert_int_equal(p->a.error, 0);
        assert_int_equal(p->a.session->ops->open(p->a.session, &near), 0);
        write_byte(near);
        quic_pair_run(p, 2 * WAY);
        assert_true(p->a.n_woken > 0);
        assert_int_equal(p->a.session->ops->error(p->a.session, &code), -EKEYREJECTED);
        assert_int_equal(code, 0);
        assert_int_equal(p2p_channel_read(near, &byte, 1), -EKEYREJECTED);
        assert_int_equal(p2p_channel_write(near, "x", 1), -EKEYREJECTED);
        assert_int_equal(p2p_channel_shutdown(near), -EKEYREJECTED);
        assert_int_equal(p->a.session->ops->open(p->a.session, &late), -EKEYREJECTED);
        assert_null(p->b.session);
        assert_int_equal(p2p_quic_n_half_open(p->b.transport), 0);
        p2p_channel_free(near);
}

static void a_gate_is_told_with_its_code(void **state) {
        quic_pair *p = *state;
        p2p_channel *near;
        uint32_t code = 0;
        uint8_t byte;

        quic_pair_dial(p);
        quic_pair_run(p, 2 * WAY + SLACK);
        assert_int_equal(p->a.session->ops->open(p->a.session, &near), 0);
        write_byte(near);
        while (!p->b.session)
                quic_pair_run(p, SLACK / 4);
        p->b.session->ops->close(p->b.session, P2P_CONN_GATED);
        quic_pair_run(p, 2 * WAY);
        assert_int_equal(p->a.session->ops->error(p->a.session, &code), -ECONNRESET);
        assert_int_equal(code, P2P_CONN_GATED);
        assert_int_equal(p2p_channel_read(near, &byte, 1), -ECONNRESET);
        p2p_channel_free(near);
}

static void close_at_once(p2p_raw *raw, int error, void *userdata) {
        assert_int_equal(error, 0);
        raw->session->ops->close(raw->session, P2P_CONN_GATED);
        p2p_session_free(raw->session);
        *(bool *) userdata = true;
}

/* Our proof has not even left when we go. */
static void what_is_closed_at_once_says_its_code(void **state) {
        quic_pair *p = *state;
        uint32_t code = 0;
        bool done = false;
        void *dial_of_ours;

        assert_int_equal(p2p_quic_transport.dial(p->a.transport, p2p_identity_peer_id(p->b.identity),
                                                 p->addr, close_at_once, &done, &dial_of_ours),
                         0);
        quic_pair_run(p, 4 * WAY);
        assert_true(done);
        assert_non_null(p->b.session);
        assert_int_equal(p->b.session->ops->error(p->b.session, &code), -ECONNRESET);
        assert_int_equal(code, P2P_CONN_GATED);
}

/* Our proof is lost, and sent anew; what came ahead of it waits there. */
static void a_lost_proof_is_made_up_for(void **state) {
        quic_pair *p = *state;
        p2p_channel *near, *far = NULL;

        quic_pair_dial(p);
        quic_pair_run(p, 2 * WAY - SLACK);
        p->wire.cut = true;
        quic_pair_run(p, 2 * SLACK);
        assert_true(p->a.done);
        p->wire.cut = false;
        assert_int_equal(p->a.session->ops->open(p->a.session, &near), 0);
        write_byte(near);
        quic_pair_run(p, SECOND);
        assert_int_equal(p->b.session->ops->accept(p->b.session, &far), 1);
        read_byte(far);
        assert_true(conn_of(&p->a)->is_confirmed);
        p2p_channel_free(near);
        p2p_channel_free(far);
}

static void a_server_that_vanishes_behind_its_flight_is_given_up(void **state) {
        quic_pair *p = *state;

        quic_pair_dial(p);
        quic_pair_run(p, 2 * WAY - SLACK);
        p->wire.cut = true;
        quic_pair_run(p, 2 * SLACK);
        assert_int_equal(p->a.error, 0);
        quic_pair_run(p, P2P_QUIC_IDLE_USEC + SECOND);
        assert_int_equal(p->a.session->ops->error(p->a.session, NULL), -ETIMEDOUT);
        assert_int_equal(p2p_quic_n_half_open(p->b.transport), 0);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(a_dial_takes_one_round_trip_and_the_first_answer_two),
                T(a_refused_certificate_is_told_to_who_holds_the_session),
                T(a_gate_is_told_with_its_code),
                T(what_is_closed_at_once_says_its_code),
                T(a_lost_proof_is_made_up_for),
                T(a_server_that_vanishes_behind_its_flight_is_given_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
