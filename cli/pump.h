/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Pump: joins a pair of fds (standard input and output) to a socket, until both ways have ended. The end of
 * input is passed on as a half-close and output goes on; the socket's end closes output and input goes on,
 * unless the socket is gone altogether.
 */

#define PUMP_BUFFER (64u * 1024u) /* each way; arbitrary */

/* 0: both ways ended in order. -ECONNRESET: the far side reset the connection; -EPIPE: it ended before it
 * had read everything, or nobody reads our output; or another error of a read or write. The fds stay the
 * caller's and their flags are not touched, others may share them; where out is no socket it is /dev/null
 * after its end. */
int pump_run(int in, int out, int socket);
