/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a flush makes of a turn's writes: few writes below, fair turns, urgent frames first. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mux/yamux-internal.h"
#include "tests/support/yamux-peer.h"

#define MIB (1024u * 1024u)

static uint8_t bulk[MIB];

/* Between the session and its channel: counts the writes. */
typedef struct counter {
        p2p_channel channel;
        p2p_channel *below;
        unsigned n_writes, n_more;
        size_t largest;
} counter;

static ssize_t counter_readv(p2p_channel *c, const struct iovec *iov, int n) {
        return p2p_channel_readv(container_of(c, counter, channel)->below, iov, n);
}

static ssize_t counter_writev(p2p_channel *c, const struct iovec *iov, int n, bool more) {
        counter *w = container_of(c, counter, channel);
        ssize_t done = p2p_channel_writev(w->below, iov, n, more);

        w->n_writes++;
        w->n_more += more;
        if (done > 0)
                w->largest = P2P_MAX(w->largest, (size_t) done);
        p2p_channel_set_wake(w->below, c->wake);
        return done;
}

static int counter_shutdown(p2p_channel *c) {
        return p2p_channel_shutdown(container_of(c, counter, channel)->below);
}

static p2p_channel *counter_free(p2p_channel *c) {
        return p2p_channel_free(container_of(c, counter, channel)->below);
}

static const p2p_channel_ops counter_ops = {
        .readv = counter_readv,
        .writev = counter_writev,
        .shutdown = counter_shutdown,
        .free = counter_free,
};

static yamux_peer *peer_new(size_t capacity) {
        const p2p_yamux_options options = { .streams_max = 100 };
        const p2p_memory_options memory = { .capacity = capacity };
        yamux_peer *p = yamux_peer_new(&options, &memory);

        yamux_peer_expect(p, YAMUX_PING, YAMUX_SYN, 0, 0);
        return p;
}

static void small_writes_of_a_turn_are_one_write_below(void **state) {
        const p2p_yamux_options options = { .client = true, .streams_max = 100 };
        const p2p_memory_options memory = { .capacity = MIB };
        counter w = { .channel.ops = &counter_ops };
        p2p_channel *far, *c[50];
        p2p_session *session;
        p2p_loop *loop;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        assert_int_equal(p2p_memory_pair(loop, &memory, &w.below, &far), 0);
        assert_int_equal(p2p_yamux_new(loop, &w.channel, &options, &session), 0);
        p2p_loop_settle(loop);
        w.n_writes = 0;
        for (unsigned i = 0; i < ELEMENTSOF(c); i++) {
                assert_int_equal(session->ops->open(session, &c[i]), 0);
                for (unsigned k = 0; k < 10; k++)
                        assert_int_equal(p2p_channel_write(c[i], "key", 3), 3);
        }
        p2p_loop_settle(loop);
        assert_int_equal(w.n_writes, 1);
        assert_int_equal(w.n_more, 0);
        assert_int_equal(w.largest, ELEMENTSOF(c) * (12 + 12 + 30)); /* SYN, and one frame for ten writes */

        /* bulk: as much as the turn allows in one vector */
        w.n_writes = 0;
        for (unsigned i = 0; i < 4; i++)
                assert_int_equal(p2p_channel_write(c[i], bulk, sizeof(bulk)), 128 * 1024);
        p2p_loop_settle(loop);
        assert_true(w.n_writes <= 4);
        assert_true(w.largest > 250 * 1024 && w.largest <= (256 + 32) * 1024);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                p2p_channel_free(c[i]);
        p2p_session_free(session);
        p2p_channel_free(far);
        p2p_loop_settle(loop);
        p2p_loop_free(loop);
}

static void more_is_said_when_more_follows(void **state) {
        const p2p_yamux_options options = { .client = true, .streams_max = 1 };
        const p2p_memory_options memory = { .capacity = MIB };
        counter w = { .channel.ops = &counter_ops };
        p2p_channel *far, *c[199];
        p2p_session *session;
        p2p_loop *loop;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        assert_int_equal(p2p_memory_pair(loop, &memory, &w.below, &far), 0);
        assert_int_equal(p2p_yamux_new(loop, &w.channel, &options, &session), 0);
        p2p_loop_settle(loop);
        w.n_writes = 0;
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                assert_int_equal(session->ops->open(session, &c[i]), 0);
        p2p_loop_settle(loop);
        assert_int_equal(w.n_writes, 2); /* more frames than fit into one batch */
        assert_int_equal(w.n_more, 1);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                p2p_channel_free(c[i]);
        p2p_session_free(session);
        p2p_channel_free(far);
        p2p_loop_settle(loop);
        p2p_loop_free(loop);
}

static void a_keystroke_passes_bulk(void **state) {
        yamux_peer *p = peer_new(64 * 1024);
        p2p_channel *bulk_a = yamux_peer_open(p, 1), *bulk_b = yamux_peer_open(p, 3);
        p2p_channel *key = yamux_peer_open(p, 5);
        size_t before = 0;
        p2p_yamux_header h;

        (void) state;
        for (unsigned i = 0; i < 20; i++) { /* well under way, and the channel full */
                (void) p2p_channel_write(bulk_a, bulk, sizeof(bulk));
                (void) p2p_channel_write(bulk_b, bulk, sizeof(bulk));
                p2p_loop_settle(p->loop);
        }
        assert_int_equal(p2p_channel_write(key, "x", 1), 1);
        for (;;) {
                assert_true(yamux_peer_next(p, &h));
                if (h.stream_id == 5)
                        break;
                before += P2P_YAMUX_HEADER_SIZE + h.length;
                (void) p2p_channel_write(bulk_a, bulk, sizeof(bulk));
                (void) p2p_channel_write(bulk_b, bulk, sizeof(bulk));
        }
        /* what the channel had, the rest of the frame that was begun, and one frame of each of the others */
        assert_in_range(before, 1, 64 * 1024 + 3 * (YAMUX_FRAME_MAX + P2P_YAMUX_HEADER_SIZE));
        p2p_channel_free(bulk_a);
        p2p_channel_free(bulk_b);
        p2p_channel_free(key);
        yamux_peer_free(p);
}

static void a_pong_and_a_window_pass_bulk(void **state) {
        yamux_peer *p = peer_new(64 * 1024);
        p2p_channel *c = yamux_peer_open(p, 1);
        size_t before = 0;
        p2p_yamux_header h;

        (void) state;
        (void) p2p_channel_write(c, bulk, sizeof(bulk));
        p2p_loop_settle(p->loop);
        yamux_peer_send(p, YAMUX_PING, YAMUX_SYN, 0, 77);
        for (;;) {
                assert_true(yamux_peer_next(p, &h));
                if (h.type == YAMUX_PING)
                        break;
                before += P2P_YAMUX_HEADER_SIZE + h.length;
        }
        assert_int_equal(h.length, 77);
        assert_in_range(before, 1, 64 * 1024 + YAMUX_FRAME_MAX + P2P_YAMUX_HEADER_SIZE);
        p2p_channel_free(c);
        yamux_peer_free(p);
}

static void busy_streams_share_evenly(void **state) {
        yamux_peer *p = peer_new(64 * 1024);
        size_t sent[4] = { 0 };
        p2p_channel *c[4];
        p2p_yamux_header h;

        (void) state;
        for (unsigned i = 0; i < 4; i++)
                c[i] = yamux_peer_open(p, 2 * i + 1);
        for (size_t total = 0; total < 600 * 1024;) {
                for (unsigned i = 0; i < 4; i++)
                        (void) p2p_channel_write(c[i], bulk, sizeof(bulk));
                p2p_loop_settle(p->loop);
                assert_true(yamux_peer_next(p, &h));
                assert_int_equal(h.type, YAMUX_DATA);
                sent[h.stream_id / 2] += h.length;
                total += h.length;
        }
        for (unsigned i = 1; i < 4; i++)
                assert_in_range(sent[i] + 2 * YAMUX_FRAME_MAX - sent[0], 0, 4 * YAMUX_FRAME_MAX);
        for (unsigned i = 0; i < 4; i++)
                p2p_channel_free(c[i]);
        yamux_peer_free(p);
}

static void count(void *userdata) {
        (*(unsigned *) userdata)++;
}

static void a_full_queue_says_so_and_wakes_its_writer(void **state) {
        yamux_peer *p = peer_new(80 * 1024);
        p2p_channel *c = yamux_peer_open(p, 1);
        unsigned n = 0;
        p2p_task wake;

        (void) state;
        p2p_task_init(&wake, p->loop, count, &n);
        p2p_channel_set_wake(c, &wake);
        assert_int_equal(p2p_channel_write(c, bulk, sizeof(bulk)), YAMUX_OUT_MAX);
        assert_int_equal(p2p_channel_write(c, bulk, 1), -EAGAIN);
        p2p_loop_settle(p->loop);
        assert_int_equal(n, 1); /* more than half of it went into the channel */
        assert_true(p2p_channel_write(c, bulk, sizeof(bulk)) > 0);
        while (p2p_channel_write(c, bulk, sizeof(bulk)) != -EAGAIN)
                p2p_loop_settle(p->loop);
        n = 0;
        while (yamux_peer_next(p, &(p2p_yamux_header) {}))
                ;
        assert_true(n >= 1); /* no window is left for the rest, but there is room */
        yamux_peer_send(p, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1, 0);
        assert_true(n >= 2);
        p2p_channel_free(c);
        yamux_peer_free(p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(small_writes_of_a_turn_are_one_write_below),
                cmocka_unit_test(more_is_said_when_more_follows),
                cmocka_unit_test(a_keystroke_passes_bulk),
                cmocka_unit_test(a_pong_and_a_window_pass_bulk),
                cmocka_unit_test(busy_streams_share_evenly),
                cmocka_unit_test(a_full_queue_says_so_and_wakes_its_writer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
