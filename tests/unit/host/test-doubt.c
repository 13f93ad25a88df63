/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A direct TCP connection: nobody waits for a proof that it lives, but it is doubted; and what hangs on it breaks
 * once another one works, within five seconds. */

#include "tests/unit/host/dying-path.h"

#define PROBED "\x13/multistream/1.0.0\n\x03na\n"

static fake_session *over_tcp(world *w) {
        fake_session *s;

        w->quic->closed = true;
        p2p_task_post(w->quic->session.wake);
        p2p_loop_settle(w->loop);
        start_dial(w);
        p2p_loop_advance(w->loop, USEC_PER_SEC); /* QUIC has a head start */
        s = answer(w, TCP);
        assert_true(p2p_conn_remote(w->conn) && p2p_addr_stack(p2p_conn_remote(w->conn)) == P2P_STACK_TCP);
        p2p_loop_advance(w->loop, 30 * USEC_PER_SEC);
        return s;
}

static void nobody_waits_behind_a_pause(void **state) {
        world *w = *state;

        (void) over_tcp(w);
        open_stream(w, NULL);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, 0);
        assert_true(is_on(w, TCP));
}

static void a_new_network_is_quiet_at_first(void **state) {
        world *w = *state;
        fake_session *tcp = over_tcp(w);

        p2p_task_post(&w->us.host->network_changed);
        p2p_loop_settle(w->loop);
        open_stream(w, NULL);
        assert_int_equal(w->n_done, 0);
        p2p_loop_advance(w->loop, 1);
        agree(w, tcp);
        assert_int_equal(w->n_done, 1);
}

static void who_comes_after_a_silence_goes_elsewhere(void **state) {
        world *w = *state;

        (void) over_tcp(w);
        open_stream(w, NULL);
        w->stream = p2p_stream_free(w->stream);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC - 1);
        assert_false(conn_is_silent(w->conn));
        p2p_loop_advance(w->loop, 1);
        assert_true(conn_is_silent(w->conn));
        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 1);
        assert_int_equal(w->n_done, 1);
        (void) answer(w, QUIC);
        assert_int_equal(w->n_done, 2);
        assert_true(is_on(w, QUIC));
}

static void any_answer_ends_the_doubt(void **state) {
        world *w = *state;
        fake_session *tcp = over_tcp(w);

        open_stream(w, NULL);
        w->stream = p2p_stream_free(w->stream);
        p2p_loop_advance(w->loop, USEC_PER_SEC);
        tcp->heard = p2p_loop_now(w->loop);
        p2p_loop_advance(w->loop, 60 * USEC_PER_SEC);
        assert_false(conn_is_silent(w->conn));
        open_stream(w, NULL);
        assert_int_equal(w->n_done, 2);
}

static void what_the_kernel_does_not_hear_of_answers_first(void **state) {
        world *w = *state;
        fake_session *tcp = over_tcp(w);

        tcp->quiet = 17 * USEC_PER_SEC;
        open_stream(w, NULL);
        assert_int_equal(w->n_done, 1);
        w->stream = p2p_stream_free(w->stream);
        tcp->quiet += USEC_PER_MSEC;
        open_stream(w, NULL);
        assert_int_equal(w->n_done, 1);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        (void) answer(w, QUIC);
        assert_int_equal(w->n_done, 2);
        assert_true(is_on(w, QUIC));
}

/* Two round trips, and a fifth of a second at least. */
static void who_comes_in_the_middle_of_a_doubt_waits(void **state) {
        static const struct { unsigned rtt_msec, doubtful_msec; } rows[] = { { 1, 200 }, { 150, 300 } };
        world *w = *state;
        fake_session *tcp = over_tcp(w);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                w->n_done = 0;
                tcp->rtt = rows[i].rtt_msec * USEC_PER_MSEC;
                open_stream(w, NULL);
                w->stream = p2p_stream_free(w->stream);
                p2p_loop_advance(w->loop, (rows[i].doubtful_msec - 1) * USEC_PER_MSEC);
                open_stream(w, NULL); /* the answer may be on its way */
                assert_int_equal(w->n_done, 2);
                w->stream = p2p_stream_free(w->stream);
                p2p_loop_advance(w->loop, USEC_PER_MSEC);
                open_stream(w, NULL);
                assert_int_equal(w->n_done, 2);
                agree(w, tcp);
                assert_int_equal(w->n_done, 3);
                w->stream = p2p_stream_free(w->stream);
                p2p_loop_advance(w->loop, 3 * USEC_PER_SEC);
        }
}

static void an_answer_to_one_is_none_to_the_next(void **state) {
        world *w = *state;
        fake_session *tcp = over_tcp(w);

        open_stream(w, NULL);
        w->stream = p2p_stream_free(w->stream);
        p2p_loop_advance(w->loop, 100 * USEC_PER_MSEC);
        tcp->heard = p2p_loop_now(w->loop);
        p2p_loop_advance(w->loop, 300 * USEC_PER_MSEC);
        open_stream(w, NULL);
        assert_int_equal(w->n_done, 2);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC - 1);
        assert_false(conn_is_silent(w->conn));
        p2p_loop_advance(w->loop, 1);
        assert_true(conn_is_silent(w->conn));
        assert_non_null(fake_find(&w->net, QUIC));
}

/* Of the stream that was given away. */
static ssize_t peek(world *w) {
        uint8_t byte;

        return p2p_channel_read(p2p_stream_channel(w->stream), &byte, 1);
}

static void what_hangs_breaks_once_another_works(void **state) {
        world *w = *state;

        (void) over_tcp(w);
        open_stream(w, NULL);
        assert_int_equal(p2p_channel_write(p2p_stream_channel(w->stream), "x", 1), 1);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC - 1);
        assert_int_equal(w->net.n_in_flight, 0);
        p2p_loop_advance(w->loop, 1);
        reply(w, answer(w, QUIC), P2P_VIEW_STR(PROBED));
        p2p_loop_advance(w->loop, 3 * USEC_PER_SEC - 1);
        assert_int_equal(peek(w), -EAGAIN);
        p2p_loop_advance(w->loop, 1);
        assert_int_equal(peek(w), -ECONNRESET);
        assert_null(p2p_stream_conn(w->stream));
        assert_ptr_equal(p2p_host_first_conn(w->us.host), w->conn); /* it lives */
        assert_int_equal(w->net.n_in_flight, 0);
}

static void a_probe_that_takes_long_is_no_worse(void **state) {
        world *w = *state;

        (void) over_tcp(w);
        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 8 * USEC_PER_SEC);
        assert_int_equal(peek(w), -EAGAIN);
        reply(w, answer(w, QUIC), P2P_VIEW_STR(PROBED));
        assert_int_equal(peek(w), -ECONNRESET);
}

/* Four seconds: its path is slow, and so is that of the probe. */
static void who_is_slow_keeps_what_hangs(void **state) {
        world *w = *state;
        fake_session *tcp = over_tcp(w);

        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 4 * USEC_PER_SEC);
        assert_non_null(fake_find(&w->net, QUIC));
        tcp->heard = p2p_loop_now(w->loop);
        reply(w, answer(w, QUIC), P2P_VIEW_STR(PROBED));
        p2p_loop_advance(w->loop, 60 * USEC_PER_SEC);
        assert_int_equal(peek(w), -EAGAIN);
}

static void where_nothing_works_nothing_breaks(void **state) {
        world *w = *state;
        fake_dial *d;

        (void) over_tcp(w);
        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        while ((d = fake_find(&w->net, NULL)))
                fake_fail(d, -EHOSTUNREACH);
        p2p_loop_advance(w->loop, 60 * USEC_PER_SEC);
        assert_int_equal(peek(w), -EAGAIN);
}

/* There is another connection, which nobody has heard of since. */
static void what_nobody_hears_does_not_work(void **state) {
        world *w = *state;
        fake_session *quic;

        (void) over_tcp(w);
        open_stream(w, NULL);
        quic = fake_come(&w->net, w->us.host, &w->peer);
        quic->heard -= USEC_PER_SEC;
        p2p_loop_advance(w->loop, 20 * USEC_PER_SEC);
        assert_int_equal(peek(w), -EAGAIN);
        reply(w, quic, P2P_VIEW_STR(PROBED));
        assert_int_equal(peek(w), -ECONNRESET);
}

static void what_is_older_than_the_silence_stays(void **state) {
        world *w = *state;
        fake_session *tcp = over_tcp(w);
        p2p_stream *elder;

        open_stream(w, NULL);
        elder = TAKE_PTR(w->stream);
        p2p_loop_advance(w->loop, USEC_PER_SEC);
        tcp->heard = p2p_loop_now(w->loop); /* but not its answer */
        p2p_loop_advance(w->loop, 10 * USEC_PER_SEC);
        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 2 * USEC_PER_SEC);
        reply(w, answer(w, QUIC), P2P_VIEW_STR(PROBED));
        p2p_loop_advance(w->loop, 10 * USEC_PER_SEC);
        assert_int_equal(peek(w), -ECONNRESET);
        p2p_stream_free(w->stream);
        w->stream = elder;
        assert_int_equal(peek(w), -EAGAIN);
}

static void nobody_dials_for_nobody(void **state) {
        world *w = *state;

        (void) over_tcp(w);
        open_stream(w, NULL);
        w->stream = p2p_stream_free(w->stream);
        p2p_loop_advance(w->loop, 10 * USEC_PER_SEC);
        assert_true(conn_is_silent(w->conn));
        assert_int_equal(w->net.n_in_flight, 0);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(nobody_waits_behind_a_pause),
                T(a_new_network_is_quiet_at_first),
                T(who_comes_after_a_silence_goes_elsewhere),
                T(any_answer_ends_the_doubt),
                T(what_the_kernel_does_not_hear_of_answers_first),
                T(who_comes_in_the_middle_of_a_doubt_waits),
                T(an_answer_to_one_is_none_to_the_next),
                T(what_hangs_breaks_once_another_works),
                T(a_probe_that_takes_long_is_no_worse),
                T(who_is_slow_keeps_what_hangs),
                T(where_nothing_works_nothing_breaks),
                T(what_nobody_hears_does_not_work),
                T(what_is_older_than_the_silence_stays),
                T(nobody_dials_for_nobody),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
