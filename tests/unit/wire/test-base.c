/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bases: RFC 4648's vectors (section 10), base58 and base36 of the multibase tests, strictness and limits.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/macro.h>

#include "tests/support/hex.h"
#include "wire/base.h"

static const struct {
        p2p_base base;
        const char *hex, *text;
} vectors[] = {
        { P2P_BASE32, "", "" },
        { P2P_BASE32, "66", "my" },
        { P2P_BASE32, "666f", "mzxq" },
        { P2P_BASE32, "666f6f", "mzxw6" },
        { P2P_BASE32, "666f6f62", "mzxw6yq" },
        { P2P_BASE32, "666f6f6261", "mzxw6ytb" },
        { P2P_BASE32, "666f6f626172", "mzxw6ytboi" },
        { P2P_BASE64, "66", "Zg" },
        { P2P_BASE64, "666f", "Zm8" },
        { P2P_BASE64, "666f6f", "Zm9v" },
        { P2P_BASE64, "fbff", "+/8" },
        { P2P_BASE64_URL, "fbff", "-_8" },
        { P2P_BASE64_I2P, "fbff", "-~8" },
        { P2P_BASE16, "00fe7f", "00fe7f" },
        { P2P_BASE58, "", "" },
        { P2P_BASE58, "00", "1" },
        { P2P_BASE58, "0000ff", "115Q" },
        { P2P_BASE58, "61", "2g" },
        { P2P_BASE58, "516b6fcd0f", "ABnLTmg" },
        { P2P_BASE58, "48656c6c6f20576f726c6421", "2NEpo7TZRRrLZSi2U" },
        { P2P_BASE58, "00eb15231dfceb60925886b67d065299925915aeb172c06647",
          "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L" },
        { P2P_BASE36, "00", "0" },
        { P2P_BASE36, "0001", "01" },
        { P2P_BASE36, "ff", "73" },
        { P2P_BASE36, "796573206d616e692021", "2lcpzo5yikidynfl" }, /* "yes mani !" [multibase] */
};

static void vectors_encode(void **state) {
        uint8_t buf[256];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                p2p_writer w = P2P_WRITER(buf, sizeof(buf));

                p2p_base_encode(vectors[i].base, HEX(vectors[i].hex), &w);
                if (!p2p_view_equal(P2P_VIEW(buf, w.n), P2P_VIEW_STR(vectors[i].text)))
                        fail_msg("%s: got %.*s", vectors[i].text, (int) w.n, (char *) buf);
        }
}

static void vectors_decode(void **state) {
        uint8_t buf[256];
        size_t n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                int r = p2p_base_decode(vectors[i].base, P2P_VIEW_STR(vectors[i].text), buf, sizeof(buf),
                                        &n);

                if (r < 0 || !p2p_view_equal(P2P_VIEW(buf, n), HEX(vectors[i].hex)))
                        fail_msg("%s", vectors[i].text);
        }
}

static void a_base_of_one_case_reads_both(void **state) {
        static const struct {
                p2p_base base;
                const char *text, *hex;
        } cases[] = {
                { P2P_BASE16, "FE7f", "fe7f" },
                { P2P_BASE32, "MZXW6YtB", "666f6f6261" },
                { P2P_BASE36, "2LCPZO5YIKIDYNFL", "796573206d616e692021" },
        };
        uint8_t buf[64];
        size_t n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(p2p_base_decode(cases[i].base, P2P_VIEW_STR(cases[i].text), buf,
                                                 sizeof(buf), &n),
                                 0);
                assert_true(p2p_view_equal(P2P_VIEW(buf, n), HEX(cases[i].hex)));
        }
}

static void what_is_not_of_the_base_is_refused(void **state) {
        static const struct {
                const char *why;
                p2p_base base;
                const char *text;
        } cases[] = {
                { "0 is not in base58", P2P_BASE58, "10" },
                { "O is not in base58", P2P_BASE58, "2gO" },
                { "I is not in base58", P2P_BASE58, "I" },
                { "l is not in base58", P2P_BASE58, "l" },
                { "1 is not in base32", P2P_BASE32, "m1" },
                { "8 is not in base32", P2P_BASE32, "m8" },
                { "padding", P2P_BASE32, "my======" },
                { "stray bits", P2P_BASE32, "mz" },
                { "one digit is no byte", P2P_BASE32, "a" },
                { "a digit too many", P2P_BASE32, "mzx" },
                { "half a byte", P2P_BASE16, "f" },
                { "g is not in base16", P2P_BASE16, "0g" },
                { "stray bits", P2P_BASE64, "Zh" },
                { "a digit too many", P2P_BASE64, "Zm9vZ" },
                { "the other alphabet", P2P_BASE64_URL, "+/8" },
                { "the other alphabet", P2P_BASE64, "-_8" },
                { "a line end", P2P_BASE64, "Zm9v\n" },
                { "beyond ASCII", P2P_BASE36, "\xc3\xa9" },
                { "-", P2P_BASE36, "1-" },
        };
        uint8_t buf[64];
        size_t n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (p2p_base_decode(cases[i].base, P2P_VIEW_STR(cases[i].text), buf, sizeof(buf), &n) !=
                    -EBADMSG)
                        fail_msg("%s: %s", cases[i].text, cases[i].why);
        assert_int_equal(p2p_base_decode(P2P_BASE58, P2P_VIEW("2\0", 2), buf, sizeof(buf), &n), -EBADMSG);
}

static void the_buffer_bounds_what_is_decoded(void **state) {
        static const struct {
                p2p_base base;
                const char *text;
                size_t n;
        } cases[] = {
                { P2P_BASE16, "00fe7f", 3 },  { P2P_BASE32, "mzxw6ytb", 5 }, { P2P_BASE64, "Zm9v", 3 },
                { P2P_BASE58, "ABnLTmg", 5 }, { P2P_BASE58, "1111", 4 },     { P2P_BASE58, "115Q", 3 },
                { P2P_BASE36, "01", 2 },
        };
        uint8_t buf[64];
        size_t n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_view text = P2P_VIEW_STR(cases[i].text);

                assert_int_equal(p2p_base_decode(cases[i].base, text, buf, cases[i].n, &n), 0);
                assert_int_equal(n, cases[i].n);
                assert_int_equal(p2p_base_decode(cases[i].base, text, buf, cases[i].n - 1, &n), -EMSGSIZE);
        }
}

static void positional_bases_take_128_bytes(void **state) {
        static uint8_t in[128 + 1], text[1024], again[1024];
        size_t n;

        (void) state;
        memset(in, 0xff, sizeof(in));
        for (p2p_base base = P2P_BASE36; base <= P2P_BASE58; base++) {
                p2p_writer at = P2P_WRITER(text, sizeof(text)), above = P2P_WRITER(again, sizeof(again));

                p2p_base_encode(base, P2P_VIEW(in, 128), &at);
                assert_int_equal(at.error, 0);
                assert_int_equal(p2p_base_decode(base, P2P_VIEW(text, at.n), again, sizeof(again), &n), 0);
                assert_true(p2p_view_equal(P2P_VIEW(again, n), P2P_VIEW(in, 128)));

                p2p_base_encode(base, P2P_VIEW(in, sizeof(in)), &above);
                assert_int_equal(above.error, -ENOBUFS);
                p2p_base_encode(base, P2P_VIEW(in, 1), &above); /* sticks */
                assert_int_equal(above.n, 0);
                text[at.n] = text[0]; /* a digit more is more than 128 bytes */
                assert_int_equal(p2p_base_decode(base, P2P_VIEW(text, at.n + 1), again, sizeof(again), &n),
                                 -EMSGSIZE);
        }
        memset(text, '1', sizeof(text));
        assert_int_equal(p2p_base_decode(P2P_BASE58, P2P_VIEW(text, 128), again, sizeof(again), &n), 0);
        assert_int_equal(p2p_base_decode(P2P_BASE58, P2P_VIEW(text, 129), again, sizeof(again), &n),
                         -EMSGSIZE);
}

static void multibase_prefixes_choose_the_base(void **state) {
        static const struct {
                const char *text, *hex;
        } cases[] = {
                { "bmzxw6", "666f6f" },
                { "BMZXW6", "666f6f" },
                { "zABnLTmg", "516b6fcd0f" },
                { "k73", "ff" },
                { "K73", "ff" },
                { "f00fe", "00fe" },
                { "F00FE", "00fe" },
                { "uZm9v", "666f6f" },
                { "mZm9v", "666f6f" },
                { "z", "" },
        };
        uint8_t buf[64];
        size_t n;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                if (p2p_multibase_decode(P2P_VIEW_STR(cases[i].text), buf, sizeof(buf), &n) < 0)
                        fail_msg("%s", cases[i].text);
                assert_true(p2p_view_equal(P2P_VIEW(buf, n), HEX(cases[i].hex)));
        }
        assert_int_equal(p2p_multibase_decode((p2p_view){}, buf, sizeof(buf), &n), -EBADMSG);
        assert_int_equal(p2p_multibase_decode(P2P_VIEW_STR("01"), buf, sizeof(buf), &n), -EPROTONOSUPPORT);
        assert_int_equal(p2p_multibase_decode(P2P_VIEW_STR("ZABn"), buf, sizeof(buf), &n), -EPROTONOSUPPORT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(vectors_encode),
                cmocka_unit_test(vectors_decode),
                cmocka_unit_test(a_base_of_one_case_reads_both),
                cmocka_unit_test(what_is_not_of_the_base_is_refused),
                cmocka_unit_test(the_buffer_bounds_what_is_decoded),
                cmocka_unit_test(positional_bases_take_128_bytes),
                cmocka_unit_test(multibase_prefixes_choose_the_base),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
