/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What may be shown as text [RFC 3629]. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/macro.h>

#include "tests/support/hex.h"
#include "wire/utf8.h"

static void printable_text_passes(void **state) {
        static const char *const good[] = {
                "",
                "example.com",
                " ~",
                "\xc2\xa0",
                "gr\xc3\xbc\xc3\x9f",
                "\xe2\x82\xac",
                "\xed\x9f\xbf",
                "\xee\x80\x80",
                "\xf0\x90\x80\x80",
                "\xf4\x8f\xbf\xbf",
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                if (!p2p_utf8_is_printable(P2P_VIEW_STR(good[i])))
                        fail_msg("%zu", i);
}

static void the_rest_does_not(void **state) {
        static const struct {
                const char *why, *hex;
        } bad[] = {
                { "NUL", "6100" },
                { "line end", "610a" },
                { "escape", "1b5b41" },
                { "the last of C0", "1f" },
                { "DEL", "7f" },
                { "the first of C1", "c280" },
                { "the last of C1", "c29f" },
                { "continuation first", "80" },
                { "overlong slash", "c0af" },
                { "overlong slash in three", "e080af" },
                { "overlong in four", "f0808080" },
                { "surrogate", "eda080" },
                { "last surrogate", "edbfbf" },
                { "beyond U+10FFFF", "f4908080" },
                { "no such first byte", "f5808080" },
                { "cut", "c3" },
                { "cut in three", "e282" },
                { "no continuation", "c341" },
                { "five bytes", "f888808080" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (p2p_utf8_is_printable(HEX(bad[i].hex)))
                        fail_msg("%s", bad[i].why);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(printable_text_passes),
                cmocka_unit_test(the_rest_does_not),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
