/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Connection: a session with a proven peer. It names the streams that come in, and ends when its session
 * does.
 *
 * A connection leaves the host's list only in on_news(), so events never nest: closing marks, the task ends.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/host-internal.h"

static void end(p2p_conn *conn, int error, uint32_t code) {
        p2p_host *host = conn->host;
        p2p_hook *hook;

        conn->closing = true;
        p2p_list_unlink(&conn->conns);
        host->n_conns--;
        P2P_LIST_FOREACH(hook, &host->hooks, p2p_hook, hooks)
                if (hook->conn_closed)
                        hook->conn_closed(conn, hook->userdata);
        if (host->events->conn_closed)
                host->events->conn_closed(conn, error, code, host->userdata);
        conn_free(conn);
}

static void retry_opens(p2p_conn *conn) {
        p2p_list *node;

        while ((node = p2p_list_first(&conn->waiting)))
                if (open_retry(node, conn) == -EAGAIN)
                        return;
}

static void on_news(void *userdata) {
        p2p_conn *conn = userdata;
        p2p_channel *channel;
        uint32_t code = 0;
        int error;

        while (!conn->closing && conn->session->ops->accept(conn->session, &channel) > 0)
                negotiation_start(conn, channel);

        error = conn->session->ops->error(conn->session, &code);
        if (error < 0 || conn->closing)
                return end(conn, error < 0 ? error : -ECONNRESET, code);
        retry_opens(conn);
}

/* From now on as many streams as the session takes. */
static void on_settled(void *userdata) {
        p2p_conn *conn = userdata;

        conn->settled = true;
        p2p_timer_stop(&conn->settling);
        p2p_task_post(&conn->news);
}

p2p_conn *conn_free(p2p_conn *conn) {
        p2p_list *node;
        p2p_stream *s;

        if (!conn)
                return NULL;
        p2p_list_unlink(&conn->conns);
        negotiation_free_all(conn);
        P2P_LIST_FOREACH(s, &conn->streams, p2p_stream, streams) {
                conn->share->n_streams -= s->counted;
                p2p_list_unlink(&s->streams);
                s->conn = NULL;
        }
        peer_share_leave(conn->share);
        while ((node = p2p_list_first(&conn->waiting))) {
                p2p_list_unlink(node);
                open_conn_gone(node);
        }
        p2p_session_free(conn->session);
        p2p_timer_stop(&conn->settling);
        conn_doubt_done(conn);
        p2p_task_cancel(&conn->news); /* after what may post it */
        p2p_addr_free(conn->remote);
        for (size_t i = 0; i < conn->n_protocols; i++)
                free(conn->protocols[i]);
        free(conn->protocols);
        free(conn->agent);
        free(conn);
        return NULL;
}

/* Makes room under the total limit by closing the oldest connection that nobody uses. */
static bool make_room(p2p_host *host) {
        p2p_conn *c;

        P2P_LIST_FOREACH(c, &host->conns, p2p_conn, conns)
                if (!c->closing && c->n_pins == 0 && c->session->ops->n_streams(c->session) == 0) {
                        p2p_conn_close(c, P2P_CONN_GARBAGE_COLLECTED);
                        return true;
                }
        return false;
}

/* The IP of an address' first component; empty for others. */
static p2p_view ip_of(const p2p_addr *addr) {
        p2p_addr_component c;

        if (addr && p2p_addr_component_at(addr, 0, &c) && (c.code == P2P_ADDR_IP4 || c.code == P2P_ADDR_IP6))
                return c.value;
        return (p2p_view){};
}

/* A circuit counts against its relay, everything else against its IP address. */
static bool same_origin(const p2p_conn *c, const p2p_peer_id *via, p2p_view ip) {
        if (via || c->via.n > 0)
                return via && c->via.n > 0 && p2p_peer_id_equal(&c->via, via);
        return ip.n > 0 && p2p_view_equal(ip_of(c->remote), ip);
}

static int check_limits(p2p_host *host, const p2p_peer_id *peer, const conn_info *info) {
        unsigned n_peer = 0, n_ip = 0;
        p2p_view ip = ip_of(info->remote);
        p2p_conn *c;

        P2P_LIST_FOREACH(c, &host->conns, p2p_conn, conns) {
                if (c->closing)
                        continue;
                n_peer += p2p_peer_id_equal(&c->peer, peer);
                n_ip += c->inbound && same_origin(c, info->via, ip);
        }
        if (n_peer >= host->limits.conns_per_peer)
                return -ENOBUFS;
        if (info->inbound && host->limits.conns_per_ip > 0 && n_ip >= host->limits.conns_per_ip)
                return -ENOBUFS;
        if (host->n_conns >= host->limits.conns && !make_room(host))
                return -ENOBUFS;
        return 0;
}

static void tell_opened(p2p_conn *conn) {
        p2p_host *host = conn->host;
        p2p_hook *hook;

        P2P_LIST_FOREACH(hook, &host->hooks, p2p_hook, hooks)
                if (hook->conn_opened)
                        hook->conn_opened(conn, hook->userdata);
        if (host->events->conn_opened)
                host->events->conn_opened(conn, host->userdata);
}

int conn_admit(p2p_host *host, p2p_raw *raw, const p2p_peer_id *expected, const p2p_addr *remote,
               bool inbound, p2p_upgraded *ret) {
        p2p_session *session = TAKE_PTR(raw->session);
        const p2p_host_events *events = host->events;

        if ((expected && !p2p_peer_id_equal(&raw->peer, expected)) ||
            p2p_peer_id_equal(&raw->peer, p2p_host_peer_id(host)) ||
            (events->allow && !events->allow(&raw->peer, remote, inbound, host->userdata))) {
                session->ops->close(session, P2P_CONN_GATED);
                p2p_session_free(session);
                return -EKEYREJECTED;
        }
        *ret = (p2p_upgraded){ .session = session, .peer = raw->peer, .security = raw->security, .muxer = raw->muxer };
        return 0;
}

static void conn_init(p2p_conn *conn, p2p_host *host, p2p_upgraded *up, conn_info *info) {
        conn->host = host;
        conn->stream_limit = host->limits.streams;
        conn->session = TAKE_PTR(up->session);
        conn->peer = up->peer;
        conn->remote = TAKE_PTR(info->remote);
        if (info->via)
                conn->via = *info->via;
        conn->inbound = info->inbound;
        conn->limited = info->limited;
        conn->transport = info->transport;
        conn->security = up->security;
        conn->muxer = up->muxer;
        conn->opened_at = p2p_loop_now(host->loop);
        p2p_list_init(&conn->streams);
        p2p_list_init(&conn->negotiations);
        p2p_list_init(&conn->waiting);
        p2p_list_init(&conn->conns);
        p2p_task_init(&conn->news, host->loop, on_news, conn);
        p2p_timer_init(&conn->settling, host->loop, on_settled, conn);
        conn_doubt_init(conn);
        conn->session->wake = &conn->news;
}

int conn_new(p2p_host *host, p2p_upgraded *up, conn_info *info, p2p_conn **ret) {
        peer_share *share = NULL;
        p2p_conn *conn = NULL;
        int r;

        r = check_limits(host, &up->peer, info);
        if (r >= 0) {
                conn = calloc(1, sizeof(*conn));
                share = peer_share_join(host, &up->peer);
                r = conn && share ? 0 : -ENOMEM;
        }
        if (r < 0) {
                free(conn);
                peer_share_leave(share);
                up->session->ops->close(up->session, P2P_CONN_RESOURCE_LIMIT_EXCEEDED);
                up->session = p2p_session_free(up->session);
                return r;
        }
        conn_init(conn, host, up, info);
        conn->share = share;
        conn->settled = p2p_timer_set(&conn->settling, SETTLE_USEC) < 0;
        if (host->events->stream_limit) {
                conn->stream_limit = host->events->stream_limit(&conn->peer, host->userdata);
                conn->session->ops->set_stream_limit(conn->session, conn->stream_limit);
        }
        p2p_list_append(&host->conns, &conn->conns);
        host->n_conns++;
        tell_opened(conn);
        p2p_task_post(&conn->news); /* streams may have come in before anybody listened */
        *ret = conn;
        return 0;
}

void p2p_conn_close(p2p_conn *conn, uint32_t code) {
        if (conn->closing)
                return;
        conn->closing = true;
        conn->session->ops->close(conn->session, code);
        p2p_task_post(&conn->news);
}

/* Ours take and give larger windows: both ends know what the path can carry. */
static bool is_ours(const char *agent) {
        size_t n = strlen(agent), mark = strlen(P2P_AGENT_MARK);

        return (strncmp(agent, "peerup/", 7) == 0 || strncmp(agent, "relay-server/", 13) == 0) && n > mark &&
               strcmp(agent + n - mark, P2P_AGENT_MARK) == 0;
}

void p2p_conn_set_identified(p2p_conn *conn, const char *agent, char *const *protocols, size_t n) {
        char **copy, *agent_copy;
        bool first = !conn->identified;

        copy = calloc(n + 1, sizeof(*copy));
        agent_copy = strdup(agent);
        if (!copy || !agent_copy) {
                free(copy);
                free(agent_copy);
                return;
        }
        for (size_t i = 0; i < conn->n_protocols; i++)
                free(conn->protocols[i]);
        free(conn->protocols);
        free(conn->agent);
        conn->n_protocols = 0;
        for (size_t i = 0; i < n; i++) {
                copy[conn->n_protocols] = strdup(protocols[i]);
                conn->n_protocols += copy[conn->n_protocols] != NULL;
        }
        conn->protocols = copy;
        conn->agent = agent_copy;
        conn->identified = true;
        on_settled(conn);
        conn->ours = is_ours(agent);
        if (conn->ours && conn->session->ops->allow_large_windows)
                conn->session->ops->allow_large_windows(conn->session);
        if (first && conn->host->events->conn_identified)
                conn->host->events->conn_identified(conn, conn->host->userdata);
}

/* ---- what others may know ---- */
p2p_conn *p2p_host_first_conn(p2p_host *host) {
        p2p_list *first = p2p_list_first(&host->conns);

        return first ? P2P_LIST_ENTRY(first, p2p_conn, conns) : NULL;
}

p2p_conn *p2p_conn_next(p2p_conn *conn) {
        return conn->conns.next == &conn->host->conns ? NULL
                                                      : P2P_LIST_ENTRY(conn->conns.next, p2p_conn, conns);
}

void p2p_host_close_peer(p2p_host *host, const p2p_peer_id *peer, uint32_t code) {
        p2p_conn *c;

        P2P_LIST_FOREACH(c, &host->conns, p2p_conn, conns)
                if (p2p_peer_id_equal(&c->peer, peer))
                        p2p_conn_close(c, code);
}

uint32_t p2p_conn_close_code(const p2p_conn *c) {
        uint32_t code = 0;

        (void) c->session->ops->error(c->session, &code);
        return code;
}

p2p_host *p2p_conn_host(const p2p_conn *c) { return c->host; }
const p2p_peer_id *p2p_conn_peer(const p2p_conn *c) { return &c->peer; }
const p2p_addr *p2p_conn_remote(const p2p_conn *c) { return c->remote; }
bool p2p_conn_is_inbound(const p2p_conn *c) { return c->inbound; }
bool p2p_conn_is_limited(const p2p_conn *c) { return c->limited; }
bool p2p_conn_is_circuit(const p2p_conn *c) { return c->via.n > 0; }
uint64_t p2p_conn_opened_at(const p2p_conn *c) { return c->opened_at; }
uint64_t p2p_conn_rtt(const p2p_conn *c) { return c->session->ops->rtt(c->session); }
const char *p2p_conn_transport(const p2p_conn *c) { return c->transport; }
const char *p2p_conn_security(const p2p_conn *c) { return c->security; }
const char *p2p_conn_muxer(const p2p_conn *c) { return c->muxer; }
const char *p2p_conn_agent(const p2p_conn *c) { return c->agent ? c->agent : ""; }
bool p2p_conn_is_identified(const p2p_conn *c) { return c->identified; }
void *p2p_conn_userdata(const p2p_conn *c) { return c->userdata; }
void p2p_conn_set_userdata(p2p_conn *c, void *userdata) { c->userdata = userdata; }
void p2p_conn_pin(p2p_conn *c) { c->n_pins++; }
void p2p_conn_unpin(p2p_conn *c) { c->n_pins -= c->n_pins > 0; }

bool p2p_conn_supports(const p2p_conn *c, const char *protocol) {
        for (size_t i = 0; i < c->n_protocols; i++)
                if (strcmp(c->protocols[i], protocol) == 0)
                        return true;
        return false;
}
