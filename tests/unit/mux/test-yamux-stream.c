/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Streams as channels (wire reference 8): opening, both ends, half close, reset, free, and many of them. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/error.h>

#include "mux/yamux-internal.h"
#include "tests/support/yamux-peer.h"

#define N_MANY 16384u

static void count(void *userdata) {
        (*(unsigned *) userdata)++;
}

static yamux_peer *peer_new(bool client) {
        const p2p_yamux_options options = { .client = client, .streams_max = 1000 };
        yamux_peer *p = yamux_peer_new(&options, NULL);

        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 0);
        return p;
}

static void opening_goes_out_with_the_first_bytes(void **state) {
        yamux_peer *p = peer_new(true);
        p2p_channel *c, *d;

        (void) state;
        assert_int_equal(p->session->ops->open(p->session, &c), 0);
        assert_int_equal(p->session->ops->open(p->session, &d), 0);
        assert_int_equal(p2p_channel_write(d, "hello", 5), 5);
        assert_int_equal(p2p_channel_shutdown(d), 0);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 1, 0);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 3, 0);
        yamux_peer_expect(p, YAMUX_DATA, 0, 3, 5);
        assert_memory_equal(p->shown, "hello", 5);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 3, 0);
        assert_int_equal(p2p_channel_write(d, "x", 1), -EPIPE);
        p2p_channel_free(c);
        p2p_channel_free(d);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, 0);
        yamux_peer_expect_none(p);
        yamux_peer_free(p);
}

static void a_stream_given_up_before_its_syn_is_never_mentioned(void **state) {
        yamux_peer *p = peer_new(true);
        p2p_channel *c;

        (void) state;
        assert_int_equal(p->session->ops->open(p->session, &c), 0);
        p2p_channel_write(c, "x", 1);
        p2p_channel_free(c);
        p2p_loop_settle(p->loop);
        yamux_peer_expect_none(p);
        assert_int_equal(p->session->ops->n_streams(p->session), 0);
        yamux_peer_free(p);
}

static void an_accepted_stream_is_acknowledged_once(void **state) {
        yamux_peer *p = peer_new(false);
        p2p_channel *c = NULL;
        char data[8];

        (void) state;
        yamux_peer_send(p, YAMUX_DATA, YAMUX_SYN | YAMUX_FIN, 7, 5); /* all in one */
        assert_int_equal(p->n_wakes, 1);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 7, 0);
        assert_int_equal(p->session->ops->accept(p->session, &c), 1);
        assert_int_equal(p->session->ops->accept(p->session, &c), 0);
        assert_int_equal(p2p_channel_read(c, data, sizeof(data)), 5);
        assert_int_equal(p2p_channel_read(c, data, sizeof(data)), 0);
        assert_int_equal(p2p_channel_write(c, "yes", 3), 3);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_DATA, 0, 7, 3);
        p2p_channel_shutdown(c);
        p2p_channel_free(c);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 7, 0);
        yamux_peer_expect_none(p);
        assert_int_equal(p->session->ops->n_streams(p->session), 0);

        /* fully closed, its id may come again */
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 7, 0);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 7, 0);
        yamux_peer_free(p);
}

static void fin_comes_after_the_payload_that_it_came_with(void **state) {
        yamux_peer *p = peer_new(false);
        p2p_channel *c = yamux_peer_open(p, 1);
        uint8_t frame[P2P_YAMUX_HEADER_SIZE + 2] = {}, data[8];

        (void) state;
        p2p_yamux_header_encode(&(p2p_yamux_header) { YAMUX_DATA, YAMUX_FIN, 1, 2 }, frame);
        for (size_t i = 0; i < sizeof(frame) - 1; i++) {
                assert_int_equal(p2p_channel_read(c, data, sizeof(data)), -EAGAIN);
                yamux_peer_send_bytes(p, frame + i, 1);
                p2p_loop_settle(p->loop);
        }
        assert_int_equal(p2p_channel_read(c, data, sizeof(data)), 1);
        assert_int_equal(p2p_channel_read(c, data, sizeof(data)), -EAGAIN);
        yamux_peer_send_bytes(p, frame, 1);
        p2p_loop_settle(p->loop);
        assert_int_equal(p2p_channel_read(c, data, sizeof(data)), 1);
        assert_int_equal(p2p_channel_read(c, data, sizeof(data)), 0);
        p2p_channel_free(c);
        yamux_peer_free(p);
}

static void their_reset_drops_what_was_unread_and_tells_the_code(void **state) {
        yamux_peer *p = peer_new(false);
        p2p_channel *c = yamux_peer_open(p, 1);
        unsigned n = 0;
        p2p_task wake;

        (void) state;
        p2p_task_init(&wake, p->loop, count, &n);
        p2p_channel_set_wake(c, &wake);
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 100);
        assert_int_equal(n, 1);
        assert_int_equal(p2p_yamux_buffered(p->session), 100);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, 0x1003);
        assert_int_equal(n, 2);
        assert_int_equal(p2p_yamux_buffered(p->session), 0);
        assert_int_equal(p2p_channel_read(c, p->shown, 8), -ECONNRESET);
        assert_int_equal(p2p_channel_write(c, "x", 1), -ECONNRESET);
        assert_int_equal(p2p_channel_shutdown(c), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(c), 0x1003);
        p2p_channel_free(c);

        /* on a Data frame there is no code, and its payload belongs to nobody */
        c = yamux_peer_open(p, 3);
        yamux_peer_send(p, YAMUX_DATA, YAMUX_RST, 3, 5);
        assert_int_equal(p2p_channel_read(c, p->shown, 8), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(c), 0);
        p2p_channel_free(c);
        assert_int_equal(p->session->ops->error(p->session, NULL), 0);
        yamux_peer_free(p);
}

static void our_reset_carries_its_code_and_what_follows_is_discarded(void **state) {
        yamux_peer *p = peer_new(false);
        p2p_channel *c = yamux_peer_open(p, 1);

        (void) state;
        p2p_channel_reset(c, 0x1004);
        p2p_channel_reset(c, 0x1005);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, 0x1004);
        assert_int_equal(p2p_channel_read(c, p->shown, 8), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(c), 0);
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 200000);
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 200000);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 1, 5);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, 5);
        yamux_peer_expect_none(p);
        assert_int_equal(p->session->ops->error(p->session, NULL), 0);
        p2p_channel_free(c);
        yamux_peer_free(p);
}

static void a_reset_before_accept_leaves_nothing_to_accept(void **state) {
        yamux_peer *p = peer_new(false);
        p2p_channel *c;

        (void) state;
        yamux_peer_send(p, YAMUX_DATA, YAMUX_SYN, 1, 10);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, 0);
        assert_int_equal(p->session->ops->accept(p->session, &c), 0);
        assert_int_equal(p2p_yamux_buffered(p->session), 0);
        assert_int_equal(p->session->ops->n_streams(p->session), 0);
        yamux_peer_free(p);
}

static void after_their_fin_there_is_no_credit_and_no_data(void **state) {
        yamux_peer *p = peer_new(false);
        p2p_channel *c = yamux_peer_open(p, 1);
        static uint8_t data[200000];

        (void) state;
        yamux_peer_send(p, YAMUX_DATA, YAMUX_FIN, 1, 200000);
        assert_int_equal(p2p_channel_read(c, data, sizeof(data)), 200000);
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 10); /* data after FIN, second FIN: ignored */
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 1, 0);
        assert_int_equal(p2p_channel_read(c, data, sizeof(data)), 0);
        yamux_peer_expect_none(p);
        p2p_channel_free(c);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, 0);
        yamux_peer_free(p);
}

static void freed_after_shutdown_it_still_delivers_and_discards(void **state) {
        yamux_peer *p = peer_new(false);
        p2p_channel *c = yamux_peer_open(p, 1);

        (void) state;
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 10);
        assert_int_equal(p2p_channel_write(c, "bye", 3), 3);
        p2p_channel_shutdown(c);
        p2p_channel_free(c);
        assert_int_equal(p2p_yamux_buffered(p->session), 0);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_DATA, 0, 1, 3);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 1, 0);
        yamux_peer_send(p, YAMUX_DATA, 0, 1, 250000);
        assert_int_equal(p2p_yamux_buffered(p->session), 0);
        assert_int_equal(p->session->ops->n_streams(p->session), 1);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 1, 0);
        assert_int_equal(p->session->ops->n_streams(p->session), 0);
        yamux_peer_expect_none(p);
        yamux_peer_free(p);
}

static void a_lingering_stream_is_reset_after_a_minute(void **state) {
        yamux_peer *p = peer_new(false);
        p2p_channel *c = yamux_peer_open(p, 1);

        (void) state;
        p2p_channel_shutdown(c);
        p2p_channel_free(c);
        p2p_loop_settle(p->loop);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 1, 0);
        p2p_loop_advance(p->loop, 20 * USEC_PER_SEC);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, 0, 1, 1);
        p2p_loop_advance(p->loop, 29 * USEC_PER_SEC);
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, 0, 1, 1);
        p2p_loop_advance(p->loop, 11 * USEC_PER_SEC - 1);
        assert_int_equal(p->session->ops->n_streams(p->session), 1);
        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 1);
        yamux_peer_expect_none(p);
        p2p_loop_advance(p->loop, 1);
        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 2);
        yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, 0);
        assert_int_equal(p->session->ops->n_streams(p->session), 0);
        yamux_peer_free(p);
}

static void a_freed_session_wakes_its_streams(void **state) {
        yamux_pair *p = yamux_pair_new(NULL, NULL);
        p2p_channel *a, *b;
        unsigned n = 0;
        p2p_task wake;

        (void) state;
        yamux_pair_open(p, &a, &b);
        p2p_task_init(&wake, p->loop, count, &n);
        p2p_channel_set_wake(a, &wake);
        p2p_channel_write(b, "last", 4);
        p2p_loop_settle(p->loop);
        assert_int_equal(n, 1);
        p->client = p2p_session_free(p->client);
        p2p_loop_settle(p->loop);
        assert_int_equal(n, 2);
        assert_int_equal(p2p_channel_read(a, &(char[8]) { 0 }, 8), 4);
        assert_int_equal(p2p_channel_read(a, &(char[8]) { 0 }, 8), -ECONNRESET);
        assert_int_equal(p2p_channel_write(a, "x", 1), -ECONNRESET);
        p2p_channel_free(a);
        p2p_channel_free(b);
        yamux_pair_free(p);
}

static void echo_through(const p2p_memory_options *memory, size_t n) {
        yamux_pair *p = yamux_pair_new(NULL, memory);
        uint8_t *out = malloc(n), *in = malloc(n);
        p2p_channel *a, *b;
        size_t written = 0, read = 0;

        yamux_pair_open(p, &a, &b);
        for (size_t i = 0; i < n; i++)
                out[i] = (uint8_t) (i * 131 + i / 251);
        while (read < n) {
                size_t part = P2P_MIN(n - written, (size_t) 70001);
                ssize_t k = part > 0 ? p2p_channel_write(a, out + written, part) : 0;

                if (k > 0)
                        written += (size_t) k;
                if (written == n)
                        assert_int_equal(p2p_channel_shutdown(a), 0);
                p2p_loop_settle(p->loop);
                k = p2p_channel_read(b, in + read, n - read);
                if (k > 0)
                        read += (size_t) k;
                else
                        assert_int_equal(k, -EAGAIN);
        }
        assert_memory_equal(in, out, n);
        p2p_loop_settle(p->loop);
        assert_int_equal(p2p_channel_read(b, in, n), 0);
        p2p_channel_free(a);
        p2p_channel_free(b);
        yamux_pair_free(p);
        free(in);
        free(out);
}

static void bytes_arrive_however_the_channel_splits_them(void **state) {
        static const p2p_memory_options cases[] = {
                { .capacity = 1 },
                { .write_max = 1, .read_max = 1 },
                { .write_max = 1 },
                { .read_max = 1 },
                { .capacity = 11 },
                { .capacity = 13, .read_max = 5 },
                { .capacity = 1000, .write_max = 17 },
                {},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                echo_through(&cases[i], cases[i].capacity == 0 && !cases[i].write_max ? 3000000 : 40000);
}

static void a_reset_in_mid_frame_does_not_tear_the_frame(void **state) {
        (void) state;
        for (size_t capacity = 1; capacity < 60; capacity++) {
                const p2p_memory_options tight = { .capacity = capacity };
                const p2p_yamux_options options = { .streams_max = 10 };
                yamux_peer *p = yamux_peer_new(&options, &tight);
                p2p_channel *c;

                yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 0);
                c = yamux_peer_open(p, 1);
                assert_int_equal(p2p_channel_write(c, "0123456789012345678901234567890123456789", 40), 40);
                p2p_loop_settle(p->loop); /* `capacity` bytes of the frame are out */
                p2p_channel_write(c, "more", 4);
                p2p_channel_reset(c, 9);
                p2p_channel_free(c);
                yamux_peer_expect(p, YAMUX_DATA, 0, 1, 40);
                assert_memory_equal(p->shown, "0123456789012345678901234567890123456789", 40);
                yamux_peer_expect(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, 9);
                yamux_peer_expect_none(p);
                assert_int_equal(p->session->ops->n_streams(p->session), 0);
                yamux_peer_free(p);
        }
}

/* Its own number, and nothing else; idle again, it holds no buffer. */
static void assert_heard(p2p_channel *c, unsigned i) {
        const p2p_yamux_stream *s = container_of(c, p2p_yamux_stream, channel);
        char data[8];

        assert_int_equal(p2p_channel_read(c, data, sizeof(data)), sizeof(i));
        assert_memory_equal(data, &i, sizeof(i));
        assert_null(s->in.first);
        assert_null(s->out.first);
}

static void end(p2p_channel *c) {
        p2p_channel_shutdown(c);
        p2p_channel_free(c);
}

static void many_streams_work_side_by_side(void **state) {
        static const p2p_yamux_options options = { .streams_max = N_MANY };
        yamux_pair *p = yamux_pair_new(&options, NULL);
        p2p_channel **a = calloc(N_MANY, sizeof(*a)), **b = calloc(N_MANY, sizeof(*b)), *more;
        char byte;

        (void) state;
        for (unsigned i = 0; i < N_MANY; i++) {
                yamux_pair_open(p, &a[i], &b[i]);
                assert_int_equal(p2p_channel_write(a[i], &i, sizeof(i)), sizeof(i));
        }
        p2p_loop_settle(p->loop);
        assert_int_equal(p->server->ops->n_streams(p->server), N_MANY);
        assert_int_equal(p2p_yamux_buffered(p->server), N_MANY * sizeof(unsigned));
        for (unsigned i = 0; i < N_MANY; i++) {
                assert_heard(b[i], i);
                assert_int_equal(p2p_channel_write(b[i], &i, sizeof(i)), sizeof(i));
        }
        p2p_loop_settle(p->loop);
        for (unsigned i = 0; i < N_MANY; i++)
                assert_heard(a[i], i);
        assert_true(sizeof(p2p_yamux_stream) <= 300);

        /* one more is refused, and only that one */
        assert_int_equal(p->client->ops->open(p->client, &more), 0);
        p2p_loop_settle(p->loop);
        assert_int_equal(p2p_channel_read(more, &byte, 1), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(more), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        p2p_channel_free(more);
        for (unsigned i = 0; i < N_MANY; i++) {
                end(a[i]);
                end(b[i]);
        }
        p2p_loop_settle(p->loop);
        assert_int_equal(p->client->ops->n_streams(p->client), 0);
        assert_int_equal(p->server->ops->n_streams(p->server), 0);
        yamux_pair_free(p);
        free(a);
        free(b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(opening_goes_out_with_the_first_bytes),
                cmocka_unit_test(a_stream_given_up_before_its_syn_is_never_mentioned),
                cmocka_unit_test(an_accepted_stream_is_acknowledged_once),
                cmocka_unit_test(fin_comes_after_the_payload_that_it_came_with),
                cmocka_unit_test(their_reset_drops_what_was_unread_and_tells_the_code),
                cmocka_unit_test(our_reset_carries_its_code_and_what_follows_is_discarded),
                cmocka_unit_test(a_reset_before_accept_leaves_nothing_to_accept),
                cmocka_unit_test(after_their_fin_there_is_no_credit_and_no_data),
                cmocka_unit_test(freed_after_shutdown_it_still_delivers_and_discards),
                cmocka_unit_test(a_lingering_stream_is_reset_after_a_minute),
                cmocka_unit_test(a_freed_session_wakes_its_streams),
                cmocka_unit_test(bytes_arrive_however_the_channel_splits_them),
                cmocka_unit_test(a_reset_in_mid_frame_does_not_tear_the_frame),
                cmocka_unit_test(many_streams_work_side_by_side),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
