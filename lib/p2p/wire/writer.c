/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writing into a buffer of fixed size. Invariant: n <= size, and what did not fit left no part of itself
 * behind: every value is compared with the room before its first byte is written [wire reference 0].
 */

#include <errno.h>

#include "wire/writer.h"

void p2p_write_bytes(p2p_writer *w, p2p_view bytes) {
        if (w->error == 0 && bytes.n > w->size - w->n)
                w->error = -ENOBUFS;
        if (w->error < 0 || bytes.n == 0)
                return;

        memcpy(w->data + w->n, bytes.data, bytes.n);
        w->n += bytes.n;
}

static void write_be(p2p_writer *w, uint64_t v, size_t n) {
        uint8_t bytes[8];

        for (size_t i = 0; i < n; i++)
                bytes[i] = (uint8_t) (v >> (8 * (n - 1 - i)));
        p2p_write_bytes(w, P2P_VIEW(bytes, n));
}

void p2p_write_u8(p2p_writer *w, uint8_t v) {
        write_be(w, v, 1);
}

void p2p_write_be16(p2p_writer *w, uint16_t v) {
        write_be(w, v, 2);
}

void p2p_write_be32(p2p_writer *w, uint32_t v) {
        write_be(w, v, 4);
}

void p2p_write_be64(p2p_writer *w, uint64_t v) {
        write_be(w, v, 8);
}

void p2p_write_uvarint(p2p_writer *w, uint64_t v) {
        uint8_t bytes[10];
        size_t n = 0;

        if (v > INT64_MAX && w->error == 0)
                w->error = -EINVAL; /* nobody could read it */

        for (; v >= 0x80; v >>= 7)
                bytes[n++] = (uint8_t) (v | 0x80);
        bytes[n++] = (uint8_t) v;
        p2p_write_bytes(w, P2P_VIEW(bytes, n));
}

void p2p_write_prefixed(p2p_writer *w, p2p_view bytes) {
        p2p_write_uvarint(w, bytes.n);
        p2p_write_bytes(w, bytes);
}

int p2p_writer_finish(const p2p_writer *w, p2p_view *ret) {
        if (w->error < 0)
                return w->error;

        *ret = P2P_VIEW(w->data, w->n);
        return 0;
}
