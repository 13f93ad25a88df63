/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The codec of multistream tokens, and reading them to the byte (wire reference 3, 19.2). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "negotiate/token-io.h"
#include "tests/support/memory.h"

/* Wire reference 19.2. */
static const struct {
        const char *name, *bytes;
} tokens[] = {
        { "/multistream/1.0.0",              "\x13/multistream/1.0.0\n"                  },
        { "na",                              "\x03na\n"                                  },
        { "ls",                              "\x03ls\n"                                  },
        { "/noise",                          "\x07/noise\n"                              },
        { "/tls/1.0.0",                      "\x0b/tls/1.0.0\n"                          },
        { "/yamux/1.0.0",                    "\x0d/yamux/1.0.0\n"                        },
        { "/ipfs/id/1.0.0",                  "\x0f/ipfs/id/1.0.0\n"                      },
        { "/ipfs/ping/1.0.0",                "\x11/ipfs/ping/1.0.0\n"                    },
        { "/libp2p/circuit/relay/0.2.0/hop", "\x20/libp2p/circuit/relay/0.2.0/hop\n"     },
};

static void tokens_of_the_reference_are_written_as_such(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(tokens); i++) {
                uint8_t out[64];
                p2p_writer w = P2P_WRITER(out, sizeof(out));
                p2p_view written;

                p2p_token_write(&w, P2P_VIEW_STR(tokens[i].name));
                assert_int_equal(p2p_writer_finish(&w, &written), 0);
                if (!p2p_view_equal(written, P2P_VIEW_STR(tokens[i].bytes)))
                        fail_msg("%s", tokens[i].name);
        }
}

static void tokens_of_the_reference_are_read_with_what_follows_left(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(tokens); i++) {
                char in[128];
                p2p_view name;
                size_t n;

                (void) snprintf(in, sizeof(in), "%s%s", tokens[i].bytes, "behind");
                if (p2p_token_parse(P2P_VIEW_STR(in), &name, &n) != 1 || n != strlen(tokens[i].bytes) ||
                    !p2p_view_equal(name, P2P_VIEW_STR(tokens[i].name)))
                        fail_msg("%s", tokens[i].name);
        }
}

static void a_short_token_says_how_far_to_read(void **state) {
        p2p_view name;
        size_t n;

        (void) state;
        for (size_t have = 0; have < 20; have++) {
                assert_int_equal(p2p_token_parse(P2P_VIEW(tokens[0].bytes, have), &name, &n), 0);
                assert_int_equal(n, have == 0 ? 1 : 20);
        }
        assert_int_equal(p2p_token_parse(P2P_VIEW("\x80", 1), &name, &n), 0);
        assert_int_equal(n, 2);
}

static void bad_tokens_are_refused(void **state) {
        static const struct {
                const char *why;
                size_t n;
                const char *in;
                int expect;
        } cases[] = {
                { "nothing, not even a newline",   1, "\x00",         -EBADMSG  },
                { "an empty name",                 2, "\x01\n",       -EBADMSG  },
                { "an empty name, before its end", 1, "\x01",         -EBADMSG  },
                { "no newline",                    4, "\x03naX",      -EBADMSG  },
                { "a newline too early",           4, "\x03n\nX",     -EBADMSG  },
                { "a length that is not minimal",  5, "\x83\x00na\n", -EBADMSG  },
                { "1025 bytes",                    2, "\x81\x08",     -EMSGSIZE },
                { "16383 bytes",                   2, "\xff\x7f",     -EMSGSIZE },
                { "a third byte of length",        2, "\x80\x80",     -EMSGSIZE },
        };
        p2p_view name;
        size_t n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (p2p_token_parse(P2P_VIEW(cases[i].in, cases[i].n), &name, &n) != cases[i].expect)
                        fail_msg("%s", cases[i].why);
}

static void the_longest_token_is_1024_bytes(void **state) {
        char name[P2P_TOKEN_NAME_MAX + 1];
        uint8_t out[2 * P2P_TOKEN_BYTES_MAX];
        p2p_writer w = P2P_WRITER(out, sizeof(out));
        p2p_view written, read;
        size_t n;

        (void) state;
        memset(name, 'x', sizeof(name));
        p2p_token_write(&w, P2P_VIEW(name, 1023));
        assert_int_equal(p2p_writer_finish(&w, &written), 0);
        assert_int_equal(written.n, 2 + 1024);
        assert_int_equal(p2p_token_parse(written, &read, &n), 1);
        assert_int_equal(read.n, 1023);

        p2p_token_write(&w, P2P_VIEW(name, 1024));
        assert_int_equal(p2p_writer_finish(&w, &written), -ENOBUFS);
        w = P2P_WRITER(out, sizeof(out));
        p2p_token_write(&w, P2P_VIEW(name, 0));
        assert_int_equal(p2p_writer_finish(&w, &written), -ENOBUFS);
}

static void a_header_and_the_longest_proposal_leave_together(void **state) {
        char name[P2P_TOKEN_NAME_MAX];
        p2p_token_out out = {};

        (void) state;
        memset(name, 'x', sizeof(name));
        assert_int_equal(p2p_token_out_add(&out, P2P_VIEW_STR(P2P_TOKEN_HEADER)), 0);
        assert_int_equal(p2p_token_out_add(&out, P2P_VIEW(name, sizeof(name))), 0);
        assert_int_equal(p2p_token_out_add(&out, P2P_VIEW_STR("na")), -ENOBUFS);
        assert_int_equal(out.n, 20 + 1026); /* what was refused left nothing */
}

static void nothing_behind_a_token_is_read(void **state) {
        static const size_t splits[] = { 0, 1, 2, 3 };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(splits); i++) {
                p2p_memory_options options = { .read_max = splits[i] };
                _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
                _cleanup_(p2p_channel_freep) p2p_channel *a = NULL, *b = NULL;
                p2p_token_in in = {};
                p2p_view name;
                char rest[8];

                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, &options, &a, &b), 0);
                assert_int_equal(p2p_token_in_read(&in, b, &name), 0);
                assert_int_equal(p2p_channel_write(a, "\x03na\n\x07/noise\nXY", 14), 14);
                assert_int_equal(p2p_token_in_read(&in, b, &name), 1);
                assert_string_equal((const char *) name.data, "na");
                assert_int_equal(p2p_token_in_read(&in, b, &name), 1);
                assert_string_equal((const char *) name.data, "/noise");
                assert_int_equal(p2p_channel_read(b, rest, 1), 1);
                assert_int_equal(rest[0], 'X');
                assert_int_equal(p2p_channel_read(b, rest, sizeof(rest)), 1);
                assert_int_equal(rest[0], 'Y');
        }
}

static void an_end_in_a_token_is_a_reset(void **state) {
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        _cleanup_(p2p_channel_freep) p2p_channel *a = NULL, *b = NULL;
        p2p_token_in in = {};
        p2p_view name;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        assert_int_equal(p2p_memory_pair(loop, NULL, &a, &b), 0);
        assert_int_equal(p2p_channel_write(a, "\x03n", 2), 2);
        assert_int_equal(p2p_channel_shutdown(a), 0);
        assert_int_equal(p2p_token_in_read(&in, b, &name), -ECONNRESET);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tokens_of_the_reference_are_written_as_such),
                cmocka_unit_test(tokens_of_the_reference_are_read_with_what_follows_left),
                cmocka_unit_test(a_short_token_says_how_far_to_read),
                cmocka_unit_test(bad_tokens_are_refused),
                cmocka_unit_test(the_longest_token_is_1024_bytes),
                cmocka_unit_test(a_header_and_the_longest_proposal_leave_together),
                cmocka_unit_test(nothing_behind_a_token_is_read),
                cmocka_unit_test(an_end_in_a_token_is_a_reset),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
