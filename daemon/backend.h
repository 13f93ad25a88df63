/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Backend: a connection to what a service of ours stands for. */

#include <p2p/loop.h>

#define BACKEND_TIMEOUT_USEC (10 * USEC_PER_SEC) /* protocols.md 2.1 */
#define BACKEND_ADDRESS_MAX 261u                 /* a DNS name of 253 bytes, ':' and a port, and the NUL */

typedef struct Backend Backend;

/* The fd is the callee's. Runs once, from the loop, after the backend freed itself. */
typedef void (*BackendDone)(int fd, int error, void *userdata);

/* "host:port", "[ip6]:port", ":port" (localhost) or "/path": 0, or -EINVAL. */
int backend_check_address(const char *address);

int backend_new(p2p_loop *loop, const char *address, BackendDone done, void *userdata, Backend **ret);
Backend *backend_free(Backend *backend);
P2P_CLEANUP(Backend, backend_free);
