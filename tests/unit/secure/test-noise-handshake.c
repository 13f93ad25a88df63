/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Noise handshake over a channel: both roles of ours, and a hand-made far side (wire reference 5). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "secure/noise-payload.h"
#include "secure/noise-record.h"
#include "secure/noise.h"
#include "secure/secure.h"
#include "tests/support/memory.h"

static const p2p_memory_options splits[] = {
        { .write_max = 1, .read_max = 1 },
        { .write_max = 7, .read_max = 3 },
        { .capacity = 5 },
        {},
};

static const char *const yamux[] = { "/yamux/1.0.0", NULL };
static const char *const two[] = { "/x", "/yamux/1.0.0", NULL };
static const char *const other[] = { "/x", NULL };

typedef struct side {
        p2p_identity *identity;
        p2p_secure *secure;
        p2p_secure_result result;
        unsigned n_done;
        int error;
} side;

static void on_done(p2p_secure_result *result, int error, void *userdata) {
        side *s = userdata;

        s->secure = NULL;
        s->n_done++;
        s->error = error;
        if (result)
                s->result = *result;
}

static void side_start(side *s, p2p_loop *loop, p2p_channel *c, bool initiator, const char *const *muxers,
                       const p2p_peer_id *expected) {
        p2p_secure_options options = { .expected = expected, .muxers = muxers, .initiator = initiator };

        *s = (side){};
        assert_int_equal(p2p_identity_generate(&s->identity), 0);
        options.identity = s->identity;
        assert_int_equal(p2p_noise.start(loop, c, &options, on_done, s, &s->secure), 0);
        assert_int_equal(s->n_done, 0);
}

static void side_done(side *s) {
        p2p_noise.free(s->secure);
        p2p_channel_free(s->result.channel);
        p2p_identity_free(s->identity);
}

static void two_of_ours_prove_each_other(void **state) {
        static const struct { const char *const *initiator, *const *responder; const char *muxer; } cases[] = {
                { yamux, yamux, "/yamux/1.0.0" },
                { two,   yamux, "/yamux/1.0.0" },
                { two,   two,   "/x"           },
                { yamux, other, NULL           },
                { yamux, NULL,  NULL           },
                { NULL,  yamux, NULL           },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases) * ELEMENTSOF(splits); i++) {
                const char *muxer = cases[i / ELEMENTSOF(splits)].muxer;
                _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
                p2p_channel *a, *b;
                char out[8];
                side us, them;

                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, &splits[i % ELEMENTSOF(splits)], &a, &b), 0);
                side_start(&them, loop, b, false, cases[i / ELEMENTSOF(splits)].responder, NULL);
                side_start(&us, loop, a, true, cases[i / ELEMENTSOF(splits)].initiator,
                           p2p_identity_peer_id(them.identity));
                (void) p2p_loop_settle(loop);

                assert_int_equal(us.n_done, 1);
                assert_int_equal(them.n_done, 1);
                assert_int_equal(us.error, 0);
                assert_int_equal(them.error, 0);
                assert_true(p2p_peer_id_equal(&us.result.peer, p2p_identity_peer_id(them.identity)));
                assert_true(p2p_peer_id_equal(&them.result.peer, p2p_identity_peer_id(us.identity)));
                assert_int_equal(us.result.muxer == NULL, muxer == NULL);
                assert_int_equal(them.result.muxer == NULL, muxer == NULL);
                if (muxer) {
                        assert_string_equal(us.result.muxer, muxer);
                        assert_string_equal(them.result.muxer, muxer);
                }

                assert_int_equal(p2p_channel_write(us.result.channel, "hi", 2), 2);
                (void) p2p_channel_shutdown(us.result.channel);
                for (unsigned turn = 0; turn < 50 && p2p_channel_read(them.result.channel, out, 1) == -EAGAIN; turn++)
                        (void) p2p_loop_settle(loop);
                assert_int_equal(out[0], 'h');
                assert_int_equal(p2p_channel_read(them.result.channel, out, sizeof(out)), 1);
                assert_int_equal(out[0], 'i');
                side_done(&us);
                side_done(&them);
        }
}

static void the_wrong_peer_never_learns_who_we_are(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *wanted = NULL;
        _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
        p2p_channel *a, *b;
        side us, them;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        assert_int_equal(p2p_identity_generate(&wanted), 0);
        assert_int_equal(p2p_memory_pair(loop, NULL, &a, &b), 0);
        side_start(&them, loop, b, false, yamux, NULL);
        side_start(&us, loop, a, true, yamux, p2p_identity_peer_id(wanted));
        (void) p2p_loop_settle(loop);
        assert_int_equal(us.n_done, 1);
        assert_int_equal(us.error, -EKEYREJECTED);
        assert_null(us.result.channel);
        assert_int_equal(them.n_done, 1);
        assert_int_equal(them.error, -ECONNRESET);
        side_done(&us);
        side_done(&them);

        /* A responder may expect somebody as well: a punched connection. */
        assert_int_equal(p2p_memory_pair(loop, NULL, &a, &b), 0);
        side_start(&them, loop, b, false, yamux, p2p_identity_peer_id(wanted));
        side_start(&us, loop, a, true, yamux, NULL);
        (void) p2p_loop_settle(loop);
        assert_int_equal(them.error, -EKEYREJECTED);
        side_done(&us);
        side_done(&them);
}

/* A far side made by hand: the initiator. */
typedef struct hand {
        p2p_loop *loop;
        p2p_channel *far;
        side us;
        p2p_noise_state noise;
        p2p_identity *identity;
} hand;

static void hand_start(hand *h, bool we_initiate, const p2p_memory_options *options) {
        uint8_t s[32], e[32];
        p2p_channel *near;

        *h = (hand){};
        memset(s, 0x21, sizeof(s));
        memset(e, 0x22, sizeof(e));
        assert_int_equal(p2p_loop_new_manual(&h->loop), 0);
        assert_int_equal(p2p_identity_generate(&h->identity), 0);
        assert_int_equal(p2p_memory_pair(h->loop, options, &h->far, &near), 0);
        p2p_noise_init(&h->noise, !we_initiate, s, e);
        side_start(&h->us, h->loop, near, we_initiate, yamux, NULL);
        (void) p2p_loop_settle(h->loop);
}

static void hand_done(hand *h) {
        side_done(&h->us);
        p2p_channel_free(h->far);
        p2p_identity_free(h->identity);
        p2p_noise_done(&h->noise);
        p2p_loop_free(h->loop);
}

/* The next message of the far side as a frame. */
static size_t hand_frame(hand *h, p2p_view payload, uint8_t *out, size_t size) {
        p2p_writer w = P2P_WRITER(out, size), head = P2P_WRITER(out, 2);

        p2p_write_be16(&w, 0);
        assert_true(p2p_noise_write(&h->noise, payload, &w) >= 0);
        p2p_write_be16(&head, (uint16_t) (w.n - 2));
        return w.n;
}

static size_t hand_proof(hand *h, uint8_t *out, size_t size) {
        uint8_t *payload;
        size_t n;

        assert_int_equal(p2p_noise_payload_encode(h->identity, h->noise.static_public, yamux, &payload, &n), 0);
        n = hand_frame(h, P2P_VIEW(payload, n), out, size);
        free(payload);
        return n;
}

static void hand_write(hand *h, const void *data, size_t n) {
        assert_int_equal(p2p_channel_write(h->far, data, n), n);
        (void) p2p_loop_settle(h->loop);
}

static void hand_read_frame(hand *h) {
        uint8_t in[4500];
        p2p_view got;
        ssize_t k;

        k = p2p_channel_read(h->far, in, sizeof(in));
        assert_true(k > 2);
        assert_int_equal(in[0] << 8 | in[1], k - 2);
        assert_true(p2p_noise_read(&h->noise, in + 2, (size_t) k - 2, &got) >= 0);
}

static void what_is_glued_behind_message_3_is_delivered(void **state) {
        uint8_t bytes[1024];
        p2p_noise_cipher cipher = {};
        uint8_t unused[32];
        char out[64];
        size_t n;
        hand h;

        (void) state;
        hand_start(&h, false, NULL);
        n = hand_frame(&h, P2P_VIEW(NULL, 0), bytes, sizeof(bytes));
        hand_write(&h, bytes, n);
        hand_read_frame(&h);
        n = hand_proof(&h, bytes, sizeof(bytes));
        p2p_noise_split(&h.noise, cipher.key, unused);
        for (unsigned i = 0; i < 2; i++) {
                memcpy(bytes + n + 2, "glued", 5);
                n += (size_t) p2p_noise_record_seal(&cipher, bytes + n, 5);
        }
        hand_write(&h, bytes, n - 1); /* the last byte of the second record is still on its way */
        assert_int_equal(h.us.n_done, 1);
        assert_int_equal(h.us.error, 0);
        assert_string_equal(h.us.result.muxer, "/yamux/1.0.0");
        assert_int_equal(p2p_channel_read(h.us.result.channel, out, sizeof(out)), 5);
        assert_memory_equal(out, "glued", 5);
        assert_int_equal(p2p_channel_read(h.us.result.channel, out, sizeof(out)), -EAGAIN);
        hand_write(&h, bytes + n - 1, 1);
        assert_int_equal(p2p_channel_read(h.us.result.channel, out, sizeof(out)), 5);
        hand_done(&h);
}

static void the_payload_of_message_1_is_ignored(void **state) {
        uint8_t bytes[8192], filler[4096 + 64] = {};
        static const size_t sizes[] = { 0, 1, 4096 + 64 };
        size_t n;
        hand h;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                hand_start(&h, false, NULL);
                n = hand_frame(&h, P2P_VIEW(filler, sizes[i]), bytes, sizeof(bytes));
                hand_write(&h, bytes, n);
                hand_read_frame(&h);
                n = hand_proof(&h, bytes, sizeof(bytes));
                hand_write(&h, bytes, n);
                assert_int_equal(h.us.n_done, 1);
                assert_int_equal(h.us.error, 0);
                hand_done(&h);
        }
}

static void bad_frames_end_it(void **state) {
        static const struct { const char *why; uint8_t in[40]; size_t n; int error; } cases[] = {
                { "a frame of nothing",       { 0, 0 },        2,  -EBADMSG  },
                { "a frame of 31 bytes",      { 0, 31 },       2,  -EBADMSG  },
                { "a frame of 4193 bytes",    { 0x10, 0x61 },  2,  -EMSGSIZE },
                { "a frame of 65535 bytes",   { 0xff, 0xff },  2,  -EMSGSIZE },
                { "a key of small order",     { 0, 32 },       34, -EBADMSG  },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char out[8];
                hand h;

                hand_start(&h, false, NULL);
                hand_write(&h, cases[i].in, cases[i].n);
                if (h.us.n_done != 1 || h.us.error != cases[i].error)
                        fail_msg("%s: %d", cases[i].why, h.us.error);
                assert_null(h.us.result.channel);
                assert_int_equal(p2p_channel_read(h.far, out, sizeof(out)), -ECONNRESET); /* and not a byte before */
                hand_done(&h);
        }
}

/* 4096 + 96 bytes are still waited for. */
static void the_longest_frame_is_waited_for(void **state) {
        static const uint8_t in[] = { 0x10, 0x60 };
        hand h;

        (void) state;
        hand_start(&h, false, NULL);
        hand_write(&h, in, sizeof(in));
        assert_int_equal(h.us.n_done, 0);
        hand_done(&h);
}

static void bad_proofs_end_it(void **state) {
        uint8_t bytes[1024];
        hand h;
        size_t n;

        (void) state;
        for (unsigned i = 0; i < 4; i++) {
                hand_start(&h, false, NULL);
                n = hand_frame(&h, P2P_VIEW(NULL, 0), bytes, sizeof(bytes));
                hand_write(&h, bytes, n);
                hand_read_frame(&h);
                switch (i) {
                case 0: /* nothing is said */
                        n = hand_frame(&h, P2P_VIEW(NULL, 0), bytes, sizeof(bytes));
                        break;
                case 1: /* no protobuf */
                        n = hand_frame(&h, P2P_VIEW_STR("garbage"), bytes, sizeof(bytes));
                        break;
                case 2: /* another session's static key is signed */
                        h.noise.static_public[0] ^= 1;
                        n = hand_proof(&h, bytes, sizeof(bytes));
                        break;
                case 3: /* one bit on the way */
                        n = hand_proof(&h, bytes, sizeof(bytes));
                        bytes[60] ^= 1;
                        break;
                }
                hand_write(&h, bytes, n);
                assert_int_equal(h.us.n_done, 1);
                assert_true(h.us.error == -EBADMSG || h.us.error == -EKEYREJECTED);
                assert_null(h.us.result.channel);
                hand_done(&h);
        }
}

static void the_initiator_judges_too(void **state) {
        uint8_t bytes[1024];
        size_t n;
        hand h;

        (void) state;
        hand_start(&h, true, NULL);
        hand_read_frame(&h);
        n = hand_proof(&h, bytes, sizeof(bytes));
        bytes[n - 1] ^= 1;
        hand_write(&h, bytes, n);
        assert_int_equal(h.us.n_done, 1);
        assert_int_equal(h.us.error, -EBADMSG);
        hand_done(&h);
}

static void an_end_in_the_handshake_is_a_reset(void **state) {
        static const size_t sent[] = { 0, 1, 2, 20 };
        uint8_t bytes[64];
        hand h;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(sent); i++) {
                hand_start(&h, false, NULL);
                (void) hand_frame(&h, P2P_VIEW(NULL, 0), bytes, sizeof(bytes));
                if (sent[i] > 0)
                        hand_write(&h, bytes, sent[i]);
                (void) p2p_channel_shutdown(h.far);
                (void) p2p_loop_settle(h.loop);
                assert_int_equal(h.us.n_done, 1);
                assert_int_equal(h.us.error, -ECONNRESET);
                hand_done(&h);
        }
}

static void freed_in_flight_it_never_calls_back(void **state) {
        uint8_t bytes[64];
        size_t n;
        hand h;

        (void) state;
        hand_start(&h, false, NULL);
        n = hand_frame(&h, P2P_VIEW(NULL, 0), bytes, sizeof(bytes));
        assert_int_equal(p2p_channel_write(h.far, bytes, n), n);
        h.us.secure = p2p_noise.free(h.us.secure);
        (void) p2p_loop_settle(h.loop);
        assert_int_equal(h.us.n_done, 0);
        hand_done(&h);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(two_of_ours_prove_each_other),
                cmocka_unit_test(the_wrong_peer_never_learns_who_we_are),
                cmocka_unit_test(what_is_glued_behind_message_3_is_delivered),
                cmocka_unit_test(the_payload_of_message_1_is_ignored),
                cmocka_unit_test(bad_frames_end_it),
                cmocka_unit_test(the_longest_frame_is_waited_for),
                cmocka_unit_test(bad_proofs_end_it),
                cmocka_unit_test(the_initiator_judges_too),
                cmocka_unit_test(an_end_in_the_handshake_is_a_reset),
                cmocka_unit_test(freed_in_flight_it_never_calls_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
