/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What holds for every address, however it came about. */

#include <p2p/addr.h>

#include "tests/fuzz/check.h"
#include "transport/ws-http.h"
#include "transport/ws-target.h"

static void check_text_form(const p2p_addr *addr) {
        char text[P2P_ADDR_TEXT_MAX], again[P2P_ADDR_TEXT_MAX];
        p2p_addr *parsed;

        p2p_addr_format(addr, text);
        CHECK(p2p_addr_parse(text, &parsed) == 0);
        CHECK(p2p_view_equal(p2p_addr_view(addr), p2p_addr_view(parsed)));
        CHECK(strcmp(p2p_addr_format(parsed, again), text) == 0);
        p2p_addr_free(parsed);
}

/* Where two peers stand at the end, taking one off and putting one on replaces the other. */
static bool ends_in_peer(const p2p_addr *addr) {
        p2p_addr_component c;

        return addr && p2p_addr_component_at(addr, p2p_addr_n_components(addr) - 1, &c) &&
               c.code == P2P_ADDR_P2P;
}

static void check_peer(const p2p_addr *addr) {
        p2p_peer_id peer, again;
        p2p_addr *without, *with;

        if (p2p_addr_peer(addr, &peer) < 0 || p2p_addr_without_peer(addr, &without) < 0)
                return;
        CHECK(p2p_addr_with_peer(without, &peer, &with) == 0);
        CHECK(ends_in_peer(without) || p2p_addr_equal(with, addr));
        CHECK(p2p_addr_peer(with, &again) == 0 && p2p_peer_id_equal(&peer, &again));
        p2p_addr_free(without);
        p2p_addr_free(with);
}

static void check_circuit(const p2p_addr *addr) {
        p2p_addr *relay_addr, *circuit;
        p2p_peer_id relay;

        if (p2p_addr_split_circuit(addr, &relay_addr, &relay) < 0)
                return;
        CHECK(p2p_addr_is_circuit(addr));
        CHECK(p2p_addr_make_circuit(relay_addr, &relay, &circuit) == 0);
        CHECK(p2p_addr_view(circuit).n <= p2p_addr_view(addr).n);
        CHECK(ends_in_peer(relay_addr) ||
              memcmp(p2p_addr_view(circuit).data, p2p_addr_view(addr).data, p2p_addr_view(circuit).n) == 0);
        p2p_addr_free(relay_addr);
        p2p_addr_free(circuit);
}

static void check_socket(const p2p_addr *addr) {
        struct sockaddr_storage sa;
        p2p_addr *back;
        socklen_t size;

        if (p2p_addr_to_tcp(addr, &sa, &size) < 0)
                return;
        CHECK(!p2p_addr_needs_dns(addr));
        CHECK(p2p_addr_from_tcp((struct sockaddr *) &sa, &back) == 0);
        p2p_addr_free(back);
}

/* Whatever a stranger says his address is, a dial of it is one request with our headers and no other. */
static void check_ws_target(const p2p_addr *addr) {
        uint8_t request[P2P_WS_HTTP_MAX];
        p2p_writer w = P2P_WRITER(request, sizeof(request));
        unsigned n_lines = 0, n_spaces = 0;
        p2p_ws_target t;

        if (p2p_ws_target_parse(addr, &t) < 0)
                return;
        CHECK(t.name[0] != '\0' && strlen(t.host) < sizeof(t.host) && strlen(t.name) < sizeof(t.name));
        p2p_ws_request_format(t.host, t.path, "key", &w);
        for (size_t i = 0; i < w.n; i++) {
                n_lines += request[i] == '\n';
                n_spaces += request[i] == ' ';
        }
        CHECK(w.error < 0 || (n_lines == 7 && n_spaces == 7));
        p2p_ws_target_done(&t);
}

static inline void check_addr(const p2p_addr *addr) {
        p2p_addr_component c;
        p2p_addr *copy;

        CHECK(p2p_addr_n_components(addr) <= P2P_ADDR_COMPONENTS_MAX &&
              p2p_addr_view(addr).n <= P2P_ADDR_SIZE_MAX);
        CHECK(!p2p_addr_component_at(addr, p2p_addr_n_components(addr), &c));
        CHECK(!(p2p_addr_is_public(addr) && p2p_addr_is_private(addr)));
        CHECK(!(p2p_addr_is_public(addr) && p2p_addr_is_loopback(addr)));
        CHECK(p2p_addr_dup(addr, &copy) == 0 && p2p_addr_equal(addr, copy));
        p2p_addr_free(copy);
        check_text_form(addr);
        check_peer(addr);
        check_circuit(addr);
        check_socket(addr);
        check_ws_target(addr);
}
