/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One-shot operations here free themselves before `done` runs: forget the handle there, do not free it
 * (loop.h). */

/* A raw channel becomes a session with a proven peer: security, gater, muxer. The stacks are data, in
 * upgrade.c. */

#include <p2p/addr.h>
#include <p2p/identity.h>
#include <p2p/session.h>

#include "mux/yamux.h"

typedef struct p2p_upgrade p2p_upgrade;

typedef struct p2p_upgraded {
        p2p_session *session; /* the receiver's */
        p2p_peer_id peer;
        const char *security, *muxer;
} p2p_upgraded;

typedef struct p2p_upgrade_options {
        const p2p_identity *identity; /* borrowed */
        const p2p_peer_id *expected;  /* copied; NULL: whoever it is */
        bool initiator;
        const char *security; /* of the initiator: what the peer is known to speak, else NULL; a static name */
        const char *only;     /* the one security protocol to offer; NULL: all; a static name */
        uint64_t timeout_usec;
        /* Asked when the identity is proven, before anything else is parsed. Refused: GoAway 0x1007 where
         * the muxer is already agreed, else just closed; done gets -EKEYREJECTED. May be NULL. */
        bool (*allow)(const p2p_peer_id *peer, void *userdata);
        p2p_yamux_options yamux; /* client is set from initiator */
} p2p_upgrade_options;

/* Once, from the loop. On error result is NULL, and peer is who it was if that was already proven, else
 * NULL. */
typedef void (*p2p_upgrade_fn)(p2p_upgraded *result, const p2p_peer_id *peer, int error, void *userdata);

/* Takes the channel in any case. */
int p2p_upgrade_new(p2p_loop *loop, p2p_channel *channel, const p2p_upgrade_options *options,
                    p2p_upgrade_fn done, void *userdata, p2p_upgrade **ret);
p2p_upgrade *p2p_upgrade_free(p2p_upgrade *upgrade);
P2P_CLEANUP(p2p_upgrade, p2p_upgrade_free);
