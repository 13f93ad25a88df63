/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Text that came from outside ends in journals, on terminals and on D-Bus, which takes nothing but UTF-8.
 * What is checked once when it is parsed needs no escaping later [RFC 3629].
 */

#include "wire/reader.h"
#include "wire/utf8.h"

/* The continuation bytes that a first byte announces; -1: it cannot be first. */
static int n_following(uint8_t first) {
        if (first < 0x80)
                return 0;
        if (first >= 0xc2 && first <= 0xdf)
                return 1;
        if (first >= 0xe0 && first <= 0xef)
                return 2;
        return first >= 0xf0 && first <= 0xf4 ? 3 : -1;
}

static bool is_printable(uint32_t c, int n) {
        static const uint32_t lowest[] = { 0x20, 0xa0, 0x800,
                                           0x10000 }; /* C0 and C1 lie below the first two */

        if (c < lowest[n] || c == 0x7f || c > 0x10ffff)
                return false;
        return c < 0xd800 || c > 0xdfff;
}

size_t p2p_utf8_printable_size(p2p_view text) {
        p2p_reader rd = P2P_READER(text);
        uint8_t first = p2p_read_u8(&rd);
        int n = n_following(first);
        uint32_t c;

        if (rd.error < 0 || n < 0)
                return 0;
        c = n == 0 ? first : first & (0x3fu >> n);
        for (int i = 0; i < n; i++) {
                uint8_t next = p2p_read_u8(&rd);

                if ((next & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (next & 0x3f);
        }
        return rd.error < 0 || !is_printable(c, n) ? 0 : (size_t) n + 1;
}

bool p2p_utf8_is_printable(p2p_view text) {
        while (text.n > 0) {
                size_t n = p2p_utf8_printable_size(text);

                if (n == 0)
                        return false;
                text = P2P_VIEW(text.data + n, text.n - n);
        }
        return true;
}
