/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Addresses as they name peers: the /p2p/ID at the end, and relayed ones, which are
 * <relay>/p2p/R/p2p-circuit[/p2p/ID]. A circuit through a circuit is split at its last p2p-circuit, so its
 * relay's address is a circuit again [wire reference 1].
 */

#include <errno.h>

#include "wire/addr-object.h"

static int append(p2p_view head, p2p_view tail, p2p_addr **ret) {
        uint8_t buf[P2P_ADDR_SIZE_MAX];
        p2p_writer out = P2P_WRITER(buf, sizeof(buf));

        p2p_write_bytes(&out, head);
        p2p_write_bytes(&out, tail);
        if (out.error < 0)
                return -EMSGSIZE;
        return p2p_addr_decode(P2P_VIEW(buf, out.n), ret);
}

static p2p_view peer_component(const p2p_peer_id *peer, p2p_writer *out) {
        p2p_write_uvarint(out, P2P_ADDR_P2P);
        p2p_write_prefixed(out, p2p_peer_id_view(peer));
        return P2P_VIEW(out->data, out->n);
}

static int peer_at(const p2p_addr *addr, unsigned i, p2p_peer_id *ret) {
        p2p_addr_component c;

        if (!p2p_addr_component_at(addr, i, &c) || c.code != P2P_ADDR_P2P)
                return -ENOENT;
        /* A key longer than any that we know may stand in an address, and is nobody's id. */
        return p2p_peer_id_decode(c.value, ret) < 0 ? -ENOENT : 0;
}

int p2p_addr_peer(const p2p_addr *addr, p2p_peer_id *ret) {
        return peer_at(addr, addr->n_components - 1, ret);
}

int p2p_addr_without_peer(const p2p_addr *addr, p2p_addr **ret) {
        unsigned n = p2p_addr_n_before_peer(addr);

        return n == 0 ? -ENOENT : p2p_addr_decode(p2p_addr_head(addr, n), ret);
}

int p2p_addr_with_peer(const p2p_addr *addr, const p2p_peer_id *peer, p2p_addr **ret) {
        uint8_t buf[P2P_PEER_ID_MAX + 8];
        p2p_writer out = P2P_WRITER(buf, sizeof(buf));

        return append(p2p_addr_head(addr, p2p_addr_n_before_peer(addr)), peer_component(peer, &out), ret);
}

/* The index of the last p2p-circuit, or -ENOENT where none is there or something other than one /p2p/ID
 * follows. */
static int circuit_index(const p2p_addr *addr) {
        unsigned n = p2p_addr_n_before_peer(addr);

        return n > 0 && p2p_addr_code_at(addr, n - 1) == P2P_ADDR_CIRCUIT ? (int) n - 1 : -ENOENT;
}

bool p2p_addr_is_circuit(const p2p_addr *addr) {
        for (unsigned i = 0; i < addr->n_components; i++)
                if (p2p_addr_code_at(addr, i) == P2P_ADDR_CIRCUIT)
                        return true;
        return false;
}

int p2p_addr_split_circuit(const p2p_addr *addr, p2p_addr **ret_relay_addr, p2p_peer_id *ret_relay) {
        int i = circuit_index(addr);
        p2p_addr *relay_addr = NULL;
        p2p_peer_id relay;
        int r;

        if (i <= 0)
                return -ENOENT;
        r = peer_at(addr, (unsigned) i - 1, &relay);
        if (r < 0)
                return r;
        if (i > 1) {
                r = p2p_addr_decode(p2p_addr_head(addr, (unsigned) i - 1), &relay_addr);
                if (r < 0)
                        return r;
        }

        *ret_relay_addr = relay_addr;
        *ret_relay = relay;
        return 0;
}

int p2p_addr_make_circuit(const p2p_addr *relay_addr, const p2p_peer_id *relay, p2p_addr **ret) {
        uint8_t buf[P2P_PEER_ID_MAX + 8];
        p2p_writer out = P2P_WRITER(buf, sizeof(buf));
        p2p_view head = {};

        if (relay_addr)
                head = p2p_addr_head(relay_addr, p2p_addr_n_before_peer(relay_addr));
        (void) peer_component(relay, &out);
        p2p_write_uvarint(&out, P2P_ADDR_CIRCUIT);
        return append(head, P2P_VIEW(out.data, out.n), ret);
}
