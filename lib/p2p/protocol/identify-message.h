/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What identify messages say, merged (wire reference 10). Pure: bytes in, a plain struct out. */

#include <p2p/addr.h>
#include <p2p/identity.h>

typedef struct p2p_identify_info {
        char *agent;
        char **protocols; /* owned */
        size_t n_protocols;
        p2p_addr **listen_addrs; /* owned; as told, not filtered */
        size_t n_listen_addrs;
        uint8_t *record; /* the signed peer record, not yet verified */
        size_t n_record;
        p2p_addr *observed; /* ourselves, as the peer sees us; may be NULL */
} p2p_identify_info;

/* Adds one message (without its length prefix): repeated fields append, others replace. Unparseable
 * addresses are skipped. */
int p2p_identify_info_merge(p2p_identify_info *info, p2p_view message);
void p2p_identify_info_done(p2p_identify_info *info);

/* There is a record, signed by this peer for itself. */
bool p2p_identify_info_is_signed(const p2p_identify_info *info, const p2p_peer_id *peer);

/* The addresses to believe: those of a record that the peer signed for itself, else the plain ones; a
 * foreign record gives none. Filtered by where the peer is: public peers have public addresses only. *ret
 * owns them. */
int p2p_identify_info_addrs(const p2p_identify_info *info, const p2p_peer_id *peer, const p2p_addr *remote,
                            p2p_addr ***ret, size_t *ret_n);
