/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The TLS of the Web over a channel, as a channel [RFC 8446, RFC 5246]: what is below /tls/ws. */

#include <p2p/channel.h>

#include "transport/ws-tls.h"

#define P2P_WS_TLS_WRITE_MAX (64u * 1024u)         /* taken from a writer at once */
#define P2P_WS_TLS_AHEAD_MAX (64u * 1024u)         /* read from below at once */
#define P2P_WS_TLS_PENDING_MAX (128u * 1024u)      /* sealed, and not yet taken below */
#define P2P_WS_TLS_HANDSHAKE_MAX (64u * 1024u)     /* bytes read of a handshake */
#define P2P_WS_TLS_LINGER_USEC (10 * USEC_PER_SEC) /* what a freed channel has for its last bytes */

/* Takes the channel below on success; its wake too. credentials are borrowed until the handshake is over,
 * which has no deadline of its own; nothing of the writer's is taken before. What fails shows as the
 * error of reads and writes: -ENOKEY the server's certificate is not trusted, is expired or is another's;
 * -EPROTONOSUPPORT nothing in common; -EPROTO, -EBADMSG, -EMSGSIZE. A far side that ends without saying
 * so has been cut off: -ECONNRESET. */
int p2p_ws_tls_channel_new_server(p2p_loop *loop, p2p_channel *below, const p2p_web_tls *credentials,
                                  p2p_channel **ret);
/* name: whose certificate it must be, a DNS name (which is then the SNI) or an IP address. Copied. */
int p2p_ws_tls_channel_new_client(p2p_loop *loop, p2p_channel *below, const p2p_web_tls *credentials,
                                  const char *name, p2p_channel **ret);
