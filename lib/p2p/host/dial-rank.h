/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* When each address of a peer is dialled: pure, so that a table can be its test. */

#include <p2p/addr.h>

#define DIAL_ADDRS_MAX 64u /* of one peer at once; arbitrary */

typedef struct dial_place {
        const p2p_addr *addr; /* borrowed; its host is an IP address, or it is a circuit */
        bool near;            /* on a network of ours; of a circuit: its relay is connected */
        bool doubtful;        /* it failed lately, or its kind does: after all the others */
        uint64_t delay;       /* the answer: usec after the start */
} dial_place;

/* At most DIAL_ADDRS_MAX. The order of the array stays. */
void dial_rank(dial_place *places, size_t n);
