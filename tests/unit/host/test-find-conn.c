/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Paths that die without a word: what is opened next takes another one, within five seconds, and nothing is
 * written twice. */

#include "tests/unit/host/dying-path.h"

static void what_was_just_heard_needs_no_proof(void **state) {
        world *w = *state;

        w->quic->heard = p2p_loop_now(w->loop) - 99 * USEC_PER_MSEC;
        open_stream(w, NULL);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, 0);
}

static void who_need_not_wait_does_not_wait_for_a_turn(void **state) {
        world *w = *state;

        w->quic->heard = p2p_loop_now(w->loop);
        assert_int_equal(p2p_open_new(w->us.host, &w->peer, "/test/1", NULL, on_opened, w, &w->open), 0);
        assert_int_equal(w->n_done, 0);
        assert_int_equal(p2p_loop_turn(w->loop, 0), 1);
        assert_int_equal(w->n_done, 1);
}

static void a_quiet_connection_answers_first(void **state) {
        world *w = *state;

        w->quic->heard = p2p_loop_now(w->loop) - 100 * USEC_PER_MSEC;
        open_stream(w, NULL);
        assert_int_equal(w->n_done, 0);
        p2p_loop_advance(w->loop, 100 * USEC_PER_MSEC);
        agree(w, w->quic);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, 0);
        assert_int_equal(w->net.n_started, 1);
}

static void a_new_network_is_quiet_at_first(void **state) {
        world *w = *state;

        w->quic->heard = p2p_loop_now(w->loop);
        p2p_loop_advance(w->loop, 1);
        p2p_task_post(&w->us.host->network_changed);
        p2p_loop_settle(w->loop);
        open_stream(w, NULL);
        assert_int_equal(w->n_done, 0);
}

static void one_that_lives_and_is_slow_gets_the_stream(void **state) {
        world *w = *state;

        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 500 * USEC_PER_MSEC);
        w->quic->heard = p2p_loop_now(w->loop); /* of another stream, say */
        p2p_loop_advance(w->loop, 1500 * USEC_PER_MSEC);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, 0);
        assert_true(is_on(w, QUIC));
}

/* UDP is blocked in mid-session. */
static void a_silent_one_is_replaced_within_five_seconds(void **state) {
        world *w = *state;
        fake_session *tcp;

        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        assert_non_null(fake_find(&w->net, TCP));
        assert_null(fake_find(&w->net, QUIC)); /* not the same again */
        tcp = answer(w, TCP);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, 0);
        assert_true(is_on(w, TCP));
        assert_ptr_equal(p2p_host_find_conn(w->us.host, &w->peer), p2p_stream_conn(w->stream));

        w->stream = p2p_stream_free(w->stream);
        open_stream(w, NULL); /* and the next one does not even ask */
        assert_int_equal(w->n_done, 2);
        assert_true(is_on(w, TCP));
        assert_int_equal(tcp->n_open, 3); /* with identify's */
}

/* Four round trips, and a second at least. */
static void a_short_path_is_doubted_sooner(void **state) {
        static const struct { unsigned rtt_msec, patience_msec; } rows[] = {
                { 1, 1000 }, { 300, 1200 }, { 900, 2000 }
        };
        world *w = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                w->quic->rtt = rows[i].rtt_msec * USEC_PER_MSEC;
                w->quic->heard = p2p_loop_now(w->loop);
                p2p_loop_advance(w->loop, USEC_PER_SEC);
                open_stream(w, NULL);
                p2p_loop_advance(w->loop, (rows[i].patience_msec - 1) * USEC_PER_MSEC);
                assert_int_equal(w->net.n_in_flight, 0);
                p2p_loop_advance(w->loop, USEC_PER_MSEC);
                assert_int_equal(w->net.n_in_flight, 1);
                w->open = p2p_open_free(w->open);
                assert_int_equal(w->net.n_in_flight, 0);
        }
}

static void whoever_answers_first_gets_the_stream(void **state) {
        world *w = *state;

        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        agree(w, w->quic); /* it was a hiccup */
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, 0);
        assert_true(is_on(w, QUIC));
        assert_int_equal(w->net.n_in_flight, 0);
}

static void a_connection_that_speaks_again_is_used_again(void **state) {
        world *w = *state;

        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        w->open = p2p_open_free(w->open);
        assert_true(conn_is_silent(p2p_host_find_conn(w->us.host, &w->peer)));
        w->quic->heard = p2p_loop_now(w->loop);
        assert_false(conn_is_silent(p2p_host_find_conn(w->us.host, &w->peer)));
        open_stream(w, NULL);
        assert_int_equal(w->n_done, 1);
        assert_true(is_on(w, QUIC));
}

static void nobody_waits_again_for_what_is_known_to_be_silent(void **state) {
        world *w = *state;

        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        w->open = p2p_open_free(w->open);
        assert_null(fake_find(&w->net, TCP));
        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 1);
        assert_non_null(fake_find(&w->net, TCP));
}

static void who_dials_does_not_get_a_silent_one(void **state) {
        world *w = *state;

        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        w->open = p2p_open_free(w->open);
        w->conn = NULL;
        start_dial(w);
        assert_null(w->conn);
        (void) answer(w, TCP);
        assert_non_null(w->conn);
        assert_false(conn_is_silent(w->conn));
}

static void a_dial_that_fails_leaves_the_stream_its_chance(void **state) {
        world *w = *state;
        fake_dial *d;

        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        while ((d = fake_find(&w->net, NULL)))
                fake_fail(d, -ECONNREFUSED);
        p2p_loop_advance(w->loop, 5 * USEC_PER_SEC);
        assert_int_equal(w->n_done, 0);
        agree(w, w->quic);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, 0);
}

static void without_a_dial_it_waits(void **state) {
        world *w = *state;

        open_stream(w, &(p2p_open_options){ .no_dial = true });
        p2p_loop_advance(w->loop, 10 * USEC_PER_SEC);
        assert_int_equal(w->n_done, 0);
        assert_int_equal(w->net.n_started, 1);
        p2p_loop_advance(w->loop, 20 * USEC_PER_SEC);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, -ETIMEDOUT);
}

/* Too many streams that the far side has not acknowledged, because it is gone. */
static void who_queues_at_a_silent_one_leaves_it(void **state) {
        world *w = *state;

        w->quic->error = -EAGAIN;
        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        (void) answer(w, TCP);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, 0);
        assert_true(is_on(w, TCP));
}

static void who_queues_at_a_living_one_stays(void **state) {
        world *w = *state;

        w->quic->error = -EAGAIN;
        open_stream(w, NULL);
        for (unsigned i = 0; i < 5; i++) {
                p2p_loop_advance(w->loop, USEC_PER_SEC);
                w->quic->heard = p2p_loop_now(w->loop);
                p2p_loop_advance(w->loop, USEC_PER_SEC);
        }
        assert_int_equal(w->net.n_started, 1);
        w->quic->error = 0;
        p2p_task_post(w->quic->session.wake);
        p2p_loop_settle(w->loop);
        agree(w, w->quic);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, 0);
}

/* The silent connection ends while another is on its way. */
static void the_end_of_a_silent_one_is_no_failure(void **state) {
        world *w = *state;

        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        w->quic->closed = true;
        for (unsigned i = 0; i < w->quic->n_open; i++)
                p2p_channel_reset(w->quic->far[i], 0);
        p2p_task_post(w->quic->session.wake);
        p2p_loop_settle(w->loop);
        assert_int_equal(w->n_done, 0);
        (void) answer(w, TCP);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, 0);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(what_was_just_heard_needs_no_proof),
                T(who_need_not_wait_does_not_wait_for_a_turn),
                T(a_quiet_connection_answers_first),
                T(a_new_network_is_quiet_at_first),
                T(one_that_lives_and_is_slow_gets_the_stream),
                T(a_silent_one_is_replaced_within_five_seconds),
                T(a_short_path_is_doubted_sooner),
                T(whoever_answers_first_gets_the_stream),
                T(a_connection_that_speaks_again_is_used_again),
                T(nobody_waits_again_for_what_is_known_to_be_silent),
                T(who_dials_does_not_get_a_silent_one),
                T(a_dial_that_fails_leaves_the_stream_its_chance),
                T(without_a_dial_it_waits),
                T(who_queues_at_a_silent_one_leaves_it),
                T(who_queues_at_a_living_one_stays),
                T(the_end_of_a_silent_one_is_no_failure),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
