/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Noise transport records (wire reference 5).
 *
 * The hot path: records are sealed and opened where they lie, many in one call. A record's length is judged
 * before its end is waited for. An empty record is legal and carries nothing. The counters end where Noise
 * ends them: the last value is never used, and nothing may follow.
 */

#include <errno.h>

#include "crypto/aead.h"
#include "secure/noise-record.h"
#include "wire/reader.h"
#include "wire/writer.h"

_Static_assert(P2P_NOISE_PLAIN_MAX == 65519, "the chunk of go-libp2p");

int p2p_noise_record_parse(p2p_view in, size_t *ret_n) {
        p2p_reader rd = P2P_READER(in);
        uint16_t body;

        body = p2p_read_be16(&rd);
        if (rd.error < 0)
                return 0;
        if (body < P2P_AEAD_TAG_SIZE)
                return -EBADMSG;
        if (rd.n < body)
                return 0;
        *ret_n = 2u + body;
        return 1;
}

/* The plaintext is then at record + 2. */
static int record_open(p2p_noise_cipher *c, uint8_t *record, size_t n) {
        size_t n_plain = n - P2P_NOISE_RECORD_OVERHEAD;

        if (c->counter == UINT64_MAX)
                return -EPROTO;
        return p2p_aead_open(c->key, c->counter++, P2P_VIEW(NULL, 0), record + 2, n_plain,
                             record + 2 + n_plain);
}

int p2p_noise_records_open(p2p_noise_cipher *c, uint8_t *data, size_t n, size_t *ret_plain,
                           size_t *ret_sealed) {
        size_t plain = 0, sealed = 0, size;
        int r;

        for (;;) {
                r = p2p_noise_record_parse(P2P_VIEW(data + sealed, n - sealed), &size);
                if (r <= 0)
                        break;
                r = record_open(c, data + sealed, size);
                if (r < 0)
                        break;
                memmove(data + plain, data + sealed + 2, size - P2P_NOISE_RECORD_OVERHEAD);
                plain += size - P2P_NOISE_RECORD_OVERHEAD;
                sealed += size;
        }
        *ret_plain = plain;
        *ret_sealed = sealed;
        return r;
}

ssize_t p2p_noise_record_seal(p2p_noise_cipher *c, uint8_t *record, size_t n) {
        p2p_writer w = P2P_WRITER(record, 2);

        if (c->counter == UINT64_MAX)
                return -ENOBUFS;
        p2p_write_be16(&w, (uint16_t) (n + P2P_AEAD_TAG_SIZE));
        p2p_aead_seal(c->key, c->counter++, P2P_VIEW(NULL, 0), record + 2, n, record + 2 + n);
        return (ssize_t) (n + P2P_NOISE_RECORD_OVERHEAD);
}
