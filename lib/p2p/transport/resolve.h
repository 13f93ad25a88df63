/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One-shot operations here free themselves before `done` runs: forget the handle there, do not free it
 * (loop.h). */

/* dns, dns4, dns6 and dnsaddr addresses into ones that can be dialled, through c-ares [multiaddr spec; wire
 * reference 1]. */

#include <p2p/addr.h>
#include <p2p/loop.h>

#define P2P_RESOLVE_DEPTH_MAX 4u   /* dnsaddr within dnsaddr, as go-libp2p */
#define P2P_RESOLVE_ADDRS_MAX 100u /* of one look-up, as go-libp2p */
#define P2P_RESOLVE_LOOKUPS_MAX 32u /* arbitrary: names that one look-up asks for, however its answers branch */
#define P2P_RESOLVE_TIMEOUT_USEC (5 * USEC_PER_SEC) /* what was found by then is the answer */

typedef struct p2p_resolver p2p_resolver;
typedef struct p2p_resolve p2p_resolve;

/* servers: "ip:port,..." instead of the system's, for tests; may be NULL. */
int p2p_resolver_new(p2p_loop *loop, const char *servers, p2p_resolver **ret);
p2p_resolver *p2p_resolver_free(p2p_resolver *resolver); /* after its look-ups */
P2P_CLEANUP(p2p_resolver, p2p_resolver_free);

/* addrs and the array are the callee's when n > 0; error is 0 then. An address that needs no look-up comes
 * back as it is. dnsaddr results are kept only if they end in /p2p/peer, where `peer` is given. -ENOENT: no
 * such name or no such record; -ETIMEDOUT; -EHOSTUNREACH: the servers fail or refuse; -EMSGSIZE: only names
 * beyond the limits. */
typedef void (*p2p_resolve_fn)(p2p_addr **addrs, size_t n, int error, void *userdata);
int p2p_resolve_new(p2p_resolver *resolver, const p2p_addr *addr, const p2p_peer_id *peer,
                    p2p_resolve_fn done, void *userdata, p2p_resolve **ret);
p2p_resolve *p2p_resolve_free(p2p_resolve *resolve);
P2P_CLEANUP(p2p_resolve, p2p_resolve_free);
