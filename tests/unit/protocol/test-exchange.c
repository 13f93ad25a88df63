/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One message out, one in, under a deadline; the far side is spoken by hand. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/circuit.pb-c.h"
#include "protocol/exchange.h"
#include "tests/support/hex.h"
#include "tests/support/talk.h"

typedef struct world {
        p2p_loop *loop;
        node us, them;
        p2p_exchange *exchange;
        p2p_stream *stream; /* ours, then what the exchange hands back */
        talk far;
        p2p_stream *came;
        unsigned n_done;
        int error;
        uint8_t message[256];
        size_t n_message;
} world;

static void on_stream(p2p_stream *stream, void *userdata) {
        ((world *) userdata)->came = stream;
}

static bool has_come(void *userdata) {
        return ((world *) userdata)->came;
}

static bool is_done(void *userdata) {
        return ((world *) userdata)->n_done > 0;
}

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));
        talk near;

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->us, w->loop, 1, &(node_options){ .silent = true });
        node_start(&w->them, w->loop, 2, NULL);
        node_introduce(&w->them, &w->us);
        assert_int_equal(p2p_host_handle(w->them.host, "/x/1", on_stream, w), 0);
        talk_open(&near, &w->us, node_id(&w->them), "/x/1");
        assert_int_equal(near.error, 0);
        w->stream = near.stream;
        assert_true(loop_until(w->loop, has_come, w));
        talk_take(&w->far, w->loop, w->came);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        p2p_exchange_free(w->exchange);
        p2p_stream_free(w->stream);
        talk_close(&w->far);
        node_stop(&w->us);
        node_stop(&w->them);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static void on_done(p2p_stream *stream, p2p_view message, int error, void *userdata) {
        world *w = userdata;

        w->exchange = NULL;
        w->stream = stream;
        w->error = error;
        w->n_message = message.n;
        assert_in_range(message.n, 0, sizeof(w->message));
        if (message.n > 0)
                memcpy(w->message, message.data, message.n);
        w->n_done++;
}

static void begin(world *w, bool send, size_t reply_max) {
        P2p__StopMessage m = P2P__STOP_MESSAGE__INIT;

        m.has_type = m.has_status = true;
        m.type = 1;
        m.status = 100;
        assert_int_equal(p2p_exchange_new(w->loop, TAKE_PTR(w->stream), send ? &m.base : NULL, reply_max,
                                          10 * USEC_PER_SEC,
                                          on_done, w, &w->exchange), 0);
        assert_int_equal(w->n_done, 0); /* never before it returned */
}

static void finish(world *w, int error) {
        assert_true(loop_until(w->loop, is_done, w));
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->error, error);
        assert_true((w->stream == NULL) == (error < 0));
}

static void a_message_goes_and_one_comes(void **state) {
        world *w = *state;
        char rest[8];

        begin(w, true, 16);
        assert_int_equal(talk_hear(&w->far, 5), 5);
        assert_memory_equal(w->far.heard, HEX("04 0801 2064").data, 5);
        talk_say(&w->far, HEX("03 616263 7879"));
        finish(w, 0);
        assert_int_equal(w->n_message, 3);
        assert_memory_equal(w->message, "abc", 3);
        assert_int_equal(p2p_channel_read(p2p_stream_channel(w->stream), rest, sizeof(rest)), 2); /* the next one's */
        assert_memory_equal(rest, "xy", 2);
}

static void a_message_may_just_go(void **state) {
        world *w = *state;

        begin(w, true, 0);
        finish(w, 0);
        assert_int_equal(w->n_message, 0);
        assert_int_equal(talk_hear(&w->far, 5), 5);
}

static void a_message_may_just_come(void **state) {
        world *w = *state;

        talk_say(&w->far, HEX("03 6162"));
        begin(w, false, 3);
        p2p_loop_settle(w->loop);
        assert_int_equal(w->n_done, 0);
        talk_say(&w->far, HEX("63"));
        finish(w, 0);
        assert_int_equal(w->n_message, 3);
}

static void a_long_answer_is_refused(void **state) {
        world *w = *state;

        begin(w, true, 3);
        talk_say(&w->far, HEX("04"));
        finish(w, -EMSGSIZE);
        (void) talk_hear_end(&w->far);
        assert_int_equal(w->far.error, -ECONNRESET);
}

static void an_end_without_an_answer_is_a_reset(void **state) {
        world *w = *state;

        begin(w, true, 16);
        assert_int_equal(p2p_channel_shutdown(p2p_stream_channel(w->far.stream)), 0);
        finish(w, -ECONNRESET);
}

static void an_end_in_the_middle_is_malformed(void **state) {
        world *w = *state;

        begin(w, true, 16);
        talk_say(&w->far, HEX("03 61"));
        assert_int_equal(p2p_channel_shutdown(p2p_stream_channel(w->far.stream)), 0);
        assert_true(loop_until(w->loop, is_done, w));
        assert_true(w->error < 0 && w->error != -ETIMEDOUT);
        assert_null(w->stream);
}

static void time_runs_out(void **state) {
        world *w = *state;

        begin(w, true, 16);
        p2p_loop_settle(w->loop);
        p2p_loop_advance(w->loop, 9900 * USEC_PER_MSEC);
        assert_int_equal(w->n_done, 0);
        p2p_loop_advance(w->loop, 200 * USEC_PER_MSEC);
        finish(w, -ETIMEDOUT);
        (void) talk_hear_end(&w->far);
        assert_int_equal(w->far.error, -ECONNRESET);
}

static void who_is_freed_is_never_told(void **state) {
        world *w = *state;

        begin(w, true, 16);
        w->exchange = p2p_exchange_free(w->exchange);
        p2p_loop_advance(w->loop, 60 * USEC_PER_SEC);
        assert_int_equal(w->n_done, 0);
        (void) talk_hear_end(&w->far);
        assert_int_equal(w->far.error, -ECONNRESET);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(a_message_goes_and_one_comes),
                T(a_message_may_just_go),
                T(a_message_may_just_come),
                T(a_long_answer_is_refused),
                T(an_end_without_an_answer_is_a_reset),
                T(an_end_in_the_middle_is_malformed),
                T(time_runs_out),
                T(who_is_freed_is_never_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
