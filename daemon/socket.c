/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Local sockets, our own and passed ones.
 *
 * A passed fd is hostile (architecture.md 5): its sender keeps a duplicate and may change flags at any time.
 * So its kind is checked once (that cannot change), and nothing here trusts O_NONBLOCK: readers and writers
 * pass MSG_DONTWAIT; accept(2) knows no such flag, what bounds it is SO_RCVTIMEO. A reset is
 * connect(AF_UNSPEC), because SO_LINGER does nothing while a duplicate lives.
 *
 * A process that is killed must not look like one that was done: what it leaves half-sent would pass for the
 * whole. So sockets linger for no time while they are in use, which makes the kernel reset them, until
 * socket_close() ends them well.
 */

#include "daemon/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <p2p/congestion.h>
#include <p2p/macro.h>

#include "service/utf8.h"

typedef union SocketName {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_storage storage;
} SocketName;

static int get_option(int fd, int option, int *ret) {
        socklen_t n = sizeof(*ret);

        return getsockopt(fd, SOL_SOCKET, option, ret, &n) < 0 ? -errno : 0;
}

/* 1: it listens, 0: it does not. */
static int check_stream(int fd) {
        int type, domain, protocol, listening;

        if (get_option(fd, SO_TYPE, &type) < 0 || get_option(fd, SO_DOMAIN, &domain) < 0 ||
            get_option(fd, SO_PROTOCOL, &protocol) < 0 || get_option(fd, SO_ACCEPTCONN, &listening) < 0)
                return -EINVAL; /* no socket at all */
        if (type != SOCK_STREAM)
                return -EINVAL;
        if (domain == AF_UNIX)
                return listening != 0;
        if ((domain == AF_INET || domain == AF_INET6) && protocol == IPPROTO_TCP)
                return listening != 0;
        return -EINVAL;
}

int socket_check_connected(int fd) {
        SocketName peer;
        socklen_t n = sizeof(peer);
        int r;

        r = check_stream(fd);
        if (r < 0)
                return r;
        if (r > 0)
                return -EINVAL;
        return getpeername(fd, &peer.sa, &n) < 0 ? -ENOTCONN : 0;
}

int socket_check_listening(int fd) {
        int r;

        r = check_stream(fd);
        if (r < 0)
                return r;
        return r > 0 ? 0 : -EINVAL;
}

void socket_prepare_listener(int fd) {
        static const struct timeval patience = { .tv_usec = SOCKET_ACCEPT_USEC };

        (void) fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

int socket_accept(int fd) {
        int r = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        return r < 0 ? -errno : r;
}

static bool is_tcp(int fd) {
        int domain;

        return get_option(fd, SO_DOMAIN, &domain) >= 0 && domain != AF_UNIX;
}

static void set_linger(int fd, bool reset_at_close) {
        const struct linger linger = { .l_onoff = reset_at_close };

        (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void socket_tune(int fd) {
        static const int on = 1, idle = 15; /* seconds, as Go's sockets [protocols.md 2.2] */

        if (!is_tcp(fd))
                return;
        p2p_congestion_defer(fd);
        set_linger(fd, true);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof(idle));
}

void socket_settle(int fd) {
        if (is_tcp(fd))
                p2p_congestion_settle(fd);
}

void socket_reset(int fd) {
        static const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

        if (is_tcp(fd)) {
                /* The linger is for kernels that refuse to disconnect a socket somebody waits on. */
                set_linger(fd, true);
                (void) connect(fd, &nowhere, sizeof(nowhere));
        } else
                (void) shutdown(fd, SHUT_RDWR);
        (void) close(fd);
}

void socket_close(int fd) {
        if (is_tcp(fd))
                set_linger(fd, false);
        (void) close(fd);
}

int socket_take_error(int fd) {
        int error;

        if (get_option(fd, SO_ERROR, &error) < 0)
                return -errno;
        return -error;
}

/* A path is its owner's choice, and ends in the journal and on the bus. */
static void format_path(const char *path, size_t n, char name[static SOCKET_NAME_MAX]) {
        size_t out = 0;

        for (size_t i = 0; i < n && path[i] != '\0';) {
                size_t k = utf8_printable(path + i, n - i);

                if (out + P2P_MAX(k, (size_t) 1) >= SOCKET_NAME_MAX)
                        break;
                if (k > 0)
                        memcpy(name + out, path + i, k);
                else
                        name[out] = '?';
                k = P2P_MAX(k, (size_t) 1);
                out += k;
                i += k;
        }
        name[out] = '\0';
}

const char *socket_format_name(int fd, char name[static SOCKET_NAME_MAX]) {
        SocketName local = { .storage = { .ss_family = AF_UNSPEC } };
        socklen_t n = sizeof(local);
        char ip[INET6_ADDRSTRLEN];

        name[0] = '\0';
        if (getsockname(fd, &local.sa, &n) < 0)
                return name;
        switch (local.sa.sa_family) {
        case AF_INET:
                (void) inet_ntop(AF_INET, &local.in.sin_addr, ip, sizeof(ip));
                (void) snprintf(name, SOCKET_NAME_MAX, "%s:%u", ip, ntohs(local.in.sin_port));
                break;
        case AF_INET6:
                (void) inet_ntop(AF_INET6, &local.in6.sin6_addr, ip, sizeof(ip));
                (void) snprintf(name, SOCKET_NAME_MAX, "[%s]:%u", ip, ntohs(local.in6.sin6_port));
                break;
        case AF_UNIX: {
                size_t path = n > offsetof(struct sockaddr_un, sun_path)
                                      ? n - offsetof(struct sockaddr_un, sun_path)
                                      : 0;

                if (path > 0 && local.un.sun_path[0] == '\0')
                        local.un.sun_path[0] = '@';
                format_path(local.un.sun_path, path, name);
                break;
        }
        }
        return name;
}
