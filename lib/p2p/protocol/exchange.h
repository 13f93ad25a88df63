/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One message out, one message in, or just one of them, on an open stream under a deadline: what most of our
 * protocols do. */

#include <p2p/host.h>
#include <protobuf-c/protobuf-c.h>

typedef struct p2p_exchange p2p_exchange;

/* The stream is handed back, positioned behind the message; NULL on error (it was reset). message is valid
 * during the call. */
typedef void (*p2p_exchange_fn)(p2p_stream *stream, p2p_view message, int error, void *userdata);

/* Takes the stream in any case. send: packed at once, NULL sends nothing. reply_max 0: expects no message.
 * done once, from the loop; the exchange has freed itself by then. */
int p2p_exchange_new(p2p_loop *loop, p2p_stream *stream, const ProtobufCMessage *send, size_t reply_max,
                     uint64_t timeout_usec, p2p_exchange_fn done, void *userdata, p2p_exchange **ret);
p2p_exchange *p2p_exchange_free(p2p_exchange *exchange);
