/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reading bytes from outside. Invariant: `n` never exceeds what `data` holds, and once `error` is set
 * neither moves again; so every length is compared with what is left before it is used, here and nowhere
 * else [wire reference 0].
 */

#include <errno.h>

#include "wire/reader.h"
#include "wire/varint.h"

void p2p_reader_fail(p2p_reader *r, int error) {
        if (r->error == 0)
                r->error = error;
}

p2p_view p2p_read_bytes(p2p_reader *r, size_t n) {
        p2p_view bytes;

        if (n > r->n)
                p2p_reader_fail(r, -EBADMSG);
        if (r->error < 0)
                return (p2p_view){};

        bytes = P2P_VIEW(r->data, n);
        if (n > 0)
                r->data += n;
        r->n -= n;
        return bytes;
}

static uint64_t read_be(p2p_reader *r, size_t n) {
        p2p_view bytes = p2p_read_bytes(r, n);
        uint64_t v = 0;

        for (size_t i = 0; i < bytes.n; i++)
                v = v << 8 | bytes.data[i];
        return v;
}

uint8_t p2p_read_u8(p2p_reader *r) {
        return (uint8_t) read_be(r, 1);
}

uint16_t p2p_read_be16(p2p_reader *r) {
        return (uint16_t) read_be(r, 2);
}

uint32_t p2p_read_be32(p2p_reader *r) {
        return (uint32_t) read_be(r, 4);
}

uint64_t p2p_read_uvarint(p2p_reader *r) {
        uint64_t v;
        size_t n;
        int k;

        if (r->error < 0)
                return 0;
        k = p2p_uvarint_parse(P2P_VIEW(r->data, r->n), &v, &n);
        if (k <= 0) {
                p2p_reader_fail(r, -EBADMSG);
                return 0;
        }
        (void) p2p_read_bytes(r, n);
        return v;
}

p2p_view p2p_read_prefixed(p2p_reader *r, size_t max) {
        uint64_t n = p2p_read_uvarint(r);

        if (n > max)
                p2p_reader_fail(r, -EMSGSIZE);
        return r->error < 0 ? (p2p_view){} : p2p_read_bytes(r, n);
}

int p2p_reader_finish(const p2p_reader *r) {
        if (r->error < 0)
                return r->error;
        return r->n > 0 ? -EBADMSG : 0;
}
