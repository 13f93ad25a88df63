/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The HTTP head of a WebSocket handshake. http-parser reads it piece by piece as it comes, so nothing of it
 * is kept but the one header that is being read, if it is short enough to be one of ours, and what those
 * say. Which headers must be there is RFC 6455's 4.1 and 4.2.1; what go-libp2p ignores is ignored (wire
 * reference 15).
 */

#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <strings.h>

#include <p2p/macro.h>

#include "transport/ws-http.h"
#include "wire/base.h"

/* RFC 6455 1.3 */
#define ACCEPT_SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define SHA1_SIZE 20u

static bool is_token(p2p_view token, const char *want) {
        return token.n == strlen(want) && strncasecmp((const char *) token.data, want, token.n) == 0;
}

/* Whether a comma-separated list has the token, in any case. */
static bool has_token(const char *list, const char *want) {
        while (*list) {
                size_t n;

                list += strspn(list, ", \t");
                n = strcspn(list, ",");
                while (n > 0 && (list[n - 1] == ' ' || list[n - 1] == '\t'))
                        n--;
                if (is_token(P2P_VIEW(list, n), want))
                        return true;
                list += strcspn(list, ",");
        }
        return false;
}

/* A value of exactly `size` letters; another kind leaves `to` empty, which never fits. */
static void take_exactly(const char *value, char *to, size_t size) {
        memset(to, 0, size + 1);
        if (strlen(value) == size)
                memcpy(to, value, size);
}

static void on_upgrade(p2p_ws_http *h) {
        h->is_websocket |= has_token(h->value, "websocket");
}

static void on_connection(p2p_ws_http *h) {
        h->is_upgrade |= has_token(h->value, "upgrade");
}

static void on_version(p2p_ws_http *h) {
        h->is_version_13 |= has_token(h->value, "13");
}

static void on_key(p2p_ws_http *h) {
        h->n_keys++;
        take_exactly(h->value, h->key, P2P_WS_KEY_TEXT);
}

static void on_accept(p2p_ws_http *h) {
        h->n_accepts++;
        take_exactly(h->value, h->accept, P2P_WS_ACCEPT_TEXT);
}

static void on_extensions(p2p_ws_http *h) {
        h->has_extension |= h->n_value > 0;
}

static void on_subprotocol(p2p_ws_http *h) {
        h->has_subprotocol |= h->n_value > 0;
}

static void end_header(p2p_ws_http *h) {
        static const struct { const char *name; void (*fn)(p2p_ws_http *h); } headers[] = {
                { "Upgrade",                  on_upgrade     },
                { "Connection",               on_connection  },
                { "Sec-WebSocket-Version",    on_version     },
                { "Sec-WebSocket-Key",        on_key         },
                { "Sec-WebSocket-Accept",     on_accept      },
                { "Sec-WebSocket-Extensions", on_extensions  },
                { "Sec-WebSocket-Protocol",   on_subprotocol },
        };

        while (h->n_value > 0 && (h->value[h->n_value - 1] == ' ' || h->value[h->n_value - 1] == '\t'))
                h->n_value--;
        h->value[h->n_value] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(headers); i++)
                if (is_token(P2P_VIEW(h->name, h->n_name), headers[i].name))
                        headers[i].fn(h);
        h->n_name = h->n_value = 0;
        h->in_value = false;
}

/* One byte of the room is kept free: a name that fills it is none of ours, a value that does is cut. */
static void append(char *to, size_t *n, size_t size, const char *at, size_t added) {
        added = P2P_MIN(added, size - 1 - *n);
        memcpy(to + *n, at, added);
        *n += added;
}

static int on_name(http_parser *parser, const char *at, size_t n) {
        p2p_ws_http *h = parser->data;

        if (h->in_value)
                end_header(h);
        append(h->name, &h->n_name, sizeof(h->name), at, n);
        return 0;
}

static int on_value(http_parser *parser, const char *at, size_t n) {
        p2p_ws_http *h = parser->data;

        h->in_value = true;
        append(h->value, &h->n_value, sizeof(h->value), at, n);
        return 0;
}

/* Whatever it says of a body: what follows is not HTTP. */
static int on_headers_complete(http_parser *parser) {
        p2p_ws_http *h = parser->data;

        if (h->in_value)
                end_header(h);
        h->is_done = true;
        return 2;
}

void p2p_ws_http_init(p2p_ws_http *http, bool is_request) {
        *http = (p2p_ws_http){};
        http_parser_init(&http->parser, is_request ? HTTP_REQUEST : HTTP_RESPONSE);
}

ssize_t p2p_ws_http_feed(p2p_ws_http *http, p2p_view bytes) {
        static const http_parser_settings settings = {
                .on_header_field = on_name,
                .on_header_value = on_value,
                .on_headers_complete = on_headers_complete,
        };
        size_t k;

        if (bytes.n == 0)
                return 0; /* would mean the end to the parser */
        http->parser.data = http;
        k = http_parser_execute(&http->parser, &settings, (const char *) bytes.data, bytes.n);
        if (HTTP_PARSER_ERRNO(&http->parser) != HPE_OK || (!http->is_done && k < bytes.n))
                return -EBADMSG;
        http->n += k;
        if (http->n > P2P_WS_HTTP_MAX || (http->n == P2P_WS_HTTP_MAX && !http->is_done))
                return -EMSGSIZE;
        return (ssize_t) k;
}

static bool is_key(const char *key) {
        uint8_t nonce[P2P_WS_NONCE_SIZE];
        size_t n;

        return strcmp(key + strcspn(key, "="), "==") == 0 &&
               p2p_base_decode(P2P_BASE64, P2P_VIEW(key, strcspn(key, "=")), nonce, sizeof(nonce), &n) >=
                       0 &&
               n == sizeof(nonce);
}

static bool is_http_1_1(const http_parser *parser) {
        return parser->http_major == 1 && parser->http_minor >= 1;
}

int p2p_ws_http_judge_request(const p2p_ws_http *http) {
        if (!is_http_1_1(&http->parser) || http->parser.method != HTTP_GET || !http->is_websocket ||
            !http->is_upgrade || !http->is_version_13 || http->n_keys != 1 || !is_key(http->key))
                return -EPROTO;
        return 0;
}

int p2p_ws_http_judge_answer(const p2p_ws_http *http, const char accept[static P2P_WS_ACCEPT_TEXT + 1]) {
        if (http->parser.status_code != HTTP_STATUS_SWITCHING_PROTOCOLS)
                return -ECONNREFUSED;
        if (!is_http_1_1(&http->parser) || !http->is_websocket || !http->is_upgrade || http->has_extension ||
            http->has_subprotocol || http->n_accepts != 1 || strcmp(http->accept, accept) != 0)
                return -EPROTO;
        return 0;
}

static void write_str(p2p_writer *out, const char *s) {
        p2p_write_bytes(out, P2P_VIEW_STR(s));
}

static void write_base64(p2p_view bytes, const char *padding, char *ret, size_t size) {
        p2p_writer w = P2P_WRITER((uint8_t *) ret, size);

        p2p_base_encode(P2P_BASE64, bytes, &w);
        write_str(&w, padding);
        p2p_write_u8(&w, 0);
}

void p2p_ws_key_format(const uint8_t nonce[static P2P_WS_NONCE_SIZE], char ret[static P2P_WS_KEY_TEXT + 1]) {
        write_base64(P2P_VIEW(nonce, P2P_WS_NONCE_SIZE), "==", ret, P2P_WS_KEY_TEXT + 1);
}

int p2p_ws_accept_of(const char *key, char ret[static P2P_WS_ACCEPT_TEXT + 1]) {
        uint8_t text[P2P_WS_KEY_TEXT + sizeof(ACCEPT_SUFFIX)], hash[SHA1_SIZE];
        p2p_writer w = P2P_WRITER(text, sizeof(text));

        write_str(&w, key);
        write_str(&w, ACCEPT_SUFFIX);
        if (w.error < 0 || gnutls_hash_fast(GNUTLS_DIG_SHA1, text, w.n, hash) < 0)
                return -EINVAL;
        write_base64(P2P_VIEW(hash, sizeof(hash)), "=", ret, P2P_WS_ACCEPT_TEXT + 1);
        return 0;
}

/* The bytes of a path that stand for themselves [RFC 3986 3.3]. */
static bool is_plain(uint8_t c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               (c && strchr("-._~!$&'()*+,;=:@/", c));
}

static void write_path(p2p_writer *out, p2p_view path) {
        static const char digits[] = "0123456789ABCDEF";

        if (path.n == 0 || path.data[0] != '/')
                p2p_write_u8(out, '/');
        for (size_t i = 0; i < path.n; i++) {
                uint8_t c = path.data[i];

                if (is_plain(c)) {
                        p2p_write_u8(out, c);
                        continue;
                }
                p2p_write_u8(out, '%');
                p2p_write_u8(out, (uint8_t) digits[c >> 4]);
                p2p_write_u8(out, (uint8_t) digits[c & 15]);
        }
}

void p2p_ws_request_format(const char *host, p2p_view path, const char *key, p2p_writer *out) {
        write_str(out, "GET ");
        write_path(out, path);
        write_str(out, " HTTP/1.1\r\nHost: ");
        write_str(out, host);
        write_str(out, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ");
        write_str(out, key);
        write_str(out, "\r\nSec-WebSocket-Version: 13\r\n\r\n");
}

void p2p_ws_answer_format(const char *accept, p2p_writer *out) {
        write_str(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: ");
        write_str(out, accept);
        write_str(out, "\r\n\r\n");
}

void p2p_ws_refusal_format(p2p_writer *out) {
        write_str(out, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; "
                       "charset=utf-8\r\nContent-Length: 38\r\n"
                       "Sec-WebSocket-Version: 13\r\nConnection: close\r\n\r\nThis is a WebSocket of a "
                       "libp2p peer.\n");
}
