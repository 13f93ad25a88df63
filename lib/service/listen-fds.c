/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An fd belongs to the address that getsockname(2) and its type say, whatever its position or name: the
 * config of this program and the units of PID 1 are read at different times, and may differ. Only PID 1
 * shares these sockets, so their flags stay as they are set here. It clears O_NONBLOCK on what it passes.
 */

#include "service/listen-fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "service/journal.h"
#include "service/listen-socket.h"

typedef struct ListenFd {
        int fd;    /* -1: taken */
        int error; /* < 0: no address can be its own */
        ListenSocket socket;
} ListenFd;

struct ListenFds {
        unsigned n;
        ListenFd fds[];
};

static void look_at(ListenFd *l, int fd) {
        int flags = fcntl(fd, F_GETFL);

        *l = (ListenFd){ .fd = fd };
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                l->error = -errno;
        else
                l->error = listen_socket_of_fd(fd, &l->socket);
}

int listen_fds_new(ListenFds **ret) {
        ListenFds *fds;
        int n;

        n = sd_listen_fds(1);
        if (n < 0) {
                (void) log_warning_errno(n, "What systemd passed cannot be used: LISTEN_FDS: %m");
                n = 0;
        }
        fds = malloc(sizeof(*fds) + (unsigned) n * sizeof(fds->fds[0]));
        if (!fds)
                return -ENOMEM;
        fds->n = (unsigned) n;
        for (unsigned i = 0; i < fds->n; i++)
                look_at(&fds->fds[i], SD_LISTEN_FDS_START + (int) i);
        *ret = fds;
        return 0;
}

ListenFds *listen_fds_free(ListenFds *fds) {
        if (!fds)
                return NULL;
        for (unsigned i = 0; i < fds->n; i++)
                if (fds->fds[i].fd >= 0)
                        (void) close(fds->fds[i].fd);
        free(fds);
        return NULL;
}

static ListenFd *find(ListenFds *fds, const p2p_addr *addr) {
        ListenSocket wanted;

        if (listen_socket_of_addr(addr, &wanted) < 0)
                return NULL;
        for (unsigned i = 0; i < fds->n; i++)
                if (fds->fds[i].fd >= 0 && fds->fds[i].error >= 0 &&
                    listen_socket_equal(&fds->fds[i].socket, &wanted))
                        return &fds->fds[i];
        return NULL;
}

int listen_fds_listen(ListenFds *fds, p2p_host *host, const p2p_addr *addr) {
        ListenFd *l = find(fds, addr);
        int r;

        if (!l)
                return p2p_host_listen(host, addr);
        r = p2p_host_listen_fd(host, addr, l->fd);
        if (r < 0)
                return r;
        l->fd = -1;
        return 1;
}

static void report(const ListenFd *l, const char *unit) {
        char text[LISTEN_SOCKET_TEXT_MAX];

        if (l->error < 0)
                log_warning("systemd passed fd %d, which is not a listening IP socket that takes one of "
                            "IPv4 and IPv6: it is not "
                            "used; look for a wrong Listen line in: systemctl cat '%s*.socket'",
                            l->fd, unit);
        else
                log_warning("systemd holds %s %s, which no address of network: listen_addresses names: it "
                            "is not used; if the "
                            "config has changed: systemctl daemon-reload && systemctl restart %s; otherwise "
                            "look for its "
                            "Listen line in: systemctl cat '%s*.socket'",
                            l->socket.type == SOCK_STREAM ? "TCP" : "UDP",
                            listen_socket_format(&l->socket, text), unit, unit);
}

unsigned listen_fds_report(ListenFds *fds, const char *unit) {
        unsigned n = 0;

        for (unsigned i = 0; i < fds->n; i++)
                if (fds->fds[i].fd >= 0) {
                        report(&fds->fds[i], unit);
                        (void) close(TAKE_FD(fds->fds[i].fd));
                        n++;
                }
        return n;
}
