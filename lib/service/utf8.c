/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One character of UTF-8 at a time [RFC 3629], judged by whether it may reach a terminal or a log. What
 * could move the cursor, end the line or reorder the text around it is no better than malformed bytes.
 */

#include "service/utf8.h"

#include <stdbool.h>
#include <stdint.h>

static size_t decode(const uint8_t *s, size_t n, uint32_t *ret) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t size = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 0;
        uint32_t c;

        if (size == 0 || size > n || s[0] > 0xf7)
                return 0;
        c = size == 1 ? s[0] : s[0] & (0xffu >> (size + 1));
        for (size_t i = 1; i < size; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (s[i] & 0x3f);
        }
        if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 0;

        *ret = c;
        return size;
}

size_t utf8_printable(const char *s, size_t n) {
        uint32_t c;
        size_t size;

        if (n == 0)
                return 0;
        size = decode((const uint8_t *) s, n, &c);
        if (size == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
                return 0;
        if (c == 0x2028 || c == 0x2029 || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
                return 0;

        return size;
}
