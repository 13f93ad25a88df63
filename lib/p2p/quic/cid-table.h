/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Connection ids to whom they lead: our own ones, and for the time of a handshake the one that a client made
 * up for us. */

#include <stdbool.h>
#include <stdint.h>

#include <p2p/view.h>

#define QUIC_CID_SIZE 8u /* of our own; random */
#define QUIC_CID_MAX 20u /* RFC 9000, section 17.2 */

typedef struct quic_cid quic_cid;

/* Who has ids: embedded in a connection, or in what is left of one. */
typedef struct quic_cid_owner {
        quic_cid *cids;
        bool is_tomb;
} quic_cid_owner;

typedef struct quic_cid_table {
        quic_cid **buckets;
        unsigned bits, n;
        uint64_t factors[4];
} quic_cid_table;

int quic_cid_table_init(quic_cid_table *t);
void quic_cid_table_done(quic_cid_table *t); /* all owners must have left */
quic_cid_owner *quic_cid_table_find(const quic_cid_table *t, p2p_view cid);
/* -EEXIST, -ENOMEM, -EINVAL: too long */
int quic_cid_table_add(quic_cid_table *t, p2p_view cid, quic_cid_owner *owner);
/* not its own: nothing */
void quic_cid_table_remove(quic_cid_table *t, p2p_view cid, quic_cid_owner *owner);
void quic_cid_table_remove_all(quic_cid_table *t, quic_cid_owner *owner);
/* All ids of one become those of another, which has none. */
void quic_cid_table_inherit(quic_cid_owner *from, quic_cid_owner *to);
