/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The circuit client against a relay that is spoken by hand: what each answer means to who dials, what a
 * stop is answered.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/host-internal.h"
#include "protocol/circuit-message.h"
#include "tests/support/hex.h"
#include "tests/support/talk.h"

typedef struct world {
        p2p_loop *loop;
        node relay, us;
        p2p_identity *peer; /* behind the relay; nobody is there */
        p2p_addr *addr;
        p2p_dial *dial;
        p2p_stream *hop;
        talk t;
        bool done;
        int error;
} world;

static void on_hop(p2p_stream *stream, void *userdata) {
        world *w = userdata;

        p2p_stream_free(w->hop);
        w->hop = stream;
}

static bool has_hop(void *userdata) {
        return ((world *) userdata)->hop;
}

static bool is_done(void *userdata) {
        return ((world *) userdata)->done;
}

static bool are_identified(void *userdata) {
        world *w = userdata;

        return w->us.n_identified > 0 && w->relay.n_identified > 0;
}

static int setup(void **state) {
        static const uint8_t seed[32] = { 7 };
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->relay, w->loop, 9, NULL);
        node_start(&w->us, w->loop, 1, &(node_options){ .silent = true });
        node_introduce(&w->relay, &w->us);
        assert_int_equal(p2p_host_handle(w->relay.host, P2P_HOP_PROTOCOL, on_hop, w), 0);
        assert_int_equal(p2p_identity_from_seed(seed, &w->peer), 0);
        assert_int_equal(p2p_addr_make_circuit(p2p_host_listen_addr(w->relay.host, 0), node_id(&w->relay),
                                               &w->addr), 0);
        assert_int_equal(p2p_host_add_addr(w->us.host, p2p_identity_peer_id(w->peer), w->addr,
                                           USEC_INFINITY), 0);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        p2p_dial_free(w->dial);
        p2p_stream_free(w->hop);
        talk_close(&w->t);
        p2p_addr_free(w->addr);
        node_stop(&w->us);
        node_stop(&w->relay);
        p2p_identity_free(w->peer);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        world *w = userdata;

        assert_null(conn);
        w->dial = NULL;
        w->error = error;
        w->done = true;
}

/* Until the relay has our CONNECT, which names the peer. */
static void dial(world *w) {
        p2p_hop_message m;

        w->done = false;
        assert_int_equal(p2p_dial_new(w->us.host, p2p_identity_peer_id(w->peer), 300 * USEC_PER_SEC,
                                      on_dialled, w, &w->dial), 0);
        assert_true(loop_until(w->loop, has_hop, w));
        talk_take(&w->t, w->loop, TAKE_PTR(w->hop));
        assert_int_equal(p2p_hop_message_parse(talk_hear_message(&w->t), &m), 0);
        assert_int_equal(m.type, P2P_HOP_CONNECT);
        assert_true(m.has_peer && p2p_peer_id_equal(&m.peer, p2p_identity_peer_id(w->peer)));
        p2p_hop_message_done(&m);
        assert_false(w->done);
}

static void every_answer_has_its_meaning(void **state) {
        static const struct { const char *hex; int error; } cases[] = {
                { "05 0802 28ca01", -EACCES },        /* PERMISSION_DENIED */
                { "05 0802 28c901", -ENOBUFS },       /* RESOURCE_LIMIT_EXCEEDED */
                { "05 0802 28cb01", -EHOSTUNREACH },  /* CONNECTION_FAILED */
                { "05 0802 28cc01", -EHOSTUNREACH },  /* NO_RESERVATION */
                { "05 0802 289003", -EPROTO },        /* MALFORMED_MESSAGE */
                { "05 0802 28e707", -EPROTO },        /* 999: whatever that is */
                { "02 0802", -EPROTO },               /* no status */
                { "04 0801 2864", -EPROTO },          /* a CONNECT */
                { "02 0809", -EBADMSG },              /* an unknown type */
                { "02 ffff", -EBADMSG },
                { "8120", -EMSGSIZE },                /* 4097 bytes are to come */
        };
        world *w = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint8_t bytes[16];

                dial(w);
                talk_say(&w->t, hex_view(cases[i].hex, bytes, sizeof(bytes)));
                assert_true(loop_until(w->loop, is_done, w));
                assert_int_equal(w->error, cases[i].error);
                talk_close(&w->t);
        }
}

static void a_relay_that_hangs_up_is_a_reset(void **state) {
        world *w = *state;

        dial(w);
        talk_close(&w->t);
        assert_true(loop_until(w->loop, is_done, w));
        assert_int_equal(w->error, -ECONNRESET);
}

/* As any address that is not private: 15 s. */
static void a_relay_that_says_nothing_is_given_up(void **state) {
        world *w = *state;

        dial(w);
        p2p_loop_advance(w->loop, 14900 * USEC_PER_MSEC);
        assert_false(w->done);
        p2p_loop_advance(w->loop, 200 * USEC_PER_MSEC);
        assert_true(w->done);
        assert_int_equal(w->error, -ETIMEDOUT);
        (void) talk_hear_end(&w->t);
        assert_int_equal(w->t.error, -ECONNRESET);
}

static void on_raw(p2p_raw *raw, int error, void *userdata) {
        assert_null(raw);
        on_dialled(NULL, error, userdata);
}

/* Who has more patience than a dial waits as long as the relay may take. */
static void an_answer_is_waited_for_sixty_seconds(void **state) {
        world *w = *state;
        transport_slot *slot = host_find_transport(w->us.host, w->addr);
        void *handle;

        assert_int_equal(slot->ops->dial(slot->transport, p2p_identity_peer_id(w->peer), w->addr, on_raw, w, &handle), 0);
        assert_true(loop_until(w->loop, has_hop, w));
        p2p_loop_settle(w->loop);
        for (unsigned i = 0; i < 599; i++) {
                p2p_loop_advance(w->loop, 100 * USEC_PER_MSEC);
                p2p_loop_settle(w->loop);
        }
        assert_false(w->done);
        p2p_loop_advance(w->loop, 200 * USEC_PER_MSEC);
        assert_true(w->done);
        assert_int_equal(w->error, -ETIMEDOUT);
}

/* ---- stop ---- */
static unsigned stop(world *w, const char *hex) {
        p2p_stop_message m;
        uint8_t bytes[128];
        p2p_view answer;

        talk_open(&w->t, &w->relay, node_id(&w->us), P2P_STOP_PROTOCOL);
        assert_int_equal(w->t.error, 0);
        talk_say(&w->t, hex_view(hex, bytes, sizeof(bytes)));
        answer = talk_hear_message(&w->t);
        assert_int_equal(p2p_stop_message_parse(answer, &m), 0);
        assert_int_equal(m.type, P2P_STOP_STATUS);
        return m.status;
}

static const char somebody[] = "2c 0800 1228 0a26 0024 0801 1220"
                               "0101010101010101010101010101010101010101010101010101010101010101";

static void meet(world *w) {
        talk t;

        talk_open_lazily(&t, &w->us, node_id(&w->relay), P2P_HOP_PROTOCOL);
        assert_int_equal(t.error, 0);
        assert_true(loop_until(w->loop, are_identified, w));
        talk_close(&t);
        p2p_loop_settle(w->loop);
}

static void only_a_relay_of_ours_brings_somebody(void **state) {
        p2p_reservation *reservation;
        world *w = *state;

        meet(w);
        assert_int_equal(stop(w, somebody), P2P_HOP_PERMISSION_DENIED);
        assert_int_equal(talk_hear_end(&w->t), 0);
        assert_int_equal(w->t.error, 0); /* an end, not a reset */
        talk_close(&w->t);
        assert_int_equal(p2p_reservation_new(w->us.circuit, node_id(&w->relay), NULL, NULL, &reservation),
                         0);
        assert_int_equal(stop(w, somebody), P2P_HOP_OK);
        assert_true(talk_hear(&w->t, 1) == 1); /* and begins the handshake of its responder */
        p2p_reservation_free(reservation);
}

static void malformed_stops_are_told_so(void **state) {
        static const struct { const char *hex; unsigned status; } cases[] = {
                { "02 0800", P2P_HOP_MALFORMED_MESSAGE },          /* brings nobody */
                { "00", P2P_HOP_MALFORMED_MESSAGE },
                { "02 ffff", P2P_HOP_MALFORMED_MESSAGE },
                { "06 0800 1202 0a00", P2P_HOP_MALFORMED_MESSAGE }, /* an empty id */
                { "04 0801 2064", P2P_HOP_UNEXPECTED_MESSAGE },    /* a STATUS */
        };
        world *w = *state;

        meet(w);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(stop(w, cases[i].hex), cases[i].status);
                talk_close(&w->t);
        }
}

static void a_stop_without_a_word_ends_after_ten_seconds(void **state) {
        world *w = *state;

        meet(w);
        talk_open(&w->t, &w->relay, node_id(&w->us), P2P_STOP_PROTOCOL);
        p2p_loop_settle(w->loop);
        p2p_loop_advance(w->loop, 9900 * USEC_PER_MSEC);
        assert_int_equal(p2p_channel_read(p2p_stream_channel(w->t.stream), &(char){ 0 }, 1), -EAGAIN);
        p2p_loop_advance(w->loop, 200 * USEC_PER_MSEC);
        (void) talk_hear_end(&w->t);
        assert_int_equal(w->t.error, -ECONNRESET);
}

typedef struct asked {
        p2p_stream *stream;
        int error;
        uint32_t code;
        bool done;
} asked;

static void on_opened(p2p_stream *stream, int error, uint32_t code, void *userdata) {
        *(asked *) userdata = (asked){ stream, error, code, true };
}

/* By what the opening said, or by what the stream says since. */
static uint32_t refusal(const asked *a) {
        char c;

        if (a->error < 0)
                return a->code;
        (void) p2p_channel_read(p2p_stream_channel(a->stream), &c, 1);
        return p2p_channel_reset_code(p2p_stream_channel(a->stream));
}

/* go-libp2p: 128 at a time. */
static void the_129th_stop_at_a_time_is_refused(void **state) {
        p2p_host_limits limits = P2P_HOST_LIMITS_DEFAULT;
        asked stops[129] = {};
        unsigned n_refused = 0;
        world *w = *state;
        p2p_open *open;

        limits.streams = 300;
        node_stop(&w->us);
        node_start(&w->us, w->loop, 1, &(node_options){ .silent = true, .limits = &limits });
        node_introduce(&w->relay, &w->us);
        meet(w);
        for (unsigned i = 0; i < ELEMENTSOF(stops); i++)
                assert_int_equal(p2p_open_new(w->relay.host, node_id(&w->us), P2P_STOP_PROTOCOL, NULL,
                                              on_opened, &stops[i], &open), 0);
        for (unsigned i = 0; i < 20; i++) { /* in a crowd an opening waits a little for second thoughts */
                for (unsigned k = 0; k < 20; k++)
                        (void) p2p_loop_turn(w->loop, USEC_PER_MSEC);
                p2p_loop_advance(w->loop, 100 * USEC_PER_MSEC);
        }
        for (unsigned i = 0; i < ELEMENTSOF(stops); i++) {
                uint32_t code;

                assert_true(stops[i].done);
                code = refusal(&stops[i]);
                if (code != P2P_STREAM_NO_ERROR) {
                        assert_int_equal(code, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
                        n_refused++;
                }
                p2p_stream_free(stops[i].stream);
        }
        assert_int_equal(n_refused, 1);
}

static void a_client_may_go_in_the_middle(void **state) {
        world *w = *state;

        meet(w);
        p2p_stream_free(w->hop);
        w->hop = NULL;
        dial(w);
        w->us.circuit = p2p_circuit_free(w->us.circuit);
        p2p_loop_settle(w->loop);
        assert_true(w->done);
        assert_int_equal(w->error, -EHOSTUNREACH);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(every_answer_has_its_meaning),
                T(a_relay_that_hangs_up_is_a_reset),
                T(a_relay_that_says_nothing_is_given_up),
                T(an_answer_is_waited_for_sixty_seconds),
                T(only_a_relay_of_ours_brings_somebody),
                T(malformed_stops_are_told_so),
                T(a_stop_without_a_word_ends_after_ten_seconds),
                T(the_129th_stop_at_a_time_is_refused),
                T(a_client_may_go_in_the_middle),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
