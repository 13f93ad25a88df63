/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Multihashes: uvarint code, uvarint length, that many bytes and nothing behind them. No digest is computed
 * here: that is what crypto/ is for [wire reference 2].
 */

#include <errno.h>

#include "wire/multihash.h"
#include "wire/reader.h"

int p2p_multihash_decode(p2p_view in, p2p_multihash *ret) {
        p2p_reader rd = P2P_READER(in);
        p2p_multihash hash;
        int r;

        hash.code = p2p_read_uvarint(&rd);
        hash.digest = p2p_read_prefixed(&rd, SIZE_MAX);
        r = p2p_reader_finish(&rd);
        if (r < 0)
                return r;

        *ret = hash;
        return 0;
}

int p2p_multihash_check_peer(p2p_view in) {
        p2p_multihash hash;
        int r;

        r = p2p_multihash_decode(in, &hash);
        if (r < 0)
                return r;

        if (hash.code == P2P_MULTIHASH_IDENTITY)
                return hash.digest.n > 0 ? 0 : -EBADMSG;
        if (hash.code == P2P_MULTIHASH_SHA2_256)
                return hash.digest.n == 32 ? 0 : -EBADMSG;
        return -EBADMSG;
}
