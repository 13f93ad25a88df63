/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Handshakes of libp2p's TLS over memory channels: ours with ours, and ours with GnuTLS alone. For unit
 * tests: whatever fails, fails the test. */

#include "secure/secure.h"
#include "tests/support/memory.h"
#include "tests/support/plain-tls.h"

/* One of ours, with an identity of its own. */
typedef struct tls_side {
        p2p_identity *identity;
        p2p_secure *secure;
        p2p_secure_result result;
        unsigned n_done;
        int error;
} tls_side;

/* Takes the channel. muxers and expected: as p2p_secure_options. */
void tls_side_start(tls_side *s, p2p_loop *loop, p2p_channel *channel, bool initiator,
                    const char *const *muxers, const p2p_peer_id *expected);
void tls_side_done(tls_side *s);

/* One of ours, which offers yamux, and GnuTLS. */
typedef struct tls_duel {
        p2p_loop *loop;
        p2p_identity *identity; /* the far side's */
        plain_tls far;
        tls_side us;
} tls_duel;

/* memory may be NULL. */
void tls_duel_start(tls_duel *d, plain_tls_options options, const p2p_memory_options *memory);
/* Until both are done, or nothing moves. */
void tls_duel_run(tls_duel *d);
void tls_duel_done(tls_duel *d);
/* As options.identity it stands for the far side's, which tls_duel_start() makes. */
const p2p_identity *tls_duel_identity(void);
