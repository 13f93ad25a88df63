/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What dial.c (jobs, and who waits for them), dial-race.c (the candidates) and dial-addrs.c (which
 * addresses take part, and when) share. */

#include "host/dial-rank.h"
#include "host/host-internal.h"

#define CANDIDATES_MAX DIAL_ADDRS_MAX

typedef struct job job;

typedef enum candidate_state { WAITING, DIALLING, UPGRADING, FAILED } candidate_state;

typedef struct candidate {
        job *job;
        candidate_state state;
        p2p_addr *addr;
        uint64_t due;     /* not started before */
        uint64_t started;
        bool near;        /* dial_place */
        bool again;       /* failed once */
        bool has_fd;      /* counts among the host's dials that hold one */
        bool udp, ip6;    /* it is public, and tells whether the network carries that */
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
        bool direct;   /* no circuits, in a job of its own: relays behind each other would wait in a ring */
        bool settling; /* a connection is being announced: a waiter that goes does not end the job */
        bool starved;  /* waits for a file descriptor */
        bool asked_black_holes, no_udp, no_ip6;
        p2p_list dials, waiters;
        candidate *candidates[CANDIDATES_MAX];
        unsigned n_candidates;
        p2p_list lookups;
        p2p_timer next;
        p2p_task start;
        uint64_t started;
        uint64_t hold; /* nothing is started before: one in flight is connected already */
        int error; /* the most telling so far */
};

/* ---- dial.c ---- */
/* Everybody who waits is told; the job is gone. */
void job_finish(job *j, p2p_conn *conn, int error);
void job_note_error(job *j, int error);

/* ---- dial-race.c ---- */
/* Takes the address. NULL: no memory. */
candidate *candidate_new(job *j, p2p_addr *addr);
candidate *candidate_free(candidate *c);
/* Starts what is due, or what is next when nothing is in flight; ends the job when nothing is left. */
void job_pump(job *j);

/* ---- dial-addrs.c ---- */
/* Fills in the candidates from the peerstore and begins to look names up; pumps the job for each name. */
void job_add_addrs(job *j);
void job_stop_lookups(job *j);
