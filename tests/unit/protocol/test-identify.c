/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two nodes identify each other; where one is to misbehave its half of the protocol is spoken by hand. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/identify-message.h"
#include "tests/support/hex.h"
#include "tests/support/talk.h"

typedef struct world {
        p2p_loop *loop;
        node us, them;
        p2p_dial *dial;
        bool done;
        p2p_conn *conn;
        p2p_stream *request; /* of us, for their hand-made identify */
        unsigned n_heard;    /* by the watcher */
        size_t n_protocols;
        char agent[300];
        bool record;
} world;

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->us, w->loop, 1, NULL);
        node_start(&w->them, w->loop, 2, NULL);
        node_introduce(&w->them, &w->us);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        p2p_stream_free(w->request);
        p2p_dial_free(w->dial);
        node_stop(&w->us);
        node_stop(&w->them);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static void on_heard(p2p_conn *conn _unused_, const p2p_identified *what, void *userdata) {
        world *w = userdata;

        w->n_heard++;
        w->n_protocols = what->n_protocols;
        (void) snprintf(w->agent, sizeof(w->agent), "%s", what->agent);
        w->record = what->record;
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        world *w = userdata;

        assert_int_equal(error, 0);
        w->dial = NULL;
        w->conn = conn;
        w->done = true;
}

static bool is_done(void *userdata) {
        return ((world *) userdata)->done;
}

static bool is_heard(void *userdata) {
        return ((world *) userdata)->n_heard > 0;
}

static bool is_heard_twice(void *userdata) {
        return ((world *) userdata)->n_heard > 1;
}

static bool is_requested(void *userdata) {
        return ((world *) userdata)->request;
}

static void on_request(p2p_stream *stream, void *userdata) {
        ((world *) userdata)->request = stream;
}

static void connect_them(world *w) {
        p2p_identify_watch(w->us.identify, on_heard, w);
        assert_int_equal(p2p_dial_new(w->us.host, node_id(&w->them), 5 * USEC_PER_SEC, on_dialled, w, &w->dial), 0);
        assert_true(loop_until(w->loop, is_done, w));
}

/* Their identify is ours to speak: returns once we asked for it. */
static void take_their_part(world *w, talk *t) {
        w->them.identify = p2p_identify_free(w->them.identify);
        assert_int_equal(p2p_host_handle(w->them.host, P2P_IDENTIFY_PROTOCOL, on_request, w), 0);
        connect_them(w);
        assert_true(loop_until(w->loop, is_requested, w));
        talk_take(t, w->loop, TAKE_PTR(w->request));
}

static void both_learn_of_each_other(void **state) {
        world *w = *state;

        connect_them(w);
        assert_true(loop_until(w->loop, is_heard, w));
        assert_string_equal(w->agent, "test/1");
        assert_true(w->record);
        assert_int_equal(w->n_protocols, 4); /* id, push, ping, stop */
        assert_true(p2p_conn_is_identified(w->conn));
        assert_int_equal(w->us.n_identified, 1);
}

static void a_new_protocol_is_pushed(void **state) {
        world *w = *state;

        connect_them(w);
        assert_true(loop_until(w->loop, is_heard, w));
        for (unsigned i = 0; i < 20 && w->them.n_identified == 0; i++)
                (void) p2p_loop_turn(w->loop, 100 * USEC_PER_MSEC);
        assert_false(p2p_conn_supports(w->conn, "/new/1"));
        assert_int_equal(p2p_host_handle(w->them.host, "/new/1", on_request, w), 0);
        p2p_loop_settle(w->loop);
        assert_int_equal(p2p_loop_advance(w->loop, 199 * USEC_PER_MSEC) < 0, false);
        assert_int_equal(w->n_heard, 1); /* several changes travel as one */
        p2p_loop_advance(w->loop, 2 * USEC_PER_MSEC);
        assert_true(loop_until(w->loop, is_heard_twice, w));
        assert_true(p2p_conn_supports(w->conn, "/new/1"));
        assert_int_equal(w->us.n_identified, 1); /* told once a connection */
}

static void nine_messages_are_read(void **state) {
        world *w = *state;
        talk t;

        take_their_part(w, &t);
        for (unsigned i = 0; i < 9; i++)
                talk_say(&t, HEX("04 1a022f78"));
        assert_int_equal(p2p_channel_shutdown(p2p_stream_channel(t.stream)), 0);
        assert_true(loop_until(w->loop, is_heard, w));
        assert_int_equal(w->n_protocols, 9);
        talk_close(&t);
}

static void a_tenth_message_is_refused(void **state) {
        world *w = *state;
        talk t;

        take_their_part(w, &t);
        for (unsigned i = 0; i < 10; i++)
                talk_say(&t, HEX("04 1a022f78"));
        (void) talk_hear_end(&t);
        assert_int_equal(t.error, -ECONNRESET);
        assert_int_equal(w->n_heard, 0);
        assert_false(p2p_conn_is_identified(w->conn));
        talk_close(&t);
}

static void a_message_of_8_KiB_is_the_longest(void **state) {
        static const struct { const char *prefix; bool good; } cases[] = { { "8040", true }, { "8140", false } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                static uint8_t bytes[8192];
                world *w = *state;
                uint8_t prefix[2];
                talk t;

                take_their_part(w, &t);
                /* unknown field 15 of 8189 bytes: 8192 in all */
                memcpy(bytes, "\x7a\xfd\x3f", 3);
                talk_say(&t, hex_view(cases[i].prefix, prefix, sizeof(prefix)));
                if (cases[i].good) {
                        talk_say(&t, P2P_VIEW(bytes, sizeof(bytes)));
                        assert_int_equal(p2p_channel_shutdown(p2p_stream_channel(t.stream)), 0);
                        assert_true(loop_until(w->loop, is_heard, w));
                } else {
                        (void) talk_hear_end(&t); /* before a byte of it is read */
                        assert_int_equal(t.error, -ECONNRESET);
                        assert_int_equal(w->n_heard, 0);
                }
                talk_close(&t);
                assert_int_equal(teardown(state), 0);
                assert_int_equal(setup(state), 0);
                w = *state;
        }
}

static void silence_ends_after_five_seconds(void **state) {
        world *w = *state;
        talk t;

        take_their_part(w, &t);
        p2p_loop_advance(w->loop, 4900 * USEC_PER_MSEC);
        (void) p2p_channel_write(p2p_stream_channel(t.stream), "\x04", 1);
        p2p_loop_settle(w->loop);
        p2p_loop_advance(w->loop, 200 * USEC_PER_MSEC);
        (void) talk_hear_end(&t);
        assert_int_equal(t.error, -ECONNRESET);
        assert_int_equal(w->n_heard, 0);
        talk_close(&t);
}

static void push(world *w, talk *t) {
        talk_open_lazily(t, &w->them, node_id(&w->us), P2P_IDENTIFY_PUSH_PROTOCOL);
        talk_say(t, HEX("04 1a022f78"));
        (void) p2p_channel_shutdown(p2p_stream_channel(t->stream));
        (void) talk_hear_end(t);
}

static void pushes_are_rated(void **state) {
        world *w = *state;
        talk t;

        take_their_part(w, &t);
        talk_close(&t);
        for (unsigned i = 0; i < 3; i++) {
                push(w, &t);
                assert_int_equal(t.error, 0);
                talk_close(&t);
        }
        assert_int_equal(w->n_heard, 3);
        push(w, &t);
        assert_int_equal(t.error, -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(p2p_stream_channel(t.stream)), P2P_STREAM_RATE_LIMITED);
        talk_close(&t);
        p2p_loop_advance(w->loop, 5 * USEC_PER_SEC);
        push(w, &t);
        assert_int_equal(t.error, 0);
        assert_int_equal(w->n_heard, 4);
        talk_close(&t);
}

/* Rust-libp2p reads 4096 bytes and one message, go-libp2p refuses the tenth message and any above 8 KiB. */
static void many_protocols_travel_in_several_messages(void **state) {
        static const char filler[] = "a-very-long-name-a-very-long-name-a-very-long-name-a-very-long-name-a-very-long-name-"
                                     "a-very-long-name-a-very-long-name-a-very-long-name-a-very-long-name-a-very-long-name-"
                                     "a-very-long-name-a-very-long-name-a-very-long-name-a-very-long";
        p2p_identify_info info = {};
        char name[P2P_PROTOCOL_MAX + 1];
        world *w = *state;
        unsigned n = 0, n_messages;
        talk t;

        do {
                (void) snprintf(name, sizeof(name), "/%s/%03u/1.0.0", filler, n++);
                assert_in_range(strlen(name), 240, P2P_PROTOCOL_MAX);
        } while (p2p_host_handle(w->them.host, name, on_request, w) >= 0);
        talk_open(&t, &w->us, node_id(&w->them), P2P_IDENTIFY_PROTOCOL);
        for (n_messages = 0; !p2p_identify_info_is_signed(&info, node_id(&w->them)); n_messages++) {
                p2p_view v = talk_hear_message(&t);

                assert_in_range(v.n, 1, n_messages == 0 ? 4096 : P2P_IDENTIFY_MESSAGE_MAX);
                assert_int_equal(p2p_identify_info_merge(&info, v), 0);
                assert_string_equal(info.agent, "test/1"); /* all but lists is in the first */
        }
        assert_in_range(n_messages, 3, 9);
        assert_int_equal(info.n_protocols, P2P_PROTOCOLS_MAX);
        assert_in_range(info.n_protocols, 100, 128); /* of more than 128 go-libp2p keeps none */
        assert_int_equal(talk_hear_end(&t), 0);
        assert_int_equal(t.error, 0);
        p2p_identify_info_done(&info);
        talk_close(&t);
}

static void an_ordinary_identify_is_one_message(void **state) {
        p2p_identify_info info = {};
        world *w = *state;
        talk t;

        talk_open(&t, &w->us, node_id(&w->them), P2P_IDENTIFY_PROTOCOL);
        assert_int_equal(p2p_identify_info_merge(&info, talk_hear_message(&t)), 0);
        assert_string_equal(info.agent, "test/1");
        assert_string_equal(info.protocols[0], P2P_IDENTIFY_PROTOCOL); /* sorted */
        assert_true(p2p_identify_info_is_signed(&info, node_id(&w->them)));
        assert_true(p2p_addr_equal(info.listen_addrs[0], p2p_host_listen_addr(w->them.host, 0)));
        assert_non_null(info.observed);
        assert_int_equal(talk_hear_end(&t), 0);
        assert_int_equal(t.error, 0);
        p2p_identify_info_done(&info);
        talk_close(&t);
}

static void on_asked(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        assert_int_equal(error, 0);
        *(p2p_stream **) userdata = stream;
}

/* Its answer ended, or it was reset; what is said is of no interest. */
static bool is_answered(void *userdata) {
        p2p_stream *stream = *(p2p_stream **) userdata;
        uint8_t bytes[1024];
        ssize_t n = -EAGAIN;

        while (stream && (n = p2p_channel_read(p2p_stream_channel(stream), bytes, sizeof(bytes))) > 0)
                ;
        return n != -EAGAIN;
}

/* go-libp2p: 16 of a connection at a time. Each answer costs a signature, and what it says until that is read. */
static void a_seventeenth_request_at_a_time_is_refused(void **state) {
        p2p_host_limits limits = P2P_HOST_LIMITS_DEFAULT;
        p2p_stream *streams[20] = {};
        world *w = *state;
        unsigned n_refused = 0;
        p2p_open *open;

        limits.streams = 512; /* a friend's */
        node_stop(&w->them);
        node_start(&w->them, w->loop, 2, &(node_options){ .limits = &limits });
        p2p_host_forget_addrs(w->us.host, node_id(&w->them));
        node_introduce(&w->them, &w->us);
        connect_them(w);
        assert_true(loop_until(w->loop, is_heard, w));
        p2p_loop_settle(w->loop);
        for (unsigned i = 0; i < ELEMENTSOF(streams); i++)
                assert_int_equal(p2p_open_new(w->us.host, node_id(&w->them), P2P_IDENTIFY_PROTOCOL, NULL, on_asked,
                                              &streams[i], &open), 0);
        for (unsigned i = 0; i < ELEMENTSOF(streams); i++) {
                assert_true(loop_until(w->loop, is_answered, &streams[i]));
                n_refused += p2p_channel_reset_code(p2p_stream_channel(streams[i])) == P2P_STREAM_RESOURCE_LIMIT_EXCEEDED;
                p2p_stream_free(streams[i]);
        }
        assert_int_equal(n_refused, 4);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(both_learn_of_each_other),
                T(a_new_protocol_is_pushed),
                T(nine_messages_are_read),
                T(a_tenth_message_is_refused),
                T(a_message_of_8_KiB_is_the_longest),
                T(silence_ends_after_five_seconds),
                T(pushes_are_rated),
                T(a_seventeenth_request_at_a_time_is_refused),
                T(many_protocols_travel_in_several_messages),
                T(an_ordinary_identify_is_one_message),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
