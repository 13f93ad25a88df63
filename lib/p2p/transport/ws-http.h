/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The HTTP head of a WebSocket handshake, both ways [RFC 6455 section 4; RFC 9112]. Pure. */

#include <http_parser.h>

#include <p2p/view.h>

#include "wire/writer.h"

#define P2P_WS_HTTP_MAX 8192u  /* of a head, either way */
#define P2P_WS_NONCE_SIZE 16u  /* Sec-WebSocket-Key, before base64 */
#define P2P_WS_KEY_TEXT 24u
#define P2P_WS_ACCEPT_TEXT 28u

typedef struct p2p_ws_http {
        http_parser parser;
        size_t n;             /* bytes so far */
        bool is_done, in_value;
        char name[32], value[128]; /* of the header that comes; longer ones are none of ours */
        size_t n_name, n_value;
        bool is_websocket, is_upgrade, is_version_13, has_extension, has_subprotocol;
        unsigned n_keys, n_accepts;
        char key[P2P_WS_KEY_TEXT + 1], accept[P2P_WS_ACCEPT_TEXT + 1];
} p2p_ws_http;

void p2p_ws_http_init(p2p_ws_http *http, bool is_request);
/* Takes the next bytes. Returns how many belong to the head, less than n only where it ends: then
 * http->is_done. -EBADMSG: no HTTP; -EMSGSIZE: beyond P2P_WS_HTTP_MAX. */
ssize_t p2p_ws_http_feed(p2p_ws_http *http, p2p_view bytes);

/* Whether the request asks for WebSocket 13. As go-libp2p, nothing else of it matters: path, Host,
 * Origin, subprotocols and extensions. -EPROTO. */
int p2p_ws_http_judge_request(const p2p_ws_http *http);
/* Whether the answer agrees. -ECONNREFUSED: another status than 101; -EPROTO: it does not belong to our
 * key, or agrees to what was not asked. */
int p2p_ws_http_judge_answer(const p2p_ws_http *http, const char accept[static P2P_WS_ACCEPT_TEXT + 1]);

void p2p_ws_key_format(const uint8_t nonce[static P2P_WS_NONCE_SIZE], char ret[static P2P_WS_KEY_TEXT + 1]);
/* The Sec-WebSocket-Accept of a Sec-WebSocket-Key. -EINVAL: this machine has no SHA-1. */
int p2p_ws_accept_of(const char *key, char ret[static P2P_WS_ACCEPT_TEXT + 1]);

/* path: as an http-path has it; empty: "/". What a path may not contain is escaped, and host must be
 * clean. */
void p2p_ws_request_format(const char *host, p2p_view path, const char *key, p2p_writer *out);
void p2p_ws_answer_format(const char *accept, p2p_writer *out);
/* 400, for whoever asked for something else. */
void p2p_ws_refusal_format(p2p_writer *out);
