/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Bases: what a text decodes to is encoded as the same text (letter case aside), and any bytes survive every
 * base. CIDs are read from the same text.
 */

#include <ctype.h>

#include <p2p/macro.h>

#include "tests/fuzz/check.h"
#include "wire/base.h"
#include "wire/cid.h"
#include "wire/multihash.h"
#include "wire/utf8.h"

static bool equal_but_for_case(p2p_view a, p2p_view b) {
        if (a.n != b.n)
                return false;
        for (size_t i = 0; i < a.n; i++)
                if (tolower(a.data[i]) != tolower(b.data[i]))
                        return false;
        return true;
}

static void check_text(p2p_base base, p2p_view text) {
        static uint8_t bytes[512], again[2048];
        p2p_writer w = P2P_WRITER(again, sizeof(again));
        size_t n;

        if (p2p_base_decode(base, text, bytes, sizeof(bytes), &n) < 0)
                return;
        p2p_base_encode(base, P2P_VIEW(bytes, n), &w);
        CHECK(w.error == 0 && equal_but_for_case(P2P_VIEW(again, w.n), text));
}

static void check_bytes(p2p_base base, p2p_view bytes) {
        static uint8_t text[2048], again[512];
        p2p_writer w = P2P_WRITER(text, sizeof(text));
        size_t n;

        p2p_base_encode(base, bytes, &w);
        CHECK(w.error == 0);
        CHECK(p2p_base_decode(base, P2P_VIEW(text, w.n), again, sizeof(again), &n) == 0);
        CHECK(p2p_view_equal(P2P_VIEW(again, n), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        p2p_view in = P2P_VIEW(data, size);
        p2p_multihash hash;
        uint8_t buf[256];
        p2p_cid cid;
        size_t n;

        for (p2p_base base = 0; base < _P2P_BASE_MAX; base++) {
                check_text(base, in);
                check_bytes(base, P2P_VIEW(data, P2P_MIN(size, P2P_BASE_POSITIONAL_MAX)));
        }
        (void) p2p_multibase_decode(in, buf, sizeof(buf), &n);
        if (p2p_cid_parse(in, buf, sizeof(buf), &cid) == 0)
                CHECK(p2p_multihash_decode(cid.multihash, &hash) == 0);
        if (p2p_cid_decode(in, &cid) == 0)
                CHECK(p2p_multihash_decode(cid.multihash, &hash) == 0);
        if (p2p_utf8_is_printable(in))
                CHECK(!memchr(data, '\0', size) && !memchr(data, '\n', size));
        return 0;
}
