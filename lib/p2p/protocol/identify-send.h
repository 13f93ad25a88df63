/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <p2p/host.h>

/* Our own identify for this connection, delimited and ready to send: one message below 4 KiB with the signed
 * record, or two. *ret is new memory. */
int p2p_identify_encode(p2p_host *host, p2p_conn *conn, uint64_t seq, uint8_t **ret, size_t *ret_n);
