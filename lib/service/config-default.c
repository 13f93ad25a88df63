/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a first start writes where there is no config. The original loads both texts, too; each states its
 * defaults, so that a reader of the file sees what there is to change. */

#include "service/config-parse.h"

const char *const node_listen_default[CONFIG_LISTEN_DEFAULT_N] = {
        "/ip4/0.0.0.0/tcp/0",
        "/ip4/0.0.0.0/udp/0/quic-v1",
        "/ip6/::/tcp/0",
        "/ip6/::/udp/0/quic-v1",
};

/* The original's text lacks QUIC here, though its setup opens the port. */
const char *const relay_listen_default[CONFIG_LISTEN_DEFAULT_N] = {
        "/ip4/0.0.0.0/tcp/7777",
        "/ip4/0.0.0.0/udp/7777/quic-v1",
        "/ip6/::/tcp/7777",
        "/ip6/::/udp/7777/quic-v1",
};

const char node_config_default[] =
        "# peer-up configuration, see peerup.yaml(5). peerupctl edits this file and keeps what you write.\n"
        "\n"
        "version: 1\n"
        "\n"
        "identity:\n"
        "  key_file: \"identity.key\"\n"
        "\n"
        "network:\n"
        "  listen_addresses:\n"
        "    - \"/ip4/0.0.0.0/tcp/0\"\n"
        "    - \"/ip4/0.0.0.0/udp/0/quic-v1\"\n"
        "    - \"/ip6/::/tcp/0\"\n"
        "    - \"/ip6/::/udp/0/quic-v1\"\n"
        "\n"
        "relay:\n"
        "  addresses: []\n"
        "  reservation_interval: \"2m\"\n"
        "\n"
        "discovery:\n"
        "  rendezvous: \"peerup-default-network\"\n"
        "  bootstrap_peers: []\n"
        "\n"
        "security:\n"
        "  authorized_keys_file: \"authorized_keys\"\n"
        "  enable_connection_gating: true\n"
        "\n"
        "protocols:\n"
        "  ping_pong:\n"
        "    enabled: true\n"
        "    id: \"/pingpong/1.0.0\"\n"
        "\n"
        "services: {}\n"
        "\n"
        "names: {}\n"
        "\n"
        "proxies: {}\n";

const char relay_config_default[] = "# peer-up relay configuration, see peerup-relay(8).\n"
                                    "\n"
                                    "version: 1\n"
                                    "\n"
                                    "identity:\n"
                                    "  key_file: \"relay_node.key\"\n"
                                    "\n"
                                    "network:\n"
                                    "  listen_addresses:\n"
                                    "    - \"/ip4/0.0.0.0/tcp/7777\"\n"
                                    "    - \"/ip4/0.0.0.0/udp/7777/quic-v1\"\n"
                                    "    - \"/ip6/::/tcp/7777\"\n"
                                    "    - \"/ip6/::/udp/7777/quic-v1\"\n"
                                    "\n"
                                    "security:\n"
                                    "  authorized_keys_file: \"relay_authorized_keys\"\n"
                                    "  enable_connection_gating: true\n"
                                    "\n"
                                    "# Long sessions: an ssh must not end after ten minutes.\n"
                                    "resources:\n"
                                    "  session_duration: \"24h\"\n"
                                    "  session_data_limit: \"64GB\"\n";
