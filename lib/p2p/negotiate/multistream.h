/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One-shot operations here free themselves before `done` runs: forget the handle there, do not free it
 * (loop.h). */

/*
 * multistream-select 1.0 over any channel (wire reference 3).
 *
 * Tokens are read to the byte: what follows the last one stays in the channel. Deadlines are the caller's.
 */

#include <p2p/channel.h>

#define P2P_MULTISTREAM_TOKEN_MAX 1024u /* with the newline; go-multistream's own limit */
#define P2P_MULTISTREAM_PROPOSALS_MAX 64u

/* ---- responder ---- */
typedef struct p2p_select p2p_select;

/* Which of our protocols is this? Returns true if we speak it. Must not free anything. */
typedef bool (*p2p_select_match_fn)(const char *protocol, void *userdata);
/* Runs once, from the loop. The channel is handed back on success, positioned after the agreed token; NULL
 * on error (it was freed, and reset with 0x1001). protocol is valid during the call. */
typedef void (*p2p_select_fn)(p2p_channel *channel, const char *protocol, int error, void *userdata);

/* Takes the channel on success. Sends the header at once. */
int p2p_select_new(p2p_loop *loop, p2p_channel *channel, p2p_select_match_fn match, p2p_select_fn done,
                   void *userdata, p2p_select **ret);
/* A stranger's: its steps are slow tasks (loop.h). Right after new. */
void p2p_select_set_slow(p2p_select *select);
p2p_select *p2p_select_free(p2p_select *select);
P2P_CLEANUP(p2p_select, p2p_select_free);

/* ---- initiator, several proposals: waits for each answer; the first is pipelined behind the header ---- */
typedef struct p2p_propose p2p_propose;

/* protocols: NULL-terminated, borrowed until done. done as above; -EPROTONOSUPPORT: "na" to all. */
int p2p_propose_new(p2p_loop *loop, p2p_channel *channel, const char *const *protocols, p2p_select_fn done,
                    void *userdata, p2p_propose **ret);
p2p_propose *p2p_propose_free(p2p_propose *propose);
P2P_CLEANUP(p2p_propose, p2p_propose_free);

/* ---- initiator, one proposal: waits for nothing ---- */
/* A channel above `channel` that sends header and proposal in front of the first bytes written (or at once
 * on its first read, or on p2p_lazy_flush()) and checks the answer in front of the first bytes read:
 * -EPROTONOSUPPORT there for "na". Takes the channel on success. Once agreed it forwards. protocol is
 * copied. */
int p2p_lazy_new(p2p_loop *loop, p2p_channel *channel, const char *protocol, p2p_channel **ret);
/* Sends what is pending of header and proposal. 0, -EAGAIN (a wake follows), or broken. */
int p2p_lazy_flush(p2p_channel *lazy);
/* 1: the far side agreed; 0: not yet known (reads what is there of the answer; a wake follows); < 0: refused
 * or broken. */
int p2p_lazy_confirm(p2p_channel *lazy);
/* The answer was read, and was that. Reads nothing. */
bool p2p_lazy_is_agreed(const p2p_channel *lazy);
