/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The relay's config: loaded whole, or refused with at least one error. */

#include "service/config.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        _cleanup_(relay_config_freep) RelayConfig *config = NULL;

        if (relay_config_parse("/etc/peerup/c.yaml", P2P_VIEW(data, size), problems, &config) < 0) {
                CHECK(problems->n_errors > 0);
                return 0;
        }
        CHECK(problems->n_errors == 0);
        CHECK(config->version == 1 && config->key_file[0] == '/' && config->authorized_keys_file[0] == '/');
        for (size_t i = 0; i < config->n_listen_addresses; i++)
                CHECK(config->listen_addresses[i].addr);
        CHECK(config->max_reservations > 0 && config->max_circuits > 0 && config->buffer_size > 0);
        CHECK(config->reservation_ttl > 0 && config->session_duration > 0 && config->session_data_limit > 0);
        return 0;
}
