/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one cursor over bytes from outside. Its error sticks: after the first failure every read returns zero and
 * consumes nothing, so a parser reads in wire order and asks once at the end. Nothing else in the tree does
 * arithmetic on pointers into such bytes.
 */

#include <p2p/view.h>

typedef struct p2p_reader {
        const uint8_t *data;
        size_t n;   /* left */
        int error;  /* 0, or the first failure: -EBADMSG short or ill-formed, -EMSGSIZE a length beyond its limit */
} p2p_reader;

#define P2P_READER(view) ((p2p_reader){ .data = (view).data, .n = (view).n })

uint8_t p2p_read_u8(p2p_reader *r);
uint16_t p2p_read_be16(p2p_reader *r);
uint32_t p2p_read_be32(p2p_reader *r);
/* The next n bytes, in place. */
p2p_view p2p_read_bytes(p2p_reader *r, size_t n);
/* Multiformats uvarint: minimal, at most 9 bytes. */
uint64_t p2p_read_uvarint(p2p_reader *r);
/* A uvarint length of at most max, then that many bytes. */
p2p_view p2p_read_prefixed(p2p_reader *r, size_t max);
/* Makes the reader fail; the first error wins. */
void p2p_reader_fail(p2p_reader *r, int error);
/* The error, or -EBADMSG if bytes are left over. */
int p2p_reader_finish(const p2p_reader *r);
