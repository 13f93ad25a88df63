/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Peer ids: a multihash of at most 44 bytes. Read in either text form, told apart as go-libp2p does: "Qm" or
 * "1" in front is base58 of the multihash, anything else a CIDv1 of codec libp2p-key. Printed in base58
 * always, so that one peer has one name [wire reference 2; specs/peer-ids].
 */

#include <assert.h>
#include <errno.h>

#include <p2p/macro.h>

#include "wire/base.h"
#include "wire/cid.h"
#include "wire/multihash.h"
#include "wire/peer-id.h"

static int parse_base58(p2p_view text, uint8_t *out, size_t size, size_t *ret_n) {
        size_t n;
        int r;

        r = p2p_base_decode(P2P_BASE58, text, out, size, &n);
        if (r < 0)
                return r;
        r = p2p_multihash_check_peer(P2P_VIEW(out, n));
        if (r < 0)
                return r;

        *ret_n = n;
        return 0;
}

static int parse_cid(p2p_view text, uint8_t *out, size_t size, size_t *ret_n) {
        uint8_t buf[P2P_PEER_HASH_MAX + 2]; /* version and codec */
        p2p_cid cid;
        int r;

        r = p2p_cid_parse(text, buf, sizeof(buf), &cid);
        if (r == -EPROTONOSUPPORT)
                return -EBADMSG;
        if (r < 0)
                return r;
        if (cid.codec != P2P_CID_LIBP2P_KEY)
                return -EBADMSG;
        r = p2p_multihash_check_peer(cid.multihash);
        if (r < 0)
                return r;
        if (cid.multihash.n > size)
                return -EMSGSIZE;

        memcpy(out, cid.multihash.data, cid.multihash.n);
        *ret_n = cid.multihash.n;
        return 0;
}

int p2p_peer_hash_parse(p2p_view text, uint8_t *out, size_t size, size_t *ret_n) {
        bool base58 = text.n > 1 && (text.data[0] == '1' || (text.data[0] == 'Q' && text.data[1] == 'm'));

        return base58 ? parse_base58(text, out, size, ret_n) : parse_cid(text, out, size, ret_n);
}

int p2p_peer_id_parse(const char *text, p2p_peer_id *ret) {
        p2p_peer_id id = {};
        size_t n;
        int r;

        r = p2p_peer_hash_parse(P2P_VIEW_STR(text), id.data, sizeof(id.data), &n);
        if (r < 0)
                return -EINVAL;

        id.n = (uint8_t) n;
        *ret = id;
        return 0;
}

int p2p_peer_id_decode(p2p_view in, p2p_peer_id *ret) {
        p2p_peer_id id = {};
        int r;

        if (in.n > sizeof(id.data))
                return -EBADMSG;
        r = p2p_multihash_check_peer(in);
        if (r < 0)
                return r;

        memcpy(id.data, in.data, in.n);
        id.n = (uint8_t) in.n;
        *ret = id;
        return 0;
}

const char *p2p_peer_id_format(const p2p_peer_id *id, char text[static P2P_PEER_ID_TEXT_MAX]) {
        p2p_writer w = P2P_WRITER((uint8_t *) text, P2P_PEER_ID_TEXT_MAX);

        p2p_base_encode(P2P_BASE58, p2p_peer_id_view(id), &w);
        p2p_write_u8(&w, '\0');
        assert(w.error == 0); /* 44 bytes are at most 61 characters */
        return text;
}

bool p2p_peer_id_equal(const p2p_peer_id *a, const p2p_peer_id *b) {
        return p2p_view_equal(p2p_peer_id_view(a), p2p_peer_id_view(b));
}

int p2p_peer_id_compare(const p2p_peer_id *a, const p2p_peer_id *b) {
        int c = memcmp(a->data, b->data, P2P_MIN(a->n, b->n));

        return c != 0 ? c : (int) a->n - (int) b->n;
}
