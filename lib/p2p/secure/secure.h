/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One-shot operations here free themselves before `done` runs: forget the handle there, do not free it
 * (loop.h). */

/* What a security protocol offers to the upgrade: channel in, sealed channel and proven peer out. Noise and
 * TLS. */

#include <p2p/channel.h>
#include <p2p/identity.h>

typedef struct p2p_secure p2p_secure; /* a handshake in flight */

typedef struct p2p_secure_options {
        const p2p_identity *identity;  /* borrowed for the handshake */
        const p2p_peer_id *expected;   /* copied; whom we dialled; NULL: whoever proves an identity */
        const char *const *muxers;     /* borrowed const table: offered for early negotiation, by preference, NULL-terminated */
        bool initiator;
} p2p_secure_options;

typedef struct p2p_secure_result {
        p2p_channel *channel; /* sealed; the receiver's */
        p2p_peer_id peer;     /* proven */
        const char *muxer;    /* agreed in the handshake (an entry of the table), or NULL: multistream decides */
} p2p_secure_result;

/* error < 0: result is NULL. -EKEYREJECTED: another peer than expected, or a bad signature. */
typedef void (*p2p_secure_fn)(p2p_secure_result *result, int error, void *userdata);

typedef struct p2p_security {
        const char *protocol; /* its multistream name */
        /* Takes the channel on success. done runs once, from the loop. No deadline of its own: the upgrade
         * has one. */
        int (*start)(p2p_loop *loop, p2p_channel *channel, const p2p_secure_options *options,
                     p2p_secure_fn done, void *userdata, p2p_secure **ret);
        p2p_secure *(*free)(p2p_secure *secure); /* with its channel */
} p2p_security;

extern const p2p_security p2p_noise; /* secure/noise-handshake.c */
extern const p2p_security p2p_tls;   /* secure/tls-handshake.c */

/* This machine has instructions for AES-GCM: TLS is then faster than Noise, and else slower. */
bool p2p_tls_is_fast(void);
