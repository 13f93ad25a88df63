/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The TLS of the Web with a real clock: its handshakes are in the worker. Many at once, and ended while it has
 * them. */

#include <sched.h>

#include "tests/unit/transport/ws-tls-pair.h"

#define N_PAIRS 12u

typedef struct crowd {
        p2p_loop *loop;
        p2p_web_tls *server_tls, *client_tls;
        p2p_channel *ends[2 * N_PAIRS]; /* a client, its server, the next client */
} crowd;

static void crowd_begin(crowd *c) {
        *c = (crowd){ .server_tls = credentials("good", true), .client_tls = credentials(NULL, true) };
        assert_int_equal(p2p_loop_new(&c->loop), 0);
        for (unsigned i = 0; i < 2 * N_PAIRS; i += 2) {
                p2p_channel *a, *b;

                assert_int_equal(p2p_memory_pair(c->loop, NULL, &a, &b), 0);
                assert_int_equal(p2p_ws_tls_channel_new_client(c->loop, a, c->client_tls, "relay.test", c->ends + i),
                                 0);
                assert_int_equal(p2p_ws_tls_channel_new_server(c->loop, b, c->server_tls, c->ends + i + 1), 0);
        }
}

static void crowd_done(crowd *c) {
        for (unsigned i = 0; i < 2 * N_PAIRS; i++)
                p2p_channel_free(c->ends[i]);
        p2p_loop_free(c->loop);
        p2p_web_tls_free(c->client_tls);
        p2p_web_tls_free(c->server_tls);
}

static void many_at_once(void **state) {
        char in[16];
        crowd c;

        (void) state;
        crowd_begin(&c);
        for (unsigned i = 0; i < 2 * N_PAIRS; i++) {
                p2p_channel *from = c.ends[i], *to = c.ends[i ^ 1];
                ssize_t k;

                while ((k = p2p_channel_write(from, "there", 5)) == -EAGAIN) {
                        assert_int_equal(p2p_channel_read(to, in, sizeof(in)), -EAGAIN);
                        assert_true(p2p_loop_turn(c.loop, USEC_PER_MSEC) >= 0);
                }
                assert_int_equal(k, 5);
                while ((k = p2p_channel_read(to, in, sizeof(in))) == -EAGAIN)
                        assert_true(p2p_loop_turn(c.loop, USEC_PER_MSEC) >= 0);
                assert_int_equal(k, 5);
                assert_memory_equal(in, "there", 5);
        }
        crowd_done(&c);
}

static void reload(crowd *c) {
        p2p_web_tls_options o = {
                .certificate = web_ca_path(&ca, "rsa", "crt"),
                .key = web_ca_path(&ca, "rsa", "key"),
                .trust = web_ca_path(&ca, "ca", "pem"),
        };

        assert_int_equal(p2p_web_tls_reload(c->server_tls, &o, NULL), 0);
}

/* Wherever each of them is: freed, reset, or shut down and freed; and the files are read again meanwhile. */
static void ended_in_the_middle(void **state) {
        (void) state;
        for (unsigned round = 0; round < 40; round++) {
                unsigned seed = round;
                char in[16];
                crowd c;

                crowd_begin(&c);
                for (unsigned turn = 0; turn < round; turn++) {
                        p2p_channel **end;

                        assert_true(p2p_loop_turn(c.loop, turn % 2 == 0 ? 200 : 0) >= 0);
                        seed = seed * 1103515245 + 12345;
                        if (c.ends[turn % (2 * N_PAIRS)])
                                (void) p2p_channel_read(c.ends[turn % (2 * N_PAIRS)], in, sizeof(in));
                        end = &c.ends[seed / 65536 % (2 * N_PAIRS)];
                        if (!*end || turn % 3 == 0)
                                continue;
                        if (seed / 4096 % 3 == 0)
                                p2p_channel_reset(*end, 0);
                        if (seed / 4096 % 3 == 1)
                                assert_true(p2p_channel_shutdown(*end) <= 0);
                        if (seed / 256 % 2 == 0)
                                *end = p2p_channel_free(*end);
                        if (turn % 10 == 1)
                                reload(&c);
                        (void) sched_yield();
                }
                crowd_done(&c);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(many_at_once),
                cmocka_unit_test(ended_in_the_middle),
        };

        return cmocka_run_group_tests_name("wss in the worker", tests, make_files, remove_files);
}
