/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the network says of datagrams that were sent: ICMP's word that nobody is there, or that no way leads
 * there, with the address that each was sent to [ip(7), IP_RECVERR]. The kernel also makes each an error of
 * the next call to the socket, whoever's that is: quic_udp_send() and quic_udp_receive() try again.
 */

#include <errno.h>
#include <string.h>
#include <time.h>

#include <linux/errqueue.h> /* wants the one before */

#include "quic/udp-socket.h"
#include "transport/socket-error.h"

/* The kernel's record, and whom it blames. */
typedef union control {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6)) +
                      CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int))];
} control;

/* 0: of no use to a dial, as "too large". */
static int error_of(const struct sock_extended_err *e) {
        int error = p2p_socket_error((int) e->ee_errno);

        if (e->ee_origin != SO_EE_ORIGIN_ICMP && e->ee_origin != SO_EE_ORIGIN_ICMP6)
                return 0;
        return error == -ECONNREFUSED || error == -EHOSTUNREACH ? error : 0;
}

static int read_error(struct msghdr *m) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                struct sock_extended_err e;

                if ((c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR) &&
                    (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_RECVERR))
                        continue;
                memcpy(&e, CMSG_DATA(c), sizeof(e));
                return error_of(&e);
        }
        return 0;
}

unsigned quic_udp_receive_refusals(quic_udp *u, quic_refusal *ret) {
        unsigned n = 0;

        for (unsigned i = 0; i < QUIC_UDP_REFUSALS_MAX; i++) {
                quic_refusal refusal = {};
                control ctl;
                struct msghdr m = { .msg_name = &refusal.remote,
                                    .msg_namelen = sizeof(refusal.remote),
                                    .msg_control = &ctl,
                                    .msg_controllen = sizeof(ctl) };

                if (recvmsg(u->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
                        u->has_errors = false;
                        return n;
                }
                refusal.error = read_error(&m);
                if (refusal.error < 0)
                        ret[n++] = refusal;
        }
        return n;
}
