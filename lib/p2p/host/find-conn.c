/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which of several connections to a peer is used, and which of them seem to be dead.
 *
 * A session dies late: QUIC after 30 s without a packet, yamux after 40. Until then its path may be gone for
 * good. A connection is silent while somebody asked something of it (open.c) and nothing has come in since:
 * used last, and never waited for. Whatever comes in ends that.
 */

#include "host/host-internal.h"

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
