/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the resolver share. */

#define CARES_NO_DEPRECATED /* what replaces ares_query() and ares_parse_txt_reply_ext() is not in Debian 12 */
#include <ares.h>

#include "transport/resolve.h"

struct p2p_resolver {
        p2p_loop *loop; /* borrowed */
        char *servers;
        ares_channel channel; /* NULL while nobody looks up */
        p2p_list sockets;     /* of the channel */
        p2p_timer timer;      /* the channel's next timeout */
        unsigned n_users;
};

/* A look-up begins and ends its use of the channel; the last one closes it. */
int resolver_acquire(p2p_resolver *resolver);
void resolver_release(p2p_resolver *resolver);
/* To be called after each new query. */
void resolver_update(p2p_resolver *resolver);

/* A text record's string, "dnsaddr=<multiaddr>". -ENOENT: it is about something else. -EBADMSG: not an
 * address. */
int dnsaddr_parse(p2p_view text, p2p_addr **ret);

/* Whether an address out of the records of `asked`, /dnsaddr/NAME/REST, ends in REST. */
bool dnsaddr_matches(const p2p_addr *asked, const p2p_addr *found);

/* Calls fn for each address in a reply, in order, while it returns true; the address is the callee's. */
typedef bool (*dnsaddr_fn)(p2p_addr *addr, void *userdata);
int dnsaddr_reply_parse(p2p_view reply, dnsaddr_fn fn, void *userdata);

/* The name in a dns* component as DNS knows it, with a prefix. -EINVAL: letters, digits, dots, hyphens and
 * underscores only. */
#define DNS_NAME_SIZE_MAX 254u /* with its NUL */
int dns_name(const char *prefix, p2p_view value, char ret[static DNS_NAME_SIZE_MAX]);

/* DNS/NAME/REST with the IP address in the place of its first component; of wss the name is kept as /sni. -EAFNOSUPPORT:
 * neither IPv4 nor IPv6. */
int dns_replace(const p2p_addr *asked, const struct sockaddr *sa, p2p_addr **ret);
