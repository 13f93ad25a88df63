/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Noise XX state machine against go-libp2p's transcript, and against tampering (wire reference 5, 19.3).
 * */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "secure/noise-payload.h"
#include "secure/noise-record.h"
#include "secure/noise.h"
#include "tests/support/hex.h"
#include "tests/unit/secure/noise-vectors.h"

#define HEADER "\x13/multistream/1.0.0\n"

static const char *const yamux_only[] = { "/yamux/1.0.0", NULL };

static void start(p2p_noise_state *n, bool initiator) {
        uint8_t s[32], e[32];

        memset(s, initiator ? 0x21 : 0x31, sizeof(s));
        memset(e, initiator ? 0x22 : 0x32, sizeof(e));
        p2p_noise_init(n, initiator, s, e);
}

static p2p_identity *identity(bool initiator) {
        p2p_identity *id = NULL;
        uint8_t seed[32];

        for (unsigned i = 0; i < sizeof(seed); i++)
                seed[i] = initiator ? (uint8_t) i : 0x11;
        assert_int_equal(p2p_identity_from_seed(seed, &id), 0);
        return id;
}

static void assert_frame(const char *hex, p2p_view body) {
        uint8_t expect[512];
        p2p_view v = hex_view(hex, expect, sizeof(expect));

        assert_int_equal(v.n, body.n + 2);
        assert_int_equal(v.data[0] << 8 | v.data[1], body.n);
        assert_memory_equal(v.data + 2, body.data, body.n);
}

static void assert_first_record(const char *hex, const uint8_t key[32]) {
        p2p_noise_cipher cipher = {};
        uint8_t expect[64], record[64];
        p2p_view v = hex_view(hex, expect, sizeof(expect));

        memcpy(cipher.key, key, 32);
        memcpy(record + 2, HEADER, 20);
        assert_int_equal(p2p_noise_record_seal(&cipher, record, 20), v.n);
        assert_memory_equal(record, v.data, v.n);
}

static void the_transcript_of_go_libp2p_is_ours(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(noise_vectors); i++) {
                const noise_vector *vector = &noise_vectors[i];
                _cleanup_(p2p_identity_freep) p2p_identity *initiator = identity(true);
                _cleanup_(p2p_identity_freep) p2p_identity *responder = identity(false);
                uint8_t keys[2][2][32];
                p2p_noise_state n[2];

                start(&n[0], true);
                start(&n[1], false);
                for (unsigned step = 0; step < 3; step++) {
                        p2p_noise_state *writer = &n[step % 2], *reader = &n[(step + 1) % 2];
                        const p2p_identity *id = step % 2 == 0 ? initiator : responder;
                        uint8_t *payload = NULL, message[512];
                        p2p_writer w = P2P_WRITER(message, sizeof(message));
                        p2p_view got;
                        size_t size = 0;

                        if (step > 0)
                                assert_int_equal(p2p_noise_payload_encode(id, writer->static_public,
                                                                          vector->has_muxers ? yamux_only : NULL,
                                                                          &payload, &size), 0);
                        assert_int_equal(p2p_noise_write(writer, P2P_VIEW(payload, size), &w), step == 2);
                        assert_frame(vector->frames[step], P2P_VIEW(message, w.n));
                        assert_int_equal(p2p_noise_read(reader, message, w.n, &got), step == 2);
                        assert_true(p2p_view_equal(got, P2P_VIEW(payload, size)));
                        free(payload);
                }

                assert_memory_equal(n[0].hash, n[1].hash, 32);
                p2p_noise_split(&n[0], keys[0][0], keys[0][1]);
                p2p_noise_split(&n[1], keys[1][0], keys[1][1]);
                assert_memory_equal(keys[0][0], keys[1][1], 32);
                assert_memory_equal(keys[0][1], keys[1][0], 32);
                assert_first_record(vector->record_of_initiator, keys[0][0]);
                assert_first_record(vector->record_of_responder, keys[1][0]);
                if (vector->has_muxers) {
                        p2p_view hash = HEX("bbcddfcd02387aa1975b0abc29a2981bf2a2a157e14b36301f0236222117f1b4");
                        p2p_view k = HEX("71450360256dab81ef74655ddb36cc0fd18d3f2663912719571535c9f2185abd");

                        assert_memory_equal(n[0].hash, hash.data, 32);
                        assert_memory_equal(keys[0][0], k.data, 32);
                }
                p2p_noise_done(&n[0]);
                p2p_noise_done(&n[1]);
        }
}

static void the_first_hash_is_of_name_and_empty_prologue(void **state) {
        p2p_view h = HEX("f3d15e6108ed9556171207baa58f97d29a13c6be40595166066e2e0958dc002d");
        p2p_noise_state n;

        (void) state;
        start(&n, true);
        assert_memory_equal(n.hash, h.data, 32);
}

/* The three messages of a handshake, each with the state that must read it. */
typedef struct script {
        p2p_noise_state before[3]; /* the reader's */
        uint8_t messages[3][256];
        size_t n[3];
} script;

static void record_script(script *s) {
        p2p_noise_state n[2];
        p2p_view got;

        start(&n[0], true);
        start(&n[1], false);
        for (unsigned step = 0; step < 3; step++) {
                p2p_writer w = P2P_WRITER(s->messages[step], sizeof(s->messages[step]));
                uint8_t copy[256];

                s->before[step] = n[(step + 1) % 2];
                assert_true(p2p_noise_write(&n[step % 2], P2P_VIEW_STR("payload"), &w) >= 0);
                s->n[step] = w.n;
                memcpy(copy, s->messages[step], w.n);
                assert_true(p2p_noise_read(&n[(step + 1) % 2], copy, w.n, &got) >= 0);
                assert_true(p2p_view_equal(got, P2P_VIEW_STR("payload")));
        }
}

static void every_flipped_bit_and_every_cut_is_noticed(void **state) {
        script s;

        (void) state;
        record_script(&s);
        for (unsigned step = 1; step < 3; step++)
                for (size_t i = 0; i < s.n[step]; i++) {
                        p2p_noise_state n = s.before[step];
                        uint8_t copy[256];
                        p2p_view got;

                        memcpy(copy, s.messages[step], s.n[step]);
                        copy[i] ^= 0x10;
                        if (p2p_noise_read(&n, copy, s.n[step], &got) != -EBADMSG)
                                fail_msg("message %u, byte %zu", step + 1, i);

                        n = s.before[step];
                        memcpy(copy, s.messages[step], s.n[step]);
                        if (p2p_noise_read(&n, copy, i, &got) != -EBADMSG)
                                fail_msg("message %u, cut to %zu", step + 1, i);
                }
}

/* The payload of message 1 is in the clear: changing it is noticed one message later. */
static void a_changed_first_message_breaks_the_second(void **state) {
        static const size_t flips[] = { 0, 31, 32, 38 };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(flips); i++) {
                p2p_noise_state a, b;
                uint8_t m[256];
                p2p_writer w = P2P_WRITER(m, sizeof(m));
                p2p_view got;

                start(&a, true);
                start(&b, false);
                assert_int_equal(p2p_noise_write(&a, P2P_VIEW_STR("payload"), &w), 0);
                m[flips[i]] ^= 1;
                assert_int_equal(p2p_noise_read(&b, m, w.n, &got), 0);
                w = P2P_WRITER(m, sizeof(m));
                assert_int_equal(p2p_noise_write(&b, P2P_VIEW_STR("payload"), &w), 0);
                assert_int_equal(p2p_noise_read(&a, m, w.n, &got), -EBADMSG);
        }
}

static void a_short_first_message_is_refused(void **state) {
        uint8_t m[32] = { 9 };
        p2p_noise_state n;
        p2p_view got;

        (void) state;
        start(&n, false);
        assert_int_equal(p2p_noise_read(&n, m, 31, &got), -EBADMSG);
}

/* RFC 7748, section 6.1: an all-zero result must be refused; such points make one whatever the secret. */
static void keys_of_small_order_are_refused(void **state) {
        static const char *const points[] = {
                "0000000000000000000000000000000000000000000000000000000000000000",
                "0100000000000000000000000000000000000000000000000000000000000000",
                "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(points); i++) {
                uint8_t m[256];
                p2p_view point = hex_view(points[i], m, sizeof(m)), got;
                p2p_writer w = P2P_WRITER(m, sizeof(m));
                p2p_noise_state n;

                start(&n, false);
                assert_int_equal(p2p_noise_read(&n, m, point.n, &got), 0);
                assert_int_equal(p2p_noise_write(&n, P2P_VIEW(NULL, 0), &w), -EBADMSG);

                start(&n, true);
                assert_int_equal(p2p_noise_write(&n, P2P_VIEW(NULL, 0), &w), 0);
                memset(m, 0, sizeof(m));
                (void) hex_view(points[i], m, sizeof(m));
                assert_int_equal(p2p_noise_read(&n, m, 96, &got), -EBADMSG);
        }
}

static void nobody_speaks_out_of_turn(void **state) {
        uint8_t m[256] = {};
        p2p_writer w = P2P_WRITER(m, sizeof(m));
        p2p_noise_state n;
        script s;
        p2p_view got;

        (void) state;
        start(&n, false);
        assert_int_equal(p2p_noise_write(&n, P2P_VIEW(NULL, 0), &w), -EPROTO);
        start(&n, true);
        assert_int_equal(p2p_noise_read(&n, m, 32, &got), -EPROTO);

        record_script(&s);
        n = s.before[2];
        assert_int_equal(p2p_noise_read(&n, s.messages[2], s.n[2], &got), 1);
        assert_int_equal(p2p_noise_read(&n, s.messages[2], s.n[2], &got), -EPROTO);
        assert_int_equal(p2p_noise_write(&n, P2P_VIEW(NULL, 0), &w), -EPROTO);
}

static void a_message_that_does_not_fit_is_an_error(void **state) {
        uint8_t m[256];
        p2p_noise_state n;

        (void) state;
        for (size_t size = 0; size < 39; size++) {
                p2p_writer w = P2P_WRITER(m, size);

                start(&n, true);
                assert_int_equal(p2p_noise_write(&n, P2P_VIEW_STR("payload"), &w), -ENOBUFS);
        }
}

static void done_leaves_no_key(void **state) {
        static const p2p_noise_state zero;
        p2p_noise_state n;

        (void) state;
        start(&n, true);
        p2p_noise_done(&n);
        assert_memory_equal(&n, &zero, sizeof(n));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_transcript_of_go_libp2p_is_ours),
                cmocka_unit_test(the_first_hash_is_of_name_and_empty_prologue),
                cmocka_unit_test(every_flipped_bit_and_every_cut_is_noticed),
                cmocka_unit_test(a_changed_first_message_breaks_the_second),
                cmocka_unit_test(a_short_first_message_is_refused),
                cmocka_unit_test(keys_of_small_order_are_refused),
                cmocka_unit_test(nobody_speaks_out_of_turn),
                cmocka_unit_test(a_message_that_does_not_fit_is_an_error),
                cmocka_unit_test(done_leaves_no_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
