/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* /ipfs/ping/1.0.0, the answering side: echoes 32 bytes at a time (wire reference 10) [specs/ping]. */

#include <p2p/host.h>

#define P2P_PING_PROTOCOL "/ipfs/ping/1.0.0"
#define P2P_PING_SIZE 32u
#define P2P_PING_STREAMS_MAX 2u /* of one peer, as go-libp2p; the third is reset with 0x1002 */

typedef struct p2p_ping p2p_ping;

int p2p_ping_new(p2p_host *host, p2p_ping **ret);
p2p_ping *p2p_ping_free(p2p_ping *ping);
P2P_CLEANUP(p2p_ping, p2p_ping_free);
