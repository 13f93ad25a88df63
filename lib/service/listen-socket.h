/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which socket a listen address asks for, and which one an fd is. Pure, but for getsockname(2). */

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <p2p/addr.h>

typedef struct ListenSocket {
        int type;           /* SOCK_STREAM, SOCK_DGRAM */
        struct in6_addr ip; /* IPv4 as ::ffff:a.b.c.d: the two never meet, as sockets are v6only */
        uint16_t port;      /* 0: any */
} ListenSocket;

#define LISTEN_SOCKET_TEXT_MAX 64u

/* -EAFNOSUPPORT: of a stack that has no listening socket, or a name. */
int listen_socket_of_addr(const p2p_addr *addr, ListenSocket *ret);
/* -ENOTSOCK: no socket. -EINVAL: not bound to an IP address and port, not TCP or UDP, TCP that does not
 * listen, or IPv6 that takes IPv4 too. */
int listen_socket_of_fd(int fd, ListenSocket *ret);

bool listen_socket_equal(const ListenSocket *a, const ListenSocket *b);
/* Equal, or a is the wildcard of b's family, type and port: the two cannot both be bound. */
bool listen_socket_covers(const ListenSocket *a, const ListenSocket *b);
/* "0.0.0.0:7777", "[::1]:443": what ListenStream= takes. Returns `text`. */
const char *listen_socket_format(const ListenSocket *socket, char text[static LISTEN_SOCKET_TEXT_MAX]);
