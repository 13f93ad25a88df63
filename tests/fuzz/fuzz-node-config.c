/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The node's config: loaded whole, or refused with at least one error. */

#include "service/config.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        _cleanup_(node_config_freep) NodeConfig *config = NULL;

        if (node_config_parse("/etc/peerup/c.yaml", P2P_VIEW(data, size), problems, &config) < 0) {
                CHECK(problems->n_errors > 0);
                return 0;
        }
        CHECK(problems->n_errors == 0);
        CHECK(config->version == 1 && config->key_file[0] == '/' && config->authorized_keys_file[0] == '/');
        for (size_t i = 0; i < config->n_listen_addresses; i++)
                CHECK(config->listen_addresses[i].addr);
        CHECK(config->reservation_interval > 0);
        for (size_t i = 0; i < config->n_services; i++)
                CHECK(config->services[i].name && config->services[i].local_address);
        for (size_t i = 0; i < config->n_proxies; i++)
                CHECK(config->proxies[i].peer && config->proxies[i].service &&
                      (config->proxies[i].listen.is_unix || config->proxies[i].listen.port > 0));
        return 0;
}
