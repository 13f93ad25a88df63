/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Congestion control of TCP sockets on short paths. Nothing here fails: at worst all stays as the system
 * says. */

#include <stdint.h>

#define P2P_CONGESTION_SHORT_USEC 2000u /* a round trip below it is the scheduler's as much as the path's */

/* Before connect(2), or for what a listener will accept. Where the system paces by a model of the path (bbr)
 * it begins with an algorithm that does not. */
void p2p_congestion_defer(int fd);
/* Once it is connected: on a path that is not short, what the system says after all. */
void p2p_congestion_settle(int fd);
/* The same for a round trip that is known. */
void p2p_congestion_settle_rtt(int fd, uint64_t rtt_usec);
