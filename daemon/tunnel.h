/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tunnel: moves bytes between a local socket and a channel, both ways, until both directions have ended. */

#include <stdbool.h>
#include <stdint.h>

#include <p2p/channel.h>

#define TUNNEL_SCRATCH_SIZE (128u * 1024u)

typedef struct Tunnel Tunnel;

typedef enum TunnelEnd {
        TUNNEL_FINISHED, /* both directions ended in order */
        TUNNEL_LOCAL,    /* the local socket broke */
        TUNNEL_REMOTE,   /* the channel broke */
} TunnelEnd;

typedef struct TunnelResult {
        TunnelEnd end;
        int error;     /* 0 when finished */
        uint32_t code; /* with which the far side reset the channel; 0 */
} TunnelResult;

/* Runs once, from the loop; may free the tunnel. Both sides have been ended then: in order, or by a reset.
 */
typedef void (*TunnelDone)(Tunnel *tunnel, const TunnelResult *result, void *userdata);

/* Takes the fd on success: a connected stream socket, checked by the caller; it need not be non-blocking.
 * scratch: TUNNEL_SCRATCH_SIZE bytes, borrowed, shared by all tunnels of a loop. Until a channel is attached
 * only an error of the socket is noticed (which ends the tunnel). */
int tunnel_new(p2p_loop *loop, uint8_t *scratch, int fd, TunnelDone done, void *userdata, Tunnel **ret);

/* Once. The channel is borrowed: the owner frees it after the tunnel. Moves nothing before the next turn. */
void tunnel_attach(Tunnel *tunnel, p2p_channel *channel);
/* Then: moves what is there at once. `done` may run, so it is the last thing that a task of the caller's
 * does. */
void tunnel_start(Tunnel *tunnel);

/* Resets what is not finished, both sides, without calling `done`: `code` goes to the far side. */
void tunnel_abort(Tunnel *tunnel, uint32_t code);

Tunnel *tunnel_free(Tunnel *tunnel); /* aborts with P2P_STREAM_NO_ERROR what still runs */
P2P_CLEANUP(Tunnel, tunnel_free);

uint64_t tunnel_bytes_in(const Tunnel *tunnel);  /* channel to socket */
uint64_t tunnel_bytes_out(const Tunnel *tunnel); /* socket to channel */
