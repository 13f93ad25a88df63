/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who may use the relay is asked twice: by the gater when an identity is proven, and by the hop service at
 * each request, so that an expiry or a removal counts at once even where a connection is still closing.
 * Without gating everybody may.
 */

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/relay.h"
#include "service/atomic-file.h"
#include "service/identity-file.h"
#include "service/journal.h"
#include "service/listen-fds.h"
#include "service/web-certificate.h"

#define TRIM_USEC (2 * USEC_PER_SEC)
#define STREAMS_PER_PEER 128u /* beside those of circuits: go-libp2p's limit for hop */

static void tell_changed(Relay *relay, unsigned news) {
        if (relay->changed)
                relay->changed(news, relay->changed_userdata);
}

/* ---- the host's events ---- */
static bool on_allow(const p2p_peer_id *peer, const p2p_addr *remote, bool inbound, void *userdata) {
        char text[P2P_ADDR_TEXT_MAX] = "";
        Relay *relay = userdata;
        AccessVerdict verdict;

        if (remote)
                p2p_addr_format(remote, text);
        verdict = access_check(relay->access, peer);
        if (verdict != ACCESS_ALLOWED) {
                audit(AUDIT_AUTH_DENIED, AUDIT_PEER(peer),
                      AUDIT_TEXT("DIRECTION", inbound ? "inbound" : "outbound"), AUDIT_TEXT("ADDR", text),
                      AUDIT_TEXT("REASON", access_verdict_text(verdict)));
                return false;
        }
        audit(AUDIT_AUTH_ALLOWED, AUDIT_PEER(peer),
              AUDIT_TEXT("DIRECTION", inbound ? "inbound" : "outbound"), AUDIT_TEXT("ADDR", text));
        return true;
}

/* A circuit is an inbound stream of who asked for it. */
static unsigned on_stream_limit(const p2p_peer_id *peer _unused_, void *userdata) {
        const Relay *relay = userdata;

        return STREAMS_PER_PEER + relay->config->max_circuits;
}

/* A flood leaves a heap full of holes behind, which nobody would fill again. */
static void on_trim(void *userdata _unused_) {
        (void) malloc_trim(0);
}

static void on_inbound_failed(const p2p_peer_id *peer _unused_, const p2p_addr *remote _unused_,
                              int error _unused_, void *userdata) {
        Relay *relay = userdata;

        if (!p2p_timer_is_set(&relay->trim))
                (void) p2p_timer_set(&relay->trim, TRIM_USEC);
}

static void on_host_changed(void *userdata) {
        tell_changed(userdata, RELAY_NEWS_ADDRESSES);
}

static const p2p_host_events host_events = {
        .allow = on_allow,
        .stream_limit = on_stream_limit,
        .inbound_failed = on_inbound_failed,
        .changed = on_host_changed,
};

/* ---- the hop service's events ---- */
static bool on_hop_allow(const p2p_peer_id *src, const p2p_peer_id *dst, void *userdata) {
        const Relay *relay = userdata;

        return access_check(relay->access, src) == ACCESS_ALLOWED &&
               (!dst || access_check(relay->access, dst) == ACCESS_ALLOWED);
}

static void audit_reservation(const p2p_peer_id *peer, const char *action, const char *status) {
        audit(AUDIT_RESERVATION, AUDIT_PEER(peer), AUDIT_TEXT("ACTION", action),
              AUDIT_TEXT("STATUS", status));
}

static void on_reserved(const p2p_peer_id *peer, const p2p_addr *remote _unused_, bool refresh,
                        void *userdata) {
        if (refresh)
                return; /* a steady state writes nothing */
        audit_reservation(peer, "open", "OK");
        tell_changed(userdata, RELAY_NEWS_NUMBERS);
}

static void on_refused(const p2p_peer_id *peer, const p2p_peer_id *dst, unsigned status,
                       void *userdata _unused_) {
        char text[P2P_PEER_ID_TEXT_MAX];

        if (!dst)
                return audit_reservation(peer, "refuse", p2p_hop_status_name(status));
        audit(AUDIT_CIRCUIT_REFUSED, AUDIT_PEER(peer), AUDIT_TEXT("DST", p2p_peer_id_format(dst, text)),
              AUDIT_TEXT("STATUS", p2p_hop_status_name(status)));
}

static void on_released(const p2p_peer_id *peer, bool expired, void *userdata) {
        audit_reservation(peer, "close", expired ? "expired" : "disconnected");
        tell_changed(userdata, RELAY_NEWS_NUMBERS);
}

static void on_circuit_opened(const p2p_peer_id *src _unused_, const p2p_peer_id *dst _unused_,
                              void *userdata) {
        tell_changed(userdata, RELAY_NEWS_NUMBERS);
}

static const char *reason_of(int error) {
        switch (error) {
        case 0: return "closed";
        case -EDQUOT: return "data limit";
        case -ETIME: return "time limit";
        case -ECANCELED: return "cut off";
        default: return "reset";
        }
}

static void on_circuit_closed(const p2p_circuit_report *report, void *userdata) {
        char text[P2P_PEER_ID_TEXT_MAX];

        audit(AUDIT_CIRCUIT, AUDIT_PEER(&report->src),
              AUDIT_TEXT("DST", p2p_peer_id_format(&report->dst, text)),
              AUDIT_NUMBER("BYTES_TX", report->bytes_to_dst), AUDIT_NUMBER("BYTES_RX", report->bytes_to_src),
              AUDIT_NUMBER("DURATION_USEC", report->duration_usec),
              AUDIT_TEXT("REASON", reason_of(report->error)));
        tell_changed(userdata, RELAY_NEWS_NUMBERS);
}

static const p2p_hop_events hop_events = {
        .allow = on_hop_allow,
        .reserved = on_reserved,
        .refused = on_refused,
        .released = on_released,
        .circuit_opened = on_circuit_opened,
        .circuit_closed = on_circuit_closed,
};

/* ---- keys ---- */
void relay_disconnect(Relay *relay, const p2p_peer_id *peer) {
        p2p_hop_drop_peer(relay->hop, peer);
        p2p_host_close_peer(relay->host, peer, P2P_CONN_GATED);
}

static void on_lost(const p2p_peer_id *peer, AccessVerdict why, void *userdata) {
        Relay *relay = userdata;

        if (!relay->by_call)
                audit(AUDIT_AUTH_CHANGE, AUDIT_TEXT("ACTION", why == ACCESS_EXPIRED ? "expire" : "remove"),
                      AUDIT_TEXT("SOURCE", "file"), AUDIT_PEER(peer));
        if (relay->host)
                relay_disconnect(relay, peer);
}

static void on_access_changed(void *userdata _unused_) {
}

static const AccessEvents access_events = { .lost = on_lost, .changed = on_access_changed };

int relay_reload_keys(Relay *relay) {
        return access_load(relay->access, relay->config->authorized_keys_file, relay->config->gating);
}

int relay_deauthorize(Relay *relay, const p2p_peer_id *peer) {
        int r;

        r = authorized_keys_remove(access_path(relay->access), peer);
        if (r < 0)
                return r;
        audit(AUDIT_AUTH_CHANGE, AUDIT_PEER(peer), AUDIT_TEXT("ACTION", "remove"),
              AUDIT_TEXT("SOURCE", "api"));
        relay->by_call = true;
        (void) relay_reload_keys(relay); /* cuts it off */
        relay->by_call = false;
        return 0;
}

int relay_reload(Relay *relay) {
        web_certificate_reload(&relay->config->tls, relay->config_path, relay->web);
        return relay_reload_keys(relay);
}

/* ---- start ---- */
static int load_config(Relay *relay) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        int r;

        if (!problems)
                return -ENOMEM;
        r = relay_config_load(relay->config_path, problems, &relay->config);
        if (r == -ENOENT) {
                r = file_create(relay->config_path, P2P_VIEW_STR(relay_config_default), 0600);
                if (r < 0)
                        return log_error_errno(r,
                                               "Cannot write a first config to %s: %m; create its "
                                               "directory, owned by this user",
                                               relay->config_path);
                log_info("Wrote a first config to %s", relay->config_path);
                r = relay_config_load(relay->config_path, problems, &relay->config);
        }
        log_problems(relay->config_path, problems);
        return r;
}

static int load_identity(Relay *relay) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        int r;

        if (!problems)
                return -ENOMEM;
        r = identity_file_load_or_create(relay->config->key_file, "relay_node.key", problems,
                                         &relay->identity);
        log_problems(relay->config->key_file, problems);
        if (r > 0)
                log_info("Made a new identity in %s", relay->config->key_file);
        return r;
}

static int complain_listen(const Relay *relay, const char *addr, int error) {
        if (error == -ENOKEY)
                return log_error_errno(
                        error,
                        "Cannot listen on %s without a certificate: name it below network: tls: in %s", addr,
                        relay->config_path);
        if (error == -EACCES)
                return log_error_errno(
                        error,
                        "Cannot listen on %s: %m; systemd opens ports below 1024 for the relay: "
                        "systemctl daemon-reload && systemctl stop peerup-relay && systemctl "
                        "start peerup-relay; if they fail, another program has one: systemctl "
                        "status 'peerup-relay*.socket'",
                        addr);
        return log_error_errno(error,
                               "Cannot listen on %s: %m; change network.listen_addresses in %s or stop what "
                               "uses it",
                               addr, relay->config_path);
}

/* One that fails is fatal: a relay that silently misses an address is a relay that some never reach. */
static int listen_all(Relay *relay) {
        _cleanup_(listen_fds_freep) ListenFds *fds = NULL;
        const RelayConfig *config = relay->config;
        unsigned n = 0;
        int r;

        r = listen_fds_new(&fds);
        if (r < 0)
                return r;
        for (size_t i = 0; i < config->n_listen_addresses; i++) {
                if (!config->listen_addresses[i].supported)
                        continue;
                r = listen_fds_listen(fds, relay->host, config->listen_addresses[i].addr);
                if (r == -EAFNOSUPPORT) {
                        log_info("This machine has no such addresses as %s",
                                 config->listen_addresses[i].text);
                        continue;
                }
                if (r == -EADDRNOTAVAIL) {
                        log_warning_errno(r, "Cannot listen on %s: %m", config->listen_addresses[i].text);
                        continue;
                }
                if (r < 0)
                        return complain_listen(relay, config->listen_addresses[i].text, r);
                n++;
        }
        (void) listen_fds_report(fds, "peerup-relay");
        if (n == 0) {
                log_error("%s: no address to listen on could be used", relay->config_path);
                return -EADDRNOTAVAIL;
        }
        return 0;
}

static uint64_t or_none(uint64_t limit) {
        return limit == RELAY_LIMIT_NONE ? 0 : limit;
}

static int start_host(Relay *relay) {
        const RelayConfig *config = relay->config;
        p2p_hop_limits limits = {
                .reservations = config->max_reservations,
                .reservations_per_ip = config->max_reservations_per_ip,
                .circuits_per_peer = config->max_circuits,
                .circuits = 4096,
                .reservation_ttl_usec = config->reservation_ttl,
                .duration_usec = or_none(config->session_duration),
                .data = or_none(config->session_data_limit),
                .buffer = config->buffer_size,
        };
        p2p_host_options options = {
                .agent = "relay-server/" PEERUP_VERSION P2P_AGENT_MARK,
                .limits = P2P_HOST_LIMITS_DEFAULT,
                .events = &host_events,
                .userdata = relay,
        };
        int r;

        options.limits.streams = STREAMS_PER_PEER;
        r = web_certificate_load(&config->tls, config->path, &relay->web);
        options.web = relay->web;
        if (r >= 0)
                r = p2p_host_new(relay->loop, relay->identity, &options, &relay->host);
        if (r >= 0)
                r = p2p_identify_new(relay->host, &relay->identify);
        if (r >= 0)
                r = p2p_ping_new(relay->host, &relay->ping);
        if (r >= 0)
                r = p2p_hop_new(relay->host, &limits, &hop_events, relay, &relay->hop);
        if (r < 0)
                return log_error_errno(r, "Cannot start: %m");
        return listen_all(relay);
}

static int start_access(Relay *relay) {
        int r;

        if (!relay->config->gating)
                log_warning("%s: enable_connection_gating is false: everybody may use this relay",
                            relay->config_path);
        r = access_new(relay->loop, &access_events, relay, &relay->access);
        if (r < 0)
                return r;
        /* A list that cannot be read is logged, and nobody may use the relay until it can. */
        (void) relay_reload_keys(relay);
        return 0;
}

int relay_new(p2p_loop *loop, const char *config_path, Relay **ret) {
        _cleanup_(relay_freep) Relay *relay = NULL;
        int r;

        relay = calloc(1, sizeof(*relay));
        if (!relay)
                return -ENOMEM;
        relay->loop = loop;
        p2p_timer_init(&relay->trim, loop, on_trim, relay);
        relay->config_path = strdup(config_path ? config_path : RELAY_CONFIG_PATH);
        if (!relay->config_path)
                return -ENOMEM;
        r = load_config(relay);
        if (r >= 0)
                r = load_identity(relay);
        if (r < 0)
                return config_judge(r);
        journal_set_json(relay->config->telemetry.audit_enabled);
        r = start_access(relay);
        if (r >= 0)
                r = start_host(relay);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(relay);
        return 0;
}

Relay *relay_free(Relay *relay) {
        if (!relay)
                return NULL;
        relay->changed = NULL;
        p2p_hop_free(relay->hop);
        p2p_ping_free(relay->ping);
        p2p_identify_free(relay->identify);
        p2p_host_free(relay->host);
        p2p_web_tls_free(relay->web);
        p2p_timer_stop(&relay->trim);
        access_free(relay->access);
        p2p_identity_free(relay->identity);
        relay_config_free(relay->config);
        free(relay->config_path);
        free(relay);
        return NULL;
}

int relay_addresses(const Relay *relay, char ***ret, size_t *ret_n) {
        p2p_addr **own;
        char **texts;
        size_t n_own, n = 0;
        int r;

        r = p2p_host_own_addrs(relay->host, &own, &n_own);
        if (r < 0)
                return r;
        texts = calloc(n_own + 1, sizeof(*texts));
        for (size_t i = 0; i < n_own; i++) {
                _cleanup_(p2p_addr_freep) p2p_addr *named = NULL;
                char text[P2P_ADDR_TEXT_MAX];

                if (texts && p2p_addr_with_peer(own[i], p2p_host_peer_id(relay->host), &named) >= 0) {
                        texts[n] = strdup(p2p_addr_format(named, text));
                        n += texts[n] != NULL;
                }
                p2p_addr_free(own[i]);
        }
        free(own);
        if (!texts)
                return -ENOMEM;
        *ret = texts;
        *ret_n = n;
        return 0;
}
