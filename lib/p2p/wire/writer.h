/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A cursor into a caller's fixed buffer. Running over it sticks as -ENOBUFS; ask once at the end. */

#include <p2p/view.h>

typedef struct p2p_writer {
        uint8_t *data;
        size_t n, size;
        int error;
} p2p_writer;

#define P2P_WRITER(buf, len) ((p2p_writer){ .data = (buf), .size = (len) })

void p2p_write_u8(p2p_writer *w, uint8_t v);
void p2p_write_be16(p2p_writer *w, uint16_t v);
void p2p_write_be32(p2p_writer *w, uint32_t v);
void p2p_write_be64(p2p_writer *w, uint64_t v);
void p2p_write_bytes(p2p_writer *w, p2p_view bytes);
void p2p_write_uvarint(p2p_writer *w, uint64_t v);
void p2p_write_prefixed(p2p_writer *w, p2p_view bytes);
int p2p_writer_finish(const p2p_writer *w, p2p_view *ret);

/* Bytes of v as a uvarint, 1 to 9. */
size_t p2p_uvarint_size(uint64_t v);
