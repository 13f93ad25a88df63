/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Length-delimited messages over a pipe that gives and takes a byte at a time. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/delimited.h"
#include "tests/support/hex.h"
#include "tests/support/memory.h"

typedef struct world {
        p2p_loop *loop;
        p2p_channel *us, *them;
        p2p_delimited in;
} world;

static void start(world *w, size_t max, const p2p_memory_options *options) {
        *w = (world){ .in.max = max };
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        assert_int_equal(p2p_memory_pair(w->loop, options, &w->us, &w->them), 0);
}

static void stop(world *w) {
        p2p_delimited_done(&w->in);
        p2p_channel_free(w->us);
        p2p_channel_free(w->them);
        p2p_loop_settle(w->loop);
        p2p_loop_free(w->loop);
}

static void say(world *w, const char *hex) {
        uint8_t bytes[1024];
        p2p_view v = hex_view(hex, bytes, sizeof(bytes));

        for (size_t n = 0; n < v.n;) {
                ssize_t k = p2p_channel_write(w->them, v.data + n, v.n - n);

                assert_true(k > 0);
                n += (size_t) k;
        }
        p2p_loop_settle(w->loop);
}

static int read_all(world *w) {
        int r;

        while ((r = p2p_delimited_read(&w->in, w->us)) == 0 && p2p_loop_settle(w->loop) > 0)
                ;
        return r;
}

static void a_message_is_read_to_the_byte(void **state _unused_) {
        p2p_memory_options slow = { .read_max = 1, .write_max = 1 };
        char rest[8];
        world w;

        start(&w, 16, &slow);
        say(&w, "03 616263 78 79");
        assert_int_equal(read_all(&w), 1);
        assert_int_equal(w.in.n, 3);
        assert_memory_equal(w.in.data, "abc", 3);
        assert_int_equal(p2p_channel_read(w.us, rest, 1), 1); /* what is glued behind stays in the channel */
        assert_int_equal(rest[0], 'x');
        stop(&w);
}

static void every_cut_waits_for_more(void **state _unused_) {
        static const char *const bytes[] = { "82", "01", "00", "01" };
        world w;

        start(&w, 256, NULL);
        for (size_t i = 0; i < ELEMENTSOF(bytes); i++) {
                assert_int_equal(p2p_delimited_read(&w.in, w.us), 0);
                say(&w, bytes[i]);
        }
        for (unsigned i = 2; i < 130; i++) {
                assert_int_equal(p2p_delimited_read(&w.in, w.us), 0);
                say(&w, "aa");
        }
        assert_int_equal(p2p_delimited_read(&w.in, w.us), 1);
        assert_int_equal(w.in.n, 130);
        stop(&w);
}

static void the_limit_is_exact(void **state _unused_) {
        world w;

        start(&w, 2, NULL);
        say(&w, "02 6161 03");
        assert_int_equal(read_all(&w), 1);
        assert_int_equal(read_all(&w), -EMSGSIZE); /* before any byte of it came */
        stop(&w);
}

static void a_huge_length_allocates_nothing(void **state _unused_) {
        world w;

        start(&w, 4096, NULL);
        say(&w, "ffffffffffffffff7f");
        assert_int_equal(read_all(&w), -EMSGSIZE);
        assert_null(w.in.data);
        stop(&w);
}

static void bad_lengths_are_refused(void **state _unused_) {
        static const char *const cases[] = { "8100", "ffffffffffffffffff01", "808080808080808080" };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                world w;

                start(&w, 4096, NULL);
                say(&w, cases[i]);
                if (read_all(&w) != -EBADMSG)
                        fail_msg("%s", cases[i]);
                stop(&w);
        }
}

static void an_end_is_told_from_a_cut(void **state _unused_) {
        static const struct { const char *bytes; int expect; } cases[] = {
                { "",         -ENODATA },
                { "80",       -EBADMSG },
                { "03 6161",  -EBADMSG },
                { "03",       -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                world w;

                start(&w, 16, NULL);
                say(&w, cases[i].bytes);
                assert_int_equal(p2p_channel_shutdown(w.them), 0);
                p2p_loop_settle(w.loop);
                if (read_all(&w) != cases[i].expect)
                        fail_msg("'%s'", cases[i].bytes);
                stop(&w);
        }
}

static void an_empty_message_is_one(void **state _unused_) {
        world w;

        start(&w, 16, NULL);
        say(&w, "00 0161");
        assert_int_equal(read_all(&w), 1);
        assert_int_equal(w.in.n, 0);
        assert_int_equal(read_all(&w), 1);
        assert_int_equal(w.in.n, 1);
        stop(&w);
}

static void an_outbox_waits_where_the_far_side_is_full(void **state _unused_) {
        p2p_memory_options tight = { .capacity = 3 };
        p2p_outbox out = { .data = malloc(8), .n = 8 };
        uint8_t got[8];
        size_t n = 0;
        world w;
        int r;

        assert_non_null(out.data);
        memcpy(out.data, "outboxed", 8);
        start(&w, 16, &tight);
        while ((r = p2p_outbox_flush(&out, w.us)) == 0) {
                ssize_t k = p2p_channel_read(w.them, got + n, sizeof(got) - n);

                assert_true(k > 0);
                n += (size_t) k;
        }
        assert_int_equal(r, 1);
        assert_int_equal(p2p_channel_read(w.them, got + n, sizeof(got) - n), 8 - (ssize_t) n);
        assert_memory_equal(got, "outboxed", 8);
        p2p_outbox_done(&out);
        assert_null(out.data);
        stop(&w);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_message_is_read_to_the_byte),
                cmocka_unit_test(every_cut_waits_for_more),
                cmocka_unit_test(the_limit_is_exact),
                cmocka_unit_test(a_huge_length_allocates_nothing),
                cmocka_unit_test(bad_lengths_are_refused),
                cmocka_unit_test(an_end_is_told_from_a_cut),
                cmocka_unit_test(an_empty_message_is_one),
                cmocka_unit_test(an_outbox_waits_where_the_far_side_is_full),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
