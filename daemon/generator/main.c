/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * peerup-generator: run by systemd at boot and at each daemon-reload, with the three directories of
 * systemd.generator(7). It always succeeds: a config with an error must not look like a broken boot.
 * PEERUP_CONFIG and PEERUP_RELAY_CONFIG name other files, for tests.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/generator/write.h"

int main(int argc, char **argv) {
        GeneratorPaths paths = GENERATOR_PATHS_DEFAULT;

        if (argc != 2 && argc != 4) {
                fprintf(stderr, "peerup-generator: systemd runs this with one or three directories\n");
                return EXIT_FAILURE;
        }
        paths.directory = argv[1];
        paths.node_config = getenv("PEERUP_CONFIG") ?: paths.node_config;
        paths.relay_config = getenv("PEERUP_RELAY_CONFIG") ?: paths.relay_config;
        (void) umask(0022);
        (void) generator_run_node(&paths);
        (void) generator_run_relay(&paths);
        return EXIT_SUCCESS;
}
