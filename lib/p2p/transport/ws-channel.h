/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* WebSocket over a channel, as a channel [RFC 6455; wire reference 15]. */

#include <p2p/channel.h>
#include <p2p/view.h>

#define P2P_WS_LINGER_USEC (10 * USEC_PER_SEC) /* what a freed channel has for its last bytes */

/* Takes the channel below on success; its wake too. Nothing is read or written before the handshake is over,
 * which has no deadline: whoever waits for the first bytes has one. A failed one shows as the error of reads
 * and writes: -EPROTO, -EBADMSG, -EMSGSIZE no WebSocket; -ECONNREFUSED the server answered something else
 * than 101.
 *
 * There is no half-close in WebSocket: shutdown() says Close behind what was taken, and what comes until
 * the far side's is still read; a far side that gets ours may stop writing. Its Close is answered at
 * once, and we write no more (-EPIPE). */
int p2p_ws_channel_new_server(p2p_loop *loop, p2p_channel *below, p2p_channel **ret);
/* host: for the Host header; path: its http-path or nothing. Both are copied. */
int p2p_ws_channel_new_client(p2p_loop *loop, p2p_channel *below, const char *host, p2p_view path,
                              p2p_channel **ret);
