/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Length-delimited messages: read whole and read a byte at a time the same comes out, and nothing behind a message is touched. */

#include <errno.h>
#include <string.h>

#include "protocol/delimited.h"
#include "tests/fuzz/check.h"

#define MESSAGE_MAX 300u

typedef struct source {
        p2p_channel channel;
        const uint8_t *data;
        size_t n, at, step;
} source;

static ssize_t read_source(p2p_channel *c, const struct iovec *iov, int n_iov) {
        source *s = (source *) c;
        size_t n = P2P_MIN(P2P_MIN(iov[0].iov_len, s->step), s->n - s->at);

        CHECK(n_iov == 1 && iov[0].iov_len > 0);
        memcpy(iov[0].iov_base, s->data + s->at, n);
        s->at += n;
        return (ssize_t) n;
}

static const p2p_channel_ops ops = { .readv = read_source };

/* A sum over all messages and how it ended. */
static uint64_t drain(source s) {
        p2p_delimited d = { .max = MESSAGE_MAX };
        uint64_t sum = 0;
        int r;

        while ((r = p2p_delimited_read(&d, &s.channel)) == 1) {
                CHECK(d.n == d.size && d.n <= MESSAGE_MAX);
                for (size_t i = 0; i < d.n; i++)
                        sum = sum * 31 + d.data[i];
                sum = sum * 31 + d.n;
        }
        CHECK(r == -ENODATA || r == -EBADMSG || r == -EMSGSIZE);
        CHECK(r != -ENODATA || s.at == s.n);
        p2p_delimited_done(&d);
        return sum * 31 + (uint64_t) -r + s.at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        source whole = { .channel.ops = &ops, .data = data, .n = n, .step = SIZE_MAX }, bytes = whole;

        bytes.step = 1;
        CHECK(drain(whole) == drain(bytes));
        return 0;
}
