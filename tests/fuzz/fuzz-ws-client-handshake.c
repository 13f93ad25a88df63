/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A live WebSocket client under whatever a far side says, from the first byte of the handshake on. The first
 * byte of the input says in which pieces the rest comes. What was refused stays refused, and nothing is
 * given before the handshake is over.
 */

#include <errno.h>
#include <stdlib.h>

#include "tests/support/memory.h"
#include "transport/ws-channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok) {
        if (!ok)
                abort();
}

/* What its owner does when woken. Returns the error that ended it, or 0. */
static ssize_t use(p2p_channel *ws, bool *ret_written) {
        uint8_t buf[64];
        ssize_t k, w;

        while ((k = p2p_channel_read(ws, buf, sizeof(buf))) > 0)
                ;
        w = p2p_channel_write(ws, "hello", 5);
        must(w == 5 || w < 0);
        *ret_written |= w == 5;
        return k == -EAGAIN || k == 0 ? 0 : k;
}

static void run(p2p_loop *loop, p2p_channel *ws, p2p_channel *far, p2p_view in, size_t piece) {
        bool written = false;
        ssize_t error = 0;

        while (in.n > 0) {
                size_t part = P2P_MIN(in.n, piece);
                uint8_t heard[512];

                if (p2p_channel_write(far, in.data, part) <= 0)
                        break;
                in = P2P_VIEW(in.data + part, in.n - part);
                (void) p2p_loop_settle(loop);
                if (error < 0)
                        must(use(ws, &written) == error);
                else
                        error = use(ws, &written);
                while (p2p_channel_read(far, heard, sizeof(heard)) > 0)
                        ;
        }
        (void) p2p_channel_shutdown(far);
        (void) p2p_loop_settle(loop);
        (void) use(ws, &written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static p2p_loop *loop; /* opening one an input costs more than the input */
        p2p_channel *below, *far, *ws;

        if (n == 0 || (!loop && p2p_loop_new_manual(&loop) < 0))
                return 0;
        must(p2p_memory_pair(loop, &(p2p_memory_options){}, &below, &far) >= 0);
        must(p2p_ws_channel_new_client(loop, below, "h", P2P_VIEW_STR("x y"), &ws) >= 0);
        run(loop, ws, far, P2P_VIEW(data + 1, n - 1), data[0] & 0x80 ? 4096 : 1u + data[0]);
        if (data[0] & 1)
                (void) p2p_channel_shutdown(ws);
        p2p_channel_free(ws);
        p2p_channel_free(far);
        (void) p2p_loop_advance(loop, P2P_WS_LINGER_USEC);
        return 0;
}
