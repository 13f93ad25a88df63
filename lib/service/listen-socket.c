/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A multiaddr names a stack; a socket is its lowest part: type, IP and port. The generator prints that part,
 * and a program finds the fd of an address by it. A stack that we lack has no socket: nothing is held that
 * nobody serves.
 */

#include "service/listen-socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

typedef union SocketName {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_storage storage;
} SocketName;

static int take_name(const SocketName *name, ListenSocket *s) {
        if (name->sa.sa_family == AF_INET) {
                s->ip.s6_addr[10] = s->ip.s6_addr[11] = 0xff;
                memcpy(s->ip.s6_addr + 12, &name->in.sin_addr, 4);
                s->port = ntohs(name->in.sin_port);
        } else if (name->sa.sa_family == AF_INET6) {
                s->ip = name->in6.sin6_addr;
                s->port = ntohs(name->in6.sin6_port);
        } else
                return -EINVAL;
        return 0;
}

int listen_socket_of_addr(const p2p_addr *addr, ListenSocket *ret) {
        ListenSocket s = { .type = SOCK_STREAM };
        SocketName name = {};
        socklen_t n;

        switch (p2p_addr_stack(addr)) {
        case P2P_STACK_QUIC:
                s.type = SOCK_DGRAM;
                break;
        case P2P_STACK_TCP:
        case P2P_STACK_WS:
        case P2P_STACK_WSS:
                break;
        default:
                return -EAFNOSUPPORT;
        }
        if (p2p_addr_to_socket(addr, &name.storage, &n) < 0 || take_name(&name, &s) < 0)
                return -EAFNOSUPPORT;
        *ret = s;
        return 0;
}

static int get_option(int fd, int level, int option) {
        socklen_t n = sizeof(int);
        int value;

        return getsockopt(fd, level, option, &value, &n) < 0 ? -errno : value;
}

/* SOCK_STREAM that listens, SOCK_DGRAM. */
static int type_of(int fd) {
        int type = get_option(fd, SOL_SOCKET, SO_TYPE), protocol = get_option(fd, SOL_SOCKET, SO_PROTOCOL);

        if (type == -ENOTSOCK || type == -EBADF)
                return -ENOTSOCK;
        if (type == SOCK_STREAM && protocol == IPPROTO_TCP && get_option(fd, SOL_SOCKET, SO_ACCEPTCONN) > 0)
                return type;
        if (type == SOCK_DGRAM && protocol == IPPROTO_UDP)
                return type;
        return -EINVAL;
}

int listen_socket_of_fd(int fd, ListenSocket *ret) {
        SocketName name = {};
        socklen_t n = sizeof(name);
        ListenSocket s = {};

        s.type = type_of(fd);
        if (s.type < 0)
                return s.type;
        if (getsockname(fd, &name.sa, &n) < 0)
                return -errno;
        if (take_name(&name, &s) < 0 || s.port == 0)
                return -EINVAL;
        if (name.sa.sa_family == AF_INET6 && get_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) <= 0)
                return -EINVAL;
        *ret = s;
        return 0;
}

static bool is_v4(const ListenSocket *s) {
        return IN6_IS_ADDR_V4MAPPED(&s->ip);
}

bool listen_socket_equal(const ListenSocket *a, const ListenSocket *b) {
        return a->type == b->type && a->port == b->port && IN6_ARE_ADDR_EQUAL(&a->ip, &b->ip);
}

bool listen_socket_covers(const ListenSocket *a, const ListenSocket *b) {
        static const uint8_t nowhere[4];
        bool any = is_v4(a) ? memcmp(a->ip.s6_addr + 12, nowhere, 4) == 0 : IN6_IS_ADDR_UNSPECIFIED(&a->ip);

        return listen_socket_equal(a, b) ||
               (any && a->type == b->type && a->port == b->port && is_v4(a) == is_v4(b));
}

const char *listen_socket_format(const ListenSocket *s, char text[static LISTEN_SOCKET_TEXT_MAX]) {
        char ip[INET6_ADDRSTRLEN];

        if (is_v4(s)) {
                (void) inet_ntop(AF_INET, s->ip.s6_addr + 12, ip, sizeof(ip));
                (void) snprintf(text, LISTEN_SOCKET_TEXT_MAX, "%s:%u", ip, s->port);
        } else {
                (void) inet_ntop(AF_INET6, &s->ip, ip, sizeof(ip));
                (void) snprintf(text, LISTEN_SOCKET_TEXT_MAX, "[%s]:%u", ip, s->port);
        }
        return text;
}
