/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Noise_XX_25519_ChaChaPoly_SHA256 (wire reference 5) [Noise rev 34]: the handshake as a value. Pure: keys
 * are arguments, bytes go in and out.
 */

#include <p2p/view.h>

#include "wire/writer.h"

#define P2P_NOISE_KEY_SIZE 32u
#define P2P_NOISE_TAG_SIZE 16u
#define P2P_NOISE_OVERHEAD_MAX 96u /* of a handshake message around its payload: e, sealed s, tag */

typedef struct p2p_noise_state {
        bool initiator;
        unsigned step;     /* messages done */
        bool has_key;
        uint64_t counter;
        uint8_t hash[32], chaining_key[32], key[32];
        uint8_t static_secret[32], static_public[32];
        uint8_t ephemeral_secret[32], ephemeral_public[32];
        uint8_t far_static[32], far_ephemeral[32]; /* as far as they are known */
} p2p_noise_state;

/* The prologue is empty. The secrets are copied; end with done(), which wipes. */
void p2p_noise_init(p2p_noise_state *noise, bool initiator,
                    const uint8_t static_secret[static P2P_NOISE_KEY_SIZE],
                    const uint8_t ephemeral_secret[static P2P_NOISE_KEY_SIZE]);
void p2p_noise_done(p2p_noise_state *noise);

/* Both return 1 when the handshake is complete, 0 while messages are due, -EPROTO out of turn. After an
 * error the value is only good for done(). The first message's payload travels in the clear. */
int p2p_noise_write(p2p_noise_state *noise, p2p_view payload, p2p_writer *message);
/* -EBADMSG: short, not authentic, or a key of small order. Opens the message in place: *ret_payload lies in
 * it. */
int p2p_noise_read(p2p_noise_state *noise, uint8_t *message, size_t n, p2p_view *ret_payload);

/* The keys of the two directions, once complete. */
void p2p_noise_split(const p2p_noise_state *noise, uint8_t ret_send[static P2P_NOISE_KEY_SIZE],
                     uint8_t ret_receive[static P2P_NOISE_KEY_SIZE]);
