/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Protobuf under a limit. Messages are packed and unpacked by protobuf-c; what is decoded here is bounded in bytes before,
 * and in memory during the decoding: the allocator refuses beyond a small multiple of the message's size.
 */

#include <protobuf-c/protobuf-c.h>

#include <p2p/view.h>

/* Unpacks; -EMSGSIZE above max, -EBADMSG malformed, -ENOMEM. Free with p2p_message_free(). */
int p2p_message_decode(const ProtobufCMessageDescriptor *type, p2p_view in, size_t max, void *ret_message);
void p2p_message_free(void *message); /* NULL is fine */
/* Packs with a uvarint length in front (delimited) or without, into new memory: *ret owns *ret_n bytes. */
int p2p_message_encode(const void *message, bool delimited, uint8_t **ret, size_t *ret_n);
/* -EBADMSG unless `in`, which the message was decoded from, is the very encoding that we would write: fields
 * in order, lengths minimal, nothing twice. Unknown fields are tolerated behind the known ones. */
int p2p_message_check_canonical(const void *message, p2p_view in);
