/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The values of multiaddr components: judged, read from text and written as text. Signatures as in
 * addr-table.h. */

#include <p2p/view.h>

#include "wire/writer.h"

int p2p_addr_ip4_parse(p2p_view text, p2p_writer *out);
void p2p_addr_ip4_format(p2p_view value, p2p_writer *out);
int p2p_addr_ip6_parse(p2p_view text, p2p_writer *out);
void p2p_addr_ip6_format(p2p_view value, p2p_writer *out);

/* Decimal numbers of 1, 2 and 8 bytes: ipcidr, ports, memory. */
int p2p_addr_number8_parse(p2p_view text, p2p_writer *out);
int p2p_addr_number16_parse(p2p_view text, p2p_writer *out);
int p2p_addr_number64_parse(p2p_view text, p2p_writer *out);
void p2p_addr_number_format(p2p_view value, p2p_writer *out);

/* dns names, sni, zones. */
int p2p_addr_name_check(p2p_view value);
int p2p_addr_name_parse(p2p_view text, p2p_writer *out);
void p2p_addr_name_format(p2p_view value, p2p_writer *out);

int p2p_addr_path_check(p2p_view value);
void p2p_addr_path_format(p2p_view value, p2p_writer *out);

int p2p_addr_http_path_parse(p2p_view text, p2p_writer *out);
void p2p_addr_http_path_format(p2p_view value, p2p_writer *out);

int p2p_addr_p2p_parse(p2p_view text, p2p_writer *out);
void p2p_addr_p2p_format(p2p_view value, p2p_writer *out);

int p2p_addr_certhash_check(p2p_view value);
int p2p_addr_certhash_parse(p2p_view text, p2p_writer *out);
void p2p_addr_certhash_format(p2p_view value, p2p_writer *out);

int p2p_addr_onion3_check(p2p_view value);
int p2p_addr_onion3_parse(p2p_view text, p2p_writer *out);
void p2p_addr_onion3_format(p2p_view value, p2p_writer *out);

int p2p_addr_garlic32_check(p2p_view value);
int p2p_addr_garlic32_parse(p2p_view text, p2p_writer *out);
void p2p_addr_garlic32_format(p2p_view value, p2p_writer *out);
int p2p_addr_garlic64_check(p2p_view value);
int p2p_addr_garlic64_parse(p2p_view text, p2p_writer *out);
void p2p_addr_garlic64_format(p2p_view value, p2p_writer *out);
