/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Local sockets: what may be taken from others, how they are tuned, named and reset. */

#include <stdbool.h>
#include <stddef.h>

#define SOCKET_NAME_MAX 128u /* "[ipv6]:port", or a UNIX path */

/* A connected SOCK_STREAM socket of TCP or UNIX, blocking or not. -EINVAL: something else; -ENOTCONN. */
int socket_check_connected(int fd);
/* A listening one, likewise. */
int socket_check_listening(int fd);

/* A listening socket whose owner may be hostile: before every batch of socket_accept(), because whoever
 * shares it can undo it at any time. */
void socket_prepare_listener(int fd);
/* One of those that wait; close-on-exec and non-blocking. -EAGAIN: nobody. Waits for SOCKET_ACCEPT_USEC (and
 * what the kernel rounds it up to) at most, where O_NONBLOCK was cleared and somebody else was faster. */
#define SOCKET_ACCEPT_USEC 1000
int socket_accept(int fd);

/* On TCP, before connect(2), or for all that a listener will accept: no delay, keep-alive, a congestion
 * control for short paths (until socket_settle(), once it is connected), and a reset if it is closed by
 * anything but socket_close() (this process being killed, say). Nothing elsewhere. Never fails in a way that
 * matters. */
void socket_tune(int fd);
void socket_settle(int fd);

/* Ends a connection as an error and closes the fd: a RST on TCP even while somebody holds a duplicate; a
 * UNIX socket just ends. */
void socket_reset(int fd);

/* Ends a connection well and closes the fd: what was sent still arrives. */
void socket_close(int fd);

/* The error that the kernel holds for this socket, cleared: 0 or negative. */
int socket_take_error(int fd);

/* "127.0.0.1:2222", "[::1]:2222", "/run/peerup/x". Returns `name`. */
const char *socket_format_name(int fd, char name[static SOCKET_NAME_MAX]);
