/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * UDP in bulk. A system call moves up to 64 KiB: the kernel joins datagrams of a flow on their way in
 * (UDP_GRO) and cuts them on their way out (UDP_SEGMENT). Where a path cannot do the latter it says EIO or
 * EINVAL, and the same datagrams go out in one sendmmsg(2). Everything else that sending may answer is a
 * datagram lost, which QUIC mends: no error of one path may disturb the socket that all share. Only a source
 * address that is gone is told apart, since the connection has to move; and as what ICMP says of an earlier
 * datagram is the kernel's answer to any call, a call is made twice before its error is believed.
 */

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include <p2p/macro.h>

#include "quic/udp-socket.h"
#include "transport/socket-error.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO 104
#endif

#define ECN_MASK 3
#define ERRORS_MAX 16u /* skipped in a call */

/* Room for the ECN mark, the address, and the size of segments. */
typedef union control {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo)) +
                      CMSG_SPACE(sizeof(int))];
} control;

socklen_t quic_address_size(const quic_address *a) {
        return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

bool quic_address_equal(const quic_address *a, const quic_address *b) {
        if (a->sa.sa_family != b->sa.sa_family)
                return false;
        if (a->sa.sa_family == AF_INET)
                return a->in.sin_port == b->in.sin_port && a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
        return a->in6.sin6_port == b->in6.sin6_port &&
               memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
}

bool quic_address_same_prefix(const quic_address *a, const quic_address *b) {
        if (a->sa.sa_family != b->sa.sa_family)
                return false;
        if (a->sa.sa_family == AF_INET)
                return ((a->in.sin_addr.s_addr ^ b->in.sin_addr.s_addr) & htonl(0xffffff00)) == 0;
        return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 7) == 0;
}

bool quic_address_is_wildcard(const quic_address *a) {
        return a->sa.sa_family == AF_INET ? a->in.sin_addr.s_addr == htonl(INADDR_ANY)
                                          : IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

int quic_address_source(const quic_address *remote, quic_address *ret) {
        quic_address a = {};
        socklen_t n = sizeof(a);
        int fd, r = 0;

        fd = socket(remote->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return p2p_socket_error(errno);
        if (connect(fd, &remote->sa, quic_address_size(remote)) < 0 || getsockname(fd, &a.sa, &n) < 0)
                r = p2p_socket_error(errno);
        close(fd);
        if (r < 0)
                return r;

        if (a.sa.sa_family == AF_INET)
                a.in.sin_port = 0;
        else
                a.in6.sin6_port = 0;
        *ret = a;
        return 0;
}

/* ---- the socket */

int quic_udp_open(const quic_address *bind_to, int *ret_fd) {
        const int one = 1;
        int fd, r;

        fd = socket(bind_to->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if ((bind_to->sa.sa_family == AF_INET6 &&
             setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0) ||
            bind(fd, &bind_to->sa, quic_address_size(bind_to)) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

/* PID 1 may have given it more than we may ask for. */
static void enlarge(int fd, int option) {
        int have = 0, want = QUIC_UDP_BUFFER;
        socklen_t n = sizeof(have);

        if (getsockopt(fd, SOL_SOCKET, option, &have, &n) == 0 && have / 2 < want)
                (void) setsockopt(fd, SOL_SOCKET, option, &want, sizeof(want));
}

int quic_udp_init(quic_udp *u, int fd) {
        const int one = 1, probe4 = IP_PMTUDISC_PROBE, probe6 = IPV6_PMTUDISC_PROBE;
        quic_address bound = {};
        socklen_t n = sizeof(bound), n_type = sizeof(int);
        int type = 0;

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n_type) < 0 || type != SOCK_DGRAM)
                return -EINVAL;
        if (getsockname(fd, &bound.sa, &n) < 0)
                return -errno;
        if (bound.sa.sa_family == AF_INET) {
                if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) < 0)
                        return -errno;
                (void) setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &one, sizeof(one));
                (void) setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
                (void) setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe4, sizeof(probe4));
        } else if (bound.sa.sa_family == AF_INET6) {
                if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) < 0)
                        return -errno;
                (void) setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &one, sizeof(one));
                (void) setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one));
                (void) setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe6, sizeof(probe6));
        } else
                return -EINVAL;
        (void) setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof(one));
        enlarge(fd, SO_RCVBUF);
        enlarge(fd, SO_SNDBUF);

        *u = (quic_udp) { .fd = fd, .bound = bound };
        return 0;
}

/* ---- receiving */

static void read_control(struct msghdr *m, quic_arrival *a) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                struct in6_pktinfo info6;
                struct in_pktinfo info4;
                int value = 0;

                if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                        memcpy(&info4, CMSG_DATA(c), sizeof(info4));
                        a->local.in.sin_addr = info4.ipi_addr;
                } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
                        memcpy(&info6, CMSG_DATA(c), sizeof(info6));
                        a->local.in6.sin6_addr = info6.ipi6_addr;
                        if (IN6_IS_ADDR_LINKLOCAL(&info6.ipi6_addr))
                                a->local.in6.sin6_scope_id = info6.ipi6_ifindex;
                } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
                        a->ecn = *CMSG_DATA(c) & ECN_MASK; /* one byte here, an int for IPv6 */
                else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
                        memcpy(&value, CMSG_DATA(c), sizeof(value));
                        a->ecn = (uint8_t) (value & ECN_MASK);
                } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
                        memcpy(&value, CMSG_DATA(c), sizeof(value));
                        a->segment = value > 0 ? (size_t) value : 0;
                }
        }
}

unsigned quic_udp_receive(quic_udp *u, uint8_t *scratch, quic_arrival *arrivals) {
        struct mmsghdr messages[QUIC_UDP_MESSAGES] = {};
        struct iovec iov[QUIC_UDP_MESSAGES];
        control controls[QUIC_UDP_MESSAGES];
        int n;

        for (unsigned i = 0; i < QUIC_UDP_MESSAGES; i++) {
                arrivals[i] = (quic_arrival) { .local = u->bound };
                iov[i] = (struct iovec) { scratch + i * QUIC_UDP_DATAGRAM_MAX, QUIC_UDP_DATAGRAM_MAX };
                messages[i].msg_hdr = (struct msghdr) {
                        .msg_name = &arrivals[i].remote,
                        .msg_namelen = sizeof(arrivals[i].remote),
                        .msg_iov = &iov[i],
                        .msg_iovlen = 1,
                        .msg_control = &controls[i],
                        .msg_controllen = sizeof(controls[i]),
                };
        }
        n = recvmmsg(u->fd, messages, QUIC_UDP_MESSAGES, MSG_DONTWAIT, NULL);
        if (n < 0) /* it was woken for something: the error, or none that is left to be told */
                u->has_errors = true;
        for (unsigned i = 0; n < 0 && i < ERRORS_MAX && errno != EAGAIN; i++)
                n = recvmmsg(u->fd, messages, QUIC_UDP_MESSAGES, MSG_DONTWAIT, NULL);

        for (int i = 0; i < n; i++) {
                read_control(&messages[i].msg_hdr, &arrivals[i]);
                arrivals[i].bytes = P2P_VIEW(iov[i].iov_base, messages[i].msg_len);
                if (arrivals[i].segment == 0)
                        arrivals[i].segment = messages[i].msg_len;
        }
        return n > 0 ? (unsigned) n : 0;
}

/* ---- sending */

static void add_control(struct msghdr *m, int level, int type, const void *data, size_t n) {
        struct cmsghdr *c = (struct cmsghdr *) ((uint8_t *) m->msg_control + m->msg_controllen);

        c->cmsg_level = level;
        c->cmsg_type = type;
        c->cmsg_len = CMSG_LEN(n);
        memcpy(CMSG_DATA(c), data, n);
        m->msg_controllen += CMSG_SPACE(n);
}

static void write_control(struct msghdr *m, const quic_batch *b, control *ctl, bool segmented) {
        const bool v6 = b->remote.sa.sa_family == AF_INET6;
        const uint16_t segment = (uint16_t) b->segment;
        const int tos = b->ecn;

        memset(ctl, 0, sizeof(*ctl));
        m->msg_control = ctl;
        m->msg_controllen = 0;
        if (tos != 0)
                add_control(m, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, &tos, sizeof(tos));
        if (b->local.sa.sa_family == b->remote.sa.sa_family && !quic_address_is_wildcard(&b->local)) {
                struct in6_pktinfo info6 = { .ipi6_addr = b->local.in6.sin6_addr,
                                             .ipi6_ifindex = b->local.in6.sin6_scope_id };
                struct in_pktinfo info4 = { .ipi_spec_dst = b->local.in.sin_addr };

                if (v6)
                        add_control(m, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
                else
                        add_control(m, IPPROTO_IP, IP_PKTINFO, &info4, sizeof(info4));
        }
        if (segmented)
                add_control(m, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
        if (m->msg_controllen == 0)
                m->msg_control = NULL;
}

static bool is_source_gone(int error) {
        return error == EADDRNOTAVAIL || error == EINVAL || error == ENETUNREACH || error == EHOSTUNREACH ||
               error == ENODEV || error == ENETDOWN;
}

static int send_segmented(quic_udp *u, quic_batch *b) {
        struct iovec iov = { (void *) b->bytes.data, b->bytes.n };
        struct msghdr m = { .msg_name = &b->remote,
                            .msg_namelen = quic_address_size(&b->remote),
                            .msg_iov = &iov,
                            .msg_iovlen = 1 };
        control ctl;

        write_control(&m, b, &ctl, true);
        if (sendmsg(u->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != ENOBUFS)
                return -errno;
        b->bytes.n = 0; /* ENOBUFS: the line is full, and where it cut them up some may have gone */
        return 0;
}

static void drop_front(quic_batch *b, size_t n) {
        n = P2P_MIN(n, b->bytes.n);
        b->bytes = P2P_VIEW(b->bytes.data + n, b->bytes.n - n);
}

static int send_singly(quic_udp *u, quic_batch *b) {
        struct mmsghdr messages[QUIC_UDP_SEGMENTS_MAX] = {};
        struct iovec iov[QUIC_UDP_SEGMENTS_MAX];
        struct msghdr m = { .msg_name = &b->remote,
                            .msg_namelen = quic_address_size(&b->remote),
                            .msg_iovlen = 1 };
        unsigned n = 0;
        control ctl;
        int r;

        write_control(&m, b, &ctl, false);
        for (size_t at = 0; at < b->bytes.n && n < QUIC_UDP_SEGMENTS_MAX; at += b->segment, n++) {
                iov[n] = (struct iovec){ (void *) (b->bytes.data + at),
                                         P2P_MIN(b->segment, b->bytes.n - at) };
                messages[n].msg_hdr = m;
                messages[n].msg_hdr.msg_iov = &iov[n];
        }
        r = n == 1 ? (sendmsg(u->fd, &messages[0].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 1)
                   : sendmmsg(u->fd, messages, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (r < 0)
                return -errno;
        drop_front(b, (size_t) r * b->segment);
        return 0;
}

static int send_some(quic_udp *u, quic_batch *b, bool *no_gso) {
        int r = -EIO;

        if (b->bytes.n > b->segment && !*no_gso) {
                r = send_segmented(u, b);
                *no_gso = r == -EIO || r == -EINVAL;
        }
        if (r == -EIO || r == -EINVAL || r == -EMSGSIZE)
                r = send_singly(u, b);
        return r;
}

int quic_udp_send(quic_udp *u, quic_batch *b, bool *no_gso) {
        bool is_again = false;

        while (b->bytes.n > 0) {
                int r = send_some(u, b, no_gso);

                if (r == -EAGAIN)
                        return -EAGAIN;
                if (r < 0 && r != -ENOBUFS && !is_again) {
                        is_again = u->has_errors = true;
                        continue;
                }
                if (r < 0 && is_source_gone(-r))
                        return -EADDRNOTAVAIL;
                if (r < 0) /* EMSGSIZE, EPERM, ECONNREFUSED and the like: this datagram is lost */
                        drop_front(b, b->segment);
        }
        return 0;
}
