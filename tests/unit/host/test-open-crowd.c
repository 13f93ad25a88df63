/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Many streams of one protocol to a peer that is not ours: it may reset what is too much, even behind its
 * answer. */

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

#define AGREED "\x13/multistream/1.0.0\n\x08/test/1\n"
#define MANY 260u

typedef struct world {
        p2p_loop *loop;
        node us;
        fake_net net;
        p2p_peer_id peer;
        p2p_dial *dial;
        p2p_conn *conn;
        fake_session *session;
        struct opening {
                p2p_open *open;
                p2p_stream *stream;
                bool done;
                int error;
                uint32_t code;
        } o[MANY];
        unsigned n;
} world;

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        world *w = userdata;

        assert_int_equal(error, 0);
        w->dial = NULL;
        w->conn = conn;
}

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));
        p2p_identity *identity;
        p2p_addr *addr;

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->us, w->loop, 1, NULL);
        fake_net_init(&w->net, w->loop, w->us.host);
        assert_int_equal(p2p_identity_from_seed((const uint8_t[32]){ 2 }, &identity), 0);
        w->peer = *p2p_identity_peer_id(identity);
        p2p_identity_free(identity);
        assert_int_equal(p2p_addr_parse("/ip4/45.79.0.1/tcp/1", &addr), 0);
        assert_int_equal(p2p_host_add_addr(w->us.host, &w->peer, addr, USEC_INFINITY), 0);
        p2p_addr_free(addr);
        assert_int_equal(p2p_dial_new(w->us.host, &w->peer, USEC_PER_SEC, on_dialled, w, &w->dial), 0);
        p2p_loop_settle(w->loop);
        w->session = fake_answer(fake_find(&w->net, NULL));
        p2p_loop_settle(w->loop);
        w->conn->settled = true;
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        for (unsigned i = 0; i < w->n; i++) {
                p2p_open_free(w->o[i].open);
                p2p_stream_free(w->o[i].stream);
        }
        node_stop(&w->us);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static void on_opened(p2p_stream *stream, int error, uint32_t code, void *userdata) {
        struct opening *o = userdata;

        *o = (struct opening){ .stream = stream, .done = true, .error = error, .code = code };
}

static struct opening *open_one(world *w, const char *protocol) {
        struct opening *o = &w->o[w->n++];

        assert_int_equal(p2p_open_new(w->us.host, &w->peer, protocol, NULL, on_opened, o, &o->open), 0);
        p2p_loop_settle(w->loop);
        return o;
}

static void open_many(world *w, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                assert_true(open_one(w, "/test/1")->done);
}

static p2p_channel *far_side(world *w) {
        return w->session->far[w->session->n_open - 1];
}

static void agree(world *w) {
        assert_int_equal(p2p_channel_write(far_side(w), AGREED, sizeof(AGREED) - 1), sizeof(AGREED) - 1);
        p2p_loop_settle(w->loop);
}

static void the_33rd_waits_for_the_verdict(void **state) {
        world *w = *state;
        struct opening *o;

        open_many(w, 32);
        o = open_one(w, "/test/1");
        assert_false(o->done);
        assert_true(open_one(w, "/other/1")->done); /* which is no crowd */
        p2p_stream_free(TAKE_PTR(w->o[w->n - 1].stream));
        w->session->n_open--; /* its far end is the last */
        p2p_channel_free(w->session->far[w->session->n_open]);
        agree(w);
        assert_false(o->done);
        p2p_loop_advance(w->loop, 50 * USEC_PER_MSEC);
        assert_true(o->done);
        assert_int_equal(o->error, 0);
}

static void a_reset_behind_the_answer_is_told_before_anybody_writes(void **state) {
        world *w = *state;
        struct opening *o;

        open_many(w, 32);
        o = open_one(w, "/test/1");
        agree(w);
        p2p_loop_advance(w->loop, 20 * USEC_PER_MSEC);
        p2p_channel_reset(far_side(w), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        p2p_loop_settle(w->loop);
        assert_true(o->done);
        assert_int_equal(o->error, -ECONNRESET);
        assert_int_equal(o->code, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
}

static void a_reset_instead_of_an_answer_is_told_with_its_code(void **state) {
        world *w = *state;
        struct opening *o;

        open_many(w, 32);
        o = open_one(w, "/test/1");
        p2p_channel_reset(far_side(w), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        p2p_loop_settle(w->loop);
        assert_true(o->done);
        assert_int_equal(o->code, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
}

/* It has no code then, and nothing more would ever come. */
static void a_connection_that_ends_behind_the_answer_holds_nobody_up(void **state) {
        world *w = *state;
        struct opening *o;

        open_many(w, 32);
        o = open_one(w, "/test/1");
        agree(w);
        assert_false(o->done);
        p2p_conn_close(w->conn, P2P_CONN_NO_ERROR);
        p2p_loop_settle(w->loop);
        p2p_loop_advance(w->loop, 50 * USEC_PER_MSEC);
        assert_true(o->done);
}

static void streams_that_ended_are_no_crowd(void **state) {
        world *w = *state;

        open_many(w, 32);
        w->o[0].stream = p2p_stream_free(w->o[0].stream);
        assert_true(open_one(w, "/test/1")->done);
}

/* Its idea of what has ended comes later than ours. */
static void who_was_refused_is_careful_for_a_while(void **state) {
        world *w = *state;

        a_reset_instead_of_an_answer_is_told_with_its_code(state);
        for (unsigned i = 0; i < 32; i++)
                w->o[i].stream = p2p_stream_free(w->o[i].stream);
        assert_false(open_one(w, "/test/1")->done);
        p2p_loop_advance(w->loop, 10 * USEC_PER_SEC);
        w->session->heard = p2p_loop_now(w->loop);
        assert_true(open_one(w, "/test/1")->done);
}

static void one_of_ours_has_more_room_and_needs_no_verdict(void **state) {
        world *w = *state;
        struct opening *o;

        p2p_conn_set_identified(w->conn, "peerup/1-c", NULL, 0);
        open_many(w, 256);
        o = open_one(w, "/test/1");
        assert_false(o->done);
        agree(w);
        assert_true(o->done);
        assert_int_equal(o->error, 0);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(the_33rd_waits_for_the_verdict),
                T(a_reset_behind_the_answer_is_told_before_anybody_writes),
                T(a_reset_instead_of_an_answer_is_told_with_its_code),
                T(a_connection_that_ends_behind_the_answer_holds_nobody_up),
                T(streams_that_ended_are_no_crowd),
                T(who_was_refused_is_careful_for_a_while),
                T(one_of_ours_has_more_room_and_needs_no_verdict),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
