/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What can be told without the daemon, from its files. */

#include <p2p/peer.h>

#define OFFLINE_CONFIG_PATH "/etc/peerup/config.yaml"

/* The id of the key that the config names (identity.key beside it where there is no config). Tells why it
 * cannot. */
int offline_peer_id(const char *config_path, char ret[static P2P_PEER_ID_TEXT_MAX]);
