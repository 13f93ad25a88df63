/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Failure: why a tunnel or a stream came to nothing, told to people, with what to do about it. */

#include <stdint.h>

#include <p2p/peer.h>

#define FAILURE_TEXT_MAX 384u

typedef struct Failure {
        int error;     /* of the opening, or of the stream */
        uint32_t code; /* with which the far side reset the stream; 0 */
        bool opened;   /* there was a stream: the peer was reached */
        bool alive;    /* and the connection outlived it */
        bool no_relay; /* this machine uses none */
        bool gated;    /* the peer ended a connection because it does not let us in */
} Failure;

typedef enum FailureKind {
        FAILURE_NOT_AUTHORIZED, /* there */
        FAILURE_REFUSED,        /* the service is not for us */
        FAILURE_NO_SERVICE,
        FAILURE_BACKEND,
        FAILURE_LIMIT,          /* of ours or of theirs */
        FAILURE_WRONG_PEER,
        FAILURE_NO_COMMON_WAY,  /* no security, muxer or kind of key that both know */
        FAILURE_UNTRUSTED,      /* of a wss address: nobody whom we trust vouches for it */
        FAILURE_OUT_OF_DATE,    /* its certificate */
        FAILURE_OTHER_NAME,     /* in its certificate */
        FAILURE_NO_RELAY,
        FAILURE_UNREACHABLE,
        FAILURE_NO_PATH,        /* and no relay to reach it through */
        FAILURE_RESET,          /* the stream, for a reason that was not told */
        FAILURE_LOST,           /* the connection broke under it */
        _FAILURE_KIND_MAX,
} FailureKind;

FailureKind failure_kind(const Failure *failure);
/* peer: as the user calls it. remedy is "" where there is none. One printable line each. */
void failure_describe(FailureKind kind, const char *peer, const char *service, const p2p_peer_id *self,
                      char reason[static FAILURE_TEXT_MAX], char remedy[static FAILURE_TEXT_MAX]);
