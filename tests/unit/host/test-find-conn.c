/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Paths that die without a word: what is opened next takes another one, within five seconds, and nothing is
 * written twice. The test plays the network and the far side of each stream; the clock is its own.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/host-internal.h"
#include "tests/support/fake-net.h"
#include "tests/support/node.h"

#define QUIC "/ip4/45.79.0.1/udp/1/quic-v1"
#define TCP "/ip4/45.79.0.1/tcp/1"
#define AGREED "\x13/multistream/1.0.0\n\x08/test/1\n"
#define PROBED "\x13/multistream/1.0.0\n\x03na\n"

typedef struct world {
        p2p_loop *loop;
        node us;
        fake_net net;
        p2p_peer_id peer;
        fake_session *quic; /* connected at first */
        p2p_open *open;
        p2p_stream *stream;
        p2p_dial *dial;
        p2p_conn *conn;
        unsigned n_done;
        int error;
} world;

static void know(world *w, const char *text) {
        p2p_addr *addr;

        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        assert_int_equal(p2p_host_add_addr(w->us.host, &w->peer, addr, USEC_INFINITY), 0);
        p2p_addr_free(addr);
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        world *w = userdata;

        w->dial = NULL;
        w->conn = conn;
        w->error = error;
}

static void start_dial(world *w) {
        assert_int_equal(p2p_dial_new(w->us.host, &w->peer, 60 * USEC_PER_SEC, on_dialled, w, &w->dial), 0);
        p2p_loop_settle(w->loop);
}

static fake_session *answer(world *w, const char *addr) {
        fake_session *s = fake_answer(fake_find(&w->net, addr));

        p2p_loop_settle(w->loop);
        return s;
}

/* A connection over QUIC that has been quiet for a minute; TCP is known, too. */
static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));
        p2p_identity *identity;

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->us, w->loop, 1, NULL);
        fake_net_init(&w->net, w->loop, w->us.host);
        assert_int_equal(p2p_identity_from_seed((const uint8_t[32]){ 2 }, &identity), 0);
        w->peer = *p2p_identity_peer_id(identity);
        p2p_identity_free(identity);
        know(w, QUIC);
        start_dial(w);
        w->quic = answer(w, QUIC);
        know(w, TCP);
        p2p_loop_advance(w->loop, 60 * USEC_PER_SEC);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        p2p_open_free(w->open);
        p2p_stream_free(w->stream);
        p2p_dial_free(w->dial);
        node_stop(&w->us);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static void on_opened(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        world *w = userdata;

        w->open = NULL;
        w->stream = stream;
        w->error = error;
        w->n_done++;
}

static void open_stream(world *w, const p2p_open_options *options) {
        assert_int_equal(p2p_open_new(w->us.host, &w->peer, "/test/1", options, on_opened, w, &w->open), 0);
        p2p_loop_settle(w->loop);
}

/* The far side answers on the session's youngest stream. */
static void reply(world *w, fake_session *s, p2p_view text) {
        s->heard = p2p_loop_now(w->loop);
        assert_int_equal(p2p_channel_write(s->far[s->n_open - 1], text.data, text.n), text.n);
        p2p_loop_settle(w->loop);
}

static void agree(world *w, fake_session *s) {
        reply(w, s, P2P_VIEW_STR(AGREED));
}

static bool is_on(const world *w, const char *addr) {
        char text[P2P_ADDR_TEXT_MAX];

        return strcmp(p2p_addr_format(p2p_conn_remote(p2p_stream_conn(w->stream)), text), addr) == 0;
}

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

/* ---- a direct TCP connection: nobody waits, but it is doubted */

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

static void over_tcp_nobody_waits_behind_a_pause(void **state) {
        world *w = *state;

        (void) over_tcp(w);
        open_stream(w, NULL);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, 0);
        assert_true(is_on(w, TCP));
}

static void over_tcp_a_new_network_is_quiet_at_first(void **state) {
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

static void over_tcp_who_comes_after_a_silence_goes_elsewhere(void **state) {
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

static void over_tcp_any_answer_ends_the_doubt(void **state) {
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

static void over_tcp_what_the_kernel_does_not_hear_of_answers_first(void **state) {
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
static void over_tcp_who_comes_in_the_middle_of_a_doubt_waits(void **state) {
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

static void over_tcp_an_answer_to_one_is_none_to_the_next(void **state) {
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

static void over_tcp_what_hangs_breaks_once_another_works(void **state) {
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

static void over_tcp_a_probe_that_takes_long_is_no_worse(void **state) {
        world *w = *state;

        (void) over_tcp(w);
        open_stream(w, NULL);
        p2p_loop_advance(w->loop, 8 * USEC_PER_SEC);
        assert_int_equal(peek(w), -EAGAIN);
        reply(w, answer(w, QUIC), P2P_VIEW_STR(PROBED));
        assert_int_equal(peek(w), -ECONNRESET);
}

/* Four seconds: its path is slow, and so is that of the probe. */
static void over_tcp_who_is_slow_keeps_what_hangs(void **state) {
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

static void over_tcp_where_nothing_works_nothing_breaks(void **state) {
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
static void over_tcp_what_nobody_hears_does_not_work(void **state) {
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

static void over_tcp_what_is_older_than_the_silence_stays(void **state) {
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

static void over_tcp_nobody_dials_for_nobody(void **state) {
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
                T(over_tcp_nobody_waits_behind_a_pause),
                T(over_tcp_a_new_network_is_quiet_at_first),
                T(over_tcp_who_comes_after_a_silence_goes_elsewhere),
                T(over_tcp_any_answer_ends_the_doubt),
                T(over_tcp_what_the_kernel_does_not_hear_of_answers_first),
                T(over_tcp_who_comes_in_the_middle_of_a_doubt_waits),
                T(over_tcp_an_answer_to_one_is_none_to_the_next),
                T(over_tcp_what_hangs_breaks_once_another_works),
                T(over_tcp_a_probe_that_takes_long_is_no_worse),
                T(over_tcp_who_is_slow_keeps_what_hangs),
                T(over_tcp_where_nothing_works_nothing_breaks),
                T(over_tcp_what_nobody_hears_does_not_work),
                T(over_tcp_what_is_older_than_the_silence_stays),
                T(over_tcp_nobody_dials_for_nobody),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
