/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the generator's text goes: files of systemd's directory, and a word to whoever looks for the rest.
 */

#include <p2p/macro.h>

/* Prints to stderr and, where systemd runs it, to the kernel's log: there is no journal yet at boot. Never
 * what the config says, which may be a link to something that peerup must not read. */
void generator_complain(const char *format, ...) _printf_(1, 2);

/* DIRECTORY/UNIT. -EEXIST: it was written before. */
int unit_file_write(const char *directory, const char *unit, const char *text);
/* DIRECTORY/UNIT.d/50-peerup.conf, likewise. */
int unit_drop_in_write(const char *directory, const char *unit, const char *text);
