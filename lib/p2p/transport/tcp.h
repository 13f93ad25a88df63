/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One-shot operations here free themselves before `done` runs: forget the handle there, do not free it
 * (loop.h). */

/* TCP: sockets as channels, listeners, and dials of one resolved address. */

#include <p2p/addr.h>
#include <p2p/channel.h>

#define P2P_TCP_ACCEPT_PAUSE_USEC (100 * USEC_PER_MSEC) /* out of file descriptors or memory */
#define P2P_TCP_DIAL_TIMEOUT_USEC (5 * USEC_PER_SEC)    /* go-libp2p */
#define P2P_TCP_DRAIN_USEC (5 * USEC_PER_SEC)           /* arbitrary: a graceful close waits for the far end's */
#define P2P_TCP_DRAIN_SIZE_MAX (16u * 1024u * 1024u)    /* arbitrary: what is discarded meanwhile */

/* A connected stream socket as a channel, TCP or UNIX; it need not be non-blocking. Takes the fd on success;
 * closes it. Sets TCP_NODELAY, keep-alive (a dead path is noticed in 42 s) and TCP_NOTSENT_LOWAT where it is
 * TCP. reset() sends a RST at once, even while a duplicate of the fd lives elsewhere; over UNIX it just
 * ends. -EINVAL: not a stream socket. The sockets of listeners and dials below also break with -ETIMEDOUT
 * when what we wrote is not acknowledged, or not read by the far side, for 40 s: a muxer never leaves its
 * channel unread. */
int p2p_tcp_channel_new(p2p_loop *loop, int fd, p2p_channel **ret);

/* A path that lives is never p2p_channel_quiet() for longer: keep-alive's 15 s, and the answer's way. */
#define P2P_TCP_QUIET_MAX_USEC (17 * USEC_PER_SEC)

typedef struct p2p_tcp_listener p2p_tcp_listener;
/* channel is the callee's; remote too. Runs from the loop. */
typedef void (*p2p_tcp_accept_fn)(p2p_channel *channel, p2p_addr *remote, void *userdata);
/* bind, listen. Each accept is a slow task (loop.h). IPv6 sockets are IPv6-only. Out of fds it pauses for
 * 100 ms and goes on. -EAFNOSUPPORT: not an ip/tcp address; otherwise the errno of bind or listen as it is
 * (-EADDRINUSE, -EADDRNOTAVAIL, -EACCES): its remedy is a person's. */
int p2p_tcp_listener_new(p2p_loop *loop, const p2p_addr *addr, p2p_tcp_accept_fn on_accept, void *userdata,
                         p2p_tcp_listener **ret);
/* The same for a socket that listens already, as PID 1 passes them. Takes the fd on success. -EINVAL: not a
 * listening TCP socket. */
int p2p_tcp_listener_new_fd(p2p_loop *loop, int fd, p2p_tcp_accept_fn on_accept, void *userdata,
                            p2p_tcp_listener **ret);
const p2p_addr *p2p_tcp_listener_addr(const p2p_tcp_listener *listener); /* with the real port */
p2p_tcp_listener *p2p_tcp_listener_free(p2p_tcp_listener *listener);
P2P_CLEANUP(p2p_tcp_listener, p2p_tcp_listener_free);

typedef struct p2p_tcp_dial p2p_tcp_dial;
typedef void (*p2p_tcp_dial_fn)(p2p_channel *channel, int error, void *userdata);
/* One address, ip/tcp. done once, from the loop. timeout 0: 5 s [go-libp2p]. -EAFNOSUPPORT: not an ip/tcp
 * address. */
int p2p_tcp_dial_new(p2p_loop *loop, const p2p_addr *addr, uint64_t timeout_usec, p2p_tcp_dial_fn done,
                     void *userdata, p2p_tcp_dial **ret);
p2p_tcp_dial *p2p_tcp_dial_free(p2p_tcp_dial *dial);
P2P_CLEANUP(p2p_tcp_dial, p2p_tcp_dial_free);
