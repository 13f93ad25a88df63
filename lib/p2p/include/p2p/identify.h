/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* /ipfs/id/1.0.0 and its push: tells every peer who we are, and learns the same of it (wire reference 10) [specs/identify]. */

#include <p2p/host.h>

#define P2P_IDENTIFY_PROTOCOL "/ipfs/id/1.0.0"
#define P2P_IDENTIFY_PUSH_PROTOCOL "/ipfs/id/push/1.0.0"
#define P2P_IDENTIFY_MESSAGE_MAX 8192u
#define P2P_IDENTIFY_MESSAGES_MAX 9u
#define P2P_IDENTIFY_PROTOCOLS_MAX 512u     /* kept of a peer */
#define P2P_IDENTIFY_ADDRS_MAX 128u         /* looked at */
#define P2P_IDENTIFY_STRING_MAX 256u        /* agent and protocol ids */

typedef struct p2p_identify p2p_identify;

/* Serves both protocols and identifies every connection of the host from then on. */
int p2p_identify_new(p2p_host *host, p2p_identify **ret);
p2p_identify *p2p_identify_free(p2p_identify *identify);
P2P_CLEANUP(p2p_identify, p2p_identify_free);
