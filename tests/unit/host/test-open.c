/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Openings at every stage: waiting for a dial, for the backlog, for consent; cancelled, overdue, orphaned.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/hook.h"
#include "mux/yamux.h"
#include "tests/support/node.h"

#define MANY 450u

typedef struct opening {
        struct world *world;
        p2p_open *open;
        p2p_stream *stream;
        unsigned order; /* in which it was told, from 1 */
        int error;
        uint32_t code;
} opening;

typedef struct world {
        p2p_loop *loop;
        node us, them;
        int mute; /* accepts by the kernel's backlog, says nothing */
        opening o[MANY];
        unsigned n_done, want;
        p2p_stream *came[MANY];
        unsigned n_came;
} world;

static int setup(void **state) {
        p2p_host_limits limits = P2P_HOST_LIMITS_DEFAULT;
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        limits.streams = 1000;
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->us, w->loop, 1, &(node_options){ .silent = true });
        node_start(&w->them, w->loop, 2, &(node_options){ .limits = &limits });
        w->mute = -1;
        for (unsigned i = 0; i < MANY; i++)
                w->o[i].world = w;
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        for (unsigned i = 0; i < MANY; i++) {
                p2p_open_free(w->o[i].open);
                p2p_stream_free(w->o[i].stream);
                p2p_stream_free(w->came[i]);
        }
        node_stop(&w->us);
        node_stop(&w->them);
        p2p_loop_free(w->loop);
        if (w->mute >= 0)
                (void) close(w->mute);
        free(w);
        return 0;
}

static void on_opened(p2p_stream *stream, int error, uint32_t code, void *userdata) {
        opening *o = userdata;

        o->open = NULL;
        o->stream = stream;
        o->error = error;
        o->code = code;
        o->order = ++o->world->n_done;
}

static void on_stream(p2p_stream *stream, void *userdata) {
        world *w = userdata;

        w->came[w->n_came++] = stream;
}

static void open_one(world *w, unsigned i, const p2p_open_options *options) {
        assert_int_equal(p2p_open_new(w->us.host, node_id(&w->them), "/test/1", options, on_opened, &w->o[i],
                                      &w->o[i].open), 0);
}

static bool is_done(void *userdata) {
        world *w = userdata;

        return w->n_done >= w->want;
}

static bool are_identified(void *userdata) {
        world *w = userdata;

        return w->us.n_identified > 0 && w->them.n_identified > 0;
}

static bool all_came(void *userdata) {
        world *w = userdata;

        return w->n_came >= w->want;
}

static void wait_for(world *w, unsigned n) {
        w->want = n;
        assert_true(loop_until(w->loop, is_done, w));
}

/* A connection on which nothing but the test's streams are. */
static p2p_conn *connect_both(world *w) {
        p2p_conn *conn;

        node_introduce(&w->them, &w->us);
        assert_int_equal(p2p_host_handle(w->them.host, "/test/1", on_stream, w), 0);
        open_one(w, 0, NULL);
        wait_for(w, 1);
        assert_true(loop_until(w->loop, are_identified, w));
        p2p_loop_settle(w->loop);
        w->o[0].stream = p2p_stream_free(w->o[0].stream);
        conn = p2p_host_find_conn(w->us.host, node_id(&w->them));
        assert_non_null(conn);
        p2p_conn_set_identified(conn, "peerup/1" P2P_AGENT_MARK, NULL, 0); /* of others fewer streams are opened at a time */
        w->n_done = 0;
        return conn;
}

static void know_mute(world *w) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(sa);
        p2p_addr *addr;

        w->mute = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(w->mute >= 0);
        assert_int_equal(bind(w->mute, (struct sockaddr *) &sa, n), 0);
        assert_int_equal(listen(w->mute, 16), 0);
        assert_int_equal(getsockname(w->mute, (struct sockaddr *) &sa, &n), 0);
        assert_int_equal(p2p_addr_from_tcp((struct sockaddr *) &sa, &addr), 0);
        assert_int_equal(p2p_host_add_addr(w->us.host, node_id(&w->them), addr, USEC_INFINITY), 0);
        p2p_addr_free(addr);
}

static void openings_share_one_dial(void **state) {
        world *w = *state;

        node_introduce(&w->them, &w->us);
        assert_int_equal(p2p_host_handle(w->them.host, "/test/1", on_stream, w), 0);
        for (unsigned i = 0; i < 3; i++)
                open_one(w, i, &(p2p_open_options){ .confirm = i == 1 });
        wait_for(w, 3);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(w->o[i].error, 0);
                assert_string_equal(p2p_stream_protocol(w->o[i].stream), "/test/1");
        }
        assert_true(loop_until(w->loop, all_came, w));
        assert_int_equal(w->us.n_opened, 1);
}

/* go-yamux refuses the 257th stream that it has not acknowledged: ours stop at 200, and none fails. */
static void a_burst_waits_at_two_hundred(void **state) {
        world *w = *state;

        (void) connect_both(w);
        for (unsigned i = 1; i < MANY; i++)
                open_one(w, i, NULL);
        for (unsigned i = 0; i < 1000 && w->n_done == 0; i++)
                (void) p2p_loop_turn(w->loop, 0);
        assert_int_equal(w->n_done, 200);
        wait_for(w, MANY - 1);
        for (unsigned i = 1; i < MANY; i++) {
                assert_int_equal(w->o[i].error, 0);
                assert_int_equal(w->o[i].order, i); /* first come, first served */
        }
        w->want = MANY;
        assert_true(loop_until(w->loop, all_came, w));
}

static void nobody_overtakes_who_waits(void **state) {
        world *w = *state;
        p2p_conn *conn = connect_both(w);

        for (unsigned i = 1; i < 10; i++)
                if (i % 2)
                        assert_int_equal(p2p_open_on_conn(conn, "/test/1", NULL, on_opened, &w->o[i],
                                                          &w->o[i].open), 0);
                else
                        open_one(w, i, NULL);
        wait_for(w, 9);
        for (unsigned i = 3; i < 10; i += 2)
                assert_true(w->o[i].order > w->o[i - 2].order);
        for (unsigned i = 1; i < 10; i++)
                assert_int_equal(w->o[i].error, 0);
}

/*
 * The connection dies under a full backlog: who asked for it hears so, who asked for the peer gets another
 * one.
 */
static void who_waits_survives_the_connection(void **state) {
        world *w = *state;
        p2p_conn *conn = connect_both(w);

        for (unsigned i = 1; i <= 230; i++)
                open_one(w, i, NULL);
        (void) p2p_loop_turn(w->loop, 0);
        for (unsigned i = 231; i <= 240; i++)
                assert_int_equal(p2p_open_on_conn(conn, "/test/1", NULL, on_opened, &w->o[i],
                                                  &w->o[i].open), 0);
        p2p_conn_close(conn, P2P_CONN_SHUTDOWN);
        assert_int_equal(p2p_open_on_conn(conn, "/test/1", NULL, on_opened, &w->o[241], &w->o[241].open),
                         -ECONNRESET);
        wait_for(w, 240);
        for (unsigned i = 201; i <= 230; i++)
                assert_int_equal(w->o[i].error, 0);
        for (unsigned i = 231; i <= 240; i++) {
                assert_int_equal(w->o[i].error, -ECONNRESET);
                assert_null(w->o[i].stream);
        }
        assert_int_equal(w->us.n_opened, 2);
}

static void consent_that_never_comes_ends_with_the_connection(void **state) {
        world *w = *state;
        p2p_conn *conn = connect_both(w);

        assert_int_equal(p2p_open_on_conn(conn, "/test/1", &(p2p_open_options){ .confirm = true },
                                          on_opened, &w->o[1],
                                          &w->o[1].open), 0);
        (void) p2p_loop_turn(w->loop, 0);
        (void) p2p_loop_turn(w->loop, 0);
        assert_int_equal(w->n_done, 0);
        p2p_conn_close(conn, P2P_CONN_SHUTDOWN);
        wait_for(w, 1);
        assert_int_equal(w->o[1].error, -ECONNRESET);
}

static void refusal_is_told_when_asked_for(void **state) {
        world *w = *state;

        (void) connect_both(w);
        p2p_host_unhandle(w->them.host, "/test/1");
        open_one(w, 1, &(p2p_open_options){ .confirm = true });
        open_one(w, 2, NULL);
        wait_for(w, 2);
        assert_int_equal(w->o[1].error, -EPROTONOSUPPORT);
        assert_int_equal(w->o[1].code, P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED); /* which no dial would say */
        assert_int_equal(w->o[2].error, 0);
}

static void reset_instead_of_an_answer(p2p_stream *stream, void *userdata _unused_) {
        p2p_channel_reset(p2p_stream_channel(stream), P2P_STREAM_GATED);
        p2p_stream_free(stream);
}

/* Where the reset overtakes the answer; where it does not, the stream is there and says the same. */
static void a_reset_tells_its_code(void **state) {
        world *w = *state;

        (void) connect_both(w);
        p2p_host_unhandle(w->them.host, "/test/1");
        assert_int_equal(p2p_host_handle(w->them.host, "/test/1", reset_instead_of_an_answer, w), 0);
        open_one(w, 1, &(p2p_open_options){ .confirm = true });
        wait_for(w, 1);
        assert_int_equal(w->o[1].error, -ECONNRESET);
        assert_null(w->o[1].stream);
        assert_int_equal(w->o[1].code, P2P_STREAM_GATED);
}

static void patience_is_the_callers(void **state) {
        world *w = *state;

        know_mute(w);
        open_one(w, 1, &(p2p_open_options){ .timeout_usec = 3 * USEC_PER_SEC });
        p2p_loop_settle(w->loop);
        p2p_loop_advance(w->loop, 2900 * USEC_PER_MSEC);
        assert_int_equal(w->n_done, 0);
        p2p_loop_advance(w->loop, 200 * USEC_PER_MSEC);
        assert_int_equal(w->n_done, 1);
        assert_int_equal(w->o[1].error, -ETIMEDOUT);
}

static void a_cancelled_opening_is_never_told(void **state) {
        world *w = *state;
        p2p_conn *conn;

        know_mute(w);
        open_one(w, 1, NULL); /* before its first step */
        w->o[1].open = p2p_open_free(w->o[1].open);
        open_one(w, 1, NULL); /* while it dials */
        p2p_loop_settle(w->loop);
        w->o[1].open = p2p_open_free(w->o[1].open);
        p2p_loop_advance(w->loop, 60 * USEC_PER_SEC);
        p2p_host_forget_addrs(w->us.host, node_id(&w->them));

        conn = connect_both(w);
        for (unsigned i = 1; i <= 201; i++)
                open_one(w, i, &(p2p_open_options){ .confirm = true });
        (void) p2p_loop_turn(w->loop, 0);
        w->o[201].open = p2p_open_free(w->o[201].open); /* while it waits for its turn */
        w->o[1].open = p2p_open_free(w->o[1].open);     /* for consent */
        assert_int_equal(p2p_open_on_conn(conn, "/test/1", NULL, on_opened, &w->o[202], &w->o[202].open), 0);
        w->o[202].open = p2p_open_free(w->o[202].open);
        wait_for(w, 199);
        p2p_loop_advance(w->loop, 60 * USEC_PER_SEC);
        assert_int_equal(w->n_done, 199);
        assert_int_equal(w->o[1].order + w->o[201].order + w->o[202].order, 0);
}

/* "No callback runs any more": not those of openings and dials either, whatever they wait for. */
static void a_host_may_go_in_the_middle(void **state) {
        world *w = *state;
        p2p_dial *dial;
        p2p_conn *conn = connect_both(w);

        for (unsigned i = 1; i <= 210; i++)
                open_one(w, i, &(p2p_open_options){ .confirm = true });
        (void) p2p_loop_turn(w->loop, 0);
        assert_int_equal(p2p_open_on_conn(conn, "/test/1", NULL, on_opened, &w->o[211], &w->o[211].open), 0);
        open_one(w, 212, NULL);
        assert_int_equal(p2p_dial_new(w->us.host, node_id(&w->them), USEC_PER_SEC, NULL, NULL, &dial), 0);
        node_stop(&w->us);
        p2p_loop_advance(w->loop, 60 * USEC_PER_SEC);
        assert_int_equal(w->n_done, 0);
        p2p_dial_free(dial);
}

static void what_cannot_be_is_refused_at_once(void **state) {
        char name[255 + 2];
        world *w = *state;
        p2p_open *open;

        memset(name, 'x', sizeof(name));
        name[0] = '/';
        name[sizeof(name) - 1] = '\0';
        assert_int_equal(p2p_open_new(w->us.host, node_id(&w->us), "/test/1", NULL, on_opened, &w->o[1],
                                      &open), -EINVAL);
        assert_int_equal(p2p_open_new(w->us.host, node_id(&w->them), name, NULL, on_opened, &w->o[1],
                                      &open), -EINVAL);
        name[255] = '\0';
        assert_int_equal(p2p_open_new(w->us.host, node_id(&w->them), name, NULL, on_opened, &w->o[1],
                                      &open), 0);
        p2p_open_free(open);
        (void) connect_both(w);
        assert_int_equal(w->n_done, 0);
}

static void without_a_dial_only_what_exists_is_used(void **state) {
        world *w = *state;

        node_introduce(&w->them, &w->us);
        open_one(w, 1, &(p2p_open_options){ .no_dial = true });
        wait_for(w, 1);
        assert_int_equal(w->o[1].error, -EHOSTUNREACH);
        assert_int_equal(w->us.n_opened, 0);
        w->n_done = 0;
        (void) connect_both(w);
        open_one(w, 1, &(p2p_open_options){ .no_dial = true, .direct = true });
        wait_for(w, 1);
        assert_int_equal(w->o[1].error, 0);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(openings_share_one_dial),
                T(a_burst_waits_at_two_hundred),
                T(nobody_overtakes_who_waits),
                T(who_waits_survives_the_connection),
                T(consent_that_never_comes_ends_with_the_connection),
                T(refusal_is_told_when_asked_for),
                T(a_reset_tells_its_code),
                T(patience_is_the_callers),
                T(a_cancelled_opening_is_never_told),
                T(a_host_may_go_in_the_middle),
                T(what_cannot_be_is_refused_at_once),
                T(without_a_dial_only_what_exists_is_used),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
