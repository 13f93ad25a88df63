/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which addresses are ours: what the listeners are bound to, wildcards expanded to the addresses of the
 * interfaces, and what was announced beside them (circuits). Loopback is told only where there is nothing
 * else.
 */

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "host/host-internal.h"

#define OWN_ADDRS_MAX 64u /* arbitrary: identify must stay below 4 KiB anyway */

typedef struct addr_list {
        p2p_addr **addrs;
        size_t n;
} addr_list;

/* Takes the address. */
static void list_add(addr_list *l, p2p_addr *addr) {
        for (size_t i = 0; i < l->n; i++)
                if (p2p_addr_equal(l->addrs[i], addr)) {
                        p2p_addr_free(addr);
                        return;
                }
        if (l->n < OWN_ADDRS_MAX)
                l->addrs[l->n++] = addr;
        else
                p2p_addr_free(addr);
}

static bool is_wildcard(const struct sockaddr_storage *sa) {
        if (sa->ss_family == AF_INET)
                return ((const struct sockaddr_in *) sa)->sin_addr.s_addr == INADDR_ANY;
        return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *) sa)->sin6_addr);
}

static bool is_link_local(const struct sockaddr *sa) {
        return sa->sa_family == AF_INET6 &&
               IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *) sa)->sin6_addr);
}

static void expand(addr_list *l, const p2p_addr *at, const struct sockaddr_storage *bound) {
        struct ifaddrs *all, *i;

        if (getifaddrs(&all) < 0)
                return;
        for (i = all; i; i = i->ifa_next) {
                struct sockaddr_storage sa = {};
                p2p_addr *addr;

                if (!i->ifa_addr || i->ifa_addr->sa_family != bound->ss_family ||
                    is_link_local(i->ifa_addr) || !(i->ifa_flags & IFF_UP))
                        continue;
                if (bound->ss_family == AF_INET) {
                        memcpy(&sa, i->ifa_addr, sizeof(struct sockaddr_in));
                        ((struct sockaddr_in *) &sa)->sin_port =
                                ((const struct sockaddr_in *) bound)->sin_port;
                } else {
                        memcpy(&sa, i->ifa_addr, sizeof(struct sockaddr_in6));
                        ((struct sockaddr_in6 *) &sa)->sin6_port =
                                ((const struct sockaddr_in6 *) bound)->sin6_port;
                }
                if (p2p_addr_with_socket(at, (struct sockaddr *) &sa, &addr) >= 0)
                        list_add(l, addr);
        }
        freeifaddrs(all);
}

static void add_listener(addr_list *l, const p2p_addr *addr) {
        struct sockaddr_storage sa;
        p2p_addr *copy;
        socklen_t n;

        if (p2p_addr_to_socket(addr, &sa, &n) >= 0 && is_wildcard(&sa))
                expand(l, addr, &sa);
        else if (p2p_addr_dup(addr, &copy) >= 0)
                list_add(l, copy);
}

static void drop_loopback(addr_list *l) {
        size_t kept = 0;
        bool other = false;

        for (size_t i = 0; i < l->n; i++)
                other |= !p2p_addr_is_loopback(l->addrs[i]);
        if (!other)
                return;
        for (size_t i = 0; i < l->n; i++)
                if (p2p_addr_is_loopback(l->addrs[i]))
                        p2p_addr_free(l->addrs[i]);
                else
                        l->addrs[kept++] = l->addrs[i];
        l->n = kept;
}

int p2p_host_own_addrs(p2p_host *host, p2p_addr ***ret, size_t *ret_n) {
        addr_list l = {};
        announced *set;

        l.addrs = calloc(OWN_ADDRS_MAX, sizeof(*l.addrs));
        if (!l.addrs)
                return -ENOMEM;
        for (unsigned i = 0; i < host->n_listeners; i++)
                add_listener(&l, p2p_host_listen_addr(host, i));
        drop_loopback(&l);
        P2P_LIST_FOREACH(set, &host->announced, announced, sets)
                for (size_t i = 0; i < set->n; i++) {
                        p2p_addr *copy;

                        if (p2p_addr_dup(set->addrs[i], &copy) >= 0)
                                list_add(&l, copy);
                }
        *ret = l.addrs;
        *ret_n = l.n;
        return 0;
}

static announced *announced_free(announced *set) {
        if (!set)
                return NULL;
        for (size_t i = 0; i < set->n; i++)
                p2p_addr_free(set->addrs[i]);
        free(set->addrs);
        p2p_list_unlink(&set->sets);
        free(set);
        return NULL;
}

void announced_free_all(p2p_host *host) {
        announced *set;

        P2P_LIST_FOREACH(set, &host->announced, announced, sets)
                announced_free(set);
}

static int announced_new(const void *owner, p2p_addr *const *addrs, size_t n, announced **ret) {
        announced *set = calloc(1, sizeof(*set));
        int r;

        if (!set)
                return -ENOMEM;
        set->owner = owner;
        p2p_list_init(&set->sets);
        set->addrs = calloc(n, sizeof(*set->addrs));
        if (!set->addrs) {
                announced_free(set);
                return -ENOMEM;
        }
        for (; set->n < n; set->n++) {
                r = p2p_addr_dup(addrs[set->n], &set->addrs[set->n]);
                if (r < 0) {
                        announced_free(set);
                        return r;
                }
        }
        *ret = set;
        return 0;
}

static bool same(const announced *set, p2p_addr *const *addrs, size_t n) {
        if (!set || set->n != n)
                return !set && n == 0;
        for (size_t i = 0; i < n; i++)
                if (!p2p_addr_equal(set->addrs[i], addrs[i]))
                        return false;
        return true;
}

int p2p_host_announce(p2p_host *host, const void *owner, p2p_addr *const *addrs, size_t n) {
        announced *set, *old = NULL, *fresh = NULL;
        int r;

        P2P_LIST_FOREACH(set, &host->announced, announced, sets)
                if (set->owner == owner)
                        old = set;
        if (same(old, addrs, n))
                return 0;
        if (n > 0) {
                r = announced_new(owner, addrs, n, &fresh);
                if (r < 0)
                        return r;
                p2p_list_append(&host->announced, &fresh->sets);
        }
        announced_free(old);
        p2p_task_post(&host->changed);
        return 0;
}
