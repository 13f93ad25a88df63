/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How long an opening tries, and what ends it at once. */

#include "tests/unit/daemon/world.h"

#include "daemon/opening.h"

static void opening_gives_up_in_time(void **state) {
        Refusals refusals = {};
        p2p_peer_id nobody;
        Opening *opening;
        World w;

        (void) state;
        world_start(&w, true);
        assert_int_equal(p2p_peer_id_parse("12D3KooWRndVhVZPCiQwHBBBdg769GyrPUW13zxwqQyf9r3ANaba", &nobody),
                         0);
        assert_int_equal(opening_new(w.manager->host, &refusals, &nobody, "/peerup/web/1.0.0", false,
                                     on_opened, &w, &opening),
                         0);
        assert_int_equal(p2p_loop_advance(w.loop, 30 * USEC_PER_SEC - 1), 0);
        assert_false(w.done);
        assert_int_equal(p2p_loop_advance(w.loop, USEC_PER_SEC), 0);
        assert_true(w.done);
        assert_int_equal(w.error, -EHOSTUNREACH);

        /* A refusal that is known is final at the next look. */
        w.done = false;
        assert_int_equal(opening_new(w.manager->host, &refusals, &nobody, "/peerup/web/1.0.0", false,
                                     on_opened, &w, &opening),
                         0);
        refusals_note(&refusals, &nobody, p2p_loop_now(w.loop));
        assert_int_equal(p2p_loop_advance(w.loop, USEC_PER_SEC), 0);
        assert_true(w.done);
        assert_int_equal(w.error, -EKEYREJECTED);
        world_stop(&w);
}

static void on_answered(p2p_stream *stream, int error, uint32_t code, void *userdata) {
        World *w = userdata;

        assert_null(stream);
        w->error = error;
        w->code = code;
        w->done = true;
}

static void reset_with(p2p_stream *stream, void *userdata) {
        p2p_channel_reset(p2p_stream_channel(stream), *(uint32_t *) userdata);
        p2p_stream_free(stream);
}

/* One that says why is an answer; another is tried again, and believed if it comes again. */
static void a_reset_that_says_why_is_final(void **state) {
        static const struct {
                uint32_t code;
                bool at_once;
                int error;
        } cases[] = {
                { P2P_STREAM_GATED,                       true,  -ECONNRESET   },
                { P2P_STREAM_BACKEND_UNREACHABLE,         true,  -ECONNRESET   },
                { P2P_STREAM_BACKEND_RESET,               true,  -ECONNRESET   },
                { P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED, true,  -ECONNRESET   },
                { P2P_STREAM_NO_ERROR,                    false, -ECONNABORTED },
        };
        Refusals refusals = {};
        Opening *opening;
        uint32_t code;
        World w;

        (void) state;
        world_start(&w, true);
        manager_dials(&w);
        assert_int_equal(p2p_host_handle(w.friend.host, "/peerup/web/1.0.0", reset_with, &code), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                code = cases[i].code;
                w.done = false;
                assert_int_equal(opening_new(w.manager->host, &refusals, node_id(&w.friend),
                                             "/peerup/web/1.0.0", true, on_answered, &w, &opening),
                                 0);
                if (cases[i].at_once)
                        assert_true(loop_until(w.loop, is_done, &w));
                else
                        for (unsigned k = 0; k < 100 && !w.done; k++) {
                                (void) p2p_loop_turn(w.loop, USEC_PER_MSEC);
                                assert_int_equal(p2p_loop_advance(w.loop, 10 * USEC_PER_MSEC), 0);
                        }
                assert_true(w.done);
                assert_int_equal(w.error, cases[i].error);
                assert_int_equal(w.code, cases[i].code);
        }
        world_stop(&w);
}

static void advance(World *w, unsigned seconds) {
        for (unsigned k = 0; k < seconds * 10 && !w->done; k++) {
                for (unsigned turn = 0; turn < 3; turn++)
                        (void) p2p_loop_turn(w->loop, USEC_PER_MSEC);
                assert_int_equal(p2p_loop_advance(w->loop, 100 * USEC_PER_MSEC), 0);
        }
}

/* A program is told after 30 s; a person's connection is served when there is room. */
static void a_full_peer_is_waited_for(void **state) {
        uint32_t code = P2P_STREAM_RESOURCE_LIMIT_EXCEEDED;
        Refusals refusals = {};
        Opening *opening;
        World w;

        (void) state;
        world_start(&w, true);
        manager_dials(&w);
        assert_int_equal(p2p_host_handle(w.friend.host, "/peerup/web/1.0.0", reset_with, &code), 0);
        assert_int_equal(opening_new(w.manager->host, &refusals, node_id(&w.friend), "/peerup/web/1.0.0",
                                     true, on_answered, &w, &opening),
                         0);
        w.done = false;
        advance(&w, 29);
        assert_false(w.done);
        advance(&w, 10);
        assert_true(w.done);
        assert_int_equal(w.error, -ECONNRESET);
        assert_int_equal(w.code, code);
        world_stop(&w);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(opening_gives_up_in_time),
                cmocka_unit_test(a_reset_that_says_why_is_final),
                cmocka_unit_test(a_full_peer_is_waited_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
