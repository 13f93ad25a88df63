/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a WebSocket address asks a dialler to do. */

#include <p2p/addr.h>

#define P2P_WS_HOST_MAX 272u /* a name or a bracketed IPv6 address, a colon and a port */

typedef struct p2p_ws_target {
        p2p_addr *tcp;              /* where to connect to */
        bool tls;
        char name[256];             /* whose certificate: the name of /sni, else the IP address */
        char host[P2P_WS_HOST_MAX]; /* the Host header */
        p2p_view path;              /* into the address */
} p2p_ws_target;

/* -EAFNOSUPPORT: not ws or wss at an IP address; -EINVAL: a name that no certificate can have. */
int p2p_ws_target_parse(const p2p_addr *addr, p2p_ws_target *ret);
void p2p_ws_target_done(p2p_ws_target *target);
