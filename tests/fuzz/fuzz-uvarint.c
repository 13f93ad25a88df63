/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* uvarints at the head of a stream: what is read is written back as the same bytes; the reader agrees with
 * the parser. */

#include "tests/fuzz/check.h"
#include "wire/reader.h"
#include "wire/varint.h"
#include "wire/writer.h"

static void check_reader(p2p_view in, int r, uint64_t v, size_t n) {
        p2p_reader rd = P2P_READER(in);
        uint64_t again;

        again = p2p_read_uvarint(&rd);
        CHECK((r == 1) == (rd.error == 0));
        CHECK(r != 1 || (again == v && rd.n == in.n - n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        p2p_view in = P2P_VIEW(data, size);
        uint8_t buf[9];
        p2p_writer w = P2P_WRITER(buf, sizeof(buf));
        uint64_t v = 0;
        size_t n = 0;
        int r;

        r = p2p_uvarint_parse(in, &v, &n);
        check_reader(in, r, v, n);
        if (r <= 0) {
                CHECK(r < 0 || size < 9);
                return 0;
        }
        CHECK(n <= size && p2p_uvarint_size(v) == n);
        p2p_write_uvarint(&w, v);
        CHECK(w.error == 0 && p2p_view_equal(P2P_VIEW(buf, w.n), P2P_VIEW(data, n)));
        return 0;
}
