/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What dial.c (jobs, who waits for them, the race) and dial-addrs.c (which addresses take part, and when) share. */

#include "host/host-internal.h"

#define CANDIDATES_MAX 64u

typedef struct job job;

typedef enum candidate_state { WAITING, DIALLING, UPGRADING, FAILED } candidate_state;

typedef struct candidate {
        job *job;
        candidate_state state;
        p2p_addr *addr;
        uint64_t due; /* not started before */
        const p2p_transport *transport; /* of the address */
        void *dial;                     /* its dial in flight */
        p2p_upgrade *upgrade;
        p2p_timer deadline;
        p2p_peer_id via;
        bool limited;
} candidate;

struct job {
        p2p_host *host;
        p2p_peer_id peer;
        bool direct;   /* no circuits: a job of its own, so that relays that are behind each other never wait in a ring */
        bool settling; /* a connection is being announced: a waiter that goes does not end the job */
        p2p_list dials, waiters;
        candidate *candidates[CANDIDATES_MAX];
        unsigned n_candidates;
        p2p_list lookups;
        p2p_timer next;
        p2p_task start;
        uint64_t started;
        int error; /* the most telling so far */
};

/* ---- dial.c ---- */
void job_note_error(job *j, int error);
/* Starts what is due, or what is next when nothing is in flight; ends the job when nothing is left. */
void job_pump(job *j);
void candidate_on_deadline(void *userdata);

/* ---- dial-addrs.c ---- */
/* Fills in the candidates from the peerstore and begins to look names up; pumps the job for each name. */
void job_add_addrs(job *j);
void job_stop_lookups(job *j);
