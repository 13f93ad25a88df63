/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Interfaces: the prefixes of those that are up, link-local ones aside.
 *
 * rtnetlink only says that something happened; what is true is read anew half a second later and compared,
 * so that a renewed lease or a statistic is no news, and a flock of changes is one.
 */

#include "io/network.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SETTLE_USEC (500 * USEC_PER_MSEC)
#define READS_MAX 64u /* of one turn */

typedef struct prefix {
        uint8_t family, bits;
        uint8_t ip[16];
} prefix;

struct p2p_network {
        p2p_task *changed; /* borrowed */
        int fd;            /* < 0: no news */
        p2p_watch *watch;
        p2p_timer settle;
        prefix prefixes[P2P_NETWORK_PREFIXES_MAX]; /* sorted */
        size_t n;
};

static size_t ip_of(const struct sockaddr *sa, uint8_t ret[static 16]) {
        if (sa->sa_family == AF_INET) {
                memcpy(ret, &((const struct sockaddr_in *) sa)->sin_addr, 4);
                return 4;
        }
        if (sa->sa_family != AF_INET6)
                return 0;
        memcpy(ret, &((const struct sockaddr_in6 *) sa)->sin6_addr, 16);
        return 16;
}

static int compare(const void *a, const void *b) {
        return memcmp(a, b, sizeof(prefix));
}

static unsigned count_bits(const uint8_t *mask, size_t n) {
        unsigned bits = 0;

        while (bits < n * 8 && mask[bits / 8] >> (7 - bits % 8) & 1)
                bits++;
        return bits;
}

static bool add_prefix(prefix *p, const struct ifaddrs *i) {
        uint8_t mask[16] = {};
        size_t n;

        if (!i->ifa_addr || !i->ifa_netmask || !(i->ifa_flags & IFF_UP) || !(i->ifa_flags & IFF_RUNNING))
                return false;
        *p = (prefix){ .family = (uint8_t) i->ifa_addr->sa_family };
        n = ip_of(i->ifa_addr, p->ip);
        /* link-local ones are of no use elsewhere */
        if (n == 0 || (n == 16 && p->ip[0] == 0xfe && (p->ip[1] & 0xc0) == 0x80))
                return false;
        p->bits = (uint8_t) (ip_of(i->ifa_netmask, mask) == n ? count_bits(mask, n) : n * 8);
        return true;
}

/* Returns whether it differs from what was known. */
static bool look(p2p_network *network) {
        prefix before[P2P_NETWORK_PREFIXES_MAX];
        size_t n_before = network->n;
        struct ifaddrs *all;

        if (getifaddrs(&all) < 0)
                return false;
        memcpy(before, network->prefixes, n_before * sizeof(prefix));
        network->n = 0;
        for (struct ifaddrs *i = all; i && network->n < P2P_NETWORK_PREFIXES_MAX; i = i->ifa_next)
                network->n += add_prefix(&network->prefixes[network->n], i);
        freeifaddrs(all);
        qsort(network->prefixes, network->n, sizeof(prefix), compare);
        return network->n != n_before || memcmp(before, network->prefixes, n_before * sizeof(prefix)) != 0;
}

static void on_settled(void *userdata) {
        p2p_network *network = userdata;

        if (look(network))
                p2p_task_post(network->changed);
}

/* What the messages say is not read: they may even have been lost (ENOBUFS). */
static void on_readable(unsigned events _unused_, void *userdata) {
        p2p_network *network = userdata;
        uint8_t buffer[4096];
        ssize_t n = 0;

        for (unsigned i = 0; i < READS_MAX && n >= 0; i++)
                n = recv(network->fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
                network->watch = p2p_watch_free(network->watch); /* it would never be quiet again */
        if (!p2p_timer_is_set(&network->settle))
                (void) p2p_timer_set(&network->settle, SETTLE_USEC);
}

static int listen_to_kernel(p2p_network *network, p2p_loop *loop) {
        struct sockaddr_nl sa = {
                .nl_family = AF_NETLINK,
                .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
        };

        network->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        if (network->fd < 0 || bind(network->fd, (struct sockaddr *) &sa, sizeof(sa)) < 0)
                return -errno;
        return p2p_watch_new(loop, network->fd, P2P_READABLE, on_readable, network, &network->watch);
}

int p2p_network_new(p2p_loop *loop, p2p_task *changed, p2p_network **ret) {
        _cleanup_(p2p_network_freep) p2p_network *network = NULL;
        int r;

        network = calloc(1, sizeof(*network));
        if (!network)
                return -ENOMEM;
        network->fd = -1;
        network->changed = changed;
        p2p_timer_init(&network->settle, loop, on_settled, network);
        r = listen_to_kernel(network, loop);
        if (r == -ENOMEM)
                return r;
        (void) look(network);
        *ret = TAKE_PTR(network);
        return 0;
}

p2p_network *p2p_network_free(p2p_network *network) {
        if (!network)
                return NULL;
        p2p_timer_stop(&network->settle);
        p2p_watch_free(network->watch);
        if (network->fd >= 0)
                (void) close(network->fd);
        free(network);
        return NULL;
}

static bool shares(const prefix *p, p2p_view ip) {
        unsigned whole = p->bits / 8, rest = p->bits % 8;

        if (ip.n != (p->family == AF_INET ? 4u : 16u) || memcmp(ip.data, p->ip, whole) != 0)
                return false;
        return rest == 0 || (ip.data[whole] ^ p->ip[whole]) >> (8 - rest) == 0;
}

bool p2p_network_is_near(p2p_network *network, const p2p_addr *addr) {
        p2p_addr_component c;

        if (!p2p_addr_component_at(addr, 0, &c) || (c.code != P2P_ADDR_IP4 && c.code != P2P_ADDR_IP6))
                return false;
        if (!network->watch)
                (void) look(network); /* what is known may be old */
        for (size_t i = 0; i < network->n; i++)
                if (shares(&network->prefixes[i], c.value))
                        return true;
        return false;
}
