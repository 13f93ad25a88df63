/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * WebSocket frames, decoded in place. The first byte says whose they are and how they are cut: the same
 * bytes give the same payload and the same verdict in one piece and in many, and a head that is written is
 * read again as it was.
 */

#include <stdlib.h>
#include <string.h>

#include "transport/ws-in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok) {
        if (!ok)
                abort();
}

/* Returns how much payload there is, which is left at `to`. */
static size_t decode(p2p_ws_in *in, const uint8_t *data, size_t n, size_t piece, uint8_t *to) {
        size_t plain = 0;

        while (n > 0) {
                size_t part = P2P_MIN(n, piece), k;

                memcpy(to + plain, data, part);
                k = p2p_ws_in_decode(in, to + plain, part);
                must(k <= part);
                plain += k;
                data += part;
                n -= part;
        }
        return plain;
}

static void check_head(p2p_view in) {
        uint8_t out[P2P_WS_HEAD_MAX];
        p2p_ws_head head;

        if (p2p_ws_head_parse(in, &head) != 1)
                return;
        must(head.size <= in.n && head.size <= sizeof(out));
        must(p2p_ws_head_format(&head, out) == (int) head.size);
        must(memcmp(out, in.data, head.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        p2p_ws_in whole = {}, cut = {};
        uint8_t *a, *b;
        size_t na, nb;

        if (n < 2)
                return 0;
        whole.from_client = cut.from_client = data[0] & 1;
        a = malloc(n);
        b = malloc(n);
        must(a && b);
        na = decode(&whole, data + 1, n - 1, n, a);
        nb = decode(&cut, data + 1, n - 1, 1u + (data[0] >> 1), b);
        must(na == nb && memcmp(a, b, na) == 0);
        must(whole.error == cut.error && whole.is_closed == cut.is_closed &&
             whole.close_code == cut.close_code);
        must(whole.has_ping == cut.has_ping && whole.rest == cut.rest);
        must(whole.n_ping == cut.n_ping && memcmp(whole.ping, cut.ping, whole.n_ping) == 0);
        check_head(P2P_VIEW(data + 1, n - 1));
        p2p_ws_in_done(&whole);
        p2p_ws_in_done(&cut);
        free(a);
        free(b);
        return 0;
}
