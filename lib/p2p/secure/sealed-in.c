/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The reading half of a sealed channel: the hot path.
 *
 * Ciphertext is read straight into the reader's buffer, opened where it lies and moved together. What is
 * left of a record at the end goes to a buffer of that record's size, and its rest is then read to there,
 * with what follows behind the place that its plaintext will take: no byte is moved more than twice, however
 * small the pieces that come. Between records nothing is held.
 */

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "secure/sealed-in.h"

static int fail(p2p_sealed_in *in, int error) {
        in->error = error;
        return error;
}

/* What ended the reading below: the end is one only between two records. */
static int no_bytes(p2p_sealed_in *in, ssize_t k) {
        if (k == -EAGAIN)
                return -EAGAIN;
        if (k == 0 && in->n == 0)
                return 0;
        return fail(in, k < 0 ? (int) k : -ECONNRESET);
}

/* Keeps the beginning of a record. */
static int keep(p2p_sealed_in *in, p2p_view part) {
        in->n = (uint32_t) part.n;
        if (part.n < in->format->head_size) {
                memcpy(in->head, part.data, part.n);
                return 0;
        }
        in->record_size = in->format->record_size(part.data);
        in->record = malloc(in->record_size);
        if (!in->record)
                return -ENOMEM;
        memcpy(in->record, part.data, part.n);
        return 0;
}

/* Opens the n bytes at data and keeps what is no whole record. Returns how much was opened; an error waits
 * until that is read. */
static size_t open_all(p2p_sealed_in *in, uint8_t *data, size_t n) {
        size_t plain, sealed;
        int r;

        in->n = 0;
        r = in->format->open(in->state, data, n, &plain, &sealed);
        if (r > 0)
                in->is_ended = true;
        else if (r == 0 && sealed < n)
                r = keep(in, P2P_VIEW(data + sealed, n - sealed));
        if (r < 0)
                (void) fail(in, r);
        return plain;
}

/* Both return how many bytes came, with *ret_plain opened ones in `to`; 0 at the end. */
static ssize_t read_records(p2p_sealed_in *in, p2p_channel *below, uint8_t *to, size_t size,
                            size_t *ret_plain) {
        ssize_t k;

        memcpy(to, in->head, in->n);
        k = p2p_channel_read(below, to + in->n, size - in->n);
        if (k <= 0)
                return no_bytes(in, k);
        *ret_plain = open_all(in, to, in->n + (size_t) k);
        return k;
}

/* The kept record is whole: gives what it carries, and opens the n bytes that followed it, which lie at
 * `behind`. */
static size_t open_kept(p2p_sealed_in *in, uint8_t *to, uint8_t *behind, size_t n) {
        size_t plain, sealed;
        int r;

        r = in->format->open(in->state, in->record, in->record_size, &plain, &sealed);
        memcpy(to, in->record, plain);
        free(in->record);
        in->record = NULL;
        in->n = 0;
        if (r != 0) {
                in->is_ended = r > 0;
                if (r < 0)
                        (void) fail(in, r);
                return plain;
        }
        if (to + plain != behind) /* it carried less than it might have */
                memmove(to + plain, behind, n);
        return plain + open_all(in, to + plain, n);
}

static ssize_t read_rest(p2p_sealed_in *in, p2p_channel *below, uint8_t *to, size_t size,
                         size_t *ret_plain) {
        size_t rest = in->record_size - in->n, plain = in->record_size - in->format->overhead;
        struct iovec iov[] = {
                { .iov_base = in->record + in->n, .iov_len = rest },
                { .iov_base = to + plain, .iov_len = size - plain },
        };
        ssize_t k;

        k = p2p_channel_readv(below, iov, ELEMENTSOF(iov));
        if (k <= 0)
                return no_bytes(in, k);
        if ((size_t) k < rest) {
                in->n += (uint32_t) k;
                *ret_plain = 0;
                return k;
        }
        *ret_plain = open_kept(in, to, to + plain, (size_t) k - rest);
        return k;
}

/* Reads and opens into `to`, of at least record_max bytes, until there is something to give. */
static ssize_t fill(p2p_sealed_in *in, p2p_channel *below, uint8_t *to, size_t size, bool *ret_again) {
        size_t budget = P2P_SCRATCH_SIZE;

        size = P2P_MIN(size, budget);
        while (in->error == 0 && !in->is_ended) {
                size_t plain = 0;
                ssize_t k;

                if (in->record)
                        k = read_rest(in, below, to, size, &plain);
                else
                        k = read_records(in, below, to, size, &plain);
                if (k <= 0)
                        return k;
                if (plain > 0)
                        return (ssize_t) plain;
                budget -= P2P_MIN(budget, (size_t) k); /* empty records, or less than one */
                if (budget == 0) {
                        *ret_again = true;
                        return -EAGAIN;
                }
        }
        return in->error;
}

static ssize_t take_left(p2p_sealed_in *in, const struct iovec *iov, int n) {
        size_t done = 0;

        for (int i = 0; i < n && in->left_n > 0; i++) {
                uint32_t part = (uint32_t) P2P_MIN(iov[i].iov_len, (size_t) in->left_n);

                if (part == 0)
                        continue;
                memcpy(iov[i].iov_base, in->left + in->left_start, part);
                in->left_start += part;
                in->left_n -= part;
                done += part;
        }
        if (in->left_n == 0) {
                free(in->left);
                in->left = NULL;
        }
        return (ssize_t) done;
}

/* For small buffers: opens into memory of our own, which shrinks to what was opened. */
static ssize_t fill_left(p2p_sealed_in *in, p2p_channel *below, bool *ret_again) {
        uint8_t *data, *shrunk;
        ssize_t k;

        data = malloc(in->format->record_max);
        if (!data)
                return -ENOMEM;
        k = fill(in, below, data, in->format->record_max, ret_again);
        if (k <= 0) {
                free(data);
                return k;
        }
        shrunk = realloc(data, (size_t) k);
        in->left = shrunk ?: data;
        in->left_start = 0;
        in->left_n = (uint32_t) k;
        return k;
}

ssize_t p2p_sealed_in_readv(p2p_sealed_in *in, p2p_channel *below, const struct iovec *iov, int n,
                            bool *ret_again) {
        ssize_t k;

        *ret_again = false;
        if (!in->left && n > 0 && iov[0].iov_len >= in->format->record_max)
                return fill(in, below, iov[0].iov_base, iov[0].iov_len, ret_again);

        if (!in->left) {
                k = fill_left(in, below, ret_again);
                if (k <= 0)
                        return k;
        }
        return take_left(in, iov, n);
}

void p2p_sealed_in_done(p2p_sealed_in *in) {
        free(in->record);
        in->record = NULL;
        if (in->left)
                sodium_memzero(in->left + in->left_start, in->left_n);
        free(in->left);
        in->left = NULL;
}
