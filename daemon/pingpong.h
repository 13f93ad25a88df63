/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The ping-pong protocol of peer-up (protocols.md 1): "ping\n" is answered "pong\n". Both sides, with a
 * deadline and a limit. */

#include "daemon/manager.h"

#define PINGPONG_LINE_MAX 64u                       /* with its newline */
#define PINGPONG_DEADLINE_USEC (10 * USEC_PER_SEC)  /* for the line, or for its answer */
#define PINGPONG_STREAMS_MAX 256u                   /* being answered at a time; more are reset 0x1002 */

/* Answers under this protocol id. -EEXIST. */
int pingpong_new(Manager *manager, const char *protocol, Pingpong **ret);
const char *pingpong_protocol(const Pingpong *pingpong);
Pingpong *pingpong_free(Pingpong *pingpong);
P2P_CLEANUP(Pingpong, pingpong_free);

typedef struct Ping Ping;

/* One-shot. rtt: from the write to the answer, the stream's opening not counted. error as an opening's;
 * -EBADMSG: another answer than pong. code: with which the stream was reset. */
typedef void (*PingDone)(uint64_t rtt_usec, bool relayed, int error, uint32_t code, void *userdata);
int ping_new(Manager *manager, const p2p_peer_id *peer, const char *protocol, PingDone done, void *userdata,
             Ping **ret);
Ping *ping_free(Ping *ping);
P2P_CLEANUP(Ping, ping_free);
