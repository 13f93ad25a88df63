/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Multiaddrs and socket addresses: the host and port that an address begins with, and what becomes of it at another. */

#include <errno.h>

#include "wire/addr-object.h"
#include "wire/writer.h"

int p2p_addr_to_socket(const p2p_addr *addr, struct sockaddr_storage *ret, socklen_t *ret_size) {
        struct sockaddr_storage sa = {};
        struct sockaddr_in *in = (struct sockaddr_in *) &sa;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) &sa;
        p2p_addr_component ip, port;

        if (!p2p_addr_component_at(addr, 0, &ip) || !p2p_addr_component_at(addr, 1, &port) ||
            (port.code != P2P_ADDR_TCP && port.code != P2P_ADDR_UDP))
                return -EAFNOSUPPORT;

        if (ip.code == P2P_ADDR_IP4) {
                in->sin_family = AF_INET;
                memcpy(&in->sin_addr, ip.value.data, sizeof(in->sin_addr));
                memcpy(&in->sin_port, port.value.data, sizeof(in->sin_port));
                *ret_size = sizeof(*in);
        } else if (ip.code == P2P_ADDR_IP6) {
                in6->sin6_family = AF_INET6;
                memcpy(&in6->sin6_addr, ip.value.data, sizeof(in6->sin6_addr));
                memcpy(&in6->sin6_port, port.value.data, sizeof(in6->sin6_port));
                *ret_size = sizeof(*in6);
        } else
                return -EAFNOSUPPORT;

        *ret = sa;
        return 0;
}

int p2p_addr_to_tcp(const p2p_addr *addr, struct sockaddr_storage *ret, socklen_t *ret_size) {
        if (p2p_addr_stack(addr) != P2P_STACK_TCP)
                return -EAFNOSUPPORT;
        return p2p_addr_to_socket(addr, ret, ret_size);
}

/* ip / tcp|udp port, and the bytes that follow. */
static int make(unsigned code, p2p_view ip, unsigned port_code, p2p_view port, p2p_view tail, p2p_addr **ret) {
        uint8_t buf[P2P_ADDR_SIZE_MAX];
        p2p_writer out = P2P_WRITER(buf, sizeof(buf));

        p2p_write_uvarint(&out, code);
        p2p_write_bytes(&out, ip);
        p2p_write_uvarint(&out, port_code);
        p2p_write_bytes(&out, port);
        p2p_write_bytes(&out, tail);
        if (out.error < 0)
                return -EMSGSIZE;
        return p2p_addr_decode(P2P_VIEW(buf, out.n), ret);
}

static int from_socket(const struct sockaddr *sa, unsigned port_code, p2p_view tail, p2p_addr **ret) {
        struct sockaddr_in6 in6;
        struct sockaddr_in in;
        p2p_view ip, port;

        if (sa->sa_family == AF_INET) {
                memcpy(&in, sa, sizeof(in));
                return make(P2P_ADDR_IP4, P2P_VIEW(&in.sin_addr, 4), port_code, P2P_VIEW(&in.sin_port, 2), tail, ret);
        }
        if (sa->sa_family != AF_INET6)
                return -EAFNOSUPPORT;

        memcpy(&in6, sa, sizeof(in6));
        ip = P2P_VIEW(&in6.sin6_addr, 16);
        port = P2P_VIEW(&in6.sin6_port, 2);
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
                return make(P2P_ADDR_IP4, P2P_VIEW(ip.data + 12, 4), port_code, port, tail, ret);
        return make(P2P_ADDR_IP6, ip, port_code, port, tail, ret);
}

int p2p_addr_with_socket(const p2p_addr *addr, const struct sockaddr *sa, p2p_addr **ret) {
        p2p_view all = p2p_addr_view(addr);
        size_t head = p2p_addr_head(addr, 2).n;
        unsigned port_code = p2p_addr_code_at(addr, 1);

        if (port_code != P2P_ADDR_TCP && port_code != P2P_ADDR_UDP)
                return -EAFNOSUPPORT;
        return from_socket(sa, port_code, P2P_VIEW(all.data + head, all.n - head), ret);
}

int p2p_addr_from_tcp(const struct sockaddr *sa, p2p_addr **ret) {
        return from_socket(sa, P2P_ADDR_TCP, (p2p_view){}, ret);
}

bool p2p_addr_needs_dns(const p2p_addr *addr) {
        switch (p2p_addr_code_at(addr, 0)) {
        case P2P_ADDR_DNSADDR:
                return true;
        case P2P_ADDR_DNS:
        case P2P_ADDR_DNS4:
        case P2P_ADDR_DNS6: {
                p2p_stack stack = p2p_addr_stack(addr);

                return stack != P2P_STACK_OTHER && stack != P2P_STACK_CIRCUIT;
        }
        default:
                return false;
        }
}
