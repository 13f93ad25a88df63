/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Envelopes: the one of wire reference 19.4 bit for bit, and everything that must not open. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "crypto/envelope.h"
#include "tests/support/hex.h"

#define KEY_A "0801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define PAYLOAD                                                                                             \
        "0a2600"                                                                                            \
        "24" KEY_A "108080a8b1e39fe7cb171a0a0a08047f000001060fa11a0d0a0b04c000020791020fa1cd03"
#define SIGNATURE                                                                                           \
        "05c12499817b2861cb67dbfce62d2f0b661441ba6027c819582b79880e804f7d"                                  \
        "3e59d42466829a6ec97da8526a4dddd3d7f9dc2d328ca0b31e4eec3fa5f13e00"
#define ENVELOPE                                                                                            \
        "0a24" KEY_A "12020301"                                                                             \
        "1a4d" PAYLOAD "2a40" SIGNATURE

static p2p_identity *identity_of(uint8_t byte) {
        uint8_t seed[32];
        p2p_identity *id;

        for (uint8_t i = 0; i < 32; i++)
                seed[i] = byte == 0 ? i : byte; /* key A is 00 01 02 ... */
        assert_int_equal(p2p_identity_from_seed(seed, &id), 0);
        return id;
}

static int open_envelope(p2p_view in, const char *domain, p2p_view type) {
        uint8_t *payload = NULL;
        p2p_public_key signer;
        size_t n = 0;
        int r;

        r = p2p_envelope_open(in, domain, type, &signer, &payload, &n);
        if (r < 0)
                assert_null(payload);
        free(payload);
        return r;
}

static void the_envelope_of_the_reference_is_sealed(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *a = identity_of(0);
        uint8_t *out;
        size_t n;

        (void) state;
        assert_int_equal(p2p_envelope_seal(a, P2P_PEER_RECORD_DOMAIN, HEX("0301"), HEX(PAYLOAD), &out, &n),
                         0);
        assert_true(p2p_view_equal(P2P_VIEW(out, n), HEX(ENVELOPE)));
        free(out);
}

static void and_opened(void **state) {
        uint8_t *payload;
        p2p_public_key signer;
        size_t n;

        (void) state;
        assert_int_equal(p2p_envelope_open(HEX(ENVELOPE), P2P_PEER_RECORD_DOMAIN, HEX("0301"), &signer,
                                           &payload, &n),
                         0);
        assert_true(p2p_view_equal(P2P_VIEW(payload, n), HEX(PAYLOAD)));
        assert_memory_equal(signer.ed25519, HEX(KEY_A).data + 4, 32);
        free(payload);
}

static void another_domain_or_type_is_rejected(void **state) {
        (void) state;
        assert_int_equal(open_envelope(HEX(ENVELOPE), P2P_PEER_RECORD_DOMAIN, HEX("0301")), 0);
        assert_int_equal(open_envelope(HEX(ENVELOPE), P2P_VOUCHER_DOMAIN, HEX("0301")), -EKEYREJECTED);
        assert_int_equal(open_envelope(HEX(ENVELOPE), "libp2p-routing-state", HEX("0301")), -EKEYREJECTED);
        assert_int_equal(open_envelope(HEX(ENVELOPE), "", HEX("0301")), -EKEYREJECTED);
        assert_int_equal(open_envelope(HEX(ENVELOPE), P2P_PEER_RECORD_DOMAIN, HEX("0302")), -EKEYREJECTED);
        assert_int_equal(open_envelope(HEX(ENVELOPE), P2P_PEER_RECORD_DOMAIN, HEX("03")), -EKEYREJECTED);
}

static void no_bit_of_it_can_be_changed(void **state) {
        p2p_view in = HEX(ENVELOPE);
        uint8_t bad[512];

        (void) state;
        for (size_t bit = 0; bit < in.n * 8; bit++) {
                memcpy(bad, in.data, in.n);
                bad[bit / 8] ^= (uint8_t) (1u << bit % 8);
                if (open_envelope(P2P_VIEW(bad, in.n), P2P_PEER_RECORD_DOMAIN, HEX("0301")) >= 0)
                        fail_msg("bit %zu", bit);
        }
        for (size_t n = 0; n < in.n; n++)
                assert_true(open_envelope(P2P_VIEW(in.data, n), P2P_PEER_RECORD_DOMAIN, HEX("0301")) < 0);
}

static void what_is_malformed_is_refused(void **state) {
        static const struct {
                const char *why, *hex;
                int expect;
        } cases[] = {
                { "nothing", "", -EBADMSG },
                { "no key",
                  "12020301"
                  "1a4d" PAYLOAD "2a40" SIGNATURE,
                  -EBADMSG },
                { "no signature",
                  "0a24" KEY_A "12020301"
                  "1a4d" PAYLOAD,
                  -EKEYREJECTED },
                { "no payload",
                  "0a24" KEY_A "12020301"
                  "2a40" SIGNATURE,
                  -EKEYREJECTED },
                { "the signature in field 4",
                  "0a24" KEY_A "12020301"
                  "1a4d" PAYLOAD "2240" SIGNATURE,
                  -EKEYREJECTED },
                { "fields reordered",
                  "2a40" SIGNATURE "0a24" KEY_A "12020301"
                  "1a4d" PAYLOAD,
                  -EBADMSG },
                { "a field twice", "12020302" ENVELOPE, -EBADMSG },
                { "a length that is not minimal",
                  "0aa400" KEY_A "12020301"
                  "1a4d" PAYLOAD "2a40" SIGNATURE,
                  -EBADMSG },
                { "a key that is not canonical",
                  "0a26" KEY_A "1801"
                  "12020301"
                  "1a4d" PAYLOAD "2a40" SIGNATURE,
                  -EBADMSG },
                { "an RSA key",
                  "0a05"
                  "0800120100"
                  "12020301"
                  "1a4d" PAYLOAD "2a40" SIGNATURE,
                  -EPROTONOSUPPORT },
                { "something behind it", ENVELOPE "00", -EBADMSG },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (open_envelope(HEX(cases[i].hex), P2P_PEER_RECORD_DOMAIN, HEX("0301")) != cases[i].expect)
                        fail_msg("%s", cases[i].why);
}

/* 36 bytes of key, 2 of type, 64 of signature, ten of heads: 8192 - 112 of payload, less its own head. */
static void an_envelope_is_at_most_8_kib(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *a = identity_of(0);
        static uint8_t payload[8192], large[8192 + 64];
        size_t n, n_payload = 8192 - (2 + 36) - (2 + 2) - 3 - (2 + 64);
        uint8_t *out = NULL;

        (void) state;
        assert_int_equal(p2p_envelope_seal(a, "d", HEX("0301"), P2P_VIEW(payload, n_payload), &out, &n), 0);
        assert_int_equal(n, 8192);
        assert_int_equal(open_envelope(P2P_VIEW(out, n), "d", HEX("0301")), 0);

        /* an unknown field behind it: fine, if it were not for its size */
        memcpy(large, out, n);
        memcpy(large + n, "\x4a\x00", 2);
        assert_int_equal(open_envelope(P2P_VIEW(large, n + 2), "d", HEX("0301")), -EMSGSIZE);
        free(out);
        out = NULL;
        assert_int_equal(p2p_envelope_seal(a, "d", HEX("0301"), P2P_VIEW(payload, n_payload + 1), &out, &n),
                         -EMSGSIZE);
        assert_int_equal(p2p_envelope_seal(a, "d", P2P_VIEW(payload, 8192), P2P_VIEW(payload, 8192), &out,
                                           &n),
                         -EMSGSIZE);
        assert_null(out);
}

static void an_empty_payload_is_one(void **state) {
        _cleanup_(p2p_identity_freep) p2p_identity *b = identity_of(0x11);
        uint8_t *out, *payload;
        p2p_public_key signer;
        size_t n, n_payload;

        (void) state;
        assert_int_equal(p2p_envelope_seal(b, "d", HEX("01"), (p2p_view){}, &out, &n), 0);
        assert_int_equal(p2p_envelope_open(P2P_VIEW(out, n), "d", HEX("01"), &signer, &payload, &n_payload),
                         0);
        assert_int_equal(n_payload, 0);
        free(payload);
        free(out);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_envelope_of_the_reference_is_sealed),
                cmocka_unit_test(and_opened),
                cmocka_unit_test(another_domain_or_type_is_rejected),
                cmocka_unit_test(no_bit_of_it_can_be_changed),
                cmocka_unit_test(what_is_malformed_is_refused),
                cmocka_unit_test(an_envelope_is_at_most_8_kib),
                cmocka_unit_test(an_empty_payload_is_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
