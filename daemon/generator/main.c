/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * peerup-generator: run by systemd at boot and at each daemon-reload, with the three directories of
 * systemd.generator(7). It always succeeds: a config with an error must not look like a broken boot.
 * PEERUP_CONFIG names another file, for tests.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/generator/write.h"

int main(int argc, char **argv) {
        const char *config = getenv("PEERUP_CONFIG");

        if (argc != 2 && argc != 4) {
                fprintf(stderr, "peerup-generator: systemd runs this with one or three directories\n");
                return EXIT_FAILURE;
        }
        (void) umask(0022);
        (void) generator_run(config ? config : GENERATOR_CONFIG_PATH, argv[1]);
        return EXIT_SUCCESS;
}
