/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One convention: every fallible function returns < 0, a negative errno out of this list.
 *
 *   the peer's fault    EBADMSG malformed bytes            EPROTO legal bytes at the wrong time
 *                       EMSGSIZE beyond a limit            EKEYREJECTED wrong or refused identity
 *                       EPROTONOSUPPORT nothing in common
 *   the path's          ECONNRESET EPIPE ETIMEDOUT EHOSTUNREACH ECONNREFUSED ECANCELED
 *                       EACCES a relay that does not serve one of the two
 *                       ENOKEY no certificate of the Web that is good: a server's that we trust, or ours to listen with
 *                       EKEYEXPIRED a server's is trusted, but not today   EREMCHG it is, but for another name
 *   ours                ENOMEM ENOBUFS (a quota of ours) EINVAL (misuse) ENOENT EEXIST
 *   not an error        EAGAIN: nothing now, the wake task tells when
 */

#include <stdbool.h>
#include <stdint.h>

/* The five errors in the first group: they end that peer's connection and never more. */
bool p2p_error_is_peer_fault(int error);

/* Codes of a stream reset: the length of a yamux RST, the application error code of a QUIC one. */
enum {
        P2P_STREAM_NO_ERROR = 0,
        P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED = 0x1001,
        P2P_STREAM_RESOURCE_LIMIT_EXCEEDED = 0x1002,
        P2P_STREAM_RATE_LIMITED = 0x1003,
        P2P_STREAM_PROTOCOL_VIOLATION = 0x1004,
        P2P_STREAM_SUPPLANTED = 0x1005,
        P2P_STREAM_GARBAGE_COLLECTED = 0x1006,
        P2P_STREAM_SHUTDOWN = 0x1007,
        P2P_STREAM_GATED = 0x1008,
        P2P_STREAM_CODE_OUT_OF_RANGE = 0x1009, /* QUIC's are longer than ours */
        /* Ours, in the range left to applications: */
        P2P_STREAM_BACKEND_UNREACHABLE = 0x2001,
        P2P_STREAM_BACKEND_RESET = 0x2002,
};

/* Codes of a connection's end: the length of a yamux GoAway. Off by one from the streams' [libp2p error
 * codes]. */
enum {
        P2P_CONN_NO_ERROR = 0,
        P2P_CONN_PROTOCOL_ERROR = 1,  /* yamux's own */
        P2P_CONN_INTERNAL_ERROR = 2,  /* yamux's own */
        P2P_CONN_RESOURCE_LIMIT_EXCEEDED = 0x1001,
        P2P_CONN_PROTOCOL_VIOLATION = 0x1003,
        P2P_CONN_GARBAGE_COLLECTED = 0x1005,
        P2P_CONN_SHUTDOWN = 0x1006,
        P2P_CONN_GATED = 0x1007,
};
