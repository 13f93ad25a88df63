/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Protobuf under limits, with the messages of crypto/ as examples (wire reference 0). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/macro.h>

#include "crypto/envelope.pb-c.h"
#include "crypto/keys.pb-c.h"
#include "crypto/peer_record.pb-c.h"
#include "tests/support/hex.h"
#include "wire/message.h"

static int decode_record(p2p_view in, size_t max, P2p__PeerRecord **ret) {
        return p2p_message_decode(&p2p__peer_record__descriptor, in, max, ret);
}

static void fields_are_read_in_any_order(void **state) {
        P2p__PeerRecord *record;

        (void) state;
        /* addresses, seq, an unknown field 9, peer_id, seq again: the last one wins */
        assert_int_equal(decode_record(HEX("1a040a02a202 1005 4a0101 0a02aabb 1007 1a00"), 100, &record), 0);
        assert_int_equal(record->seq, 7);
        assert_int_equal(record->peer_id.len, 2);
        assert_int_equal(record->n_addresses, 2);
        assert_int_equal(record->addresses[0]->multiaddr.len, 2);
        p2p_message_free(record);
}

static void malformed_messages_are_refused(void **state) {
        static const char *const bad[] = {
                "0a",                /* no length */
                "0a02aa",            /* a field cut short */
                "10",                /* no value */
                "0b",                /* a group */
                "0c",                /* its end */
                "0e",          "0f", /* no such wire types */
                "12020301 ff",
        };
        P2p__PeerRecord *record = NULL;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (decode_record(HEX(bad[i]), 100, &record) != -EBADMSG)
                        fail_msg("%s", bad[i]);
        assert_null(record);
}

static void a_message_is_held_to_its_limit(void **state) {
        p2p_view in = HEX("0a02aabb");
        P2p__PeerRecord *record = NULL;

        (void) state;
        assert_int_equal(decode_record(in, 3, &record), -EMSGSIZE);
        assert_null(record);
        assert_int_equal(decode_record(in, 4, &record), 0);
        p2p_message_free(record);
}

/* Two bytes make a submessage of 48 and its pointer: 8 KiB would become a quarter of a megabyte and more. */
static void memory_is_bounded_by_the_size_on_the_wire(void **state) {
        uint8_t in[8192];
        P2p__PeerRecord *record = NULL;

        (void) state;
        for (size_t i = 0; i < sizeof(in); i += 2)
                memcpy(in + i, "\x1a\x00", 2);
        assert_int_equal(decode_record(P2P_VIEW(in, sizeof(in)), sizeof(in), &record), -EMSGSIZE);
        assert_null(record);
}

/* What every message has beside its share is 4 KiB: no more than some hundred empty submessages. */
static void small_messages_have_little_more(void **state) {
        uint8_t in[300];
        P2p__PeerRecord *record = NULL;

        (void) state;
        for (size_t i = 0; i < sizeof(in); i += 2)
                memcpy(in + i, "\x1a\x00", 2);
        assert_int_equal(decode_record(P2P_VIEW(in, 300), 300, &record), -EMSGSIZE);
        assert_null(record);
        assert_int_equal(decode_record(P2P_VIEW(in, 200), 300, &record), 0);
        p2p_message_free(record);
}

static void a_record_full_of_short_addresses_fits(void **state) {
        static const char one[] = "\x1a\x0a\x0a\x08\x04\x7f\x00\x00\x01\x06\x0f\xa1";
        uint8_t in[12 * 682];
        P2p__PeerRecord *record;

        (void) state;
        for (size_t i = 0; i < sizeof(in); i += 12)
                memcpy(in + i, one, 12);
        assert_int_equal(decode_record(P2P_VIEW(in, sizeof(in)), 8192, &record), 0);
        assert_int_equal(record->n_addresses, 682);
        p2p_message_free(record);
}

static void messages_are_written_with_and_without_length(void **state) {
        P2p__PublicKey key = P2P__PUBLIC_KEY__INIT;
        uint8_t data[] = { 0xaa, 0xbb };
        uint8_t *out;
        size_t n;

        (void) state;
        key.type = P2P__KEY_TYPE__RSA; /* type 0 is written too */
        key.data = (ProtobufCBinaryData){ .data = data, .len = sizeof(data) };
        assert_int_equal(p2p_message_encode(&key, false, &out, &n), 0);
        assert_true(p2p_view_equal(P2P_VIEW(out, n), HEX("08001202aabb")));
        free(out);
        assert_int_equal(p2p_message_encode(&key, true, &out, &n), 0);
        assert_true(p2p_view_equal(P2P_VIEW(out, n), HEX("0608001202aabb")));
        free(out);
}

static void an_empty_message_is_one_byte_or_none(void **state) {
        P2p__Envelope empty = P2P__ENVELOPE__INIT;
        uint8_t *out;
        size_t n;

        (void) state;
        assert_int_equal(p2p_message_encode(&empty, true, &out, &n), 0);
        assert_true(p2p_view_equal(P2P_VIEW(out, n), HEX("00")));
        free(out);
        assert_int_equal(p2p_message_encode(&empty, false, &out, &n), 0);
        assert_int_equal(n, 0);
        free(out);
}

static void a_long_length_takes_two_bytes(void **state) {
        P2p__Envelope message = P2P__ENVELOPE__INIT;
        uint8_t data[300] = {};
        uint8_t *out;
        size_t n;

        (void) state;
        message.payload = (ProtobufCBinaryData){ .data = data, .len = sizeof(data) };
        assert_int_equal(p2p_message_encode(&message, true, &out, &n), 0);
        assert_int_equal(n, 2 + 3 + 300);
        assert_memory_equal(out, "\xaf\x02\x1a\xac\x02", 5); /* 303; field 3, 300 */
        free(out);
}

static void only_our_own_form_is_canonical(void **state) {
        static const struct {
                const char *why, *hex;
                int expect;
        } cases[] = {
                { "canonical", "0a02aabb 1005 1a040a02a202", 0 },
                { "empty", "", 0 },
                { "an unknown field behind", "0a02aabb 4a0101", 0 },
                { "another order", "1005 0a02aabb", -EBADMSG },
                { "a field twice", "1004 1005", -EBADMSG },
                { "a value that is not minimal", "108500", -EBADMSG },
                { "a length that is not minimal", "0a8200aabb", -EBADMSG },
                { "a default that is written", "1000", -EBADMSG },
                { "an unknown field in front", "4a0101 0a02aabb", -EBADMSG },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_view in = HEX(cases[i].hex);
                P2p__PeerRecord *record;

                assert_int_equal(decode_record(in, 100, &record), 0);
                if (p2p_message_check_canonical(record, in) != cases[i].expect)
                        fail_msg("%s", cases[i].why);
                p2p_message_free(record);
        }
}

static void nothing_can_be_freed(void **state) {
        (void) state;
        p2p_message_free(NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fields_are_read_in_any_order),
                cmocka_unit_test(malformed_messages_are_refused),
                cmocka_unit_test(a_message_is_held_to_its_limit),
                cmocka_unit_test(memory_is_bounded_by_the_size_on_the_wire),
                cmocka_unit_test(small_messages_have_little_more),
                cmocka_unit_test(a_record_full_of_short_addresses_fits),
                cmocka_unit_test(messages_are_written_with_and_without_length),
                cmocka_unit_test(an_empty_message_is_one_byte_or_none),
                cmocka_unit_test(a_long_length_takes_two_bytes),
                cmocka_unit_test(only_our_own_form_is_canonical),
                cmocka_unit_test(nothing_can_be_freed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
