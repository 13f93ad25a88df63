/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The WebSocket channel over a memory pair: two of ours, and what leaves one of them (wire reference 15). */

#include "tests/support/pattern.h"
#include "tests/unit/transport/ws-raw.h"
#include "transport/ws-frame.h"
#include "transport/ws-in.h"
#include "transport/ws-out.h"

static uint8_t buf[P2P_SCRATCH_SIZE + 4096];

/* Both ends ours, both directions, through every split and into buffers of every kind. */
static void bytes_pass_at_every_split(void **state) {
        static const size_t reads[] = { 1, 100, 4096, P2P_WS_LEFT_MAX, P2P_SCRATCH_SIZE };

        (void) state;
        for (size_t i = 0; i < PATTERN_PATHS * ELEMENTSOF(reads) * 2; i++) {
                size_t total = pattern_paths[i / 2 / ELEMENTSOF(reads)].total,
                       read_max = reads[i / 2 % ELEMENTSOF(reads)];
                const p2p_memory_options *options = &pattern_paths[i / 2 / ELEMENTSOF(reads)].options;
                _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
                _cleanup_(p2p_channel_freep) p2p_channel *client = NULL, *server = NULL;
                p2p_channel *a, *b, *from, *to;

                if (read_max == 1)
                        total = P2P_MIN(total, (size_t) 100000);
                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, options, &a, &b), 0);
                assert_int_equal(
                        p2p_ws_channel_new_client(loop, a, "example.com", P2P_VIEW(NULL, 0), &client), 0);
                assert_int_equal(p2p_ws_channel_new_server(loop, b, &server), 0);
                from = i % 2 ? client : server;
                to = i % 2 ? server : client;
                pattern_flow_run(&(pattern_flow){ loop, from, to, total, read_max, NULL, NULL });
                assert_int_equal(p2p_channel_shutdown(from), 0);
                for (unsigned turn = 0; turn < 100; turn++) {
                        (void) p2p_loop_settle(loop);
                        if (p2p_channel_read(to, buf, read_max) == 0)
                                goto ended;
                        (void) p2p_channel_read(from, buf, 1);
                }
                fail_msg("no end in case %zu", i);
        ended:
                assert_int_equal(p2p_channel_write(to, "x", 1), -EPIPE);
        }
}

/* A writer that acts only on wakes, as owners do, is never forgotten: pongs and closes come in between. */
static void on_pump(void *userdata) {
        struct {
                p2p_channel *c;
                size_t n;
        } *pump = userdata;
        ssize_t k;

        while (pump->n > 0 && (k = p2p_channel_write(pump->c, buf, P2P_MIN(pump->n, (size_t) 5000))) > 0)
                pump->n -= (size_t) k;
        while (p2p_channel_read(pump->c, buf + 8192, 4096) > 0)
                ;
}

static void no_wake_is_lost(void **state) {
        static const p2p_memory_options options = { .capacity = 300, .write_max = 50 };
        struct {
                p2p_channel *c;
                size_t n;
        } pump;
        p2p_task task;
        raw_ws f;

        (void) state;
        memset(buf, 0, sizeof(buf));
        raw_begin(&f, true, &options);
        pump.c = f.ws;
        pump.n = 200000;
        p2p_task_init(&task, f.loop, on_pump, &pump);
        p2p_channel_set_wake(f.ws, &task);
        on_pump(&pump);
        raw_say(&f, REQUEST, strlen(REQUEST));
        for (unsigned i = 0; i < 20000 && pump.n > 0; i++) {
                uint8_t heard[40];

                if (i % 5 == 0)
                        (void) p2p_channel_write(f.raw, "\x89\x80\0\0\0\0", 6);
                (void) p2p_channel_read(f.raw, heard, sizeof(heard));
                (void) p2p_loop_settle(f.loop);
        }
        assert_int_equal(pump.n, 0);
        p2p_channel_free(TAKE_PTR(f.ws));
        p2p_task_cancel(&task);
        raw_done(&f);
}

/* Who writes again at each wake is not woken for nothing while the channel below is full. */
static void on_write_again(void *userdata) {
        raw_ws *f = userdata;

        f->n_wakes++;
        assert_int_equal(p2p_channel_write(f->ws, "x", 1), -EAGAIN);
}

static void what_is_held_waits_in_silence(void **state) {
        static const p2p_memory_options options = { .capacity = 1024 };
        p2p_task task;
        raw_ws f;
        ssize_t end;

        (void) state;
        raw_serve(&f, &options);
        p2p_task_init(&task, f.loop, on_write_again, &f);
        p2p_channel_set_wake(f.ws, &task);
        assert_int_equal(p2p_channel_write(f.ws, buf, 1020), 1020); /* with its head, all that fits */
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ "held", 4 }, 1, true), 4);
        assert_int_equal(p2p_channel_write(f.ws, "x", 1), -EAGAIN);
        for (unsigned i = 0; i < 20; i++)
                (void) p2p_loop_turn(f.loop, 0);
        assert_int_equal(f.n_wakes, 0);

        p2p_channel_set_wake(f.ws, &f.wake);
        assert_int_equal(raw_hear(&f, buf, sizeof(buf), &end), 1024 + 6);
        assert_memory_equal(buf + 1024, "\x82\x04held", 6);
        assert_true(f.n_wakes > 0);
        p2p_task_cancel(&task);
        raw_done(&f);
}

static void a_shutdown_closes_behind_what_was_taken(void **state) {
        static const p2p_memory_options options = { .capacity = 1024 };
        size_t n = 0, sent = 0;
        ssize_t k, end;
        raw_ws f;

        (void) state;
        raw_serve(&f, &options);
        memset(buf, 'q', 3000);
        while ((k = p2p_channel_write(f.ws, buf, 3000)) > 0)
                sent += (size_t) k;
        assert_int_equal(p2p_channel_shutdown(f.ws), 0);
        assert_int_equal(p2p_channel_shutdown(f.ws), 0);
        assert_int_equal(p2p_channel_write(f.ws, "x", 1), -EPIPE);
        n = raw_hear(&f, buf, sizeof(buf), &end);
        assert_int_equal(end, -EAGAIN); /* the way back stays open */
        assert_int_equal(n, 4 + sent + 4);
        assert_memory_equal(buf + n - 4, "\x88\x02\x03\xe8", 4);

        raw_frames(&f, "828300000000 616263"); /* what crossed our Close is read */
        raw_read(&f, "abc", -EAGAIN);
        raw_frames(&f, "888200000000 03e8");
        raw_read(&f, "", 0);
        raw_expect(&f, "", 0);
        raw_done(&f);
}

static void a_freed_channel_delivers_what_was_taken(void **state) {
        static const p2p_memory_options options = { .capacity = 1024 };
        size_t n;
        ssize_t end;
        raw_ws f;

        (void) state;
        raw_serve(&f, &options);
        memset(buf, 'q', 3000);
        assert_int_equal(p2p_channel_write(f.ws, buf, 3000), 3000);
        assert_int_equal(p2p_channel_shutdown(f.ws), 0);
        p2p_channel_free(TAKE_PTR(f.ws));
        n = raw_hear(&f, buf, sizeof(buf), &end);
        assert_int_equal(n, 3008);
        assert_int_equal(end, 0);
        raw_done(&f);

        raw_serve(&f, &options); /* nobody reads: not for ever */
        assert_int_equal(p2p_channel_write(f.ws, buf, 3000), 3000);
        assert_int_equal(p2p_channel_shutdown(f.ws), 0);
        p2p_channel_free(TAKE_PTR(f.ws));
        assert_int_equal(p2p_loop_advance(f.loop, 10 * USEC_PER_SEC), 0);
        assert_int_equal(raw_hear(&f, buf, sizeof(buf), &end), 0);
        assert_int_equal(end, -ECONNRESET);
        raw_done(&f);
}

static void a_reset_is_one_below(void **state) {
        ssize_t end;
        raw_ws f;

        (void) state;
        for (unsigned i = 0; i < 2; i++) {
                raw_serve(&f, NULL);
                assert_int_equal(p2p_channel_write(f.ws, "abc", 3), 3);
                if (i == 0) {
                        p2p_channel_reset(f.ws, 7);
                        assert_int_equal(p2p_channel_read(f.ws, buf, 10), -ECONNRESET);
                        assert_int_equal(p2p_channel_write(f.ws, buf, 10), -ECONNRESET);
                } else
                        p2p_channel_free(TAKE_PTR(f.ws));
                (void) raw_hear(&f, buf, sizeof(buf), &end);
                assert_int_equal(end, -ECONNRESET);
                raw_done(&f);
        }
}

static void small_writes_become_one_frame(void **state) {
        raw_ws f;

        (void) state;
        raw_serve(&f, NULL);
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ "ab", 2 }, 1, true), 2);
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ "c", 1 }, 1, true), 1);
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ "d", 1 }, 1, false), 1);
        raw_expect(&f, "820461626364", -EAGAIN);
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ "e", 1 }, 1, true),
                         1); /* the turn ends */
        raw_expect(&f, "820165", -EAGAIN);
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ "f", 1 }, 1, true), 1);
        assert_int_equal(p2p_channel_shutdown(f.ws), 0);
        raw_expect(&f, "820166 880203e8", -EAGAIN);
        raw_done(&f);
}

static void frames_and_what_waits_have_limits(void **state) {
        p2p_memory_options options = { .capacity = 1 << 20 };
        struct iovec iov[20];
        p2p_ws_head head;
        ssize_t end;
        raw_ws f;

        (void) state;
        raw_serve(&f, &options);
        assert_int_equal(p2p_channel_write(f.ws, buf, sizeof(buf)), 65536);
        assert_int_equal(raw_hear(&f, buf, sizeof(buf), &end), 65536 + 10);
        assert_int_equal(p2p_ws_head_parse(P2P_VIEW(buf, 10), &head), 1);
        assert_true(head.length == 65536);
        raw_done(&f);

        options.capacity = 200; /* what the far side does not take is one frame at most */
        raw_serve(&f, &options);
        assert_int_equal(p2p_channel_write(f.ws, buf, sizeof(buf)), 65536);
        assert_int_equal(p2p_channel_write(f.ws, buf, sizeof(buf)), -EAGAIN);
        assert_int_equal(raw_hear(&f, buf, sizeof(buf), &end), 65536 + 10);
        assert_true(f.n_wakes > 0);
        raw_done(&f);

        raw_serve(&f, NULL); /* what is held becomes a frame when it is more than 4096 bytes */
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ buf, 4096 }, 1, true), 4096);
        assert_int_equal(p2p_channel_read(f.raw, buf, sizeof(buf)), -EAGAIN);
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ buf, 1 }, 1, true), 1);
        assert_int_equal(p2p_channel_read(f.raw, buf, sizeof(buf)), 4 + 4096 + 1);

        for (size_t i = 0; i < ELEMENTSOF(iov); i++)
                iov[i] = (struct iovec){ buf + i, 1 };
        assert_int_equal(p2p_channel_writev(f.ws, &(struct iovec){ "held", 4 }, 1, true), 4);
        assert_int_equal(p2p_channel_writev(f.ws, iov, ELEMENTSOF(iov), false), 16);
        raw_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_pass_at_every_split),
                cmocka_unit_test(no_wake_is_lost),
                cmocka_unit_test(what_is_held_waits_in_silence),
                cmocka_unit_test(a_shutdown_closes_behind_what_was_taken),
                cmocka_unit_test(a_freed_channel_delivers_what_was_taken),
                cmocka_unit_test(a_reset_is_one_below),
                cmocka_unit_test(small_writes_become_one_frame),
                cmocka_unit_test(frames_and_what_waits_have_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
