/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pattern repeats after 2048 bytes, which is no size of any record or frame: what is lost, doubled or
 * moved shows. All noise is made from one seed. */

#include <errno.h>
#include <stdlib.h>

#include "tests/support/pattern.h"

#define PIECE_MAX 100000u
#define IDLE_MAX  1000u /* turns without a byte */

const struct pattern_path pattern_paths[PATTERN_PATHS] = {
        { { .write_max = 1, .read_max = 1 }, 3000 },
        { { .write_max = 7, .read_max = 5 }, 100000 },
        { { .write_max = 1400, .read_max = 1000 }, 1000000 },
        { { .capacity = 100 }, 100000 },
        { { .capacity = 1 << 20, .read_max = 17000 }, 2000000 },
        { { .capacity = 1 << 20, .read_max = 65538 }, 3000000 },
        { { .capacity = 1 << 20 }, 3000000 },
};

static void check(bool good) {
        if (!good)
                __builtin_trap();
}

static uint8_t byte_at(size_t i) {
        return (uint8_t) (i * 7 >> 3);
}

static uint32_t noise_of(uint32_t *seed) {
        return *seed = *seed * 1664525u + 1013904223u;
}

static size_t write_piece(const pattern_flow *f, uint8_t *buf, size_t sent, uint32_t *seed) {
        size_t n = (noise_of(seed) >> 8) % (noise_of(seed) & 0x100 ? 200 : PIECE_MAX);
        struct iovec iov[3];
        ssize_t k;

        n = P2P_MIN(n, f->total - sent);
        for (size_t i = 0; i < n; i++)
                buf[i] = byte_at(sent + i);
        iov[0] = (struct iovec){ buf, n / 5 };
        iov[1] = (struct iovec){ buf + n, 0 };
        iov[2] = (struct iovec){ buf + n / 5, n - n / 5 };
        if (n == 0)
                return 0;
        k = p2p_channel_writev(f->from, iov, ELEMENTSOF(iov), noise_of(seed) & 0x10000);
        check(k > 0 || k == -EAGAIN);
        return k > 0 ? (size_t) k : 0;
}

/* Once, or until there is nothing more. */
static size_t read_pieces(const pattern_flow *f, uint8_t *buf, size_t got, uint32_t *seed) {
        bool once = noise_of(seed) & 0x10000;
        size_t n = 0;
        ssize_t k;

        while ((k = p2p_channel_read(f->to, buf, f->read_max)) > 0) {
                for (ssize_t i = 0; i < k; i++)
                        check(buf[i] == byte_at(got + n + (size_t) i));
                n += (size_t) k;
                if (once)
                        return n;
        }
        check(k == -EAGAIN);
        return n;
}

void pattern_flow_run(const pattern_flow *f) {
        uint8_t *buf = malloc(P2P_MAX(f->read_max, (size_t) PIECE_MAX));
        size_t sent = 0, got = 0;
        uint32_t seed = 1;

        check(buf);
        for (unsigned idle = 0; got < f->total; idle++) {
                size_t before = sent + got;

                if (f->meanwhile)
                        f->meanwhile(noise_of(&seed), f->userdata);
                sent += write_piece(f, buf, sent, &seed);
                (void) p2p_loop_settle(f->loop);
                got += read_pieces(f, buf, got, &seed);
                (void) p2p_loop_settle(f->loop);
                if (sent + got > before)
                        idle = 0;
                check(idle < IDLE_MAX);
        }
        check(got == f->total);
        free(buf);
}
