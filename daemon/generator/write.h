/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The generator's work on files: a config in, drop-ins out. */

#define GENERATOR_CONFIG_PATH "/etc/peerup/config.yaml"
#define GENERATOR_PROXIES_MAX 1024u

/* Prints to stderr and, where it can, to the kernel's log: there is no journal yet at boot. Never what the
 * config says, which may be a link to something that peerup must not read. */
void generator_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes the drop-ins of every entry below directory (systemd's "normal" one). How many; < 0: the config
 * cannot be used. No config is none. A wrong entry is left out with a complaint. */
int generator_run(const char *config_path, const char *directory);
