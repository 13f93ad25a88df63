/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Incoming: one stream of a peer to a service of ours, from authorization to the record of its end. */

#include "daemon/service.h"

typedef struct Incoming Incoming;

/* Takes the stream. Refused (reset 0x1008, an audit record) or joined to the service's backend. */
void incoming_begin(Service *service, p2p_stream *stream);
/* The service goes; its tunnels stay. */
void incoming_forget_service(Service *service);
/* Resets what this peer has open here: its authorization ended. */
void incoming_drop_peer(Manager *manager, const p2p_peer_id *peer);
void incoming_free_all(Manager *manager);
