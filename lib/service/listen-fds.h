/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The listening sockets that PID 1 passed to this program [sd_listen_fds(3)], each for the address that it
 * is bound to. What nobody asked for is told and closed here; PID 1 still has it.
 */

#include <p2p/host.h>
#include <p2p/macro.h>

typedef struct ListenFds ListenFds;

/* Takes them out of the environment, close-on-exec and non-blocking. None is fine. */
int listen_fds_new(ListenFds **ret);
/* Closes what is left. */
ListenFds *listen_fds_free(ListenFds *fds);
P2P_CLEANUP(ListenFds, listen_fds_free);

/* On the fd that is bound to the address, or else on a socket of its own. 1: it was passed. Errors of
 * p2p_host_listen(). */
int listen_fds_listen(ListenFds *fds, p2p_host *host, const p2p_addr *addr);
/* Warns of each that no address has taken, and how to mend that, and closes it. How many. unit:
 * "peerup-relay". */
unsigned listen_fds_report(ListenFds *fds, const char *unit);
