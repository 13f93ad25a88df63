/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The opening handshake of a WebSocket over a channel, as a machine that its owner drives. It has no
 * deadline of its own. */

#include <p2p/channel.h>

#include "transport/ws-http.h"

typedef struct p2p_ws_upgrade p2p_ws_upgrade;

/* host: what the Host header says; path: its http-path or nothing. */
int p2p_ws_upgrade_new_client(const char *host, p2p_view path, p2p_ws_upgrade **ret);
int p2p_ws_upgrade_new_server(p2p_ws_upgrade **ret);
p2p_ws_upgrade *p2p_ws_upgrade_free(p2p_ws_upgrade *upgrade);
P2P_CLEANUP(p2p_ws_upgrade, p2p_ws_upgrade_free);

/* Goes on as far as it can. 1: frames begin; *ret_rest is what came of them already, valid while the
 * upgrade is. -EAGAIN: when the channel wakes. Else it failed, and a server that was asked for something
 * else has answered 400 and shut the channel down. */
int p2p_ws_upgrade_run(p2p_ws_upgrade *upgrade, p2p_channel *below, p2p_view *ret_rest);
