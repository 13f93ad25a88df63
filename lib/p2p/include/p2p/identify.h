/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* /ipfs/id/1.0.0 and its push: tells every peer who we are, and learns the same of it (wire reference 10)
 * [specs/identify]. */

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

/* What a peer told in one identify or push; all of it borrowed for the call. */
typedef struct p2p_identified {
        const char *agent; /* "" if it told none */
        char *const *protocols;
        size_t n_protocols;
        p2p_addr *const *listen_addrs; /* as told, not filtered */
        size_t n_listen_addrs;
        const p2p_addr *observed; /* ourselves, as the peer sees us; may be NULL */
        bool record;              /* with a record that it signed for itself */
} p2p_identified;

/* Runs from the loop for each identify and push, before conn_identified. One watcher; NULL ends it. */
typedef void (*p2p_identified_fn)(p2p_conn *conn, const p2p_identified *what, void *userdata);
void p2p_identify_watch(p2p_identify *identify, p2p_identified_fn fn, void *userdata);
