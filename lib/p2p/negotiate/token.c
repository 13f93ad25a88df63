/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The codec of multistream-select tokens (wire reference 3).
 *
 * What follows a token belongs to somebody else, so the parser also says how far its caller may read: a
 * length byte at a time, then exactly the rest. The length is judged before anything is waited for.
 */

#include <errno.h>

#include "negotiate/token.h"
#include "wire/reader.h"
#include "wire/varint.h"

static int judge_length(uint64_t length) {
        if (length > P2P_MULTISTREAM_TOKEN_MAX)
                return -EMSGSIZE;
        if (length < 2) /* a name of nothing: the newline alone, or not even that */
                return -EBADMSG;
        return 0;
}

int p2p_token_parse(p2p_view in, p2p_view *ret_name, size_t *ret_n) {
        p2p_reader rd;
        uint64_t length;
        p2p_view name;
        size_t n;
        int r;

        r = p2p_uvarint_parse(in, &length, &n);
        if (r < 0)
                return r;
        if (r == 0) {
                if (in.n >= 2) /* a third length byte: 16384 and more */
                        return -EMSGSIZE;
                *ret_n = in.n + 1;
                return 0;
        }

        r = judge_length(length);
        if (r < 0)
                return r;
        if (in.n < n + length) {
                *ret_n = n + length;
                return 0;
        }

        rd = P2P_READER(in);
        (void) p2p_read_bytes(&rd, n);
        name = p2p_read_bytes(&rd, length - 1);
        if (p2p_read_u8(&rd) != '\n')
                return -EBADMSG;

        *ret_name = name;
        *ret_n = n + length;
        return 1;
}

void p2p_token_write(p2p_writer *w, p2p_view name) {
        if (name.n == 0 || name.n > P2P_TOKEN_NAME_MAX) {
                if (w->error == 0)
                        w->error = -ENOBUFS;
                return;
        }
        p2p_write_uvarint(w, name.n + 1);
        p2p_write_bytes(w, name);
        p2p_write_u8(w, '\n');
}
