/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Back-off: which addresses failed lately. Nobody is refused for it: the dial tries the peer's other
 * addresses before. */

#include <p2p/addr.h>
#include <p2p/list.h>

#define BACKOFF_ADDRS_MAX 256u /* arbitrary; the eldest is forgotten */

typedef struct backoff {
        p2p_list entries; /* eldest failure first */
        unsigned n;
} backoff;

void backoff_init(backoff *b);
void backoff_done(backoff *b); /* empty again, and as after init */
/* Copies the address; without memory it is just not remembered. */
void backoff_failed(backoff *b, const p2p_peer_id *peer, const p2p_addr *addr, uint64_t now);
bool backoff_is_on(const backoff *b, const p2p_peer_id *peer, const p2p_addr *addr, uint64_t now);
/* A connection to the peer, by whatever address. */
void backoff_forget_peer(backoff *b, const p2p_peer_id *peer);
