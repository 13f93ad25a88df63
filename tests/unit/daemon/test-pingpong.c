/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pings: how long a line, how long a silence, how many at a time. */

#include "tests/unit/daemon/world.h"

#include "daemon/pingpong.h"

static p2p_stream *streams[257];
static unsigned n_streams;

static void pings_have_a_limit_and_a_deadline(void **state) {
        char line[64 + 1];
        World w;

        (void) state;
        world_start(&w, false);
        befriend(&w);
        friend_dials(&w);
        assert_int_equal(friend_opens(&w, "/pingpong/1.0.0"), 0);
        memset(line, ' ', sizeof(line));
        memcpy(line + 64 - 5, "ping\n", 5); /* the longest one that counts */
        assert_int_equal(p2p_channel_write(p2p_stream_channel(w.stream), line, 64), 64);
        assert_true(wait_for_news(&w));
        assert_int_equal(w.n, 5);
        assert_memory_equal(w.line, "pong\n", 5);

        assert_int_equal(friend_opens(&w, "/pingpong/1.0.0"), 0);
        memset(line, ' ', sizeof(line));
        assert_int_equal(p2p_channel_write(p2p_stream_channel(w.stream), line, sizeof(line)), sizeof(line));
        assert_int_equal(code_of_reset(&w), P2P_STREAM_PROTOCOL_VIOLATION);
        world_stop(&w);
}

static void a_silent_ping_is_dropped(void **state) {
        World w;

        (void) state;
        world_start(&w, true);
        befriend(&w);
        friend_dials(&w);
        assert_int_equal(friend_opens(&w, "/pingpong/1.0.0"), 0);
        assert_true(p2p_loop_settle(w.loop) >= 0);
        assert_int_equal(p2p_loop_advance(w.loop, 9 * USEC_PER_SEC), 0);
        w.done = false;
        assert_false(has_news(&w));
        assert_int_equal(p2p_loop_advance(w.loop, 2 * USEC_PER_SEC), 0);
        assert_true(wait_for_news(&w));
        world_stop(&w);
}

static bool are_answered(void *userdata) {
        World *w = userdata;

        return w->n == 257;
}

static void on_counted(p2p_stream *stream, int error, uint32_t code, void *userdata) {
        World *w = userdata;

        if (error >= 0) {
                (void) p2p_channel_write(p2p_stream_channel(stream), "p", 1);
                streams[n_streams++] = stream;
        } else
                w->code = code;
        w->n++;
}

/* Each says the beginning of a line, and no more. */
static void the_257th_at_a_time_is_refused(void **state) {
        static const p2p_open_options options = { .no_dial = true, .confirm = true };
        p2p_open *open;
        World w;

        (void) state;
        world_start(&w, false);
        befriend(&w);
        friend_dials(&w);
        for (unsigned i = 0; i < 257; i++)
                assert_int_equal(p2p_open_new(w.friend.host, p2p_host_peer_id(w.manager->host),
                                              "/pingpong/1.0.0", &options, on_counted, &w, &open),
                                 0);
        assert_true(loop_until(w.loop, are_answered, &w));
        assert_int_equal(n_streams, 256);
        assert_int_equal(w.code, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        while (n_streams > 0)
                p2p_stream_free(streams[--n_streams]);
        world_stop(&w);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(pings_have_a_limit_and_a_deadline),
                cmocka_unit_test(a_silent_ping_is_dropped),
                cmocka_unit_test(the_257th_at_a_time_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
