/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The initiator that waits for nothing (wire reference 3: lazy negotiation and its deadlock trap). */

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
#define ASKED HEADER "\x03/a\n"
#define NA "\x03na\n"

static const p2p_memory_options splits[] = {
        { .write_max = 1, .read_max = 1 },
        { .write_max = 3, .read_max = 2 },
        { .capacity = 5 },
        {},
};

typedef struct fixture {
        p2p_loop *loop;
        p2p_channel *far, *lazy;
        p2p_task wake;
        unsigned n_wakes;
} fixture;

static void on_wake(void *userdata) {
        fixture *f = userdata;

        f->n_wakes++;
}

static void setup(fixture *f, const p2p_memory_options *options) {
        p2p_channel *near;

        *f = (fixture){};
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        assert_int_equal(p2p_memory_pair(f->loop, options, &f->far, &near), 0);
        assert_int_equal(p2p_lazy_new(f->loop, near, "/a", &f->lazy), 0);
        p2p_task_init(&f->wake, f->loop, on_wake, f);
        p2p_channel_set_wake(f->lazy, &f->wake);
}

static void done(fixture *f) {
        p2p_channel_free(f->lazy);
        p2p_channel_free(f->far);
        p2p_task_cancel(&f->wake);
        p2p_loop_free(f->loop);
}

static void header_proposal_and_payload_leave_in_one_write(void **state) {
        struct iovec iov[] = { { .iov_base = (void *) "hel", .iov_len = 3 }, { .iov_base = (void *) "lo", .iov_len = 2 } };
        char out[64];
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_channel_read(f.far, out, sizeof(out)), -EAGAIN); /* nothing before there is reason to */
        assert_int_equal(p2p_channel_writev(f.lazy, iov, 2, false), 5);
        assert_int_equal(p2p_channel_read(f.far, out, sizeof(out)), 29);
        assert_memory_equal(out, ASKED "hello", 29);
        assert_memory_equal(out, "\x13\x2f\x6d", 3); /* what a port shared with WebSocket looks at */
        done(&f);
}

static void whoever_only_reads_asks_first(void **state) {
        char out[64];
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_channel_read(f.lazy, out, sizeof(out)), -EAGAIN);
        assert_int_equal(p2p_channel_read(f.far, out, sizeof(out)), 24);
        assert_memory_equal(out, ASKED, 24);
        assert_int_equal(p2p_channel_write(f.far, ASKED "data", 28), 28);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(f.n_wakes, 1);
        assert_int_equal(p2p_channel_read(f.lazy, out, sizeof(out)), 4);
        assert_memory_equal(out, "data", 4);
        assert_int_equal(p2p_lazy_confirm(f.lazy), 1);
        done(&f);
}

static void asking_can_be_all_there_is(void **state) {
        char out[64];
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_lazy_flush(f.lazy), 0);
        assert_int_equal(p2p_lazy_flush(f.lazy), 0);
        assert_int_equal(p2p_channel_read(f.far, out, sizeof(out)), 24);
        assert_int_equal(p2p_channel_read(f.far, out, sizeof(out)), -EAGAIN);
        assert_int_equal(p2p_lazy_confirm(f.lazy), 0);
        assert_int_equal(p2p_channel_write(f.far, ASKED, 24), 24);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(f.n_wakes, 1);
        assert_int_equal(p2p_lazy_confirm(f.lazy), 1);
        done(&f);
}

/* Bytes of both directions through every split, with the far side answering late. */
static void bytes_pass_at_every_split(void **state) {
        static const char up[] = ASKED "0123456789", down[] = ASKED "abcdefghij";

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(splits); i++) {
                size_t sent = 0, got = 0, far_sent = 0, far_got = 0;
                char out[64], far_out[64];
                fixture f;

                setup(&f, &splits[i]);
                for (unsigned turn = 0; turn < 500; turn++) {
                        ssize_t k;

                        k = p2p_channel_write(f.lazy, &"0123456789"[sent], 10 - sent);
                        sent += k > 0 ? (size_t) k : 0;
                        k = p2p_channel_read(f.far, far_out + far_got, sizeof(far_out) - far_got);
                        far_got += k > 0 ? (size_t) k : 0;
                        if (far_got == sizeof(up) - 1) {
                                k = p2p_channel_write(f.far, down + far_sent, sizeof(down) - 1 - far_sent);
                                far_sent += k > 0 ? (size_t) k : 0;
                        }
                        k = p2p_channel_read(f.lazy, out + got, sizeof(out) - got);
                        got += k > 0 ? (size_t) k : 0;
                }
                assert_int_equal(far_got, sizeof(up) - 1);
                assert_memory_equal(far_out, up, far_got);
                assert_int_equal(got, 10);
                assert_memory_equal(out, "abcdefghij", got);
                assert_int_equal(p2p_lazy_confirm(f.lazy), 1);
                done(&f);
        }
}

static void other_answers_are_refusals(void **state) {
        static const struct { const char *in; int error; uint32_t code; } cases[] = {
                { HEADER NA,                  -EPROTONOSUPPORT, P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED },
                { HEADER "\x03/b\n",          -EPROTO,          P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED },
                { HEADER HEADER,              -EPROTO,          P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED },
                { NA,                         -EPROTO,          P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED },
                { HEADER "\x03/aX",           -EBADMSG,         P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED },
                { HEADER "\x81\x08",          -EMSGSIZE,        P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char out[64];
                fixture f;

                setup(&f, NULL);
                assert_int_equal(p2p_channel_write(f.lazy, "x", 1), 1);
                assert_int_equal(p2p_channel_write(f.far, cases[i].in, strlen(cases[i].in)), strlen(cases[i].in));
                assert_int_equal(p2p_channel_read(f.lazy, out, sizeof(out)), cases[i].error);
                assert_int_equal(p2p_channel_read(f.lazy, out, sizeof(out)), cases[i].error);
                assert_int_equal(p2p_channel_write(f.lazy, "x", 1), cases[i].error);
                assert_int_equal(p2p_lazy_confirm(f.lazy), cases[i].error);
                assert_int_equal(p2p_lazy_flush(f.lazy), cases[i].error);
                assert_int_equal(p2p_channel_reset_code(f.far), cases[i].code);
                done(&f);
        }
}

static void an_end_in_the_answer_is_a_reset(void **state) {
        char out[8];
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_lazy_flush(f.lazy), 0);
        assert_int_equal(p2p_channel_write(f.far, HEADER, 20), 20);
        assert_int_equal(p2p_channel_shutdown(f.far), 0);
        assert_int_equal(p2p_channel_read(f.lazy, out, sizeof(out)), -ECONNRESET);
        done(&f);
}

static void the_code_of_a_reset_is_passed_both_ways(void **state) {
        char out[8];
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_lazy_flush(f.lazy), 0);
        p2p_channel_reset(f.far, 0x1002);
        assert_int_equal(p2p_channel_read(f.lazy, out, sizeof(out)), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(f.lazy), 0x1002);
        done(&f);

        setup(&f, NULL);
        p2p_channel_reset(f.lazy, 0x1004);
        assert_int_equal(p2p_channel_write(f.lazy, "x", 1), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(f.far), 0x1004);
        done(&f);
}

static void shutting_down_asks_first_and_ends_behind(void **state) {
        static const p2p_memory_options narrow = { .capacity = 7 };
        char out[64];
        size_t got = 0;
        ssize_t k;
        fixture f;

        (void) state;
        setup(&f, &narrow);
        assert_int_equal(p2p_channel_shutdown(f.lazy), 0);
        assert_int_equal(p2p_channel_shutdown(f.lazy), 0);
        assert_int_equal(p2p_channel_write(f.lazy, "x", 1), -EPIPE);
        while ((k = p2p_channel_read(f.far, out + got, sizeof(out) - got)) != 0) {
                assert_true(k > 0);
                got += (size_t) k;
                (void) p2p_loop_settle(f.loop);
        }
        assert_int_equal(got, 24);
        assert_memory_equal(out, ASKED, 24);
        done(&f);
}

static void a_graceful_free_delivers_what_was_taken(void **state) {
        char out[64];
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_channel_write(f.lazy, "bye", 3), 3);
        assert_int_equal(p2p_channel_shutdown(f.lazy), 0);
        f.lazy = p2p_channel_free(f.lazy);
        (void) p2p_loop_settle(f.loop);
        assert_int_equal(p2p_channel_read(f.far, out, sizeof(out)), 27);
        assert_int_equal(p2p_channel_read(f.far, out, sizeof(out)), 0);
        done(&f);
}

/* Two that both wait to be spoken to: each one's first read sends its proposal, so both find out that they
 * clash. */
static void two_lazy_ones_do_not_wait_for_each_other(void **state) {
        _cleanup_(p2p_channel_freep) p2p_channel *other = NULL;
        char out[8];
        fixture f;

        (void) state;
        setup(&f, NULL);
        assert_int_equal(p2p_lazy_new(f.loop, TAKE_PTR(f.far), "/a", &other), 0);
        assert_int_equal(p2p_channel_read(f.lazy, out, sizeof(out)), -EAGAIN);
        assert_int_equal(p2p_channel_write(other, "y", 1), 1);
        assert_int_equal(p2p_channel_read(f.lazy, out, sizeof(out)), 1);
        other = p2p_channel_free(other);
        done(&f);
}

static bool match_a(const char *protocol, void *userdata) {
        (void) userdata;
        return strcmp(protocol, "/a") == 0;
}

static void on_selected(p2p_channel *channel, const char *protocol, int error, void *userdata) {
        (void) protocol;
        assert_int_equal(error, 0);
        *(p2p_channel **) userdata = channel;
}

static void our_responder_gets_the_payload(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(splits); i++) {
                _cleanup_(p2p_channel_freep) p2p_channel *selected = NULL;
                bool written = false;
                p2p_select *select;
                char out[8];
                fixture f;

                setup(&f, &splits[i]);
                assert_int_equal(p2p_select_new(f.loop, TAKE_PTR(f.far), match_a, on_selected, &selected, &select), 0);
                for (unsigned turn = 0; turn < 50; turn++) {
                        if (!written)
                                written = p2p_channel_write(f.lazy, "x", 1) == 1;
                        (void) p2p_lazy_confirm(f.lazy);
                        (void) p2p_loop_settle(f.loop);
                }
                assert_true(written);
                assert_int_equal(p2p_lazy_confirm(f.lazy), 1);
                assert_non_null(selected);
                assert_int_equal(p2p_channel_read(selected, out, sizeof(out)), 1);
                selected = p2p_channel_free(selected);
                done(&f);
        }
}

static void names_that_no_token_carries_are_misuse(void **state) {
        static const char *const bad[] = { "", "na" };
        char name[P2P_TOKEN_NAME_MAX + 2] = {};
        _cleanup_(p2p_channel_freep) p2p_channel *lazy = NULL;
        fixture f;

        (void) state;
        setup(&f, NULL);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(p2p_lazy_new(f.loop, f.far, bad[i], &lazy), -EINVAL);
        memset(name, 'x', P2P_TOKEN_NAME_MAX + 1);
        assert_int_equal(p2p_lazy_new(f.loop, f.far, name, &lazy), -EINVAL);
        name[P2P_TOKEN_NAME_MAX] = '\0';
        assert_int_equal(p2p_lazy_new(f.loop, TAKE_PTR(f.far), name, &lazy), 0);
        lazy = p2p_channel_free(lazy);
        done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(header_proposal_and_payload_leave_in_one_write),
                cmocka_unit_test(whoever_only_reads_asks_first),
                cmocka_unit_test(asking_can_be_all_there_is),
                cmocka_unit_test(bytes_pass_at_every_split),
                cmocka_unit_test(other_answers_are_refusals),
                cmocka_unit_test(an_end_in_the_answer_is_a_reset),
                cmocka_unit_test(the_code_of_a_reset_is_passed_both_ways),
                cmocka_unit_test(shutting_down_asks_first_and_ends_behind),
                cmocka_unit_test(a_graceful_free_delivers_what_was_taken),
                cmocka_unit_test(two_lazy_ones_do_not_wait_for_each_other),
                cmocka_unit_test(our_responder_gets_the_payload),
                cmocka_unit_test(names_that_no_token_carries_are_misuse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
