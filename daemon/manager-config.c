/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reading the config and putting it in force. A reload compares: a service that stays keeps its tunnels, a
 * relay that stays its reservation. Identity and listen addresses are those of the start; a change there is
 * told and waits for a restart.
 */

#include "daemon/manager-config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/pingpong.h"
#include "daemon/relays.h"
#include "daemon/service.h"
#include "service/atomic-file.h"
#include "service/journal.h"
#include "service/web-certificate.h"

static void take_reason(const Manager *m, const ConfigProblems *problems, char **ret_reason) {
        if (!ret_reason || !problems)
                return;
        for (size_t i = 0; i < problems->n; i++)
                if (problems->items[i].severity == CONFIG_ERROR) {
                        *ret_reason = config_problem_format(m->config_path, &problems->items[i]);
                        return;
                }
}

static int read_config(Manager *m, NodeConfig **ret, char **ret_reason) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        int r;

        if (!problems)
                return -ENOMEM;
        r = node_config_load(m->config_path, problems, ret);
        log_problems(m->config_path, problems);
        if (r < 0)
                take_reason(m, problems, ret_reason);
        return r;
}

int manager_load_config(Manager *m) {
        int r;

        r = read_config(m, &m->config, NULL);
        if (r == -ENOENT) {
                r = file_create(m->config_path, P2P_VIEW_STR(node_config_default), 0600);
                if (r < 0 && r != -EEXIST)
                        return log_error_errno(r, "There is no %s, and none can be written: %m",
                                               m->config_path);
                log_notice("Wrote a first %s", m->config_path);
                r = read_config(m, &m->config, NULL);
        }
        if (r < 0)
                return log_error_errno(r, "%s cannot be used: %m", m->config_path);
        audit(AUDIT_CONFIG, AUDIT_TEXT("ACTION", "load"), AUDIT_TEXT("FILE", m->config_path));
        return 0;
}

/* ---- in force ---- */
static bool is_wanted(const ConfigService *c) {
        return c && c->enabled && c->usable;
}

static bool service_equals(const Service *s, const ConfigService *c) {
        if (strcmp(s->address, c->local_address) != 0 || s->restricted != c->restricted ||
            s->n_allowed != c->n_allowed_peers)
                return false;
        for (size_t i = 0; i < s->n_allowed; i++)
                if (!p2p_peer_id_equal(&s->allowed[i], &c->allowed_peers[i]))
                        return false;
        return true;
}

static int apply_service(Manager *m, const ConfigService *c) {
        static const p2p_peer_id nobody = {};
        const p2p_peer_id *allowed = !c->restricted           ? NULL
                                     : c->n_allowed_peers > 0 ? c->allowed_peers
                                                              : &nobody;
        Service *s = service_find(m, c->name);
        int r;

        if (!s) {
                r = service_new(m, c->name, c->local_address, allowed, c->n_allowed_peers, false, &s);
                if (r >= 0)
                        audit(AUDIT_SERVICE_CHANGE, AUDIT_TEXT("SERVICE", s->name),
                              AUDIT_TEXT("ACTION", "expose"));
                return r;
        }
        if (!s->transient && service_equals(s, c))
                return 0;
        s->transient = false;
        r = service_update(s, c->local_address, allowed, c->n_allowed_peers);
        service_changed(s);
        return r;
}

static void apply_services(Manager *m) {
        Service *s;
        int r;

        P2P_LIST_FOREACH(s, &m->services, Service, services)
                if (!s->transient && !is_wanted(node_config_find_service(m->config, s->name))) {
                        audit(AUDIT_SERVICE_CHANGE, AUDIT_TEXT("SERVICE", s->name),
                              AUDIT_TEXT("ACTION", "unexpose"));
                        service_free(s);
                }
        for (size_t i = 0; i < m->config->n_services; i++) {
                if (!is_wanted(&m->config->services[i]))
                        continue;
                r = apply_service(m, &m->config->services[i]);
                if (r < 0)
                        (void) log_error_errno(r, "%s:%u: service %s is left out: %m", m->config->path,
                                               m->config->services[i].line, m->config->services[i].name);
        }
}

static void apply_pingpong(Manager *m) {
        int r;

        if (m->pingpong && m->config->ping_pong_enabled &&
            strcmp(pingpong_protocol(m->pingpong), m->config->ping_pong_id) == 0)
                return;
        m->pingpong = pingpong_free(m->pingpong);
        if (!m->config->ping_pong_enabled)
                return;
        r = pingpong_new(m, m->config->ping_pong_id, &m->pingpong);
        if (r < 0)
                (void) log_error_errno(r, "Pings are not answered: %m");
}

/* Where bootstrap peers are is known; they are dialled when somebody wants them. */
static void apply_bootstrap_peers(Manager *m) {
        for (size_t i = 0; i < m->config->n_bootstrap_peers; i++) {
                const ConfigAddr *a = &m->config->bootstrap_peers[i];
                p2p_peer_id id;

                if (a->supported && p2p_addr_peer(a->addr, &id) >= 0)
                        (void) p2p_host_add_addr(m->host, &id, a->addr, USEC_INFINITY);
        }
}

void manager_apply_config(Manager *m) {
        bool gating = access_gating(m->access);
        int r;

        journal_set_json(m->config->telemetry.audit_enabled);
        if (!m->config->gating)
                log_warning("%s: enable_connection_gating is false: everybody who finds this machine may "
                            "connect; remove "
                            "that line to let in authorized_keys only",
                            m->config->path);
        r = relays_load(m->relays, m->config);
        if (r < 0)
                (void) log_error_errno(r, "The relays are as they were: %m");
        (void) access_load(m->access, m->config->authorized_keys_file,
                           m->config->gating); /* logs by itself */
        if (m->config->gating && !gating)
                manager_enforce(m);
        apply_bootstrap_peers(m);
        apply_pingpong(m);
        apply_services(m);
        manager_changed(m, MANAGER_NAMES | MANAGER_PROXIES | MANAGER_GATING | MANAGER_RELAYS |
                                   MANAGER_ADDRESSES);
}

static bool listens_alike(const NodeConfig *a, const NodeConfig *b) {
        if (a->n_listen_addresses != b->n_listen_addresses)
                return false;
        for (size_t i = 0; i < a->n_listen_addresses; i++)
                if (strcmp(a->listen_addresses[i].text, b->listen_addresses[i].text) != 0)
                        return false;
        return true;
}

int manager_reload(Manager *m, char **ret_reason) {
        NodeConfig *config, *old = m->config;
        int r;

        r = read_config(m, &config, ret_reason);
        if (r < 0) {
                audit(AUDIT_CONFIG_REFUSED, AUDIT_TEXT("ACTION", "load"), AUDIT_TEXT("FILE", m->config_path),
                      AUDIT_TEXT("REASON", ret_reason && *ret_reason ? *ret_reason : strerror(-r)));
                return r;
        }
        if (!listens_alike(old, config) || strcmp(old->key_file, config->key_file) != 0)
                log_notice("%s: the new listen addresses and identity count from the next start: systemctl "
                           "restart peerup",
                           m->config_path);
        m->config = config;
        manager_apply_config(m);
        node_config_free(old);
        audit(AUDIT_CONFIG, AUDIT_TEXT("ACTION", "load"), AUDIT_TEXT("FILE", m->config_path));
        return 0;
}

void manager_reload_certificate(Manager *m) {
        web_certificate_reload(&m->config->tls, m->config_path, m->web);
}
