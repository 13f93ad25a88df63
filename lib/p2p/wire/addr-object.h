/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of an address share. Only addr.c makes one: whatever is edited goes through its decoder
 * again. */

#include <p2p/addr.h>

#include "wire/addr-table.h"
#include "wire/reader.h"

struct p2p_addr {
        size_t n;
        unsigned n_components;
        uint8_t data[];
};

/* The next component, judged. The reader fails where there is none. */
const p2p_addr_protocol *p2p_addr_read_component(p2p_reader *rd, p2p_addr_component *ret);
/* The bytes of the first n components. */
p2p_view p2p_addr_head(const p2p_addr *addr, unsigned n);
/* Code of component i; 0 beyond the end. */
unsigned p2p_addr_code_at(const p2p_addr *addr, unsigned i);
/* How many components come before the trailing /p2p/ID: all of them, if there is none. */
unsigned p2p_addr_n_before_peer(const p2p_addr *addr);
