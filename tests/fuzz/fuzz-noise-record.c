/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A sealed channel that reads anything. The first byte says how the bytes are split and how large the
 * reader's buffer is, the second how many good records go in front: exactly these must come out, whatever
 * follows.
 */

#include <errno.h>
#include <stdlib.h>

#include "secure/noise-channel.h"
#include "secure/noise-record.h"
#include "tests/support/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void write_all(p2p_channel *raw, const uint8_t *data, size_t n) {
        while (n > 0) {
                ssize_t k = p2p_channel_write(raw, data, n);

                if (k <= 0)
                        return;
                data += k;
                n -= (size_t) k;
        }
}

static void read_all(p2p_channel *sealed, size_t size, size_t expect) {
        static uint8_t buf[P2P_NOISE_RECORD_MAX + 1000];
        size_t got = 0;
        ssize_t k;

        while ((k = p2p_channel_read(sealed, buf, size)) > 0)
                got += (size_t) k;
        if (got != expect || (k != -EAGAIN && k != -EBADMSG && k != -ECONNRESET && k != 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static const uint8_t key_a[32] = { 1 }, key_b[32] = { 2 };
        static p2p_loop *loop; /* opening one an input costs more than the input */
        p2p_memory_options options = { .capacity = 1 << 18 };
        p2p_noise_cipher cipher = { .key = { 2 } };
        p2p_channel *below, *raw, *sealed;
        size_t size, expect = 0;
        uint8_t record[64];

        if (n < 2 || n > 70000 || (!loop && p2p_loop_new_manual(&loop) < 0))
                return 0;
        options.read_max = data[0] & 0x0f ? (size_t) (data[0] & 0x0f) * (data[0] & 0x10 ? 100 : 1) : 0;
        size = data[0] & 0x20 ? 10 : P2P_NOISE_RECORD_MAX + (data[0] & 0x40 ? 1000 : 0);
        if (p2p_memory_pair(loop, &options, &below, &raw) < 0)
                return 0;
        if (p2p_noise_channel_new(loop, below, key_a, key_b, &sealed) < 0)
                abort();

        for (unsigned i = 0; i < data[1] % 4; i++, expect += i) {
                memset(record, 'x', sizeof(record));
                write_all(raw, record, (size_t) p2p_noise_record_seal(&cipher, record, i + 1));
        }
        write_all(raw, data + 2, n - 2);
        if (data[1] & 0x80)
                read_all(sealed, size, expect);
        (void) p2p_channel_shutdown(raw);
        read_all(sealed, size, data[1] & 0x80 ? 0 : expect);

        p2p_channel_free(sealed);
        p2p_channel_free(raw);
        (void) p2p_loop_settle(loop);
        return 0;
}
