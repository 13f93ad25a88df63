/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The HTTP head of a WebSocket handshake [RFC 6455 sections 1.3 and 4; wire reference 15]. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <p2p/macro.h>

#include "transport/ws-http.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define ASKED "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define AGREED "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"

/* Feeds it `piece` bytes at a time: 1 when the head is whole, with what was behind it in *ret_rest. */
static int feed(p2p_ws_http *h, bool is_request, const char *text, size_t piece, size_t *ret_rest) {
        size_t n = strlen(text), at = 0;

        p2p_ws_http_init(h, is_request);
        while (at < n && !h->is_done) {
                ssize_t k = p2p_ws_http_feed(h, P2P_VIEW(text + at, P2P_MIN(piece, n - at)));

                if (k < 0)
                        return (int) k;
                at += (size_t) k;
        }
        *ret_rest = n - at;
        return h->is_done;
}

static void the_standards_key_is_accepted(void **state) {
        static const uint8_t nonce[] = "the sample nonce";
        char key[P2P_WS_KEY_TEXT + 1], accept[P2P_WS_ACCEPT_TEXT + 1];

        (void) state;
        p2p_ws_key_format(nonce, key);
        assert_string_equal(key, KEY);
        assert_int_equal(p2p_ws_accept_of(KEY, accept), 0);
        assert_string_equal(accept, ACCEPT);
}

/* wire reference, vectors: what go-libp2p sends, and what it answers. */
static void the_captures_are_understood(void **state) {
        static const char request[] =
                "GET / HTTP/1.1\r\nHost: 127.0.0.1:45267\r\nUser-Agent: Go-http-client/1.1\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: 31h2f9WJPfw5gVB1XRX6Sg==\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n";
        static const char answer[] = AGREED "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n\x82\x14";

        (void) state;
        for (size_t piece = 1; piece < 400; piece += piece < 20 ? 1 : 60) {
                p2p_ws_http h;
                size_t rest;

                assert_int_equal(feed(&h, true, request, piece, &rest), 1);
                assert_int_equal(rest, 0);
                assert_int_equal(p2p_ws_http_judge_request(&h), 0);
                assert_string_equal(h.key, "31h2f9WJPfw5gVB1XRX6Sg==");

                assert_int_equal(feed(&h, false, answer, piece, &rest), 1);
                assert_int_equal(rest, 2);
                assert_int_equal(p2p_ws_http_judge_answer(&h, ACCEPT), 0);
        }
}

static void requests_are_judged(void **state) {
        static const struct { const char *why, *text; int expect; } cases[] = {
                { "plain", ASKED "Sec-WebSocket-Key: " KEY "\r\n\r\n", 0 },
                { "lists and letter case", "GET /x?y HTTP/1.1\r\nupgrade: h2c, WebSocket\r\nconnection: keep-alive,UPGRADE\r\n"
                  "sec-websocket-version: 13\r\nsec-websocket-key:   " KEY "  \r\n\r\n", 0 },
                { "a list in two lines", "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive\r\nConnection: upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n\r\n", 0 },
                { "what is ignored", ASKED "Sec-WebSocket-Key: " KEY "\r\nOrigin: http://elsewhere\r\nSec-WebSocket-Protocol: chat\r\n"
                  "Sec-WebSocket-Extensions: permessage-deflate\r\nContent-Length: 5\r\n\r\n", 0 },
                { "no upgrade", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", -EPROTO },
                { "another upgrade", "GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: " KEY "\r\n\r\n", -EPROTO },
                { "a part of the word", "GET / HTTP/1.1\r\nUpgrade: websockets\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: " KEY "\r\n\r\n", -EPROTO },
                { "connection without it", "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: " KEY "\r\n\r\n", -EPROTO },
                { "version 8", "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
                  "Sec-WebSocket-Key: " KEY "\r\n\r\n", -EPROTO },
                { "POST", "POST / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: " KEY "\r\n\r\n", -EPROTO },
                { "HTTP 1.0", "GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: " KEY "\r\n\r\n", -EPROTO },
                { "no key", ASKED "\r\n", -EPROTO },
                { "two keys", ASKED "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Key: " KEY "\r\n\r\n", -EPROTO },
                { "a short key", ASKED "Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n", -EPROTO },
                { "a key of 18 bytes", ASKED "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWFh\r\n\r\n", -EPROTO },
                { "no base64", ASKED "Sec-WebSocket-Key: !!hlIHNhbXBsZSBub25jZQ==\r\n\r\n", -EPROTO },
                { "no HTTP", "\x13/multistream/1.0.0\n", -EBADMSG },
                { "TLS", "\x16\x03\x01\x02", -EBADMSG },
                { "an answer", AGREED "\r\n", -EBADMSG },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_ws_http h;
                size_t rest;
                int r;

                r = feed(&h, true, cases[i].text, i % 2 ? 1 : 1024, &rest);
                if (r > 0)
                        r = p2p_ws_http_judge_request(&h);
                if (r != cases[i].expect)
                        fail_msg("%s: %d", cases[i].why, r);
        }
}

static void answers_are_judged(void **state) {
        static const struct { const char *why, *text; int expect; } cases[] = {
                { "plain", AGREED "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", 0 },
                { "empty lists", AGREED "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Extensions:\r\nSec-WebSocket-Protocol: \r\n\r\n", 0 },
                { "another key", AGREED "Sec-WebSocket-Accept: t3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", -EPROTO },
                { "letter case of the key", AGREED "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", -EPROTO },
                { "no key", AGREED "\r\n", -EPROTO },
                { "two keys", AGREED "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", -EPROTO },
                { "no upgrade", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", -EPROTO },
                { "no connection", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", -EPROTO },
                { "an extension", AGREED "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", -EPROTO },
                { "a subprotocol", AGREED "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: chat\r\n\r\n", -EPROTO },
                { "a page", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", -ECONNREFUSED },
                { "a refusal", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", -ECONNREFUSED },
                { "a proxy without us", "HTTP/1.1 502 Bad Gateway\r\n\r\n", -ECONNREFUSED },
                { "no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", -EBADMSG },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_ws_http h;
                size_t rest;
                int r;

                r = feed(&h, false, cases[i].text, i % 2 ? 1 : 1024, &rest);
                if (r > 0)
                        r = p2p_ws_http_judge_answer(&h, ACCEPT);
                if (r != cases[i].expect)
                        fail_msg("%s: %d", cases[i].why, r);
        }
}

/* In one header or in many: nothing of it is kept. */
static void a_head_has_eight_kilobytes(void **state) {
        static const struct { size_t n; int expect; } cases[] = { { 8192, 1 }, { 8193, -EMSGSIZE }, { 65536, -EMSGSIZE } };
        static char text[70000];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases) * 2; i++) {
                size_t n = cases[i / 2].n, rest;
                p2p_ws_http h;

                memset(text, 'x', n);
                memcpy(text, ASKED "Sec-WebSocket-Key: " KEY "\r\nA: ", strlen(ASKED "Sec-WebSocket-Key: " KEY "\r\nA: "));
                for (size_t at = 300; i % 2 && at < n - 10; at += 40)
                        memcpy(text + at, "\r\nA: ", 5);
                memcpy(text + n - 4, "\r\n\r\n", 5);
                assert_int_equal(feed(&h, true, text, 512, &rest), cases[i / 2].expect);
                if (cases[i / 2].expect > 0)
                        assert_int_equal(p2p_ws_http_judge_request(&h), 0);
        }
}

static void a_long_header_is_none_of_ours(void **state) {
        char text[1024];
        p2p_ws_http h;
        size_t rest;

        (void) state;
        (void) snprintf(text, sizeof(text), ASKED "Sec-WebSocket-Key: " KEY "%0200d\r\n\r\n", 0);
        assert_int_equal(feed(&h, true, text, 7, &rest), 1);
        assert_int_equal(p2p_ws_http_judge_request(&h), -EPROTO);
        (void) snprintf(text, sizeof(text), ASKED "Sec-WebSocket-Key%0200d: x\r\nSec-WebSocket-Key: " KEY "\r\n\r\n", 0);
        assert_int_equal(feed(&h, true, text, 7, &rest), 1);
        assert_int_equal(p2p_ws_http_judge_request(&h), 0);
}

static void a_request_is_what_it_says(void **state) {
        static const struct { const char *path, *line; } cases[] = {
                { "",                "GET / HTTP/1.1\r\n" },
                { "/",               "GET / HTTP/1.1\r\n" },
                { "p2p/node",        "GET /p2p/node HTTP/1.1\r\n" },
                { "/a b?c#d%e",      "GET /a%20b%3Fc%23d%25e HTTP/1.1\r\n" },
                { "x\r\nHost: evil", "GET /x%0D%0AHost:%20evil HTTP/1.1\r\n" },
                { "\xc3\xbc",        "GET /%C3%BC HTTP/1.1\r\n" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char want[512];
                uint8_t got[512];
                p2p_writer w = P2P_WRITER(got, sizeof(got));

                (void) snprintf(want, sizeof(want), "%sHost: example.com:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n", cases[i].line);
                p2p_ws_request_format("example.com:8080", P2P_VIEW_STR(cases[i].path), KEY, &w);
                assert_int_equal(w.error, 0);
                assert_int_equal(w.n, strlen(want));
                assert_memory_equal(got, want, w.n);
        }
}

static void what_we_write_we_accept(void **state) {
        uint8_t text[512];
        p2p_writer w = P2P_WRITER(text, sizeof(text));
        p2p_ws_http h;
        size_t rest;

        (void) state;
        p2p_ws_request_format("[::1]:80", P2P_VIEW(NULL, 0), KEY, &w);
        p2p_write_u8(&w, 0);
        assert_int_equal(feed(&h, true, (char *) text, 100, &rest), 1);
        assert_int_equal(p2p_ws_http_judge_request(&h), 0);

        w = P2P_WRITER(text, sizeof(text));
        p2p_ws_answer_format(ACCEPT, &w);
        p2p_write_u8(&w, 0);
        assert_int_equal(feed(&h, false, (char *) text, 100, &rest), 1);
        assert_int_equal(p2p_ws_http_judge_answer(&h, ACCEPT), 0);

        w = P2P_WRITER(text, sizeof(text));
        p2p_ws_refusal_format(&w);
        p2p_write_u8(&w, 0);
        assert_int_equal(feed(&h, false, (char *) text, 100, &rest), 1);
        assert_int_equal(h.parser.status_code, 400);
        assert_int_equal(h.parser.content_length, strlen(strstr((char *) text, "\r\n\r\n") + 4));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_standards_key_is_accepted),
                cmocka_unit_test(the_captures_are_understood),
                cmocka_unit_test(requests_are_judged),
                cmocka_unit_test(answers_are_judged),
                cmocka_unit_test(a_head_has_eight_kilobytes),
                cmocka_unit_test(a_long_header_is_none_of_ours),
                cmocka_unit_test(a_request_is_what_it_says),
                cmocka_unit_test(what_we_write_we_accept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
