/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Identify: the input is cut in two messages that are merged; limits hold, and every address believed is a whole one. */

#include <p2p/identify.h>

#include "protocol/identify-message.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static const char *const remotes[] = { "/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip4/8.8.8.8/tcp/1" };
        size_t cut = n > 2 && data[0] < 8 ? (size_t) data[0] * n / 8 : n;
        p2p_identify_info info = {};
        p2p_peer_id peer;

        (void) p2p_identify_info_merge(&info, P2P_VIEW(data, cut));
        (void) p2p_identify_info_merge(&info, P2P_VIEW(data + cut, n - cut));
        CHECK(info.n_protocols <= P2P_IDENTIFY_PROTOCOLS_MAX && info.n_listen_addrs <= P2P_IDENTIFY_ADDRS_MAX);
        CHECK(!info.agent || strlen(info.agent) <= P2P_IDENTIFY_STRING_MAX);
        for (size_t i = 0; i < info.n_protocols; i++)
                CHECK(strlen(info.protocols[i]) <= P2P_IDENTIFY_STRING_MAX);
        CHECK(p2p_peer_id_parse("12D3KooWC4T1AXU2s2YBgGJ2FeaYVtsKoHZWJeubnWe9SnuSE7Zb", &peer) == 0);
        (void) p2p_identify_info_is_signed(&info, &peer);
        for (size_t i = 0; i < ELEMENTSOF(remotes); i++) {
                p2p_addr *remote, **addrs;
                size_t n_addrs;

                CHECK(p2p_addr_parse(remotes[i], &remote) == 0);
                CHECK(p2p_identify_info_addrs(&info, &peer, remote, &addrs, &n_addrs) == 0);
                CHECK(n_addrs <= P2P_IDENTIFY_ADDRS_MAX);
                for (size_t j = 0; j < n_addrs; j++) {
                        CHECK(p2p_addr_n_components(addrs[j]) > 0);
                        CHECK(i != 2 || p2p_addr_is_public(addrs[j]));
                        p2p_addr_free(addrs[j]);
                }
                free(addrs);
                p2p_addr_free(remote);
        }
        p2p_identify_info_done(&info);
        return 0;
}
