/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The answering side of ping: bytes of go-libp2p 0.47's capture, and its lifetimes. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/hex.h"
#include "tests/support/talk.h"

typedef struct world {
        p2p_loop *loop;
        node us, them;
} world;

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->us, w->loop, 1, NULL);
        node_start(&w->them, w->loop, 2, &(node_options){ .silent = true });
        node_introduce(&w->us, &w->them);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        node_stop(&w->us);
        node_stop(&w->them);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static void ping(talk *t, uint8_t seed) {
        uint8_t bytes[P2P_PING_SIZE];

        memset(bytes, seed, sizeof(bytes));
        talk_say(t, P2P_VIEW(bytes, sizeof(bytes)));
        assert_int_equal(talk_hear(t, sizeof(bytes)), sizeof(bytes));
        assert_memory_equal(t->heard, bytes, sizeof(bytes));
}

static void every_32_bytes_come_back(void **state) {
        world *w = *state;
        talk t;

        talk_open(&t, &w->them, node_id(&w->us), P2P_PING_PROTOCOL);
        for (uint8_t i = 0; i < 5; i++)
                ping(&t, i);
        talk_say(&t, HEX("0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")); /* 31 */
        assert_int_equal(p2p_channel_shutdown(p2p_stream_channel(t.stream)), 0);
        assert_int_equal(talk_hear_end(&t), 0); /* only whole ones */
        assert_int_equal(t.error, 0);
        talk_close(&t);
}

static void who_only_pings_leaves_others_their_turn(void **state) {
        static uint8_t bytes[4000 * P2P_PING_SIZE], back[sizeof(bytes)];
        size_t n_back = 0, n_turns = 0;
        world *w = *state;
        p2p_channel *c;
        talk t;

        talk_open(&t, &w->them, node_id(&w->us), P2P_PING_PROTOCOL);
        ping(&t, 1);
        c = p2p_stream_channel(t.stream);
        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t) (i * 7 >> 3);
        assert_int_equal(p2p_channel_write(c, bytes, sizeof(bytes)), sizeof(bytes));
        while (n_back < sizeof(bytes)) {
                ssize_t n;

                assert_true(p2p_loop_turn(w->loop, USEC_PER_SEC) >= 0);
                n_turns++;
                while ((n = p2p_channel_read(c, back + n_back, sizeof(back) - n_back)) > 0)
                        n_back += (size_t) n;
                assert_int_equal(n, -EAGAIN);
        }
        assert_memory_equal(back, bytes, sizeof(bytes));
        assert_true(n_turns >= 4000 / 64); /* however the sockets hold them together */
        talk_close(&t);
}

static void an_idle_stream_ends_after_ten_seconds(void **state) {
        world *w = *state;
        talk t;

        talk_open(&t, &w->them, node_id(&w->us), P2P_PING_PROTOCOL);
        ping(&t, 1);
        p2p_loop_advance(w->loop, 9900 * USEC_PER_MSEC);
        ping(&t, 2);
        p2p_loop_advance(w->loop, 9900 * USEC_PER_MSEC);
        ping(&t, 3);
        p2p_loop_advance(w->loop, 10100 * USEC_PER_MSEC);
        assert_int_equal(talk_hear_end(&t), 0);
        assert_int_equal(t.error, 0); /* FIN, not a reset */
        talk_close(&t);
}

static void a_stream_lives_for_thirty_seconds(void **state) {
        world *w = *state;
        talk t;

        talk_open(&t, &w->them, node_id(&w->us), P2P_PING_PROTOCOL);
        for (unsigned i = 0; i < 5; i++) {
                ping(&t, 1);
                p2p_loop_advance(w->loop, 5 * USEC_PER_SEC);
        }
        ping(&t, 2); /* at 25 s */
        p2p_loop_advance(w->loop, 5100 * USEC_PER_MSEC);
        assert_int_equal(talk_hear_end(&t), 0);
        assert_int_equal(t.error, 0);
        talk_close(&t);
}

static void two_streams_of_a_peer_are_served(void **state) {
        world *w = *state;
        talk t[3];

        for (unsigned i = 0; i < 3; i++) {
                (i < 2 ? talk_open : talk_open_lazily)(&t[i], &w->them, node_id(&w->us), P2P_PING_PROTOCOL);
                if (i < 2)
                        ping(&t[i], 7);
        }
        (void) talk_hear_end(&t[2]);
        assert_int_equal(t[2].error, -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(p2p_stream_channel(t[2].stream)), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        talk_close(&t[2]);
        ping(&t[0], 8); /* the others live */
        talk_close(&t[0]);
        p2p_loop_settle(w->loop);
        talk_open(&t[2], &w->them, node_id(&w->us), P2P_PING_PROTOCOL);
        ping(&t[2], 9);
        talk_close(&t[1]);
        talk_close(&t[2]);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(every_32_bytes_come_back),
                T(who_only_pings_leaves_others_their_turn),
                T(an_idle_stream_ends_after_ten_seconds),
                T(a_stream_lives_for_thirty_seconds),
                T(two_streams_of_a_peer_are_served),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
