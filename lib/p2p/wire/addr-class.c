/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Public or private, as go-libp2p's manet judges: by the first component (behind a zone), from prefixes that
 * are data here. What is in neither table is neither: documentation and multicast ranges for instance [wire
 * reference 1, "Public or not"].
 */

#include <p2p/macro.h>

#include "wire/addr-object.h"

struct prefix {
        uint8_t bits;
        uint8_t ip[16];
};

static const struct prefix private4[] = {
        { 8, { 10 } },        { 10, { 100, 64 } }, { 8, { 127 } },
        { 16, { 169, 254 } }, { 12, { 172, 16 } }, { 16, { 192, 168 } },
};
static const struct prefix unroutable4[] = {
        { 8, { 0 } },        { 26, { 192, 0, 0 } },    { 24, { 192, 0, 2 } },   { 24, { 192, 88, 99 } },
        { 15, { 198, 18 } }, { 24, { 198, 51, 100 } }, { 24, { 203, 0, 113 } }, { 4, { 224 } },
        { 4, { 240 } },
};
static const struct prefix private6[] = {
        { 128, { [15] = 1 } },
        { 7, { 0xfc } },
        { 10, { 0xfe, 0x80 } },
};
static const struct prefix public6[] = {
        { 3, { 0x20 } },
        { 96, { 0, 0x64, 0xff, 0x9b } },       /* RFC 6052 */
        { 48, { 0, 0x64, 0xff, 0x9b, 0, 1 } }, /* RFC 8215 */
};
static const struct prefix unroutable6[] = {
        { 32, { 0x20, 0x01, 0x0d, 0xb8 } },
};
static const struct prefix loopback[] = {
        { 8, { 127 } },
        { 128, { [15] = 1 } },
        { 104, { [10] = 0xff, [11] = 0xff, [12] = 127 } },
};

static bool has_prefix(const uint8_t *ip, const struct prefix *p) {
        unsigned whole = p->bits / 8, rest = p->bits % 8;

        if (memcmp(ip, p->ip, whole) != 0)
                return false;
        return rest == 0 || (ip[whole] ^ p->ip[whole]) >> (8 - rest) == 0;
}

static bool in_any(p2p_view ip, const struct prefix *prefixes, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (has_prefix(ip.data, &prefixes[i]))
                        return true;
        return false;
}
#define IN(ip, prefixes) in_any(ip, prefixes, ELEMENTSOF(prefixes))

/* Whether the name is the domain, or lies in it. `domain` begins with a dot. */
static bool name_is_in(p2p_view name, const char *domain) {
        size_t n = strlen(domain);

        if (name.n + 1 == n)
                return memcmp(name.data, domain + 1, name.n) == 0;
        return name.n >= n && memcmp(name.data + name.n - n, domain, n) == 0;
}

static bool name_is_public(p2p_view name) {
        static const char *const special[] = {
                /* RFC 6761, 8375 */
                ".localhost", ".in-addr.arpa", ".ip6.arpa", ".invalid", ".home.arpa", ".local", ".test",
        };

        for (size_t i = 0; i < ELEMENTSOF(special); i++)
                if (name_is_in(name, special[i]))
                        return false;
        return true;
}

static p2p_addr_component host_of(const p2p_addr *addr) {
        p2p_addr_component c = {};

        for (unsigned i = 0; p2p_addr_component_at(addr, i, &c) && c.code == P2P_ADDR_IP6ZONE; i++)
                ;
        return c;
}

bool p2p_addr_is_public(const p2p_addr *addr) {
        p2p_addr_component host = host_of(addr);

        switch (host.code) {
        case P2P_ADDR_IP4:
                return !IN(host.value, private4) && !IN(host.value, unroutable4);
        case P2P_ADDR_IP6:
                return IN(host.value, public6) && !IN(host.value, unroutable6);
        case P2P_ADDR_DNS:
        case P2P_ADDR_DNS4:
        case P2P_ADDR_DNS6:
        case P2P_ADDR_DNSADDR:
                return name_is_public(host.value);
        default:
                return false;
        }
}

bool p2p_addr_is_private(const p2p_addr *addr) {
        p2p_addr_component host = host_of(addr);

        switch (host.code) {
        case P2P_ADDR_IP4:
                return IN(host.value, private4);
        case P2P_ADDR_IP6:
                return IN(host.value, private6);
        case P2P_ADDR_DNS:
        case P2P_ADDR_DNS4:
        case P2P_ADDR_DNS6:
        case P2P_ADDR_DNSADDR:
                return name_is_in(host.value, ".localhost");
        default:
                return false;
        }
}

bool p2p_addr_is_loopback(const p2p_addr *addr) {
        p2p_addr_component host = host_of(addr);

        if (host.code == P2P_ADDR_IP4)
                return has_prefix(host.value.data, &loopback[0]);
        return host.code == P2P_ADDR_IP6 &&
               (has_prefix(host.value.data, &loopback[1]) || has_prefix(host.value.data, &loopback[2]));
}
