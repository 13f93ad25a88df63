/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The table of multiaddr protocols [wire reference 1; multiaddr/protocols.csv]. A code that is not in it
 * makes an address unparseable, because nobody can know how long its value is; hence rows for transports
 * that we shall never speak.
 */

#include <errno.h>

#include <p2p/macro.h>

#include "wire/addr-table.h"
#include "wire/addr-value.h"
#include "wire/multihash.h"
#include "wire/peer-id.h"

#define NONE P2P_ADDR_NO_VALUE
#define VAR P2P_ADDR_VARIABLE
#define NAME p2p_addr_name_check, p2p_addr_name_parse, p2p_addr_name_format
#define PORT NULL, p2p_addr_number16_parse, p2p_addr_number_format

/* clang-format off */
static const p2p_addr_protocol table[] = {
        /* code                   name              size  max                path */
        { P2P_ADDR_IP4,           "ip4",            4,    0,                 false, NULL, p2p_addr_ip4_parse, p2p_addr_ip4_format },
        { P2P_ADDR_TCP,           "tcp",            2,    0,                 false, PORT },
        { P2P_ADDR_IP6,           "ip6",            16,   0,                 false, NULL, p2p_addr_ip6_parse, p2p_addr_ip6_format },
        { P2P_ADDR_IP6ZONE,       "ip6zone",        VAR,  0,                 false, NAME },
        { P2P_ADDR_IPCIDR,        "ipcidr",         1,    0,                 false, NULL, p2p_addr_number8_parse, p2p_addr_number_format },
        { P2P_ADDR_DNS,           "dns",            VAR,  P2P_ADDR_NAME_MAX, false, NAME },
        { P2P_ADDR_DNS4,          "dns4",           VAR,  P2P_ADDR_NAME_MAX, false, NAME },
        { P2P_ADDR_DNS6,          "dns6",           VAR,  P2P_ADDR_NAME_MAX, false, NAME },
        { P2P_ADDR_DNSADDR,       "dnsaddr",        VAR,  P2P_ADDR_NAME_MAX, false, NAME },
        { P2P_ADDR_UDP,           "udp",            2,    0,                 false, PORT },
        { P2P_ADDR_WEBRTC_DIRECT, "webrtc-direct",  NONE, 0,                 false, NULL, NULL, NULL },
        { P2P_ADDR_WEBRTC,        "webrtc",         NONE, 0,                 false, NULL, NULL, NULL },
        { P2P_ADDR_CIRCUIT,       "p2p-circuit",    NONE, 0,                 false, NULL, NULL, NULL },
        { P2P_ADDR_UNIX,          "unix",           VAR,  0,                 true,  p2p_addr_path_check, p2p_addr_name_parse, p2p_addr_path_format },
        { P2P_ADDR_P2P,           "p2p",            VAR,  P2P_PEER_HASH_MAX, false, p2p_multihash_check_peer, p2p_addr_p2p_parse, p2p_addr_p2p_format },
        { P2P_ADDR_ONION3,        "onion3",         37,   0,                 false, p2p_addr_onion3_check, p2p_addr_onion3_parse, p2p_addr_onion3_format },
        { P2P_ADDR_GARLIC64,      "garlic64",       VAR,  0,                 false, p2p_addr_garlic64_check, p2p_addr_garlic64_parse, p2p_addr_garlic64_format },
        { P2P_ADDR_GARLIC32,      "garlic32",       VAR,  0,                 false, p2p_addr_garlic32_check, p2p_addr_garlic32_parse, p2p_addr_garlic32_format },
        { P2P_ADDR_TLS,           "tls",            NONE, 0,                 false, NULL, NULL, NULL },
        { P2P_ADDR_SNI,           "sni",            VAR,  P2P_ADDR_NAME_MAX, false, NAME },
        { P2P_ADDR_NOISE,         "noise",          NONE, 0,                 false, NULL, NULL, NULL },
        { P2P_ADDR_QUIC,          "quic",           NONE, 0,                 false, NULL, NULL, NULL },
        { P2P_ADDR_QUIC_V1,       "quic-v1",        NONE, 0,                 false, NULL, NULL, NULL },
        { P2P_ADDR_WEBTRANSPORT,  "webtransport",   NONE, 0,                 false, NULL, NULL, NULL },
        { P2P_ADDR_CERTHASH,      "certhash",       VAR,  0,                 false, p2p_addr_certhash_check, p2p_addr_certhash_parse, p2p_addr_certhash_format },
        { P2P_ADDR_WS,            "ws",             NONE, 0,                 false, NULL, NULL, NULL },
        { P2P_ADDR_WSS,           "wss",            NONE, 0,                 false, NULL, NULL, NULL },
        { P2P_ADDR_HTTP,          "http",           NONE, 0,                 false, NULL, NULL, NULL },
        { P2P_ADDR_HTTP_PATH,     "http-path",      VAR,  0,                 false, NULL, p2p_addr_http_path_parse, p2p_addr_http_path_format },
        { P2P_ADDR_MEMORY,        "memory",         8,    0,                 false, NULL, p2p_addr_number64_parse, p2p_addr_number_format },
};
/* clang-format on */

const p2p_addr_protocol *p2p_addr_protocol_by_code(uint64_t code) {
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (table[i].code == code)
                        return &table[i];
        return NULL;
}

const p2p_addr_protocol *p2p_addr_protocol_by_name(p2p_view name) {
        if (p2p_view_equal(name, P2P_VIEW_STR("ipfs")))
                return p2p_addr_protocol_by_code(P2P_ADDR_P2P); /* its name until 2018 */

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (p2p_view_equal(name, P2P_VIEW_STR(table[i].name)))
                        return &table[i];
        return NULL;
}

int p2p_addr_protocol_check(const p2p_addr_protocol *protocol, p2p_view value) {
        if (protocol->size >= 0 && value.n != (size_t) protocol->size)
                return -EBADMSG;
        if (protocol->size == VAR && value.n == 0)
                return -EBADMSG;
        if (protocol->max > 0 && value.n > protocol->max)
                return -EMSGSIZE;
        return protocol->check ? protocol->check(value) : 0;
}
