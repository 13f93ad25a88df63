/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The opening handshake of a WebSocket channel, and how it fails (wire reference 15). */

#include "tests/unit/transport/ws-raw.h"
#include "transport/ws-in.h"

static uint8_t buf[P2P_SCRATCH_SIZE + 4096];

static void nothing_is_said_before_the_answer(void **state) {
        uint8_t request[1024];
        ssize_t end;
        raw_ws f;
        size_t n;

        (void) state;
        raw_begin(&f, false, NULL);
        assert_int_equal(p2p_channel_write(f.ws, "early", 5), -EAGAIN);
        n = raw_hear(&f, request, sizeof(request) - 1, &end);
        request[n] = '\0';
        assert_ptr_equal(strstr((char *) request, "GET /x HTTP/1.1\r\nHost: h\r\n"), request);
        assert_string_equal((const char *) request + n - 4, "\r\n\r\n");
        assert_int_equal(p2p_channel_write(f.ws, "early", 5), -EAGAIN);
        assert_int_equal(p2p_channel_read(f.ws, buf, 10), -EAGAIN);
        raw_done(&f);
}

/* A server's first frame comes with its answer; both sides may be the first to speak. */
static void frames_behind_the_handshake_are_read(void **state) {
        static const size_t reads[] = { 3, sizeof(buf) };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(reads); i++) {
                _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
                _cleanup_(p2p_channel_freep) p2p_channel *client = NULL, *server = NULL;
                p2p_channel *a, *b;
                raw_ws f;
                ssize_t k;

                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, NULL, &a, &b), 0);
                assert_int_equal(p2p_ws_channel_new_client(loop, a, "h", P2P_VIEW(NULL, 0), &client), 0);
                assert_int_equal(p2p_ws_channel_new_server(loop, b, &server), 0);
                assert_int_equal(p2p_channel_read(client, buf, 10), -EAGAIN); /* the request leaves */
                assert_int_equal(p2p_channel_write(server, "hello", 5),
                                 5); /* answered, and spoken at once */
                k = p2p_channel_read(client, buf, reads[i]);
                assert_int_equal(k, P2P_MIN(reads[i], 5u));
                assert_memory_equal(buf, "hello", (size_t) k);

                raw_begin(&f, true, NULL);
                raw_say(&f, REQUEST "\x82\x83\0\0\0\0abc\x82\x81\0\0", strlen(REQUEST) + 13);
                assert_int_equal(p2p_channel_read(f.ws, buf, 2), 2);
                raw_read(&f, "c", -EAGAIN);
                raw_say(&f, "\0\0d", 3);
                raw_read(&f, "d", -EAGAIN);
                raw_done(&f);
        }
}

static void other_requests_get_400(void **state) {
        static const struct {
                const char *request;
                int error;
        } cases[] = {
                { "GET / HTTP/1.1\r\nHost: h\r\n\r\n", -EPROTO },
                { "\x13/multistream/1.0.0\n", -EBADMSG },
                { "\x16\x03\x01\x02", -EBADMSG },
        };
        static const p2p_memory_options options = { .write_max = 10 };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ssize_t end;
                raw_ws f;
                size_t n;

                raw_begin(&f, true, &options);
                raw_say(&f, cases[i].request, strlen(cases[i].request));
                assert_true(f.n_wakes > 0);
                assert_int_equal(p2p_channel_read(f.ws, buf, 10), cases[i].error);
                assert_int_equal(p2p_channel_write(f.ws, buf, 10), cases[i].error);
                p2p_channel_free(TAKE_PTR(f.ws));
                n = raw_hear(&f, buf, sizeof(buf), &end);
                assert_true(n > 12);
                assert_memory_equal(buf, "HTTP/1.1 400", 12);
                assert_int_equal(end, 0);
                raw_done(&f);
        }
}

static void a_head_without_end_is_refused(void **state) {
        static uint8_t text[P2P_WS_LEFT_MAX];
        ssize_t end;
        raw_ws f;

        (void) state;
        raw_begin(&f, true, NULL);
        memset(text, 'x', sizeof(text));
        memcpy(text, "GET / HTTP/1.1\r\nA: ", 19);
        raw_say(&f, text, sizeof(text));
        assert_int_equal(p2p_channel_read(f.ws, buf, 10), -EMSGSIZE);
        assert_true(raw_hear(&f, buf, sizeof(buf), &end) > 0);
        assert_int_equal(end, 0);
        raw_done(&f);
}

static void other_answers_are_refused(void **state) {
        static const struct {
                const char *answer;
                int error;
        } cases[] = {
                { "HTTP/1.1 502 Bad Gateway\r\n\r\n", -ECONNREFUSED },
                { ANSWER, -EPROTO }, /* to another key */
                { "SSH-2.0-x\r\n", -EBADMSG },
                { "", -ECONNRESET },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                raw_ws f;

                raw_begin(&f, false, NULL);
                raw_say(&f, cases[i].answer, strlen(cases[i].answer));
                if (cases[i].error == -ECONNRESET)
                        (void) p2p_channel_shutdown(f.raw);
                (void) p2p_loop_settle(f.loop);
                assert_true(f.n_wakes > 0);
                assert_int_equal(p2p_channel_read(f.ws, buf, 10), cases[i].error);
                assert_int_equal(p2p_channel_write(f.ws, buf, 10), cases[i].error);
                raw_done(&f);
        }
}

static void a_handshake_can_be_given_up(void **state) {
        ssize_t end;
        raw_ws f;

        (void) state;
        for (unsigned i = 0; i < 4; i++) {
                raw_begin(&f, i % 2, NULL);
                (void) p2p_loop_settle(f.loop);
                if (i < 2)
                        assert_int_equal(p2p_channel_shutdown(f.ws), 0);
                p2p_channel_free(TAKE_PTR(f.ws));
                (void) raw_hear(&f, buf, sizeof(buf), &end);
                assert_int_equal(end, i < 2 ? 0 : -ECONNRESET);
                raw_done(&f);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_is_said_before_the_answer),
                cmocka_unit_test(frames_behind_the_handshake_are_read),
                cmocka_unit_test(other_requests_get_400),
                cmocka_unit_test(a_head_without_end_is_refused),
                cmocka_unit_test(other_answers_are_refused),
                cmocka_unit_test(a_handshake_can_be_given_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
