/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the TCP transport share. */

#include "transport/tcp.h"

/* A channel to a peer: as p2p_tcp_channel_new(), and with a limit on silence. */
int tcp_channel_new_peer(p2p_loop *loop, int fd, p2p_channel **ret);

/* Takes the fd, whose writing side is shut: discards what comes until its end, for a limited time, then
 * closes it. */
void tcp_drain(p2p_loop *loop, int fd);
