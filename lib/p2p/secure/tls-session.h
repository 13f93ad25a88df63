/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * GnuTLS's half of a TLS 1.3 handshake: records in, records out, and in the end the keys. It sees no channel
 * and no loop, so a worker can have it.
 */

#include "secure/secure.h"
#include "secure/tls-record.h"

typedef struct p2p_tls_session p2p_tls_session;

/* In the loop: it makes the identity's certificate, where there is none yet. Identity and muxers are
 * borrowed. */
int p2p_tls_session_new(const p2p_secure_options *options, p2p_tls_session **ret);
p2p_tls_session *p2p_tls_session_free(p2p_tls_session *session);

/* Takes one record (an initiator's first step takes none), or the head of what cannot be one. 0: the next is
 * due; 1: complete; < 0: failed, and that was the last step too. Whichever it is, there may be something to
 * send. May run in a worker. */
int p2p_tls_session_step(p2p_tls_session *session, p2p_view in);

/* What is to be sent, and that the first n bytes of it were. */
p2p_view p2p_tls_session_out(const p2p_tls_session *session);
void p2p_tls_session_sent(p2p_tls_session *session, size_t n);

/* Once complete: who it is, an entry of the muxers or NULL, and the keys, which are the caller's. */
void p2p_tls_session_take(p2p_tls_session *session, p2p_peer_id *ret_peer, const char **ret_muxer,
                          p2p_tls_state **ret_state);
