/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Backend: a connection to what a service of ours stands for. */

#include <p2p/loop.h>

#include "service/endpoint.h"

#define BACKEND_TIMEOUT_USEC (10 * USEC_PER_SEC) /* protocols.md 2.1 */

typedef struct Backend Backend;

/* The fd is the callee's. Runs once, from the loop, after the backend freed itself. */
typedef void (*BackendDone)(int fd, int error, void *userdata);

/* No host is localhost, in both families. */
int backend_new(p2p_loop *loop, const Endpoint *address, BackendDone done, void *userdata, Backend **ret);
/* After it: what is decided already is told now instead of in the next turn, so this is the last thing that
 * a task of the caller's does. */
void backend_start(Backend *backend);
Backend *backend_free(Backend *backend);
P2P_CLEANUP(Backend, backend_free);
