/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The manager and its files: loading, applying, and the edits that D-Bus asks for. */

#include "daemon/manager.h"

#define MANAGER_CONFIG_PATH "/etc/peerup/config.yaml"

/* First start: reads the config, or writes the default one and reads that. Logs why it fails. */
int manager_load_config(Manager *manager);
/* Makes services, relays, keys and gating those of the config in force. What fails is logged and left out.
 */
void manager_apply_config(Manager *manager);

/* Config, keys, names, services and relays again. A config that does not load is logged, told in *ret_reason
 * (the caller's; untouched on success; may be NULL) and refused; the old one stays. */
int manager_reload(Manager *manager, char **ret_reason);
/* The files of wss, which change while the config stays. Logs by itself. */
void manager_reload_certificate(Manager *manager);

/* ---- edits: written to the file, then in force; each may fail as lib/service's edit does. ret_reason as
 * above ---- */
/* name, comment may be NULL; expires USEC_INFINITY: never. -EEXIST: authorized already; -EPERM: gating is
 * off. */
int manager_authorize(Manager *manager, const p2p_peer_id *peer, const char *comment, uint64_t expires,
                      const char *name, char **ret_reason);
/* Without disconnect, what we dialled to it goes on. -ENOENT. */
int manager_deauthorize(Manager *manager, const p2p_peer_id *peer, bool disconnect);

/* persistent: also in the config (then without a list). Errors of service_new(). */
int manager_expose(Manager *manager, const char *name, const char *address, const p2p_peer_id *allowed,
                   size_t n_allowed, bool persistent, char **ret_reason);
int manager_unexpose(Manager *manager, const char *name, char **ret_reason); /* -ENOENT */
/* A service of the config; its entry stays. -ENOENT: there is none; -EDESTADDRREQ: it is enabled, and its
 * address is wrong. */
int manager_set_service_enabled(Manager *manager, const char *name, bool enabled, char **ret_reason);

int manager_add_relay(Manager *manager, const char *address, char **ret_reason);
/* By address or peer id. -EBUSY: the last one, without force. */
int manager_remove_relay(Manager *manager, const char *relay, bool force, char **ret_reason);
/* -EEXIST: the name is taken; -EADDRINUSE: another one listens there, ret_reason says which. */
int manager_add_proxy(Manager *manager, const char *name, const char *peer, const char *service,
                      const char *listen, char **ret_reason);
int manager_remove_proxy(Manager *manager, const char *name, char **ret_reason);
