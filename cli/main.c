/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * peerupctl: the client of peerup-daemon and peerup-relay over D-Bus, in the manner of busctl and
 * resolvectl. It owns no identity and opens no connection of its own; verbs.c has the table of what it can
 * do.
 */

#include <locale.h>
#include <signal.h>

#include "cli/verbs.h"

int main(int argc, char **argv) {
        (void) setlocale(LC_CTYPE, "C.UTF-8"); /* D-Bus speaks UTF-8 */
        (void) signal(SIGPIPE, SIG_IGN);
        return command_main(argc, argv);
}
