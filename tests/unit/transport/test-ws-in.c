/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a WebSocket channel makes of the frames that come (wire reference 15). */

#include "tests/unit/transport/ws-raw.h"
#include "transport/ws-frame.h"
#include "transport/ws-in.h"

static uint8_t buf[P2P_SCRATCH_SIZE + 4096];

static void frames_of_all_kinds_are_bytes(void **state) {
        raw_ws f;

        (void) state;
        raw_serve(&f, NULL);
        raw_frames(&f, "828200000000 6162" /* binary */
                       "818100000000 63"   /* text */
                       "028100000000 64"   /* fragments, the second empty, */
                       "008000000000"
                       "898200000000 7069" /* a ping between them, and a pong that nobody asked for */
                       "8a8000000000"
                       "808100000000 65"
                       "828537fa213d 7f9f4d5158" /* RFC 6455 5.7 */
                       "82fe007f00000000");      /* a longer form; 127 bytes follow */
        raw_read(&f, "abcdeHello", -EAGAIN);
        raw_expect(&f, "8a027069", -EAGAIN);
        memset(buf, 'x', 127);
        raw_say(&f, buf, 127);
        assert_int_equal(p2p_channel_read(f.ws, buf, sizeof(buf)), 127);
        raw_done(&f);
}

static void the_last_ping_is_answered(void **state) {
        static const p2p_memory_options options = { .capacity = 1024 };
        raw_ws f;
        ssize_t end;
        size_t n;

        (void) state;
        raw_serve(&f, &options);
        memset(buf, 'z', 4096);
        while (p2p_channel_write(f.ws, buf, 4096) > 0) /* the way back is full */
                ;
        for (char c = 'a'; c < 'j'; c++) {
                uint8_t ping[] = { 0x89, 0x81, 0, 0, 0, 0, (uint8_t) c };

                raw_say(&f, ping, sizeof(ping));
                raw_read(&f, "", -EAGAIN);
        }
        n = raw_hear(&f, buf, sizeof(buf), &end);
        assert_true(n > 4096);
        assert_memory_equal(buf + n - 3, "\x8a\x01i", 3);
        for (size_t i = 0; i + 3 < n; i++)
                assert_int_not_equal(buf[i], 0x8a);
        raw_done(&f);
}

/* A length is a promise, not a size. */
static void a_huge_frame_is_a_stream(void **state) {
        raw_ws f;

        (void) state;
        raw_serve(&f, NULL);
        raw_frames(&f, "82ff7fffffffffffffff00000000");
        for (unsigned i = 0; i < 100; i++) {
                memset(buf, 'x', 20000);
                raw_say(&f, buf, 20000);
                assert_int_equal(p2p_channel_read(f.ws, buf, sizeof(buf)), 20000);
        }
        (void) p2p_channel_shutdown(f.raw);
        assert_int_equal(p2p_channel_read(f.ws, buf, sizeof(buf)),
                         -ECONNRESET); /* the promise was not kept */
        raw_done(&f);
}

/* A reader with a small buffer has a little read ahead for it: the rest pushes back. */
static void reading_ahead_has_a_limit(void **state) {
        static const p2p_memory_options options = { .capacity = 1 << 20 };
        size_t n = 0;
        ssize_t k;
        raw_ws f;

        (void) state;
        raw_serve(&f, &options);
        raw_frames(&f, "82ff000000000080000000000000");
        while ((k = p2p_channel_write(f.raw, buf, 65536)) > 0)
                n += (size_t) k;
        assert_int_equal(n, (1 << 20) - 14);
        assert_int_equal(p2p_channel_read(f.ws, buf, 1), 1);
        n = 0;
        while ((k = p2p_channel_write(f.raw, buf, 65536)) > 0)
                n += (size_t) k;
        assert_int_equal(n, 16384);
        raw_done(&f);
}

static void violations_end_with_1002(void **state) {
        static const struct {
                const char *why, *hex;
                int error;
        } cases[] = {
                { "unmasked", "820161", -EPROTO },
                { "RSV1, as of a deflated one", "c28100000000 61", -EPROTO },
                { "RSV3", "928100000000 61", -EPROTO },
                { "a reserved opcode", "838100000000 61", -EPROTO },
                { "a reserved control", "8b8000000000", -EPROTO },
                { "a continuation of nothing", "808100000000 61", -EPROTO },
                { "a message in a message", "018000000000 828000000000", -EPROTO },
                { "a ping of 126", "89fe007e00000000", -EBADMSG },
                { "a ping in fragments", "098000000000", -EBADMSG },
                { "a length that is not minimal", "82fe000100000000", -EBADMSG },
                { "a length of 64 bits", "82ff800000000000000000000000", -EBADMSG },
                { "half a code", "888100000000 03", -EPROTO },
                { "a code that is none", "888200000000 03ed", -EPROTO }, /* 1005 */
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                raw_ws f;

                raw_serve(&f, NULL);
                raw_frames(&f, "828300000000 616263");
                raw_frames(&f, cases[i].hex);
                assert_int_equal(p2p_channel_read(f.ws, buf, sizeof(buf)),
                                 3); /* what was before is delivered */
                if (p2p_channel_read(f.ws, buf, sizeof(buf)) != cases[i].error)
                        fail_msg("%s", cases[i].why);
                assert_int_equal(p2p_channel_write(f.ws, "x", 1), cases[i].error);
                assert_int_equal(p2p_channel_read(f.ws, buf, sizeof(buf)), cases[i].error);
                p2p_channel_free(TAKE_PTR(f.ws)); /* without a shutdown: it is heard all the same */
                raw_expect(&f, "880203ea", 0);
                raw_done(&f);
        }
}

static void a_server_must_not_mask(void **state) {
        p2p_ws_in in = {};
        uint8_t frame[] = { 0x82, 0x81, 0, 0, 0, 0, 'a' };

        (void) state;
        assert_int_equal(p2p_ws_in_decode(&in, frame, sizeof(frame)), 0);
        assert_int_equal(in.error, -EPROTO);
        assert_int_equal(in.close_code, P2P_WS_CODE_PROTOCOL_ERROR);
        p2p_ws_in_done(&in);
}

static void ends_are_told_apart(void **state) {
        static const struct {
                const char *why, *hex;
                int error;
                const char *answer;
        } cases[] = {
                { "normal", "888200000000 03e8", 0, "880203e8" },
                { "with a reason", "888800000000 03e8636c6f736564", 0, "880203e8" }, /* go: "closed" */
                { "no code", "888000000000", 0, "880203e8" },
                { "going away", "888200000000 03e9", 0, "880203e9" },
                { "it saw an error", "888200000000 03ea", -ECONNRESET, "880203ea" },
                { "it failed", "888200000000 03f3", -ECONNRESET, "880203f3" },
                { "its own code", "888200000000 0fa0", -ECONNRESET, "88020fa0" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                raw_ws f;

                raw_serve(&f, NULL);
                raw_frames(&f, cases[i].hex);
                raw_frames(&f, "828100000000 61"); /* behind a Close is nothing */
                if (p2p_channel_read(f.ws, buf, sizeof(buf)) != cases[i].error)
                        fail_msg("%s", cases[i].why);
                raw_expect(&f, cases[i].answer, 0); /* and the end below: both have said it */
                assert_int_equal(p2p_channel_write(f.ws, "x", 1),
                                 cases[i].error < 0 ? cases[i].error : -EPIPE);
                assert_int_equal(p2p_channel_shutdown(f.ws), 0);
                raw_expect(&f, "", 0);
                raw_done(&f);
        }
}

static void an_end_without_close_is_one_between_messages(void **state) {
        static const struct {
                const char *hex;
                int error;
        } cases[] = {
                { "", 0 },
                { "828100000000 61", 0 },
                { "82", -ECONNRESET },
                { "828200000000 61", -ECONNRESET },
                { "028100000000 61", -ECONNRESET },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                raw_ws f;
                ssize_t k;

                raw_serve(&f, NULL);
                raw_frames(&f, cases[i].hex);
                (void) p2p_channel_shutdown(f.raw);
                while ((k = p2p_channel_read(f.ws, buf, sizeof(buf))) > 0)
                        ;
                assert_int_equal(k, cases[i].error);
                assert_int_equal(p2p_channel_read(f.ws, buf, sizeof(buf)), cases[i].error);
                raw_done(&f);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(frames_of_all_kinds_are_bytes),
                cmocka_unit_test(the_last_ping_is_answered),
                cmocka_unit_test(a_huge_frame_is_a_stream),
                cmocka_unit_test(reading_ahead_has_a_limit),
                cmocka_unit_test(violations_end_with_1002),
                cmocka_unit_test(a_server_must_not_mask),
                cmocka_unit_test(ends_are_told_apart),
                cmocka_unit_test(an_end_without_close_is_one_between_messages),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
