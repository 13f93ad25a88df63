/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A request owns the operation that it waits for. Its caller's leaving frees it, which frees the operation,
 * and nothing calls back (architecture.md 5).
 */

#include "daemon/request-bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/relays.h"

static void on_caller_gone(void *userdata) {
        request_free(userdata);
}

int request_new(Api *api, sd_bus_message *m, const char *peer_text, const char *service, Request **ret) {
        _cleanup_(request_freep) Request *q = NULL;
        int r;

        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        p2p_list_init(&q->requests);
        q->api = api;
        q->message = sd_bus_message_ref(m);
        q->since = p2p_loop_now(api->manager->loop);
        if (strlen(peer_text) >= sizeof(q->peer_text) || strlen(service) >= sizeof(q->service))
                return -EINVAL;
        (void) strcpy(q->peer_text, peer_text);
        (void) strcpy(q->service, service);
        r = bus_client_link(api->clients, m, &q->link, on_caller_gone, q);
        if (r < 0)
                return r;
        p2p_list_append(&api->requests, &q->requests);

        *ret = TAKE_PTR(q);
        return 0;
}

Request *request_free(Request *q) {
        if (!q)
                return NULL;
        opening_free(q->opening);
        ping_free(q->ping);
        bus_client_unlink(&q->link);
        p2p_list_unlink(&q->requests);
        sd_bus_message_unref(q->message);
        free(q);
        return NULL;
}

void request_fail(Request *q, const Failure *failure) {
        Failure f = *failure;
        char reason[FAILURE_TEXT_MAX], remedy[FAILURE_TEXT_MAX];
        FailureKind kind;

        f.no_relay = !relays_any(q->api->manager->relays);
        f.gated = refusals_since(&q->api->manager->refusals, &q->peer, q->since);
        kind = failure_kind(&f);
        if (kind == FAILURE_NO_SERVICE && !q->service[0]) {
                (void) sd_bus_reply_method_errorf(
                        q->message, api_failure_name(kind),
                        "%s is there and answers no pings; to change that set protocols.ping_pong.enabled: "
                        "true in its config.yaml",
                        q->peer_text);
                return;
        }
        failure_describe(kind, q->peer_text, q->service[0] ? q->service : "ping-pong",
                         p2p_host_peer_id(q->api->manager->host), reason, remedy);
        (void) sd_bus_reply_method_errorf(q->message, api_failure_name(kind), "%s; %s", reason, remedy);
}
