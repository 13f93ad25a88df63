/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The 12 bytes that open every yamux frame (wire reference 8): version, type, flags BE16, stream BE32,
 * length BE32.
 *
 * parse() only reads; check() judges what needs no state. Whether a length fits a stream's window is the
 * session's business, since only it knows the stream. A window never exceeds P2P_YAMUX_WINDOW_MAX_OURS, so
 * no Data frame may announce more, not even one for a stream that is gone.
 */

#include <errno.h>

#include "mux/yamux-frame.h"
#include "mux/yamux.h"
#include "wire/reader.h"
#include "wire/writer.h"

static const struct {
        bool on_stream;
        uint32_t length_max;
} frame_rules[_YAMUX_TYPE_MAX] = {
        [YAMUX_DATA]          = { true,  P2P_YAMUX_WINDOW_MAX_OURS },
        [YAMUX_WINDOW_UPDATE] = { true,  UINT32_MAX                }, /* a delta, or the code of a reset */
        [YAMUX_PING]          = { false, UINT32_MAX                },
        [YAMUX_GO_AWAY]       = { false, UINT32_MAX                }, /* 0x1007 and the like come from go */
};

int p2p_yamux_header_parse(p2p_view in, p2p_yamux_header *ret) {
        p2p_reader rd = P2P_READER(in);
        p2p_yamux_header h;
        uint8_t version;
        int r;

        version = p2p_read_u8(&rd);
        h.type = p2p_read_u8(&rd);
        h.flags = p2p_read_be16(&rd);
        h.stream_id = p2p_read_be32(&rd);
        h.length = p2p_read_be32(&rd);

        r = p2p_reader_finish(&rd);
        if (r < 0)
                return r;
        if (version != 0 || h.type >= _YAMUX_TYPE_MAX)
                return -EPROTO;

        *ret = h;
        return 0;
}

int p2p_yamux_header_check(const p2p_yamux_header *h) {
        if (h->type >= _YAMUX_TYPE_MAX)
                return -EPROTO;
        if (frame_rules[h->type].on_stream != (h->stream_id != 0))
                return -EPROTO;
        if (h->length > frame_rules[h->type].length_max)
                return -EMSGSIZE;
        return 0;
}

void p2p_yamux_header_encode(const p2p_yamux_header *h, uint8_t ret[static P2P_YAMUX_HEADER_SIZE]) {
        p2p_writer w = P2P_WRITER(ret, P2P_YAMUX_HEADER_SIZE);

        p2p_write_u8(&w, 0);
        p2p_write_u8(&w, h->type);
        p2p_write_be16(&w, h->flags);
        p2p_write_be32(&w, h->stream_id);
        p2p_write_be32(&w, h->length);
}
