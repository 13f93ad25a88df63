/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes as tests quote them: hex, blanks allowed between pairs. */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <p2p/view.h>

static inline int hex_digit_value(char c) {
        const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

        return at ? (int) (at - digits) : -1;
}

/* Into buf; the view is as long as the hex says. */
static inline p2p_view hex_view(const char *hex, uint8_t *buf, size_t size) {
        size_t n = 0;

        for (; *hex; hex++) {
                if (*hex == ' ' || *hex == '\n')
                        continue;
                assert(n < size && hex_digit_value(hex[0]) >= 0 && hex_digit_value(hex[1]) >= 0);
                buf[n++] = (uint8_t) (hex_digit_value(hex[0]) << 4 | hex_digit_value(hex[1]));
                hex++;
        }
        return P2P_VIEW(buf, n);
}

/* In a static buffer of 16 KiB that every use on another line has for its own. */
#define HEX(s)                                               \
        ({                                                   \
                static uint8_t _hex[16384];                  \
                hex_view((s), _hex, sizeof(_hex));           \
        })
