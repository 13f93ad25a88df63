/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The initiator with several proposals, answered with raw bytes, and against our own responder (wire
 * reference 3). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/error.h>

#include "negotiate/token.h"
#include "tests/support/memory.h"

#define HEADER "\x13/multistream/1.0.0\n"
#define NA "\x03na\n"

static const p2p_memory_options splits[] = {
        { .write_max = 1, .read_max = 1 },
        { .write_max = 3, .read_max = 2 },
        { .capacity = 5 },
        {},
};

static const char *const offers[] = { "/tls/1.0.0", "/noise", "/c", NULL };

typedef struct fixture {
        p2p_loop *loop;
        p2p_channel *far, *near;
        p2p_propose *propose;
        unsigned n_done;
        int error;
        char protocol[64];
} fixture;

static void on_done(p2p_channel *channel, const char *protocol, int error, void *userdata) {
        fixture *f = userdata;

        f->propose = NULL;
        f->n_done++;
        f->near = channel;
        f->error = error;
        if (protocol)
                (void) snprintf(f->protocol, sizeof(f->protocol), "%s", protocol);
}

static void setup(fixture *f, const p2p_memory_options *options) {
        p2p_channel *near;

        *f = (fixture){};
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        assert_int_equal(p2p_memory_pair(f->loop, options, &f->far, &near), 0);
        assert_int_equal(p2p_propose_new(f->loop, near, offers, on_done, f, &f->propose), 0);
        assert_int_equal(f->n_done, 0);
}

static void done(fixture *f) {
        p2p_propose_free(f->propose);
        p2p_channel_free(f->near);
        p2p_channel_free(f->far);
        p2p_loop_free(f->loop);
}

static size_t exchange(fixture *f, const char *in, size_t n, char *out, size_t size) {
        size_t sent = 0, got = 0;

        for (;;) {
                ssize_t w = -EAGAIN, r;

                if (sent < n) {
                        w = p2p_channel_write(f->far, in + sent, n - sent);
                        if (w > 0)
                                sent += (size_t) w;
                }
                (void) p2p_loop_settle(f->loop);
                r = p2p_channel_read(f->far, out + got, size - got);
                if (r > 0)
                        got += (size_t) r;
                if (r <= 0 && w <= 0)
                        return got;
        }
}

static void answers_decide(void **state) {
        static const struct { const char *in, *said, *protocol; int error; } cases[] = {
                { HEADER "\x0b/tls/1.0.0\n",      HEADER "\x0b/tls/1.0.0\n",                    "/tls/1.0.0", 0 },
                { HEADER NA "\x07/noise\n",       HEADER "\x0b/tls/1.0.0\n\x07/noise\n",        "/noise",     0 },
                { HEADER NA NA "\x03/c\n",        HEADER "\x0b/tls/1.0.0\n\x07/noise\n\x03/c\n", "/c",        0 },
                { HEADER NA NA NA,                NULL, NULL, -EPROTONOSUPPORT },
                { HEADER "\x07/noise\n",          NULL, NULL, -EPROTO          }, /* not what we asked */
                { HEADER HEADER,                  NULL, NULL, -EPROTO          },
                { NA,                             NULL, NULL, -EPROTO          }, /* no header */
                { "\x13/multistream/2.0.0\n",     NULL, NULL, -EPROTO          },
                { HEADER "\x0b/tls/1.0.0X",       NULL, NULL, -EBADMSG         },
                { HEADER "\x81\x08",              NULL, NULL, -EMSGSIZE        },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases) * ELEMENTSOF(splits); i++) {
                const char *in = cases[i / ELEMENTSOF(splits)].in, *said = cases[i / ELEMENTSOF(splits)].said;
                int error = cases[i / ELEMENTSOF(splits)].error;
                char out[256];
                fixture f;
                size_t n;

                setup(&f, &splits[i % ELEMENTSOF(splits)]);
                n = exchange(&f, in, strlen(in), out, sizeof(out));
                assert_int_equal(f.n_done, 1);
                assert_int_equal(f.error, error);
                if (error == 0) {
                        assert_string_equal(f.protocol, cases[i / ELEMENTSOF(splits)].protocol);
                        assert_int_equal(n, strlen(said));
                        assert_memory_equal(out, said, n);
                } else {
                        assert_null(f.near);
                        assert_int_equal(p2p_channel_reset_code(f.far), P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED);
                }
                done(&f);
        }
}

/* The deadlock: a responder that is silent until it hears a proposal. */
static void header_and_proposal_leave_in_one_write_before_anything_came(void **state) {
        char out[64];
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_channel_read(f.far, out, sizeof(out)), 32);
        assert_memory_equal(out, HEADER "\x0b/tls/1.0.0\n", 32);
        done(&f);
}

static void what_is_glued_behind_stays_in_the_channel(void **state) {
        char out[64], rest[16];
        fixture f;

        (void) state;
        setup(&f, NULL);
        (void) exchange(&f, HEADER "\x0b/tls/1.0.0\nGLUED", 37, out, sizeof(out));
        assert_int_equal(p2p_channel_read(f.near, rest, sizeof(rest)), 5);
        assert_memory_equal(rest, "GLUED", 5);
        done(&f);
}

static void a_far_side_that_leaves_is_a_reset(void **state) {
        fixture f;

        (void) state;
        setup(&f, NULL);
        (void) p2p_channel_shutdown(f.far);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(f.n_done, 1);
        assert_int_equal(f.error, -ECONNRESET);
        done(&f);

        setup(&f, NULL);
        f.far = p2p_channel_free(f.far);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(f.n_done, 1);
        assert_int_equal(f.error, -ECONNRESET);
        done(&f);
}

static void names_that_no_token_carries_are_misuse(void **state) {
        static const char *const none[] = { NULL }, *const empty[] = { "", NULL }, *const na[] = { "/a", "na", NULL };
        const char *many[P2P_MULTISTREAM_PROPOSALS_MAX + 2] = {}, *one[2] = {};
        char name[P2P_TOKEN_NAME_MAX + 2] = {};
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        _cleanup_(p2p_channel_freep) p2p_channel *a = NULL, *b = NULL;
        p2p_propose *p = NULL;
        fixture f = {};

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        assert_int_equal(p2p_memory_pair(loop, NULL, &a, &b), 0);
        assert_int_equal(p2p_propose_new(loop, b, none, on_done, &f, &p), -EINVAL);
        assert_int_equal(p2p_propose_new(loop, b, empty, on_done, &f, &p), -EINVAL);
        assert_int_equal(p2p_propose_new(loop, b, na, on_done, &f, &p), -EINVAL);

        for (size_t i = 0; i <= P2P_MULTISTREAM_PROPOSALS_MAX; i++)
                many[i] = "/a";
        assert_int_equal(p2p_propose_new(loop, b, many, on_done, &f, &p), -EINVAL);
        memset(name, 'x', P2P_TOKEN_NAME_MAX + 1);
        one[0] = name;
        assert_int_equal(p2p_propose_new(loop, b, one, on_done, &f, &p), -EINVAL);

        name[P2P_TOKEN_NAME_MAX] = '\0';
        many[P2P_MULTISTREAM_PROPOSALS_MAX] = NULL;
        many[0] = name;
        assert_int_equal(p2p_propose_new(loop, TAKE_PTR(b), many, on_done, &f, &p), 0);
        p2p_propose_free(p);
}

static bool match_c(const char *protocol, void *userdata) {
        (void) userdata;
        return strcmp(protocol, "/c") == 0;
}

static void both_sides_of_ours_agree(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(splits); i++) {
                fixture us, them = {};
                p2p_select *select;

                setup(&us, &splits[i]);
                assert_int_equal(p2p_select_new(us.loop, TAKE_PTR(us.far), match_c, on_done, &them, &select), 0);
                (void) p2p_loop_settle(us.loop);
                assert_int_equal(us.n_done, 1);
                assert_int_equal(them.n_done, 1);
                assert_string_equal(us.protocol, "/c");
                assert_string_equal(them.protocol, "/c");
                assert_int_equal(p2p_channel_write(them.near, "!", 1), 1);
                p2p_channel_free(them.near);
                done(&us);
        }
}

static void freed_in_flight_it_never_calls_back(void **state) {
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_channel_write(f.far, HEADER "\x0b/tls/1.0.0\n", 32), 32);
        f.propose = p2p_propose_free(f.propose);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(f.n_done, 0);
        done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(answers_decide),
                cmocka_unit_test(header_and_proposal_leave_in_one_write_before_anything_came),
                cmocka_unit_test(what_is_glued_behind_stays_in_the_channel),
                cmocka_unit_test(a_far_side_that_leaves_is_a_reset),
                cmocka_unit_test(names_that_no_token_carries_are_misuse),
                cmocka_unit_test(both_sides_of_ours_agree),
                cmocka_unit_test(freed_in_flight_it_never_calls_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
