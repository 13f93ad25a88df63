/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Session: one peer, many pipes. yamux over a sealed channel is one, a QUIC connection another.
 *
 * News is pulled, as with channels: `wake` is posted when a stream came in, when open() may work again, or
 * when the session ended; the owner then asks accept() until 0 and error(). A stream outlives its session:
 * after the session's end or free every operation on it returns -ECONNRESET and its wake is posted (of QUIC
 * -EKEYREJECTED, as error(), where the far side refused us behind our end of the handshake).
 */

#include <p2p/channel.h>

typedef struct p2p_session p2p_session;

typedef struct p2p_session_ops {
        /* A new stream, at once usable; the far side learns of it at the latest with the first write.
         * -EAGAIN: too many that it has not acknowledged, wake follows; -ENOBUFS: limit; else the session's
         * error. */
        int (*open)(p2p_session *s, p2p_channel **ret);
        /* 1: *ret is a stream that the far side opened, the caller's now; 0: none waiting. */
        int (*accept)(p2p_session *s, p2p_channel **ret);
        /* 0 while alive; afterwards why it ended (-ECONNRESET for an ordinary end), with the far side's
         * GoAway code in *ret_code if it sent one (else 0; may be NULL). */
        int (*error)(const p2p_session *s, uint32_t *ret_code);
        /* Tells the far side `code` (P2P_CONN_*) and ends the session; what can be flushed within two
         * seconds is. */
        void (*close)(p2p_session *s, uint32_t code);
        /* Round trip in usec, 0 while unknown. */
        uint64_t (*rtt)(const p2p_session *s);
        /* p2p_loop_now() of when anything of the far side's came in last, acknowledgements too where the
         * session sees them. May be NULL: nobody suspects it of being dead. */
        uint64_t (*heard)(const p2p_session *s);
        /* As a channel's: where the session does not see acknowledgements itself. May be NULL. */
        uint64_t (*quiet)(const p2p_session *s);
        /* Streams that the far side may have open here at once; above it they are reset (0x1002). */
        void (*set_stream_limit)(p2p_session *s, unsigned n);
        unsigned (*n_streams)(const p2p_session *s); /* live ones, of either side */
        /* The far side is one of ours (told by identify): it may be given larger windows. May be NULL. */
        void (*allow_large_windows)(p2p_session *s);
        /* Ends it abruptly if it was not closed. A closing session flushes in the background. */
        p2p_session *(*free)(p2p_session *s);
} p2p_session_ops;

struct p2p_session {
        const p2p_session_ops *ops;
        p2p_task *wake; /* borrowed from the owner */
};

static inline p2p_session *p2p_session_free(p2p_session *s) {
        return s ? s->ops->free(s) : NULL;
}
P2P_CLEANUP(p2p_session, p2p_session_free);
