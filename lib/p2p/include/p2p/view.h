/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdbool.h>

/* Borrowed bytes: never owned, never longer-lived than what they look into. */
typedef struct p2p_view {
        const uint8_t *data;
        size_t n;
} p2p_view;

#define P2P_VIEW(d, len) ((p2p_view){ .data = (const uint8_t *) (d), .n = (len) })
#define P2P_VIEW_STR(s) P2P_VIEW(s, strlen(s))

static inline bool p2p_view_equal(p2p_view a, p2p_view b) {
        return a.n == b.n && (a.n == 0 || memcmp(a.data, b.data, a.n) == 0);
}
