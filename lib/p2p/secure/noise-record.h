/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Noise transport records: be16(n), n bytes sealed, of which the last 16 are the tag (wire reference 5).
 * Pure. */

#include <sys/types.h>

#include <p2p/view.h>

#define P2P_NOISE_BODY_MAX 65535u /* what the length can say */
#define P2P_NOISE_RECORD_MAX (2u + P2P_NOISE_BODY_MAX)
#define P2P_NOISE_RECORD_OVERHEAD (2u + 16u)
#define P2P_NOISE_PLAIN_MAX (P2P_NOISE_RECORD_MAX - P2P_NOISE_RECORD_OVERHEAD)

/* One direction. Wipe it after use. */
typedef struct p2p_noise_cipher {
        uint64_t counter;
        uint8_t key[32];
} p2p_noise_cipher;

/* The record at the head of a stream. 1: it takes *ret_n bytes; 0: more is needed; -EBADMSG: no room for a
 * tag. */
int p2p_noise_record_parse(p2p_view in, size_t *ret_n);

/* Opens every whole record in data, in place, and moves what they carry together at its start: *ret_plain
 * bytes, while *ret_sealed bytes were consumed. Both are set on failure too, for the records before the bad
 * one. -EBADMSG; -EPROTO: counter used up. */
int p2p_noise_records_open(p2p_noise_cipher *cipher, uint8_t *data, size_t n, size_t *ret_plain,
                           size_t *ret_sealed);

/* Makes a record of the n <= P2P_NOISE_PLAIN_MAX bytes at record + 2. Returns its size, or -ENOBUFS: counter
 * used up. */
ssize_t p2p_noise_record_seal(p2p_noise_cipher *cipher, uint8_t *record, size_t n);
