/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The sealed channel that a Noise handshake ends in: bytes in records (wire reference 5). */

#include <p2p/channel.h>

/* Takes the channel below on success; it must be positioned at the first record. The keys are copied. */
int p2p_noise_channel_new(p2p_loop *loop, p2p_channel *below, const uint8_t send_key[static 32],
                          const uint8_t receive_key[static 32], p2p_channel **ret);
