/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The networks that this machine is attached to, and news when they change. */

#include <p2p/addr.h>
#include <p2p/loop.h>

#define P2P_NETWORK_PREFIXES_MAX 256u /* arbitrary: more are not seen */

typedef struct p2p_network p2p_network;

/* `changed` is posted when an address came or went, a little later: changes come in flocks. Borrowed;
 * cancel it after the free. Where the kernel tells no news (no netlink here) there are none. */
int p2p_network_new(p2p_loop *loop, p2p_task *changed, p2p_network **ret);
p2p_network *p2p_network_free(p2p_network *network);
P2P_CLEANUP(p2p_network, p2p_network_free);

/* Whether an address of an interface shares its prefix: no router is between. */
bool p2p_network_is_near(p2p_network *network, const p2p_addr *addr);
