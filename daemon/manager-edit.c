/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes that D-Bus asks for: first the file, by lib/service (locked, atomic, nothing else touched), then
 * the reload that puts it in force. So what runs is always what a start would read.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/manager-config.h"
#include "daemon/relays.h"
#include "daemon/service.h"
#include "service/config-edit.h"
#include "service/journal.h"

/* The first error in words; then the new config in force. */
static int after_edit(Manager *m, int r, const ConfigProblems *problems, char **ret_reason) {
        for (size_t i = 0; r < 0 && i < problems->n; i++)
                if (problems->items[i].severity == CONFIG_ERROR) {
                        *ret_reason = config_problem_format(m->config_path, &problems->items[i]);
                        break;
                }
        if (r < 0)
                return r;
        audit(AUDIT_CONFIG, AUDIT_TEXT("ACTION", "edit"), AUDIT_TEXT("FILE", m->config_path));
        return manager_reload(m, ret_reason);
}

static bool is_authorized(const Manager *m, const p2p_peer_id *peer) {
        return access_keys(m->access) && authorized_keys_find(access_keys(m->access), peer);
}

/* A name whose peer is not authorized any more is free: a machine that was replaced gives it to its
 * successor. */
static int write_name(Manager *m, const p2p_peer_id *peer, const char *name, ConfigProblems *problems) {
        const ConfigName *known = node_config_find_name(m->config, name);
        char id[P2P_PEER_ID_TEXT_MAX];
        int r = 0;

        if (known && p2p_peer_id_equal(&known->peer, peer))
                return 0;
        if (known && is_authorized(m, &known->peer))
                return -ENOTUNIQ;
        if (known)
                r = config_remove_name(m->config_path, name, problems);
        if (r >= 0 || r == -ENOENT)
                r = config_add_name(m->config_path, name, p2p_peer_id_format(peer, id), problems);
        return r < 0 ? r : 1;
}

static int give_name(Manager *m, const p2p_peer_id *peer, const char *name, ConfigProblems *problems,
                     char **ret_reason) {
        int r;

        r = write_name(m, peer, name, problems);
        if (r == -EEXIST) { /* it is in a file that somebody edited, and that is not in force */
                r = manager_reload(m, ret_reason);
                if (r < 0)
                        return r;
                r = write_name(m, peer, name, problems);
        }
        return r == 0 ? 0 : after_edit(m, r, problems, ret_reason);
}

int manager_authorize(Manager *m, const p2p_peer_id *peer, const char *comment, uint64_t expires,
                      const char *name, char **ret_reason) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        char when[RFC3339_TEXT_MAX];
        AuthorizedAttribute attribute = { .key = "expires", .value = when };
        int r;

        if (!problems)
                return -ENOMEM;
        if (!access_gating(m->access))
                return -EPERM;
        if (is_authorized(m, peer))
                return -EEXIST;
        if (name) {
                r = give_name(m, peer, name, problems, ret_reason);
                if (r < 0)
                        return r;
        }
        if (expires != USEC_INFINITY)
                (void) rfc3339_format(expires, when);
        r = authorized_keys_add(access_path(m->access), peer, comment, &attribute, expires != USEC_INFINITY);
        if (r < 0)
                return r;
        audit(AUDIT_AUTH_CHANGE, AUDIT_TEXT("ACTION", "add"), AUDIT_TEXT("SOURCE", "api"), AUDIT_PEER(peer));
        return access_load(m->access, access_path(m->access), true);
}

int manager_deauthorize(Manager *m, const p2p_peer_id *peer, bool disconnect) {
        int r;

        if (!access_gating(m->access))
                return -EPERM;
        r = authorized_keys_remove(access_path(m->access), peer);
        if (r < 0)
                return r;
        audit(AUDIT_AUTH_CHANGE, AUDIT_TEXT("ACTION", "remove"), AUDIT_TEXT("SOURCE", "api"),
              AUDIT_PEER(peer));
        m->spared = disconnect ? NULL : peer;
        m->by_call = true;
        r = access_load(m->access, access_path(m->access), true);
        m->spared = NULL;
        m->by_call = false;
        return r;
}

/* allowed_peers as the config has them: by id, which no change of names alters. */
static int write_service(Manager *m, const char *name, const char *address, const p2p_peer_id *allowed,
                         size_t n_allowed, ConfigProblems *problems) {
        char (*texts)[P2P_PEER_ID_TEXT_MAX] = calloc(n_allowed + 1, sizeof(*texts));
        const char **items = calloc(n_allowed + 1, sizeof(*items));
        int r = -ENOMEM;

        if (texts && items) {
                for (size_t i = 0; i < n_allowed; i++)
                        items[i] = p2p_peer_id_format(&allowed[i], texts[i]);
                r = config_add_service(m->config_path, name, address, items, n_allowed, problems);
        }
        free(items);
        free(texts);
        return r;
}

int manager_expose(Manager *m, const char *name, const char *address, const p2p_peer_id *allowed,
                   size_t n_allowed, bool persistent, char **ret_reason) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        Service *service;
        int r;

        if (!problems)
                return -ENOMEM;
        if (service_find(m, name))
                return -EEXIST;
        /* Made before it is written: what the file then says is known to work. */
        r = service_new(m, name, address, allowed, n_allowed, true, &service);
        if (r < 0)
                return r;
        if (persistent) {
                r = write_service(m, name, address, allowed, n_allowed, problems);
                if (r < 0)
                        service_free(service);
                r = after_edit(m, r, problems, ret_reason);
                if (r < 0)
                        return r;
        }
        audit(AUDIT_SERVICE_CHANGE, AUDIT_TEXT("SERVICE", name), AUDIT_TEXT("ACTION", "expose"));
        return 0;
}

int manager_unexpose(Manager *m, const char *name, char **ret_reason) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        Service *service = service_find(m, name);
        int r;

        if (!problems)
                return -ENOMEM;
        if (!service || !service->transient || node_config_find_service(m->config, name)) {
                r = config_remove_service(m->config_path, name, problems);
                if (r == -ENOENT && !service)
                        return r;
                if (r != -ENOENT)
                        r = after_edit(m, r, problems, ret_reason);
                if (r < 0 && r != -ENOENT)
                        return r;
                service = service_find(m, name); /* a reload withdrew it */
        }
        if (service) {
                audit(AUDIT_SERVICE_CHANGE, AUDIT_TEXT("SERVICE", name), AUDIT_TEXT("ACTION", "unexpose"));
                service_free(service);
        }
        return 0;
}

int manager_set_service_enabled(Manager *m, const char *name, bool enabled, char **ret_reason) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        int r;

        if (!problems)
                return -ENOMEM;
        r = config_set_service_enabled(m->config_path, name, enabled, problems);
        r = after_edit(m, r, problems, ret_reason);
        if (r < 0 || !enabled || service_find(m, name))
                return r;
        return node_config_find_service(m->config, name)->usable ? -ENOBUFS : -EDESTADDRREQ;
}

int manager_add_relay(Manager *m, const char *address, char **ret_reason) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();

        if (!problems)
                return -ENOMEM;
        return after_edit(m, config_add_relay(m->config_path, address, problems), problems, ret_reason);
}

/* Whether all addresses are of this relay. */
static bool is_only_relay(const Manager *m, const p2p_peer_id *id) {
        RelayInfo info;

        for (unsigned i = 0; relays_at(m->relays, i, &info); i++)
                if (!p2p_peer_id_equal(info.relay, id))
                        return false;
        return relays_at(m->relays, 0, &info);
}

int manager_remove_relay(Manager *m, const char *relay, bool force, char **ret_reason) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        p2p_peer_id id;
        RelayInfo info;
        int r;

        if (!problems)
                return -ENOMEM;
        if (manager_resolve(m, relay, &id) < 0)
                return after_edit(m, config_remove_relay(m->config_path, relay, force, problems), problems,
                                  ret_reason);
        if (!force && is_only_relay(m, &id))
                return -EBUSY;
        /* All addresses of this relay; each removal makes the list anew. */
        for (unsigned i = 0, n = 0;; i++) {
                if (!relays_at(m->relays, i, &info))
                        return n > 0 ? 0 : -ENOENT;
                if (!p2p_peer_id_equal(info.relay, &id))
                        continue;
                r = after_edit(m, config_remove_relay(m->config_path, info.address, force, problems),
                               problems, ret_reason);
                if (r < 0)
                        return r;
                n++;
                i = (unsigned) -1;
        }
}

static bool is_same_place(const Endpoint *a, const Endpoint *b) {
        struct sockaddr_storage sa = {}, sb = {};
        socklen_t na, nb;

        return endpoint_sockaddr(a, &sa, &na) >= 0 && endpoint_sockaddr(b, &sb, &nb) >= 0 && na == nb &&
               memcmp(&sa, &sb, na) == 0;
}

/* Two units that listen at one place: systemd would start one of them, and say so in the journal only. */
static int check_place(const Manager *m, const char *name, const char *listen, char **ret_reason) {
        Endpoint wanted;

        if (endpoint_parse(listen, &wanted) < 0)
                return 0; /* the edit says what is wrong */
        for (size_t i = 0; i < m->config->n_proxies; i++) {
                const ConfigProxy *p = &m->config->proxies[i];

                if (strcmp(p->name, name) == 0 || !is_same_place(&p->listen, &wanted))
                        continue;
                if (asprintf(ret_reason,
                             "%s listens there already; choose another port or path, or run: peerupctl "
                             "proxy remove %s",
                             p->name, p->name) < 0) {
                        *ret_reason = NULL;
                        return -ENOMEM;
                }
                return -EADDRINUSE;
        }
        return 0;
}

int manager_add_proxy(Manager *m, const char *name, const char *peer, const char *service,
                      const char *listen, char **ret_reason) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();

        int r;

        if (!problems)
                return -ENOMEM;
        r = check_place(m, name, listen, ret_reason);
        if (r < 0)
                return r;
        return after_edit(m, config_add_proxy(m->config_path, name, peer, service, listen, problems),
                          problems, ret_reason);
}

int manager_remove_proxy(Manager *m, const char *name, char **ret_reason) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();

        if (!problems)
                return -ENOMEM;
        return after_edit(m, config_remove_proxy(m->config_path, name, problems), problems, ret_reason);
}
