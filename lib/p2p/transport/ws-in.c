/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The reading half of a WebSocket channel: frames -> bytes, in place.
 *
 * A reader with a large buffer gets it filled from below as it comes, and what is payload then moves up over
 * the heads and the control frames, unmasked on the way; a payload that goes on from the last read stands
 * where it should already. No length is ever waited for or allocated: a frame is what is left of it. A ping
 * replaces one that is not yet answered, and a control frame never holds up what is around it [RFC 6455 5.4,
 * 5.5.2].
 *
 * Messages mean nothing, so fragments, text and empty frames are bytes like any other; but what RFC 6455
 * forbids ends the channel: reserved bits (no extension was agreed), reserved opcodes, a false or missing
 * mask, fragments out of order.
 */

#include <errno.h>
#include <stdlib.h>

#include "transport/ws-in.h"
#include "wire/reader.h"

static int fail(p2p_ws_in *in, int error) {
        in->error = error;
        return error;
}

static int violate(p2p_ws_in *in, int error) {
        in->close_code = P2P_WS_CODE_PROTOCOL_ERROR;
        return fail(in, error);
}

/* Whether a frame with this head may come now. */
static bool is_legal(const p2p_ws_in *in, const p2p_ws_head *head) {
        if (head->rsv != 0 || head->masked != in->from_client)
                return false;
        switch (head->opcode) {
        case P2P_WS_CONTINUATION:
                return in->in_message;
        case P2P_WS_TEXT:
        case P2P_WS_BINARY:
                return !in->in_message;
        case P2P_WS_CLOSE:
        case P2P_WS_PING:
        case P2P_WS_PONG:
                return true;
        }
        return false;
}

/* Those that an endpoint may send [RFC 6455 7.4]. */
static bool is_code(unsigned code) {
        return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
               (code >= 3000 && code <= 4999);
}

static void on_close(p2p_ws_in *in) {
        p2p_reader rd = P2P_READER(P2P_VIEW(in->control, in->n_control));
        unsigned code = P2P_WS_CODE_NONE;

        if (in->n_control > 0)
                code = p2p_read_be16(&rd);
        if (rd.error < 0 || (in->n_control > 0 && !is_code(code))) {
                (void) violate(in, -EPROTO);
                return;
        }
        in->is_closed = true;
        in->close_code = code == P2P_WS_CODE_NONE ? P2P_WS_CODE_NORMAL : (uint16_t) code;
        if (in->close_code > P2P_WS_CODE_GOING_AWAY)
                (void) fail(in, -ECONNRESET); /* it did not end, it gave up */
}

static void on_control(p2p_ws_in *in) {
        switch (in->head.opcode) {
        case P2P_WS_CLOSE:
                on_close(in);
                return;
        case P2P_WS_PING:
                memcpy(in->ping, in->control, in->n_control);
                in->n_ping = in->n_control;
                in->has_ping = true;
                return;
        case P2P_WS_PONG: /* to nothing that we asked: it is fine */
                return;
        }
}

static void begin_frame(p2p_ws_in *in, const p2p_ws_head *head) {
        if (!is_legal(in, head)) {
                (void) violate(in, -EPROTO);
                return;
        }
        in->head = *head;
        in->rest = head->length;
        in->n_control = 0;
        if (!p2p_ws_is_control(head->opcode))
                in->in_message = !head->fin;
        else if (in->rest == 0)
                on_control(in);
}

/* Returns how many of the n bytes belong to the head. */
static size_t read_head(p2p_ws_in *in, const uint8_t *data, size_t n) {
        size_t added = P2P_MIN(n, sizeof(in->head_part) - in->n_head), before = in->n_head;
        p2p_ws_head head;
        int r;

        memcpy(in->head_part + before, data, added);
        r = p2p_ws_head_parse(P2P_VIEW(in->head_part, before + added), &head);
        if (r == 0) {
                in->n_head = (uint8_t) (before + added);
                return added;
        }
        in->n_head = 0;
        if (r < 0) {
                (void) (r == -EBADMSG ? violate(in, r) : fail(in, r));
                return 0;
        }
        begin_frame(in, &head);
        return head.size - before;
}

/* Moves k bytes of the frame's payload. Returns how many of them are data. */
static size_t read_payload(p2p_ws_in *in, uint8_t *to, const uint8_t *from, size_t k) {
        bool control = p2p_ws_is_control(in->head.opcode);
        uint64_t phase = in->head.length - in->rest;

        if (control) {
                to = in->control + in->n_control;
                in->n_control =
                        (uint8_t) (in->n_control + k); /* <= P2P_WS_CONTROL_MAX: of the head's making */
        }
        if (in->head.masked)
                p2p_ws_mask(to, from, k, in->head.key, phase);
        else if (to != from)
                memmove(to, from, k);
        in->rest -= k;
        if (control && in->rest == 0)
                on_control(in);
        return control ? 0 : k;
}

size_t p2p_ws_in_decode(p2p_ws_in *in, uint8_t *data, size_t n) {
        size_t at = 0, plain = 0;

        while (at < n && in->error == 0 && !in->is_closed) {
                size_t k;

                if (in->rest == 0) {
                        at += read_head(in, data + at, n - at);
                        continue;
                }
                k = (size_t) P2P_MIN(in->rest, (uint64_t) (n - at));
                plain += read_payload(in, data + plain, data + at, k);
                at += k;
        }
        return plain;
}

/* What ended the reading below: the end without a Close is one only between two messages. */
static ssize_t no_bytes(p2p_ws_in *in, ssize_t k) {
        if (k == -EAGAIN)
                return -EAGAIN;
        if (k < 0 || in->rest > 0 || in->n_head > 0 || in->in_message)
                return fail(in, k < 0 ? (int) k : -ECONNRESET);
        in->is_closed = true;
        return 0;
}

/* Reads and decodes into `to` until there is something to give. */
static ssize_t fill(p2p_ws_in *in, p2p_channel *below, uint8_t *to, size_t size, bool *ret_again) {
        size_t budget = P2P_SCRATCH_SIZE;

        size = P2P_MIN(size, budget);
        while (in->error == 0) {
                size_t plain;
                ssize_t k;

                if (in->is_closed)
                        return 0;
                k = p2p_channel_read(below, to, size);
                if (k <= 0)
                        return no_bytes(in, k);
                plain = p2p_ws_in_decode(in, to, (size_t) k);
                if (plain > 0)
                        return (ssize_t) plain;
                budget -= P2P_MIN(budget, (size_t) k);
                if (budget == 0) { /* heads, pings and empty frames for all this time */
                        *ret_again = true;
                        return -EAGAIN;
                }
        }
        return in->error;
}

static void set_left(p2p_ws_in *in, uint8_t *data, size_t n) {
        uint8_t *shrunk = realloc(data, n);

        in->left = shrunk ?: data;
        in->left_start = 0;
        in->left_n = (uint32_t) n;
}

static ssize_t fill_left(p2p_ws_in *in, p2p_channel *below, bool *ret_again) {
        uint8_t *data;
        ssize_t k;

        data = malloc(P2P_WS_LEFT_MAX);
        if (!data)
                return -ENOMEM;
        k = fill(in, below, data, P2P_WS_LEFT_MAX, ret_again);
        if (k > 0)
                set_left(in, data, (size_t) k);
        else
                free(data);
        return k;
}

static ssize_t take_left(p2p_ws_in *in, const struct iovec *iov, int n) {
        size_t done = 0;

        for (int i = 0; i < n && in->left_n > 0; i++) {
                uint32_t part = (uint32_t) P2P_MIN(iov[i].iov_len, (size_t) in->left_n);

                if (part == 0)
                        continue;
                memcpy(iov[i].iov_base, in->left + in->left_start, part);
                in->left_start += part;
                in->left_n -= part;
                done += part;
        }
        if (in->left_n == 0) {
                free(in->left);
                in->left = NULL;
        }
        return (ssize_t) done;
}

int p2p_ws_in_begin(p2p_ws_in *in, p2p_view bytes) {
        uint8_t *data;
        size_t n;

        if (bytes.n == 0)
                return 0;
        data = malloc(bytes.n);
        if (!data)
                return -ENOMEM;
        memcpy(data, bytes.data, bytes.n);
        n = p2p_ws_in_decode(in, data, bytes.n);
        if (n > 0)
                set_left(in, data, n);
        else
                free(data);
        return 0;
}

ssize_t p2p_ws_in_readv(p2p_ws_in *in, p2p_channel *below, const struct iovec *iov, int n, bool *ret_again) {
        ssize_t k;

        *ret_again = false;
        if (!in->left && n > 0 && iov[0].iov_len >= P2P_WS_LEFT_MAX)
                return fill(in, below, iov[0].iov_base, iov[0].iov_len, ret_again);

        if (!in->left) {
                k = fill_left(in, below, ret_again);
                if (k <= 0)
                        return k;
        }
        return take_left(in, iov, n);
}

void p2p_ws_in_done(p2p_ws_in *in) {
        free(in->left);
        in->left = NULL;
        in->left_n = 0;
}
