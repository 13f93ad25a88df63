/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which stack an address asks for: what follows its host, matched as a whole against patterns. One more component, or one less,
 * means something else [wire reference 1].
 */

#include "wire/addr-object.h"

#define TAIL_MAX 4u

static const struct {
        p2p_stack stack;
        unsigned codes[TAIL_MAX + 1]; /* 0-terminated */
} patterns[] = {
        { P2P_STACK_TCP, { P2P_ADDR_TCP } },
        { P2P_STACK_QUIC, { P2P_ADDR_UDP, P2P_ADDR_QUIC_V1 } },
        { P2P_STACK_WS, { P2P_ADDR_TCP, P2P_ADDR_WS } },
        { P2P_STACK_WSS, { P2P_ADDR_TCP, P2P_ADDR_WSS } },
        { P2P_STACK_WSS, { P2P_ADDR_TCP, P2P_ADDR_TLS, P2P_ADDR_WS } },
        { P2P_STACK_WSS, { P2P_ADDR_TCP, P2P_ADDR_TLS, P2P_ADDR_SNI, P2P_ADDR_WS } },
};

static bool match(const p2p_addr *addr, unsigned n, const unsigned *codes) {
        unsigned i = 1;

        for (; i < n && codes[i - 1] != 0; i++)
                if (p2p_addr_code_at(addr, i) != codes[i - 1])
                        return false;
        return i == n && codes[i - 1] == 0;
}

static bool is_host(unsigned code) {
        return code == P2P_ADDR_IP4 || code == P2P_ADDR_IP6 || code == P2P_ADDR_DNS || code == P2P_ADDR_DNS4 ||
               code == P2P_ADDR_DNS6;
}

p2p_stack p2p_addr_stack(const p2p_addr *addr) {
        unsigned n = p2p_addr_n_before_peer(addr);
        bool has_path;

        if (p2p_addr_is_circuit(addr))
                return P2P_STACK_CIRCUIT;
        if (!is_host(p2p_addr_code_at(addr, 0)))
                return P2P_STACK_OTHER;
        has_path = n > 0 && p2p_addr_code_at(addr, n - 1) == P2P_ADDR_HTTP_PATH;
        for (size_t i = 0; i < ELEMENTSOF(patterns); i++)
                if (match(addr, n - has_path, patterns[i].codes) &&
                    (!has_path || patterns[i].stack == P2P_STACK_WS || patterns[i].stack == P2P_STACK_WSS))
                        return patterns[i].stack;
        return P2P_STACK_OTHER;
}
