/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The far side of a muxer, by hand (see the header). A failure says what was seen and aborts. */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/yamux-peer.h"

#define CAPACITY (1024u * 1024u)

static void must(bool ok, const char *what) {
        if (ok)
                return;
        fprintf(stderr, "yamux peer: %s\n", what);
        abort();
}

static void count(void *userdata) {
        (*(unsigned *) userdata)++;
}

yamux_peer *yamux_peer_new(const p2p_yamux_options *options, const p2p_memory_options *memory) {
        static const p2p_yamux_options usual = { .streams_max = 1000 };
        static const p2p_memory_options roomy = { .capacity = CAPACITY };
        yamux_peer *p = calloc(1, sizeof(*p));
        p2p_channel *ours;

        must(p && p2p_loop_new_manual(&p->loop) >= 0, "no memory");
        must(p2p_memory_pair(p->loop, memory ?: &roomy, &ours, &p->channel) >= 0, "no memory");
        must(p2p_yamux_new(p->loop, ours, options ?: &usual, &p->session) >= 0, "no session");
        p2p_task_init(&p->wake, p->loop, count, &p->n_wakes);
        p->session->wake = &p->wake;
        p2p_loop_settle(p->loop);
        return p;
}

void yamux_peer_free(yamux_peer *p) {
        p2p_task_cancel(&p->wake);
        p2p_session_free(p->session);
        p2p_channel_free(p->channel);
        p2p_loop_advance(p->loop, 3 * USEC_PER_SEC);
        p2p_loop_free(p->loop);
        free(p);
}

void yamux_peer_send_bytes(yamux_peer *p, const void *data, size_t n) {
        while (n > 0) {
                ssize_t done = p2p_channel_write(p->channel, data, n);

                if (done > 0) {
                        data = (const uint8_t *) data + done;
                        n -= (size_t) done;
                } else if (done != -EAGAIN)
                        return; /* it hung up on us: for the test to notice */
                p2p_loop_settle(p->loop);
        }
}

void yamux_peer_send(yamux_peer *p, unsigned type, unsigned flags, uint32_t id, uint32_t length) {
        size_t n = P2P_YAMUX_HEADER_SIZE + (type == YAMUX_DATA ? length : 0);
        uint8_t *bytes = malloc(n);

        must(bytes, "no memory");
        memset(bytes, 'x', n);
        p2p_yamux_header_encode(&(p2p_yamux_header) { (uint8_t) type, (uint16_t) flags, id, length }, bytes);
        yamux_peer_send_bytes(p, bytes, n);
        free(bytes);
}

static bool read_all(yamux_peer *p, uint8_t *data, size_t n) {
        size_t have = 0;

        while (have < n) {
                ssize_t done = p2p_channel_read(p->channel, data + have, n - have);

                if (done > 0)
                        have += (size_t) done;
                else {
                        must(have == 0, "a frame ended in the middle");
                        return false;
                }
                p2p_loop_settle(p->loop);
        }
        return true;
}

bool yamux_peer_next(yamux_peer *p, p2p_yamux_header *ret) {
        uint8_t header[P2P_YAMUX_HEADER_SIZE], rest[1024];
        size_t n, shown;

        if (!read_all(p, header, sizeof(header)))
                return false;
        must(p2p_yamux_header_parse(P2P_VIEW(header, sizeof(header)), ret) >= 0, "a bad header");
        n = ret->type == YAMUX_DATA ? ret->length : 0;
        shown = P2P_MIN(n, (size_t) PEER_SHOWN);
        must(shown == 0 || read_all(p, p->shown, shown), "a header without its payload");
        for (n -= shown; n > 0; n -= P2P_MIN(n, sizeof(rest)))
                must(read_all(p, rest, P2P_MIN(n, sizeof(rest))), "a header without its payload");
        return true;
}

static void print(const char *what, const p2p_yamux_header *h) {
        fprintf(stderr, "%s: type %u flags %u id %u length %u\n", what, h->type, h->flags, h->stream_id,
                h->length);
}

void yamux_peer_expect(yamux_peer *p, unsigned type, unsigned flags, uint32_t id, uint32_t length) {
        p2p_yamux_header want = { (uint8_t) type, (uint16_t) flags, id, length }, h;

        if (!yamux_peer_next(p, &h)) {
                print("expected", &want);
                must(false, "nothing was sent");
        }
        if (h.type == want.type && h.flags == want.flags && h.stream_id == id && h.length == length)
                return;
        print("expected", &want);
        print("got", &h);
        must(false, "another frame");
}

void yamux_peer_expect_none(yamux_peer *p) {
        p2p_yamux_header h;

        if (!yamux_peer_next(p, &h))
                return;
        print("got", &h);
        must(false, "a frame too many");
}

void yamux_peer_expect_end(yamux_peer *p, uint32_t code, int error) {
        p2p_yamux_header h = {};
        uint8_t byte;

        while (yamux_peer_next(p, &h) && h.type != YAMUX_GO_AWAY)
                ;
        if (h.type != YAMUX_GO_AWAY || h.length != code)
                print("got", &h);
        must(h.type == YAMUX_GO_AWAY && h.length == code, "no such GoAway");
        p2p_loop_settle(p->loop);
        must(p2p_channel_read(p->channel, &byte, 1) == 0, "the channel is still open");
        must(p->session->ops->error(p->session, NULL) == error, "another error");
        must(p->n_wakes > 0, "the owner was not told");
}

p2p_channel *yamux_peer_open(yamux_peer *p, uint32_t id) {
        p2p_channel *c = NULL;

        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_SYN, id, 0);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_ACK, id, 0);
        must(p->session->ops->accept(p->session, &c) == 1, "no stream to accept");
        return c;
}

yamux_pair *yamux_pair_new(const p2p_yamux_options *options, const p2p_memory_options *memory) {
        p2p_yamux_options o = options ? *options : (p2p_yamux_options) { .streams_max = 1000 };
        yamux_pair *p = calloc(1, sizeof(*p));
        p2p_channel *a, *b;

        must(p && p2p_loop_new_manual(&p->loop) >= 0, "no memory");
        must(p2p_memory_pair(p->loop, memory, &a, &b) >= 0, "no memory");
        o.client = true;
        must(p2p_yamux_new(p->loop, a, &o, &p->client) >= 0, "no session");
        o.client = false;
        must(p2p_yamux_new(p->loop, b, &o, &p->server) >= 0, "no session");
        p2p_task_init(&p->client_wake, p->loop, count, &p->n_client_wakes);
        p2p_task_init(&p->server_wake, p->loop, count, &p->n_server_wakes);
        p->client->wake = &p->client_wake;
        p->server->wake = &p->server_wake;
        p2p_loop_settle(p->loop);
        return p;
}

void yamux_pair_free(yamux_pair *p) {
        p2p_task_cancel(&p->client_wake);
        p2p_task_cancel(&p->server_wake);
        p2p_session_free(p->client);
        p2p_session_free(p->server);
        p2p_loop_advance(p->loop, 3 * USEC_PER_SEC);
        p2p_loop_free(p->loop);
        free(p);
}

void yamux_pair_open(yamux_pair *p, p2p_channel **ret_client, p2p_channel **ret_server) {
        must(p->client->ops->open(p->client, ret_client) >= 0, "cannot open");
        p2p_loop_settle(p->loop);
        must(p->server->ops->accept(p->server, ret_server) == 1, "no stream to accept");
}
