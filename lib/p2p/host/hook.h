/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the protocols of a floor above follow the host: identify, circuits. Called from the loop, before the
 * program's events. */

#include <p2p/host.h>

typedef struct p2p_hook {
        void (*conn_opened)(p2p_conn *conn, void *userdata);
        void (*conn_closed)(p2p_conn *conn, void *userdata);
        void (*changed)(void *userdata); /* our own protocols or addresses did */
        void (*network_changed)(void *userdata); /* an interface's address came or went; `changed` follows */
        void *userdata;
        p2p_list hooks;
        unsigned slot; /* the host's */
} p2p_hook;

#define P2P_HOOKS_MAX 4u

/* Borrowed until removed; at most P2P_HOOKS_MAX. Entries may be NULL. */
void p2p_host_add_hook(p2p_host *host, p2p_hook *hook);
void p2p_hook_remove(p2p_hook *hook); /* fine on an all-zero one */

/* As p2p_dial_new(), but over no circuit: how a relay is reached. */
int p2p_dial_new_direct(p2p_host *host, const p2p_peer_id *peer, uint64_t timeout_usec, p2p_dial_fn done,
                        void *userdata, p2p_dial **ret);

/* A place in every connection for what the hook keeps about it; NULL at first. */
void **p2p_hook_slot(const p2p_hook *hook, p2p_conn *conn);

/* The far side's GoAway code, if it ended the session with one: P2P_CONN_GATED ...; else 0. */
uint32_t p2p_conn_close_code(const p2p_conn *conn);

/* p2p_loop_now() of when anything of the far side's came in last. */
uint64_t p2p_conn_heard(const p2p_conn *conn);

/* What identify learnt. Strings are copied. Fires conn_identified once per connection. */
void p2p_conn_set_identified(p2p_conn *conn, const char *agent, char *const *protocols, size_t n);
/* As identify must list them: sorted. The i-th, or NULL beyond the end. */
const char *p2p_host_protocol(const p2p_host *host, unsigned i);
const char *p2p_host_agent(const p2p_host *host);
