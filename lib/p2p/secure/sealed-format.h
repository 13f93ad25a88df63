/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a format of sealed records offers to the channel made of them: Noise's and TLS's are tables of these.
 */

#include <sys/types.h>

#include <p2p/view.h>

#define P2P_SEAL_HEAD_MAX 5u

typedef struct p2p_seal_format {
        uint32_t head_size;  /* in the clear, and says how long the record is */
        uint32_t overhead;   /* of a record around its plaintext, the head included */
        uint32_t plain_max;  /* of a record that we make */
        uint32_t record_max; /* of one that is read */
        uint32_t notice_max; /* of what precedes or ends; 0: there is none */

        /* The size of the record that begins with this head, as open() accepts it. */
        uint32_t (*record_size)(const uint8_t *head);
        /* Opens every whole record in data, in place, and moves what they carry together at its start:
         * *ret_plain bytes, while *ret_sealed bytes were consumed; both are set on failure too, for the
         * records before the bad one. 1: the far side ended, and what follows means nothing. */
        int (*open)(void *state, uint8_t *data, size_t n, size_t *ret_plain, size_t *ret_sealed);
        /* Makes a record of the n <= plain_max bytes at record + head_size. Returns its size. */
        ssize_t (*seal)(void *state, uint8_t *record, size_t n);
        /* What has to go before the next records, and what says that nothing follows: its size, mostly 0.
         * May be NULL. */
        ssize_t (*notice)(void *state, uint8_t *to);
        ssize_t (*end)(void *state, uint8_t *to);
        void (*free)(void *state); /* wiped */
} p2p_seal_format;
