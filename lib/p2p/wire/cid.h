/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* CID: a multihash and the codec of what was hashed. */

#include <p2p/view.h>

#define P2P_CID_RAW 0x55u
#define P2P_CID_DAG_PB 0x70u
#define P2P_CID_LIBP2P_KEY 0x72u

typedef struct p2p_cid {
        unsigned version; /* 0 or 1 */
        uint64_t codec;   /* of version 0 always dag-pb */
        p2p_view multihash;
} p2p_cid;

/* *ret looks into `in`. -EBADMSG. */
int p2p_cid_decode(p2p_view in, p2p_cid *ret);
/* "Qm..." or multibase text; the bytes are put into buf, and *ret looks into them. -EBADMSG, -EMSGSIZE,
 * -EPROTONOSUPPORT (a base that we lack). */
int p2p_cid_parse(p2p_view text, uint8_t *buf, size_t size, p2p_cid *ret);
