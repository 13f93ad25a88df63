/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The opening handshake of a WebSocket [RFC 6455 section 4; wire reference 15].
 *
 * What is to be said waits in `out`; what comes goes through `in`, a little at a time, into the parser. A
 * client says its request and reads, a server reads and says its answer; a client never sends a frame before
 * the answer is there, for go-libp2p's listener closes on that without a word. What a server gets behind the
 * request, or a client behind the answer, are frames.
 */

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "transport/ws-upgrade.h"

#define OUT_MAX (P2P_WS_HTTP_MAX / 2)

struct p2p_ws_upgrade {
        p2p_ws_http http;
        bool is_server, is_judged;
        int verdict; /* once judged: 0, or why it fails when `out` has been said */
        char accept[P2P_WS_ACCEPT_TEXT + 1]; /* a client's: what the answer must say */
        uint8_t in[1024];
        size_t in_start, in_n;
        uint8_t *out; /* what is to be said: NULL when it has been */
        size_t out_start, out_n;
};

static int upgrade_new(bool is_server, p2p_ws_upgrade **ret) {
        p2p_ws_upgrade *u;

        u = calloc(1, sizeof(*u));
        if (!u)
                return -ENOMEM;
        u->is_server = is_server;
        p2p_ws_http_init(&u->http, is_server);
        *ret = u;
        return 0;
}

/* Takes a copy of what the writer holds. */
static int say(p2p_ws_upgrade *u, const p2p_writer *w) {
        if (w->error < 0)
                return w->error;
        u->out = malloc(w->n);
        if (!u->out)
                return -ENOMEM;
        memcpy(u->out, w->data, w->n);
        u->out_start = 0;
        u->out_n = w->n;
        return 0;
}

int p2p_ws_upgrade_new_server(p2p_ws_upgrade **ret) {
        return upgrade_new(true, ret);
}

int p2p_ws_upgrade_new_client(const char *host, p2p_view path, p2p_ws_upgrade **ret) {
        _cleanup_(p2p_ws_upgrade_freep) p2p_ws_upgrade *u = NULL;
        uint8_t nonce[P2P_WS_NONCE_SIZE], request[OUT_MAX];
        p2p_writer w = P2P_WRITER(request, sizeof(request));
        char key[P2P_WS_KEY_TEXT + 1];
        int r;

        r = upgrade_new(false, &u);
        if (r < 0)
                return r;
        if (gnutls_rnd(GNUTLS_RND_NONCE, nonce, sizeof(nonce)) < 0)
                return -ENOMEM;
        p2p_ws_key_format(nonce, key);
        r = p2p_ws_accept_of(key, u->accept);
        if (r < 0)
                return r;
        p2p_ws_request_format(host, path, key, &w);
        r = say(u, &w);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(u);
        return 0;
}

p2p_ws_upgrade *p2p_ws_upgrade_free(p2p_ws_upgrade *upgrade) {
        if (!upgrade)
                return NULL;
        free(upgrade->out);
        free(upgrade);
        return NULL;
}

static int flush(p2p_ws_upgrade *u, p2p_channel *below) {
        while (u->out_start < u->out_n) {
                ssize_t k = p2p_channel_write(below, u->out + u->out_start, u->out_n - u->out_start);

                if (k < 0)
                        return (int) k;
                u->out_start += (size_t) k;
        }
        free(u->out);
        u->out = NULL;
        u->out_start = u->out_n = 0;
        return 0;
}

/* Reads until the head is whole. */
static int read_head(p2p_ws_upgrade *u, p2p_channel *below) {
        while (!u->http.is_done) {
                ssize_t k;

                k = p2p_channel_read(below, u->in, P2P_MIN(sizeof(u->in), P2P_WS_HTTP_MAX - u->http.n));
                if (k <= 0)
                        return k < 0 ? (int) k : -ECONNRESET;
                u->in_n = (size_t) k;
                k = p2p_ws_http_feed(&u->http, P2P_VIEW(u->in, u->in_n));
                if (k < 0)
                        return (int) k;
                u->in_start = (size_t) k;
        }
        return 0;
}

static int answer(p2p_ws_upgrade *u, int verdict) {
        uint8_t buf[512];
        p2p_writer w = P2P_WRITER(buf, sizeof(buf));
        char accept[P2P_WS_ACCEPT_TEXT + 1];
        int r;

        u->verdict = verdict;
        if (verdict >= 0) {
                r = p2p_ws_accept_of(u->http.key, accept);
                if (r < 0)
                        return r;
                p2p_ws_answer_format(accept, &w);
        } else
                p2p_ws_refusal_format(&w);
        return say(u, &w);
}

/* What was read: a whole head, or -EBADMSG or -EMSGSIZE. */
static int judge(p2p_ws_upgrade *u, int error) {
        u->is_judged = true;
        if (u->is_server)
                return answer(u, error < 0 ? error : p2p_ws_http_judge_request(&u->http));
        return error < 0 ? error : p2p_ws_http_judge_answer(&u->http, u->accept);
}

int p2p_ws_upgrade_run(p2p_ws_upgrade *u, p2p_channel *below, p2p_view *ret_rest) {
        int r;

        r = flush(u, below); /* a client's request */
        if (r < 0)
                return r;
        if (!u->is_judged) {
                r = read_head(u, below);
                if (r < 0 && r != -EBADMSG && r != -EMSGSIZE)
                        return r;
                r = judge(u, r);
                if (r < 0)
                        return r;
                r = flush(u, below); /* a server's answer */
                if (r < 0)
                        return r;
        }
        if (u->verdict < 0) {
                (void) p2p_channel_shutdown(below);
                return u->verdict;
        }
        *ret_rest = P2P_VIEW(u->in + u->in_start, u->in_n - u->in_start);
        return 1;
}
