/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The node: its host, and what the host's events mean here. The gater asks Access at the proof of an inbound
 * peer's identity; each service stream asks again (incoming.c). What we dial is not gated: a relay needs no
 * line in authorized_keys.
 *
 * Everything is torn down in the reverse order of manager_new(); free() takes a half-built one.
 */

#include "daemon/manager.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/incoming.h"
#include "daemon/manager-config.h"
#include "daemon/outgoing.h"
#include "daemon/peer.h"
#include "daemon/pingpong.h"
#include "daemon/relays.h"
#include "daemon/tunnel.h"
#include "service/identity-file.h"
#include "service/journal.h"
#include "service/listen-fds.h"
#include "service/web-certificate.h"

#define TRIM_USEC (2 * USEC_PER_SEC)
#define STREAMS_AUTHORIZED 16384u /* of one peer [architecture.md 4] */

static const char *format_addr(const p2p_addr *addr, char text[static P2P_ADDR_TEXT_MAX]) {
        text[0] = '\0';
        return addr ? p2p_addr_format(addr, text) : text;
}

/* A flood leaves a heap full of holes behind, which nobody would fill again. */
static void on_trim(void *userdata) {
        (void) userdata;
        (void) malloc_trim(0);
}

void manager_note_end(Manager *m) {
        if (!p2p_timer_is_set(&m->trim))
                (void) p2p_timer_set(&m->trim, TRIM_USEC);
}

/* ---- what the host tells ---- */
static bool on_allow(const p2p_peer_id *peer, const p2p_addr *remote, bool inbound, void *userdata) {
        Manager *m = userdata;
        char text[P2P_ADDR_TEXT_MAX];
        AccessVerdict verdict;

        if (!inbound)
                return true;
        verdict = access_check(m->access, peer);
        audit(verdict == ACCESS_ALLOWED ? AUDIT_AUTH_ALLOWED : AUDIT_AUTH_DENIED, AUDIT_PEER(peer),
              AUDIT_TEXT("DIRECTION", "inbound"), AUDIT_TEXT("ADDR", format_addr(remote, text)),
              AUDIT_TEXT("REASON", access_verdict_text(verdict)));
        if (verdict != ACCESS_ALLOWED)
                manager_note_end(m);
        return verdict == ACCESS_ALLOWED;
}

static void on_inbound_failed(const p2p_peer_id *peer, const p2p_addr *remote, int error, void *userdata) {
        (void) peer, (void) remote, (void) error;
        manager_note_end(userdata);
}

static unsigned on_stream_limit(const p2p_peer_id *peer, void *userdata) {
        Manager *m = userdata;

        return access_check(m->access, peer) == ACCESS_ALLOWED ? STREAMS_AUTHORIZED
                                                               : P2P_HOST_LIMITS_DEFAULT.streams;
}

static void on_conn_opened(p2p_conn *conn, void *userdata) {
        if (peer_conn_opened(userdata, conn) < 0)
                p2p_conn_close(conn, P2P_CONN_RESOURCE_LIMIT_EXCEEDED);
}

static void on_conn_identified(p2p_conn *conn, void *userdata) {
        (void) userdata;
        peer_changed(p2p_conn_userdata(conn));
}

static void on_conn_closed(p2p_conn *conn, int error, uint32_t code, void *userdata) {
        Manager *m = userdata;

        (void) error;
        if (code == P2P_CONN_GATED)
                refusals_note(&m->refusals, p2p_conn_peer(conn), p2p_loop_now(m->loop));
        peer_conn_closed(conn);
        manager_note_end(m);
}

static void on_host_changed(void *userdata) {
        manager_changed(userdata, MANAGER_ADDRESSES);
}

static const p2p_host_events host_events = {
        .allow = on_allow,
        .stream_limit = on_stream_limit,
        .conn_opened = on_conn_opened,
        .conn_identified = on_conn_identified,
        .conn_closed = on_conn_closed,
        .inbound_failed = on_inbound_failed,
        .changed = on_host_changed,
};

/* ---- what access tells ---- */
static void close_conns(Manager *m, const p2p_peer_id *peer, bool inbound_only) {
        for (p2p_conn *conn = p2p_host_first_conn(m->host); conn; conn = p2p_conn_next(conn))
                if (p2p_peer_id_equal(p2p_conn_peer(conn), peer) &&
                    (p2p_conn_is_inbound(conn) || !inbound_only))
                        p2p_conn_close(conn, P2P_CONN_GATED);
}

static void on_lost(const p2p_peer_id *peer, AccessVerdict why, void *userdata) {
        Manager *m = userdata;
        bool keep = relays_contain(m->relays, peer) || (m->spared && p2p_peer_id_equal(m->spared, peer));

        if (!m->by_call)
                audit(AUDIT_AUTH_CHANGE, AUDIT_TEXT("ACTION", why == ACCESS_EXPIRED ? "expire" : "remove"),
                      AUDIT_TEXT("SOURCE", "file"), AUDIT_PEER(peer));
        incoming_drop_peer(m, peer);
        close_conns(m, peer, keep);
}

static void on_keys_changed(void *userdata) {
        Manager *m = userdata;
        Peer *peer;

        P2P_LIST_FOREACH(peer, &m->peers, Peer, peers)
                peer_changed(peer);
}

static const AccessEvents access_events = { .lost = on_lost, .changed = on_keys_changed };

void manager_enforce(Manager *m) {
        for (p2p_conn *conn = p2p_host_first_conn(m->host); conn; conn = p2p_conn_next(conn)) {
                if (access_check(m->access, p2p_conn_peer(conn)) == ACCESS_ALLOWED)
                        continue;
                incoming_drop_peer(m, p2p_conn_peer(conn));
                if (p2p_conn_is_inbound(conn))
                        p2p_conn_close(conn, P2P_CONN_GATED);
        }
}

/* ---- life ---- */
static int make_host(Manager *m) {
        p2p_host_options options = { .agent = "peerup/" PEERUP_VERSION P2P_AGENT_MARK,
                                     .limits = P2P_HOST_LIMITS_DEFAULT,
                                     .events = &host_events,
                                     .userdata = m };
        int r;

        r = web_certificate_load(&m->config->tls, m->config->path, &m->web);
        if (r < 0)
                return r;
        options.web = m->web;
        r = p2p_host_new(m->loop, m->identity, &options, &m->host);
        if (r < 0)
                return r;
        r = p2p_identify_new(m->host, &m->identify);
        if (r < 0)
                return r;
        r = p2p_ping_new(m->host, &m->ping);
        if (r < 0)
                return r;
        return p2p_circuit_new(m->host, &m->circuit);
}

static void complain_listen(const Manager *m, const ConfigAddr *a, int error) {
        if (error == -EAFNOSUPPORT)
                log_info("%s:%u: this machine has no such addresses as %s", m->config->path, a->line,
                         a->text);
        else if (error == -ENOKEY)
                log_error("%s:%u: %s needs a certificate: name it below network: tls:", m->config->path,
                          a->line, a->text);
        else if (error == -EADDRINUSE)
                log_error("%s:%u: %s is in use by another program: stop that, or take another port "
                          "(%s/0 takes any)",
                          m->config->path, a->line, a->text,
                          p2p_addr_stack(a->addr) == P2P_STACK_QUIC ? "udp" : "tcp");
        else if (error == -EACCES && p2p_addr_stack(a->addr) == P2P_STACK_TCP)
                log_error("%s:%u: a node opens its TCP ports itself, without privileges: take one from 1024 "
                          "on instead of %s",
                          m->config->path, a->line, a->text);
        else if (error == -EACCES)
                log_error("%s:%u: systemd opens ports below 1024 for the node, also that of %s: systemctl "
                          "daemon-reload && systemctl stop peerup && systemctl start peerup; if they fail, "
                          "another program has one: systemctl status 'peerup-daemon*.socket'",
                          m->config->path, a->line, a->text);
        else
                (void) log_warning_errno(error, "%s:%u: cannot listen on %s: %m", m->config->path, a->line,
                                         a->text);
}

/* An address that is not there (IPv6 switched off) is no reason to stay away; none at all is. */
static int listen_all(Manager *m) {
        _cleanup_(listen_fds_freep) ListenFds *fds = NULL;
        unsigned n = 0;
        int r, error = 0;

        r = listen_fds_new(&fds);
        if (r < 0)
                return r;
        for (size_t i = 0; i < m->config->n_listen_addresses; i++) {
                const ConfigAddr *a = &m->config->listen_addresses[i];

                if (!a->supported)
                        continue;
                r = listen_fds_listen(fds, m->host, a->addr);
                if (r >= 0) {
                        n++;
                        continue;
                }
                error = r;
                complain_listen(m, a, r);
        }
        (void) listen_fds_report(fds, "peerup-daemon");
        return n > 0 ? 0 : error;
}

static int load_identity(Manager *m) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        char id[P2P_PEER_ID_TEXT_MAX];
        int r;

        r = identity_file_load_or_create(m->config->key_file, "identity.key", problems, &m->identity);
        if (problems)
                log_problems(m->config->key_file, problems);
        if (r < 0)
                return log_error_errno(r, "There is no usable identity: %m");
        if (r > 0)
                log_notice("Made a new identity, %s",
                           p2p_peer_id_format(p2p_identity_peer_id(m->identity), id));
        return 0;
}

static int manager_start(Manager *m) {
        int r;

        r = manager_load_config(m);
        if (r >= 0)
                r = load_identity(m);
        if (r < 0)
                return config_judge(r);
        r = make_host(m);
        if (r >= 0)
                r = access_new(m->loop, &access_events, m, &m->access);
        if (r >= 0)
                r = relays_new(m, &m->relays);
        if (r < 0)
                return log_error_errno(r, "Cannot make the node: %m");
        r = listen_all(m);
        if (r < 0)
                return log_error_errno(r, "Cannot listen on any address: %m");
        manager_apply_config(m);
        return 0;
}

int manager_new(p2p_loop *loop, const char *config_path, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        m = calloc(1, sizeof(*m));
        if (!m)
                return -ENOMEM;
        m->loop = loop;
        m->started = access_now();
        p2p_timer_init(&m->trim, loop, on_trim, m);
        p2p_list_init(&m->peers);
        p2p_list_init(&m->services);
        p2p_list_init(&m->proxies);
        p2p_list_init(&m->outgoing);
        p2p_list_init(&m->incoming);
        m->config_path = strdup(config_path ? config_path : MANAGER_CONFIG_PATH);
        m->scratch = malloc(TUNNEL_SCRATCH_SIZE);
        if (!m->config_path || !m->scratch)
                return -ENOMEM;

        r = manager_start(m);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        Service *service;
        Proxy *proxy;

        if (!m)
                return NULL;
        m->observer = NULL;
        P2P_LIST_FOREACH(proxy, &m->proxies, Proxy, proxies)
                proxy_free(proxy);
        outgoing_free_all(m);
        P2P_LIST_FOREACH(service, &m->services, Service, services)
                service_free(service);
        incoming_free_all(m);
        pingpong_free(m->pingpong);
        relays_free(m->relays);
        access_free(m->access);
        p2p_circuit_free(m->circuit);
        p2p_ping_free(m->ping);
        p2p_identify_free(m->identify);
        p2p_host_free(m->host);
        p2p_web_tls_free(m->web);
        peer_free_all(m);
        p2p_timer_stop(&m->trim);
        p2p_identity_free(m->identity);
        node_config_free(m->config);
        free(m->scratch);
        free(m->config_path);
        free(m);
        return NULL;
}

void manager_observe(Manager *m, const ManagerObserver *observer, void *userdata) {
        m->observer = observer;
        m->observer_userdata = userdata;
}

void manager_changed(Manager *m, unsigned properties) {
        if (m->observer)
                m->observer->changed(properties, m->observer_userdata);
}

int manager_format_status(const Manager *m, char **ret) {
        RelayInfo relay;
        unsigned n = 0;
        char *text;

        while (relays_at(m->relays, n, &relay))
                n++;
        if (asprintf(&text, "%u peer%s connected, reserved at %u relay%s%s, %u service%s, %u prox%s%s",
                     m->n_peers, m->n_peers == 1 ? "" : "s", relays_n_active(m->relays),
                     relays_n_active(m->relays) == 1 ? "" : "s",
                     n == 0                            ? " (none configured)"
                     : relays_n_active(m->relays) == 0 ? " (trying)"
                                                       : "",
                     m->n_services, m->n_services == 1 ? "" : "s", m->n_proxies,
                     m->n_proxies == 1 ? "y" : "ies",
                     access_gating(m->access) ? "" : "; GATING IS OFF: everybody may connect") < 0)
                return -ENOMEM;
        *ret = text;
        return 0;
}

int manager_resolve(const Manager *m, const char *text, p2p_peer_id *ret) {
        int r;

        r = node_config_resolve(m->config, text, ret);
        if (r < 0)
                return r;
        return node_config_find_name(m->config, text) ? 1 : 0;
}

const char *manager_find_name(const Manager *m, const p2p_peer_id *peer) {
        for (size_t i = 0; i < m->config->n_names; i++)
                if (p2p_peer_id_equal(&m->config->names[i].peer, peer))
                        return m->config->names[i].name;
        return NULL;
}

uint64_t manager_realtime(const Manager *m, uint64_t loop_time) {
        return access_now() - (p2p_loop_now(m->loop) - loop_time);
}
