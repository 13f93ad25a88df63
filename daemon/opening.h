/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Opening: a stream to a service of a peer that may not be reachable yet. */

#include <p2p/host.h>

#include "daemon/refusals.h"

#define OPENING_TIMEOUT_USEC (30 * USEC_PER_SEC) /* architecture.md 5 */

typedef struct Opening Opening;

/* Runs once, from the loop, after the opening freed itself; the stream is the callee's. Errors:
 * -EKEYREJECTED the peer refuses us, -EPROTONOSUPPORT it has no such service (with confirm), -ECONNABORTED
 * it reset the stream at once (with confirm; no path ends so), -ETIMEDOUT, -ECONNREFUSED ...: not reachable
 * in time. code: the P2P_STREAM_* with which the last stream was reset, or 0; one that says why makes the
 * error final. */
typedef void (*OpeningDone)(p2p_stream *stream, int error, uint32_t code, void *userdata);

/* Tries for OPENING_TIMEOUT_USEC while the peer cannot be reached, or (with confirm) is at a limit of its
 * own; without confirm a limit is waited for without end. A refusal is final at once. refusals is borrowed.
 */
int opening_new(p2p_host *host, const Refusals *refusals, const p2p_peer_id *peer, const char *protocol,
                bool confirm, OpeningDone done, void *userdata, Opening **ret);
Opening *opening_free(Opening *opening);
P2P_CLEANUP(Opening, opening_free);
