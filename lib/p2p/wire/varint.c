/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The multiformats uvarint: seven bits a byte, least significant first, minimal, at most nine bytes [wire
 * reference 0]. Protobuf's varints are another thing (ten bytes, not minimal) and are protobuf-c's business.
 */

#include <errno.h>

#include "wire/varint.h"
#include "wire/writer.h"

#define UVARINT_BYTES_MAX 9u /* multiformats: 63 bits */

int p2p_uvarint_parse(p2p_view in, uint64_t *ret, size_t *ret_consumed) {
        uint64_t v = 0;

        for (size_t i = 0; i < UVARINT_BYTES_MAX; i++) {
                if (i == in.n)
                        return 0;

                v |= (uint64_t) (in.data[i] & 0x7f) << (7 * i);
                if (in.data[i] & 0x80)
                        continue;
                if (in.data[i] == 0 && i > 0)
                        return -EBADMSG; /* a byte shorter would have said the same */

                *ret = v;
                *ret_consumed = i + 1;
                return 1;
        }
        return -EBADMSG;
}

size_t p2p_uvarint_size(uint64_t v) {
        size_t n = 1;

        for (; v >= 0x80; v >>= 7)
                n++;
        return n;
}
