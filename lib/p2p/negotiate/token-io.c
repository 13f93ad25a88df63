/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads and writes multistream tokens over a channel.
 *
 * The bytes behind a token are the protocol's that was agreed on: reading asks the parser how far it may go
 * and never goes further. Writing keeps what the channel did not take.
 */

#include <errno.h>

#include "negotiate/token-io.h"

int p2p_token_in_read(p2p_token_in *in, p2p_channel *channel, p2p_view *ret_name) {
        for (;;) {
                size_t n;
                ssize_t k;
                int r;

                r = p2p_token_parse(P2P_VIEW(in->data, in->n), ret_name, &n);
                if (r < 0)
                        return r;
                if (r > 0) {
                        in->data[n - 1] = '\0'; /* was the newline */
                        in->n = 0;
                        return 1;
                }

                k = p2p_channel_read(channel, in->data + in->n, n - in->n);
                if (k == -EAGAIN)
                        return 0;
                if (k <= 0)
                        return k < 0 ? (int) k : -ECONNRESET;
                in->n += (size_t) k;
        }
}

int p2p_token_out_add(p2p_token_out *out, p2p_view name) {
        p2p_writer w = { .data = out->data, .n = out->n, .size = sizeof(out->data) };
        p2p_view written;
        int r;

        p2p_token_write(&w, name);
        r = p2p_writer_finish(&w, &written);
        if (r < 0)
                return r;
        out->n = written.n;
        return 0;
}

int p2p_token_out_flush(p2p_token_out *out, p2p_channel *channel) {
        while (out->sent < out->n) {
                ssize_t k;

                k = p2p_channel_write(channel, out->data + out->sent, out->n - out->sent);
                if (k < 0)
                        return (int) k;
                out->sent += (size_t) k;
        }
        out->n = out->sent = 0;
        return 0;
}
