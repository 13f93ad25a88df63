/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* yamux as a session over a sealed channel (wire reference 8) [hashicorp/yamux spec]. */

#include <p2p/session.h>

#define P2P_YAMUX_PROTOCOL "/yamux/1.0.0"
#define P2P_YAMUX_WINDOW_INITIAL (256u * 1024u)        /* yamux spec */
#define P2P_YAMUX_WINDOW_MAX (16u * 1024u * 1024u)     /* towards others, as go-yamux */
#define P2P_YAMUX_WINDOW_MAX_OURS (64u * 1024u * 1024u) /* between two of ours */
#define P2P_YAMUX_PAUSE_CIRCUIT (6 * USEC_PER_MSEC)    /* three processes on the way instead of one */
#define P2P_YAMUX_BACKLOG 200u /* streams of ours not yet acknowledged; go-yamux stops at 256 */

/* Bytes received and not yet read, over all sessions that share it. It outlives them. */
typedef struct p2p_budget {
        size_t used, max;
        size_t windows;    /* the sessions': credit granted beyond the initial windows */
        p2p_list sessions; /* the sessions': all zero is empty */
} p2p_budget;

typedef struct p2p_yamux_options {
        bool client;              /* the dialler: odd ids */
        size_t buffer_max;        /* unread bytes; beyond it the fullest stream is reset. 0: 64 MiB */
        p2p_budget *budget;       /* shared; borrowed; NULL: only buffer_max */
        unsigned streams_max;     /* opened by the far side */
        uint64_t keepalive_usec;  /* a ping after such a silence; 10 s more end it. 0: 30 s */
        uint64_t pause_usec;      /* of the schedulers on the way: a window lasts longer. 0: 2 ms */
} p2p_yamux_options;

/* Takes the channel on success. Sends its first ping at once (go grows no window before its pong). */
int p2p_yamux_new(p2p_loop *loop, p2p_channel *channel, const p2p_yamux_options *options, p2p_session **ret);
/* Bytes buffered unread now: for tests. */
size_t p2p_yamux_buffered(const p2p_session *session);
