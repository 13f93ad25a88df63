/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A host name to socket addresses, as the system resolves it (files, DNS, whatever nsswitch.conf says). */

#include <netinet/in.h>
#include <sys/socket.h>

#include <p2p/loop.h>

#define LOOKUP_ADDRESSES_MAX 8u

typedef union LookupAddress {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
} LookupAddress;

typedef struct Lookup Lookup;

/* addresses are lent for the call; n is 0 on errors: -EHOSTUNREACH no such name, -EAGAIN the resolver did
 * not answer. */
typedef void (*LookupDone)(const LookupAddress *addresses, unsigned n, int error, void *userdata);

/* One thread a name at a time, whoever asks. */
int lookup_new(p2p_loop *loop, const char *host, uint16_t port, LookupDone done, void *userdata,
               Lookup **ret);
Lookup *lookup_free(Lookup *lookup);
P2P_CLEANUP(Lookup, lookup_free);
