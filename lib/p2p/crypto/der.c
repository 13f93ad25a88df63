/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A strict reader of DER [X.690]. There is one encoding of a length and only that is read, so the bytes that
 * are signed are those that every other reader sees.
 */

#include <errno.h>

#include "crypto/der.h"

static size_t read_length(p2p_reader *rd) {
        uint8_t first = p2p_read_u8(rd);
        size_t n;

        if (first < 0x80)
                return first;
        if (first == 0x81) {
                n = p2p_read_u8(rd);
                if (n >= 0x80)
                        return n;
        } else if (first == 0x82) {
                n = p2p_read_be16(rd);
                if (n >= 0x100)
                        return n;
        }
        p2p_reader_fail(rd, -EBADMSG); /* longer than needed, than we read, or indefinite */
        return 0;
}

p2p_view p2p_der_read(p2p_reader *rd, uint8_t tag, p2p_view *ret_whole) {
        p2p_reader start = *rd;
        p2p_view content;
        size_t n;

        if (p2p_read_u8(rd) != tag)
                p2p_reader_fail(rd, -EBADMSG);
        n = read_length(rd);
        content = p2p_read_bytes(rd, n);
        if (ret_whole)
                *ret_whole = p2p_read_bytes(&start, start.n - rd->n);
        return content;
}

bool p2p_der_read_optional(p2p_reader *rd, uint8_t tag, p2p_view *ret) {
        p2p_reader ahead = *rd;

        if (rd->error < 0 || rd->n == 0 || p2p_read_u8(&ahead) != tag)
                return false;
        *ret = p2p_der_read(rd, tag, NULL);
        return true;
}

p2p_reader p2p_der_enter(p2p_reader *rd, uint8_t tag) {
        p2p_view content = p2p_der_read(rd, tag, NULL);

        return P2P_READER(content);
}

p2p_view p2p_der_read_bits(p2p_reader *rd) {
        p2p_view content = p2p_der_read(rd, P2P_DER_BIT_STRING, NULL);
        p2p_reader bits = P2P_READER(content);

        if (p2p_read_u8(&bits) != 0 || bits.error < 0) { /* unused bits */
                p2p_reader_fail(rd, -EBADMSG);
                return P2P_VIEW(NULL, 0);
        }
        return p2p_read_bytes(&bits, bits.n);
}
