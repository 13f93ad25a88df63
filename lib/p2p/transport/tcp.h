/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One-shot operations here free themselves before `done` runs: forget the handle there, do not free it (loop.h). */

/* TCP: sockets as channels, listeners, and dials of one resolved address. */

#include <p2p/addr.h>
#include <p2p/channel.h>

/* A connected, non-blocking stream socket as a channel. Takes the fd on success; closes it. Sets TCP_NODELAY, keep-alive and
 * TCP_NOTSENT_LOWAT where it is TCP. reset() closes with a RST. */
int p2p_tcp_channel_new(p2p_loop *loop, int fd, p2p_channel **ret);

typedef struct p2p_tcp_listener p2p_tcp_listener;
/* channel is the callee's; remote too. Runs from the loop. */
typedef void (*p2p_tcp_accept_fn)(p2p_channel *channel, p2p_addr *remote, void *userdata);
/* bind, listen. IPv6 sockets are IPv6-only. Out of fds it pauses for 100 ms and goes on. */
int p2p_tcp_listener_new(p2p_loop *loop, const p2p_addr *addr, p2p_tcp_accept_fn on_accept, void *userdata,
                         p2p_tcp_listener **ret);
const p2p_addr *p2p_tcp_listener_addr(const p2p_tcp_listener *listener); /* with the real port */
p2p_tcp_listener *p2p_tcp_listener_free(p2p_tcp_listener *listener);
P2P_CLEANUP(p2p_tcp_listener, p2p_tcp_listener_free);

typedef struct p2p_tcp_dial p2p_tcp_dial;
typedef void (*p2p_tcp_dial_fn)(p2p_channel *channel, int error, void *userdata);
/* One address, ip/tcp. done once, from the loop. timeout 0: 5 s [go-libp2p]. */
int p2p_tcp_dial_new(p2p_loop *loop, const p2p_addr *addr, uint64_t timeout_usec, p2p_tcp_dial_fn done, void *userdata,
                     p2p_tcp_dial **ret);
p2p_tcp_dial *p2p_tcp_dial_free(p2p_tcp_dial *dial);
P2P_CLEANUP(p2p_tcp_dial, p2p_tcp_dial_free);
