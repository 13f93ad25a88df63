/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which of several connections to a peer is used, and which of them seem to be dead.
 *
 * A session dies late: QUIC after 30 s without a packet, yamux after 40. Until then its path may be gone for
 * good. A connection is silent while somebody asked something of it (open.c) and nothing has come in since:
 * used last, and never waited for. Whatever comes in ends that.
 */

#include "host/host-internal.h"

#define PATIENCE_MIN_USEC USEC_PER_SEC /* where the round trip is known to be short */

uint64_t p2p_conn_heard(const p2p_conn *c) {
        return c->session->ops->heard ? c->session->ops->heard(c->session) : p2p_loop_now(c->host->loop);
}

bool conn_is_silent(const p2p_conn *c) {
        return c->silent_since > 0 && p2p_conn_heard(c) <= c->silent_since;
}

static bool is_quic(const p2p_conn *c) {
        return c->remote && p2p_addr_stack(c->remote) == P2P_STACK_QUIC;
}

void conn_note_silence(p2p_conn *conn, uint64_t asked) {
        p2p_conn *c;

        if (!conn_is_silent(conn))
                conn->silent_since = asked;
        if (conn->via.n == 0)
                return;
        P2P_LIST_FOREACH(c, &conn->host->conns, p2p_conn, conns)
                if (p2p_peer_id_equal(&c->peer, &conn->via) && is_quic(c) && p2p_conn_heard(c) <= asked &&
                    !conn_is_silent(c))
                        c->silent_since = asked;
}

/* UDP is cut off while TCP goes on, and a relay is one more machine that may leave; a direct TCP connection
 * mostly goes with the network or the machine behind it. */
bool conn_may_die_alone(const p2p_conn *c) {
        return is_quic(c) || c->via.n > 0;
}

uint64_t conn_patience(const p2p_conn *c) {
        uint64_t rtt = p2p_conn_rtt(c);

        if (conn_is_silent(c))
                return 0;
        return rtt == 0 ? PATIENCE_USEC : P2P_MIN(P2P_MAX(4 * rtt, PATIENCE_MIN_USEC), PATIENCE_USEC);
}

bool host_has_silent_quic(p2p_host *host, const p2p_peer_id *peer) {
        p2p_conn *c;

        P2P_LIST_FOREACH(c, &host->conns, p2p_conn, conns)
                if (p2p_peer_id_equal(&c->peer, peer) && is_quic(c) && conn_is_silent(c))
                        return true;
        return false;
}

static unsigned rank(const p2p_conn *c) {
        return (conn_is_silent(c) ? 0 : 4) + (c->limited ? 0 : 2) + (c->via.n == 0);
}

p2p_conn *host_find_conn(p2p_host *host, const p2p_peer_id *peer, bool direct) {
        p2p_conn *c, *best = NULL;

        P2P_LIST_FOREACH(c, &host->conns, p2p_conn, conns) {
                if (c->closing || (direct && c->via.n > 0) || !p2p_peer_id_equal(&c->peer, peer))
                        continue;
                if (!best || rank(c) >= rank(best))
                        best = c;
        }
        return best;
}

p2p_conn *p2p_host_find_conn(p2p_host *host, const p2p_peer_id *peer) {
        return host_find_conn(host, peer, false);
}
