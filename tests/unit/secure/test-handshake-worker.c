/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Handshakes with a real clock: who accepts has its steps in the worker. Many at once, and freed while it has
 * them. */

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/worker.h"
#include "secure/secure.h"
#include "tests/support/memory.h"

#define N_PAIRS 24u

static const char *const yamux[] = { "/yamux/1.0.0", NULL };
static const p2p_security *const securities[] = { &p2p_tls, &p2p_noise };

typedef struct side {
        struct crowd *crowd;
        p2p_secure *secure;
        p2p_secure_result result;
        int error;
} side;

typedef struct crowd {
        const p2p_security *security;
        p2p_loop *loop;
        p2p_identity *ids[2];
        p2p_peer_id wrong;
        unsigned n_busy;
        side sides[N_PAIRS][2]; /* who accepts, who dials */
} crowd;

static void on_done(p2p_secure_result *result, int error, void *userdata) {
        side *s = userdata;

        s->secure = NULL;
        s->error = error;
        if (result)
                s->result = *result;
        s->crowd->n_busy--;
}

static void start(crowd *c, unsigned i, unsigned role, p2p_channel *channel, const p2p_peer_id *expected) {
        p2p_secure_options options = { .identity = c->ids[role], .expected = expected, .muxers = yamux,
                                       .initiator = role };
        side *s = &c->sides[i][role];

        *s = (side){ .crowd = c };
        assert_int_equal(c->security->start(c->loop, channel, &options, on_done, s, &s->secure), 0);
        c->n_busy++;
}

/* Every fourth expects somebody else. */
static void crowd_start(crowd *c, const p2p_security *security) {
        p2p_identity *other;

        *c = (crowd){ .security = security };
        assert_int_equal(p2p_loop_new(&c->loop), 0);
        assert_int_equal(p2p_identity_generate(&c->ids[0]), 0);
        assert_int_equal(p2p_identity_generate(&c->ids[1]), 0);
        assert_int_equal(p2p_identity_generate(&other), 0);
        c->wrong = *p2p_identity_peer_id(other);
        p2p_identity_free(other);
        for (unsigned i = 0; i < N_PAIRS; i++) {
                p2p_channel *a, *b;

                assert_int_equal(p2p_memory_pair(c->loop, NULL, &a, &b), 0);
                start(c, i, 0, a, NULL);
                start(c, i, 1, b, i % 4 == 3 ? &c->wrong : NULL);
        }
}

static void side_free(side *s) {
        if (s->secure) {
                s->crowd->security->free(s->secure);
                s->crowd->n_busy--;
        }
        p2p_channel_free(s->result.channel);
        *s = (side){ .crowd = s->crowd };
}

static void crowd_done(crowd *c) {
        for (unsigned i = 0; i < N_PAIRS; i++) {
                side_free(&c->sides[i][0]);
                side_free(&c->sides[i][1]);
        }
        p2p_identity_free(c->ids[0]);
        p2p_identity_free(c->ids[1]);
        p2p_loop_free(c->loop);
}

static void move(crowd *c, side *from, side *to, const char *text) {
        char in[64];
        ssize_t k;

        assert_int_equal(p2p_channel_write(from->result.channel, text, strlen(text)), strlen(text));
        while ((k = p2p_channel_read(to->result.channel, in, sizeof(in))) == -EAGAIN)
                assert_true(p2p_loop_turn(c->loop, 0) >= 0);
        assert_int_equal(k, strlen(text));
        assert_memory_equal(in, text, strlen(text));
}

static void many_at_once(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(securities); i++) {
                crowd c;

                crowd_start(&c, securities[i]);
                while (c.n_busy > 0)
                        assert_true(p2p_loop_turn(c.loop, 10 * USEC_PER_SEC) >= 0);
                for (unsigned k = 0; k < N_PAIRS; k++) {
                        side *us = &c.sides[k][0], *them = &c.sides[k][1];

                        if (k % 4 == 3) {
                                assert_int_equal(them->error, -EKEYREJECTED);
                                continue;
                        }
                        assert_int_equal(us->error, 0);
                        assert_int_equal(them->error, 0);
                        assert_true(p2p_peer_id_equal(&us->result.peer, p2p_identity_peer_id(c.ids[1])));
                        assert_true(p2p_peer_id_equal(&them->result.peer, p2p_identity_peer_id(c.ids[0])));
                        assert_string_equal(us->result.muxer, yamux[0]);
                        move(&c, us, them, "there");
                        move(&c, them, us, "back");
                }
                crowd_done(&c);
        }
}

/* Wherever each of them is. */
static void freed_in_the_middle(void **state) {
        (void) state;
        for (unsigned i = 0; i < 2 * 60; i++) {
                unsigned turns = i / 2, seed = i;
                crowd c;

                crowd_start(&c, securities[i % 2]);
                for (unsigned k = 0; k < turns && c.n_busy > 0; k++) {
                        assert_true(p2p_loop_turn(c.loop, k % 2 == 0 ? 200 : 0) >= 0);
                        seed = seed * 1103515245 + 12345;
                        if (k % 5 == 0)
                                side_free(&c.sides[seed / 65536 % N_PAIRS][seed / 4096 % 2]);
                        if (k % 3 == 0)
                                (void) sched_yield();
                }
                crowd_done(&c);
        }
}

/* ---- nothing of it is the loop's */

typedef struct gate {
        p2p_job job;
        int fds[2];
} gate;

static void pass(void *userdata) {
        gate *g = userdata;
        char c;

        if (read(g->fds[0], &c, 1) != 1)
                abort();
}

static void on_passed(void *userdata _unused_) {}

/* The worker stands still until the gate is opened: what it would do is then not done. */
static void gate_close(gate *g, p2p_loop *loop) {
        assert_int_equal(pipe(g->fds), 0);
        p2p_job_init(&g->job, loop, pass, on_passed, g);
        assert_int_equal(p2p_job_start(&g->job), 0);
}

static void gate_open(gate *g) {
        assert_int_equal(write(g->fds[1], "", 1), 1);
        p2p_job_cancel(&g->job);
        close(g->fds[0]);
        close(g->fds[1]);
}

/* Says nothing behind a closed gate, and something once it is open: that many bytes. */
static size_t speak(p2p_loop *loop, gate *g, p2p_channel *far, uint8_t *to, size_t size) {
        ssize_t k;

        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(p2p_loop_settle(loop), 0);
        assert_int_equal(p2p_channel_read(far, to, size), -EAGAIN);
        gate_open(g);
        while ((k = p2p_channel_read(far, to, size)) == -EAGAIN)
                assert_true(p2p_loop_turn(loop, 10 * USEC_PER_SEC) >= 0);
        assert_true(k > 0);
        return (size_t) k;
}

static void a_responders_steps_are_the_workers(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(securities); i++) {
                p2p_channel *a, *b, *far_a, *far_b;
                uint8_t hello[2048], answer[4096];
                crowd c = { .security = securities[i] };
                size_t n;
                gate g;

                assert_int_equal(p2p_loop_new(&c.loop), 0);
                assert_int_equal(p2p_identity_generate(&c.ids[0]), 0);
                assert_int_equal(p2p_identity_generate(&c.ids[1]), 0);
                assert_int_equal(p2p_memory_pair(c.loop, NULL, &a, &far_a), 0);
                assert_int_equal(p2p_memory_pair(c.loop, NULL, &b, &far_b), 0);

                start(&c, 0, 1, a, NULL);
                assert_int_equal(p2p_loop_settle(c.loop), 0);
                n = (size_t) p2p_channel_read(far_a, hello, sizeof(hello));
                assert_true(n <= sizeof(hello));

                gate_close(&g, c.loop);
                start(&c, 0, 0, b, NULL);
                assert_int_equal(p2p_channel_write(far_b, hello, n), n);
                n = speak(c.loop, &g, far_b, answer, sizeof(answer));

                assert_int_equal(p2p_channel_write(far_a, answer, n), n);
                assert_int_equal(p2p_loop_settle(c.loop), 0);
                n = (size_t) p2p_channel_read(far_a, answer, sizeof(answer));
                assert_true(n <= sizeof(answer));
                assert_int_equal(c.sides[0][1].error, 0);

                gate_close(&g, c.loop);
                assert_int_equal(p2p_channel_write(far_b, answer, n), n);
                for (unsigned k = 0; k < 20; k++)
                        assert_int_equal(p2p_loop_settle(c.loop), 0);
                assert_int_equal(c.n_busy, 1);
                gate_open(&g);
                while (c.n_busy > 0)
                        assert_true(p2p_loop_turn(c.loop, 10 * USEC_PER_SEC) >= 0);
                assert_int_equal(c.sides[0][0].error, 0);
                p2p_channel_free(far_a);
                p2p_channel_free(far_b);
                crowd_done(&c);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(many_at_once),
                cmocka_unit_test(freed_in_the_middle),
                cmocka_unit_test(a_responders_steps_are_the_workers),
        };

        return cmocka_run_group_tests_name("handshakes in the worker", tests, NULL, NULL);
}
