/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known of each component of a multiaddr, as data. */

#include <p2p/addr.h>

#include "wire/writer.h"

#define P2P_ADDR_NAME_MAX 255u /* of a dns name, in text */

enum {
        P2P_ADDR_NO_VALUE = 0,
        P2P_ADDR_VARIABLE = -1, /* a uvarint length in front */
};

typedef struct p2p_addr_protocol {
        unsigned code;
        const char *name;
        int size;   /* of the value in bytes, or one of the above */
        size_t max; /* of a variable one; 0: only the address's own limit */
        bool path;  /* the value takes the rest of the text, and nothing may follow */
        /* Judges bytes of the right size; NULL: all are fine. -EBADMSG. */
        int (*check)(p2p_view value);
        /* Text between two slashes (of a path: from its slash on) to bytes, not judged yet. -EBADMSG. */
        int (*parse)(p2p_view text, p2p_writer *out);
        /* Bytes that were judged to text. */
        void (*format)(p2p_view value, p2p_writer *out);
} p2p_addr_protocol;

/* NULL: we do not know it. */
const p2p_addr_protocol *p2p_addr_protocol_by_code(uint64_t code);
const p2p_addr_protocol *p2p_addr_protocol_by_name(p2p_view name);

/* Size, limit and content of a value. -EBADMSG, -EMSGSIZE. */
int p2p_addr_protocol_check(const p2p_addr_protocol *protocol, p2p_view value);
