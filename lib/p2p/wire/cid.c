/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Content ids. Version 0 is a bare SHA-256 multihash, in text 46 characters of base58 that begin with "Qm";
 * version 1 is 01, a codec and a multihash, in text multibase. The two cannot be mistaken: no version is
 * called 0x12 [wire reference 2; multiformats/cid].
 */

#include <errno.h>

#include "wire/base.h"
#include "wire/cid.h"
#include "wire/multihash.h"
#include "wire/reader.h"

#define CID_V0_SIZE 34u
#define CID_V0_TEXT_SIZE 46u

static bool is_v0(p2p_view in) {
        return in.n == CID_V0_SIZE && in.data[0] == P2P_MULTIHASH_SHA2_256 && in.data[1] == 32;
}

int p2p_cid_decode(p2p_view in, p2p_cid *ret) {
        p2p_reader rd = P2P_READER(in);
        p2p_multihash hash;
        uint64_t version;
        p2p_cid cid;
        int r;

        if (is_v0(in)) {
                *ret = (p2p_cid){ .version = 0, .codec = P2P_CID_DAG_PB, .multihash = in };
                return 0;
        }

        version = p2p_read_uvarint(&rd);
        cid.version = 1;
        cid.codec = p2p_read_uvarint(&rd);
        cid.multihash = p2p_read_bytes(&rd, rd.n);
        r = p2p_reader_finish(&rd);
        if (r < 0)
                return r;
        if (version != 1)
                return -EBADMSG;
        r = p2p_multihash_decode(cid.multihash, &hash);
        if (r < 0)
                return r;

        *ret = cid;
        return 0;
}

int p2p_cid_parse(p2p_view text, uint8_t *buf, size_t size, p2p_cid *ret) {
        p2p_cid cid;
        bool v0;
        size_t n;
        int r;

        v0 = text.n == CID_V0_TEXT_SIZE && text.data[0] == 'Q' && text.data[1] == 'm';
        if (v0)
                r = p2p_base_decode(P2P_BASE58, text, buf, size, &n);
        else
                r = p2p_multibase_decode(text, buf, size, &n);
        if (r < 0)
                return r;

        r = p2p_cid_decode(P2P_VIEW(buf, n), &cid);
        if (r < 0)
                return r;
        if ((cid.version == 0) != v0)
                return -EBADMSG; /* version 0 has no multibase form */

        *ret = cid;
        return 0;
}
