/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The generator's work on files: the two configs in, units and drop-ins out. A config with an error has
 * none: PID 1 lets go of what it held for it. */

#define GENERATOR_PROXIES_MAX 1024u

typedef struct GeneratorPaths {
        const char *node_config, *relay_config;
        const char *marks;     /* where socket units mark what they have open */
        const char *directory; /* systemd's "normal" one */
} GeneratorPaths;

#define GENERATOR_PATHS_DEFAULT                                                                             \
        (GeneratorPaths) {                                                                                  \
                .node_config = "/etc/peerup/config.yaml",                                                   \
                .relay_config = "/etc/peerup-relay/relay-server.yaml", .marks = "/run"                      \
        }

/* The drop-ins of every entry of proxies:, and the sockets of the node's fixed ports. How many proxies and
 * sockets; < 0: the config cannot be used. A wrong entry is left out with a complaint. No config is the one
 * that a first start writes. */
int generator_run_node(const GeneratorPaths *paths);
/* The sockets of the relay's fixed ports, likewise. */
int generator_run_relay(const GeneratorPaths *paths);
