/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Request: a method call that is answered later, and dropped when its caller leaves the bus. */

#include "daemon/api-bus.h"
#include "daemon/opening.h"
#include "daemon/pingpong.h"
#include "service/names.h"

typedef struct Request {
        Api *api; /* borrowed */
        sd_bus_message *message;
        BusClientLink link;
        p2p_list requests;
        uint64_t since;
        p2p_peer_id peer;
        char peer_text[P2P_PEER_ID_TEXT_MAX * 2];
        char service[SERVICE_NAME_MAX + 1]; /* "" for a ping */
        Opening *opening;                   /* what it waits for: one of the two */
        Ping *ping;
} Request;

/* peer as the caller said it. -ENOBUFS: too many of this caller. */
int request_new(Api *api, sd_bus_message *m, const char *peer_text, const char *service, Request **ret);
/* Cancels what it waits for. */
Request *request_free(Request *request);
P2P_CLEANUP(Request, request_free);

/* Answers with what went wrong and what to do about it. */
void request_fail(Request *request, const Failure *failure);
