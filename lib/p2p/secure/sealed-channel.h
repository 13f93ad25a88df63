/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The sealed channel that a handshake ends in: bytes in records of one format. */

#include <p2p/channel.h>

#include "secure/sealed-format.h"

/* How long a freed channel that was shut down may still be flushing. */
#define P2P_SEALED_LINGER_USEC (5 * USEC_PER_SEC)

/* Takes the channel below and the state on success; the channel must be positioned at the first record. */
int p2p_sealed_channel_new(p2p_loop *loop, p2p_channel *below, const p2p_seal_format *format, void *state,
                           p2p_channel **ret);
