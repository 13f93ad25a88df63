/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Ranking, as go-libp2p 0.47 does it [wire reference 20, network.md 4.2].
 *
 * Private and public addresses start side by side; circuits at once too, or half a second later where a
 * public address is known. Within such a group QUIC goes first, TCP after the last QUIC, WebSocket after the
 * last TCP. Of each the best IPv6 address starts, then the best IPv4 one, then all others; lower ports are
 * better. Beyond go: what is on a network of ours starts before everything else, and what is doubtful starts
 * after everything else instead of being refused.
 */

#include "host/dial-rank.h"

#include <assert.h>
#include <stdlib.h>

#define PACE_USEC (250 * USEC_PER_MSEC)        /* go-libp2p, these three */
#define PRIVATE_PACE_USEC (30 * USEC_PER_MSEC)
#define CIRCUIT_DELAY_USEC (500 * USEC_PER_MSEC)
#define LAN_LEAD_USEC (100 * USEC_PER_MSEC)    /* arbitrary: a hundred round trips of a LAN */
#define DOUBT_USEC USEC_PER_SEC                /* arbitrary: time for a handshake across the world */

/* Most significant first: what is compared decides what starts earlier. */
typedef enum group { GROUP_LAN, GROUP_PRIVATE, GROUP_PUBLIC, GROUP_CIRCUIT } group;
enum {
        SECOND_FAMILY = 1u << 16, /* IPv4; of circuits: the relay is not connected yet */
        KIND = 1u << 18,          /* QUIC, TCP, WebSocket */
        GROUP = 1u << 20,
        DOUBTFUL = 1u << 24,
};

typedef struct entry {
        unsigned key;
        dial_place *place;
} entry;

static unsigned kind_of(const p2p_addr *addr) {
        switch (p2p_addr_stack(addr)) {
        case P2P_STACK_QUIC:
        case P2P_STACK_CIRCUIT:
                return 0;
        case P2P_STACK_TCP:
                return 1;
        case P2P_STACK_WS:
        case P2P_STACK_WSS:
        case P2P_STACK_OTHER:
                break;
        }
        return 2;
}

static group group_of(const dial_place *p) {
        if (p2p_addr_is_circuit(p->addr))
                return GROUP_CIRCUIT;
        if (p->near)
                return GROUP_LAN;
        return p2p_addr_is_private(p->addr) ? GROUP_PRIVATE : GROUP_PUBLIC;
}

static unsigned key_of(const dial_place *p) {
        p2p_addr_component host = {}, port = {};
        group g = group_of(p);
        unsigned key = (p->doubtful ? DOUBTFUL : 0) + (unsigned) g * GROUP + kind_of(p->addr) * KIND;

        if (g == GROUP_CIRCUIT)
                return key + (p->near ? 0 : SECOND_FAMILY);
        if (p2p_addr_component_at(p->addr, 0, &host) && host.code == P2P_ADDR_IP4)
                key += SECOND_FAMILY;
        if (p2p_addr_component_at(p->addr, 1, &port) && port.value.n == 2)
                key += (unsigned) (port.value.data[0] << 8 | port.value.data[1]);
        return key;
}

/* Addresses of one kind: the first, the first of the other family, the rest. Returns the last start. */
static uint64_t rank_run(entry *e, size_t n, uint64_t start, uint64_t pace) {
        size_t other = 0;

        for (size_t i = 1; i < n && other == 0; i++)
                if ((e[i].key & SECOND_FAMILY) != (e[0].key & SECOND_FAMILY))
                        other = i;
        for (size_t i = 0; i < n; i++)
                e[i].place->delay = start + (i == 0 ? 0 : other == 0 || i == other ? pace : 2 * pace);
        return start + (n == 1 ? 0 : other > 0 && n > 2 ? 2 * pace : pace);
}

/* Returns the last start. */
static uint64_t rank_group(entry *e, size_t n, uint64_t start, uint64_t pace) {
        uint64_t last = start;

        for (size_t i = 0, k; i < n; i = k) {
                for (k = i + 1; k < n && e[k].key / KIND == e[i].key / KIND; k++)
                        ;
                last = rank_run(e + i, k - i, i == 0 ? start : last + pace, pace);
        }
        return last;
}

static uint64_t rank_all(entry *e, size_t n, uint64_t start) {
        bool direct_known = false, lan = false;
        uint64_t end = start;

        for (size_t i = 0, k; i < n; i = k) {
                group g = group_of(e[i].place);
                uint64_t offset = 0, last;

                for (k = i + 1; k < n && e[k].key / GROUP == e[i].key / GROUP; k++)
                        ;
                for (size_t j = i; j < k; j++)
                        direct_known |= g == GROUP_LAN ||
                                        (g != GROUP_CIRCUIT && p2p_addr_is_public(e[j].place->addr));
                lan |= g == GROUP_LAN;
                if (g == GROUP_CIRCUIT)
                        offset = direct_known ? CIRCUIT_DELAY_USEC : 0;
                else if (g != GROUP_LAN && lan)
                        offset = LAN_LEAD_USEC;
                last = rank_group(e + i, k - i, start + offset,
                                  g == GROUP_LAN || g == GROUP_PRIVATE ? PRIVATE_PACE_USEC : PACE_USEC);
                end = P2P_MAX(end, last);
        }
        return end;
}

static int compare(const void *a, const void *b) {
        unsigned x = ((const entry *) a)->key, y = ((const entry *) b)->key;

        return x < y ? -1 : x > y;
}

void dial_rank(dial_place *places, size_t n) {
        entry e[DIAL_ADDRS_MAX];
        uint64_t end;
        size_t good = 0;

        assert(n <= DIAL_ADDRS_MAX);
        for (size_t i = 0; i < n; i++) {
                e[i] = (entry){ .key = key_of(&places[i]), .place = &places[i] };
                good += !places[i].doubtful;
        }
        qsort(e, n, sizeof(*e), compare);
        end = rank_all(e, good, 0);
        (void) rank_all(e + good, n - good, good > 0 ? end + DOUBT_USEC : 0);
}
